"""What a command hands to the server of its home, where one is at work: that has memory and worker already."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tradewind.errors import BusyError, TradewindError
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.operations import runs
from tradewind.operations.syncs import allowed
from tradewind.parts import Parts
from tradewind.phases import Watch

LOCK = "serve.lock"
"""The file that a server keeps locked while it works; whoever sets its time rings at the server's door."""

TRIES, BETWEEN = 5, 0.1
"""How often a server tries to have its home, and the seconds in between: a command that asks whether there is one has the lock too."""

GLANCE = 0.5
"""Seconds between two looks at a run that was handed over."""

RESTING = frozenset({RunState.CLOSED, RunState.HELD, RunState.SETTLING})
"""Where a run stands when its worker has left it for now."""


@contextmanager
def alone(parts: Parts) -> Iterator[None]:
    """The home's one server, where its database is a file; the lock goes with the process. Raises BusyError while another has it."""
    if not parts.catalog.database.is_file:
        yield
        return
    with (parts.home / LOCK).open("w") as lock:
        Path(lock.name).chmod(0o600)
        for left in reversed(range(TRIES)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise BusyError(
                        f"another server works on {parts.home}; its database is a file, which has one server (PostgreSQL takes several)"
                    ) from None
                parts.clock.sleep(BETWEEN)
        yield


def served(parts: Parts) -> bool:
    """Whether a server is at work in this home. Of one whose database is PostgreSQL nobody knows, and whoever asks works by itself."""
    if not parts.catalog.database.is_file or not (parts.home / LOCK).exists():
        return False
    with (parts.home / LOCK).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def ring(parts: Parts) -> None:
    """Let the server look for work now."""
    os.utime(parts.home / LOCK)


def bell(home: Path) -> int:
    """Another number each time somebody has rung."""
    try:
        return (home / LOCK).stat().st_mtime_ns
    except OSError:
        return 0


def followed(parts: Parts, opened: Sequence[Run], watch: Watch) -> tuple[Run, ...]:
    """Ring, and watch the server's worker take runs to where they rest. Nothing when the server stops before that: they are left then.

    Raises TradewindError when one of them fails.
    """
    ring(parts)
    done: list[Run] = []
    for each in opened:
        while not (run := _rested(parts, each, watch)):
            if not served(parts):
                return ()
            parts.clock.sleep(GLANCE)
        done.append(run)
    return tuple(done)


def _rested(parts: Parts, opened: Run, watch: Watch) -> Run | None:
    run, account = runs.progress(parts, opened.project, opened.id)
    watch(run.state.value, account.planned - account.not_sent, account.planned)
    if run.outcome is RunOutcome.FAILED:
        raise TradewindError(f"run {run.id} failed: {run.reason}")
    if run.state is RunState.HELD and allowed(parts, run):
        return None
    return run if run.state in RESTING else None
