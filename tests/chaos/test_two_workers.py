"""Two workers on one home: one holds a run and the other leaves it; who was stopped for too long writes nothing afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.rig import HOUR, SLOTS, Rig, running_rig
from postgres_process import postgres

LEASE = 130.0
"""Seconds, a little more than a claim lasts."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A home with something in its segments."""
    with running_rig(tmp_path / "rig", seed=2) as rig:
        fill(rig)
        yield rig


@pytest.fixture
def rig_on_postgresql(tmp_path: Path) -> Iterator[Rig]:
    """The same, with its books in a PostgreSQL."""
    with postgres() as server, running_rig(tmp_path / "rig", 2, server.admin) as rig:
        fill(rig)
        yield rig


def fill(rig: Rig) -> None:
    """A first run, and something to do for a second."""
    rig.set_up()
    rig.change()
    rig.advance(HOUR)
    rig.live()
    rig.change()
    rig.advance(HOUR)


def written(rig: Rig) -> list[Any]:
    """What the ledger and the membership say, every row."""
    tables = ("run", "run_phase", "batch", "attempt", "receipt_line", "membership_version")
    return [sorted(rig.books.rows(f"SELECT * FROM {table}"), key=repr) for table in tables]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["delta.written", "intent.committed", "answer.whole", "membership.written"])
def test_a_holder_that_was_stopped_for_too_long_writes_nothing(rig: Rig, moment: str) -> None:
    """Stopped, it keeps its run while its claim lasts; then another worker finishes the run, and the first, awake, changes nothing."""
    stop_too_long(rig, moment)


@pytest.mark.timeout(900)
def test_nor_does_one_with_its_books_in_postgresql(rig_on_postgresql: Rig) -> None:
    stop_too_long(rig_on_postgresql, "intent.committed")


def stop_too_long(rig: Rig, moment: str) -> None:
    """SIGSTOP at a moment, another worker before and after the claim is over, and SIGCONT."""
    held = rig.live(kill_at=[moment, 1], signal=signal.SIGSTOP)
    assert held["stopped"]
    other = rig.live()
    assert "listed" not in done(other), "the run is left to its holder"
    rig.clock.advance(LEASE)
    assert done(rig.live())["listed"] == "clean"
    rows, requests = written(rig), rig.verdict.requests
    woken = rig.go_on(held)
    assert woken["code"] == 0, woken["output"]
    assert done(woken).get("listed") is None, "it has ended nothing"
    assert rig.verdict.requests - requests <= SLOTS, "nothing but what was under way"
    assert written(rig) == rows
    assert rig.end().clean, rig.verdict


def done(fate: dict[str, Any]) -> dict[str, str]:
    """Sync -> how its run ended."""
    return {each["sync"]: each["end"] for each in fate["report"]["done"]}
