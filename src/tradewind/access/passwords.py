"""Passwords: which may be one, and how they are kept (Argon2id)."""

from __future__ import annotations

from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tradewind.access.turns import Turns
from tradewind.errors import DefinitionError

SHORTEST, LONGEST = 12, 256
"""Characters; a long one is never cut."""

JUDGED = 72
"""Characters that are looked at for how easily they are guessed."""

SAFE = 3
"""What zxcvbn says of a password that stands a hundred million guesses or more."""

_CONTEXT = ("tradewind", "tradedesk", "thetradedesk")


class Passwords:
    """Keeps and compares them. The usual hasher takes 64 MiB and three passes; tests may bring a quicker one.

    Whoever asks over the network takes a `turn` first.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
        self.turn = Turns().turn

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("nobody has this one")

    def keep(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Where there is none it takes as long, so that nobody learns who is a user."""
        try:
            return self._hasher.verify(kept or self._nobody, password[: LONGEST + 1]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, user: str) -> None:
    """Raise DefinitionError, without the text, unless it can be somebody's password.

    How many guesses it stands is estimated from lists of what people choose (the first of them, rows of keys, dates, names, the
    user's own) and how they vary it.
    """
    from zxcvbn import zxcvbn  # its lists take a while to read

    if not SHORTEST <= len(password) <= LONGEST:
        raise DefinitionError(f"a password has {SHORTEST} to {LONGEST} characters; any of them, also spaces")
    told = zxcvbn(password[:JUDGED], user_inputs=[*_CONTEXT, user, user.partition("@")[0]])
    if told["score"] < SAFE:
        raise DefinitionError(
            "this password is among the first to be guessed; take another, such as four words that do not belong together"
        )
