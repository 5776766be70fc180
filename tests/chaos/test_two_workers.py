"""Two workers on one home: one holds a run and the other leaves it; who was stopped for too long writes nothing afterwards."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chaos.rig import HOUR, SLOTS, Rig, running_rig

LEASE = 130.0
"""Seconds, a little more than a claim lasts."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A home with something in its segments."""
    with running_rig(tmp_path / "rig", seed=2) as rig:
        rig.set_up()
        rig.change()
        rig.advance(HOUR)
        rig.live()
        rig.change()
        rig.advance(HOUR)
        yield rig


def written(rig: Rig) -> list[Any]:
    """What the ledger and the membership say, every row."""
    tables = ("run", "run_phase", "batch", "attempt", "receipt_line", "membership_version")
    with closing(sqlite3.connect(rig.folder / "home" / "tradewind.db")) as rows:
        return [rows.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["delta.written", "intent.committed", "answer.whole", "membership.written"])
def test_a_holder_that_was_stopped_for_too_long_writes_nothing(rig: Rig, moment: str) -> None:
    """Stopped, it keeps its run while its claim lasts; then another worker finishes the run, and the first, awake, changes nothing."""
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
