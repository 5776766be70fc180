"""A worker that stands still while it compares, for longer than its claim lasts, and wakes when another has finished the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from town import Town
from tradewind import runner
from tradewind.delivery.deliver import CLAIM
from tradewind.errors import LedgerError
from tradewind.model.run import RunOutcome
from tradewind.model.sync import Cadence
from tradewind.operations import syncs
from tradewind.operations.ledger import verify


def finished_elsewhere(town: Town) -> None:
    """Another process takes the run, whose claim is over, to its end."""
    (opened,), now = town.parts.ledger.unclosed(), town.clock.now()
    claim = town.parts.ledger.claim(opened.id, "another:1:1", now, now + CLAIM)
    assert runner.run(town.parts, claim, opened, lambda *_: None).outcome is RunOutcome.CLEAN


def test_it_changes_no_file_of_the_run(tmp_path: Path) -> None:
    """What it would compare with is another membership by then, so its delta would be another; it writes it, and elsewhere."""
    town = Town(tmp_path)
    sync = town.add("all", Cadence.DAILY)
    syncs.run(town.parts, "default", sync.id, None, lambda *_: None)
    town.people.numbers = town.people.numbers - {3} | {101}
    seen: dict[Path, bytes] = {}

    def stand_still(what: str, _done: int, _total: int) -> None:
        if what == "diffed":
            town.clock.sleep(CLAIM.total_seconds() + 1)
            finished_elsewhere(town)
            seen.update({path: path.read_bytes() for path in (tmp_path / "runs").rglob("part-*.arrow")})

    with pytest.raises(LedgerError):
        syncs.run(town.parts, "default", sync.id, None, stand_still)
    assert seen
    assert {path: path.read_bytes() for path in seen} == seen
    assert len(list((tmp_path / "runs").glob("*/delta/*"))) == 3, "one of the first run, and one of each who had the second"
    assert all(finding.ok for finding in verify(town.parts, lambda *_: None))
    assert town.held(sync) == town.people.numbers
    town.close()
