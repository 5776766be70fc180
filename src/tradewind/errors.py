"""Every error of the product, sorted by what the reader does next.

    TradewindError
      DefinitionError
        MissingError
        BusyError
        ChangedError
      ConfigurationError
        RefusedKeyError
        NotEntitledError
      DeliveryError
        RetryableError
        PermanentError
        UncertainError
      EngineError
        GoneError
        OvertakenError
      LedgerError
        TakenError
      Bug

A test compares this drawing with the classes. What is an answer and not an accident (a held plan, a refused
identifier, a run with nothing to do) is a value of the model, not an exception.
"""

from __future__ import annotations

from os import PathLike


class TradewindError(Exception):
    """Base of all errors shown to a person as one sentence, without a traceback."""

    exit_code = 1


class DefinitionError(TradewindError):
    """Edit the text: a definition, file or argument is wrong. Names file, line and path where they are known."""

    exit_code = 10

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, path: str | None = None) -> None:
        self.message, self.file, self.line, self.path = message, file, line, path
        where = ":".join(str(part) for part in (file, line) if part is not None)
        inside = f"at {path}" if path else ""
        super().__init__(" ".join(part for part in (f"{where}:" if where else "", f"{inside}:" if inside else "", message) if part))


class MissingError(DefinitionError):
    """There is nothing of this id; `wanted` is the id that was asked for."""

    def __init__(self, message: str, wanted: str) -> None:
        super().__init__(message)
        self.wanted = wanted


class BusyError(DefinitionError):
    """Wait: the same is going on already, such as another import into the project, or another server of the home."""

    exit_code = 75


class ChangedError(DefinitionError):
    """Look again: somebody changed it since it was read, and the change at hand was made of what stood there before."""


class ConfigurationError(TradewindError):
    """Fix a setting, a secret or a permission; a connection that meets it is paused."""

    exit_code = 11


class RefusedKeyError(ConfigurationError):
    """The other side does not know the key: it is wrong, or belongs to another region."""


class NotEntitledError(ConfigurationError):
    """The project may not send to this kind of platform now; `wall` is the reason's key, such as `free_plan`."""

    def __init__(self, message: str, wall: str) -> None:
        super().__init__(message)
        self.wall = wall


class DeliveryError(TradewindError):
    """Something between us and the platform."""

    exit_code = 13


class RetryableError(DeliveryError):
    """Wait and try again; nothing was applied. `wait` is a hint in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class PermanentError(DeliveryError):
    """Stop this batch and say why; sending it again cannot help."""


class UncertainError(DeliveryError):
    """Sent, and the answer was lost: the outcome is unknown and is never counted as delivered."""


class EngineError(TradewindError):
    """The data side failed: a source is missing, a query could not run."""

    exit_code = 14


class GoneError(EngineError):
    """What was asked for is not there any more; ask for it anew."""


class OvertakenError(EngineError):
    """A newer question took the place of this one: there is nothing to do."""


class LedgerError(TradewindError):
    """Stop the worker at once: the lease is lost or the store is gone."""

    exit_code = 15


class TakenError(LedgerError):
    """Another process is at it, or has done it: leave it to that one."""


class Bug(TradewindError):
    """Cannot happen; please report it."""

    exit_code = 70


def of_system(error: OSError) -> ConfigurationError:
    """What the operating system refused, such as room on a disk, as something that a person can mend."""
    where = error.filename if isinstance(error.filename, str | PathLike) else "a file of the home"
    return ConfigurationError(f"{where}: {error.strerror}; see to rights, free space, and that files and folders are what they should be")
