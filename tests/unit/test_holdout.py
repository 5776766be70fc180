"""A share of the people stays out of the segment by lot, the same for ever; who came when is kept, and everything adds up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from town import NOON, Town, drawn, member
from tradewind.errors import DefinitionError
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.run import Run
from tradewind.model.sync import Cadence, Holdout, Sync
from tradewind.operations import runs, syncs
from tradewind.operations.funnel import funnel
from tradewind.operations.tidy import tidy
from tradewind.trials.sql import Trial

DAY = timedelta(days=1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hundred people."""
    town = Town(tmp_path, MemoryLedger())
    yield town
    town.close()


def run(town: Town, sync: Sync) -> Run:
    """Run it by hand, now."""
    return syncs.run(town.parts, "default", sync.id, None, lambda *_: None)


def arms(town: Town, sync: Sync) -> tuple[Trial, dict[bytes, datetime]]:
    """What is kept of the trial of a sync."""
    trial = town.parts.trials.newest("default", sync.id)
    assert trial is not None
    table = pq.read_table(town.parts.home / trial.path).to_pydict()
    return trial, dict(zip(table["member"], (each.replace(tzinfo=NOON.tzinfo) for each in table["since"]), strict=True))


def test_the_held_out_are_never_sent_and_the_run_accounts_for_them(town: Town) -> None:
    sync = town.add("tenth", Cadence.DAILY, holdout=10)
    out = drawn(10, "tenth", town.people.numbers)
    assert 2 < len(out) < 20
    done = run(town, sync)
    assert town.held(sync) == town.people.numbers - out
    report = runs.report(town.parts, "default", done.id)
    assert report.snapshot is not None
    assert (report.snapshot.members, report.snapshot.held_out, report.snapshot.holdout) == (100, len(out), Holdout(10, "tenth"))
    assert report.account.planned == report.account.accepted == 100 - len(out)
    unique = next(step for step in funnel(report.resolution, report.plan, report.tallies) if step.name == "unique")
    assert (unique.count, [loss.count for loss in unique.lost]) == (100 - len(out), [len(out)])


def test_more_held_out_keep_those_who_were(town: Town) -> None:
    sync = town.add("more", Cadence.DAILY, holdout=10)
    run(town, sync)
    syncs.change(town.parts, "default", "more", syncs.Change(holdout=20))
    run(town, sync)
    assert town.held(sync) == town.people.numbers - drawn(20, "more", town.people.numbers)
    trial, _ = arms(town, sync)
    assert (trial.least, trial.most, trial.ended) == (10, 20, False)
    syncs.change(town.parts, "default", "more", syncs.Change(holdout=0))
    run(town, sync)
    assert town.held(sync) == town.people.numbers
    assert arms(town, sync)[0].ended
    syncs.change(town.parts, "default", "more", syncs.Change(holdout=10))
    town.clock.sleep(60)
    run(town, sync)
    trial, since = arms(town, sync)
    assert (trial.least, trial.most, trial.ended, trial.late) == (10, 10, False, True)
    assert set(since.values()) == {town.clock.now()}


def test_each_has_the_day_of_their_first_run_in_either_arm(town: Town) -> None:
    sync, everybody = town.add("first", Cadence.DAILY, holdout=30), town.people.numbers
    town.people.numbers = set(range(1, 61))
    run(town, sync)
    town.clock.sleep(DAY.total_seconds())
    town.people.numbers = set(range(31, 101))
    run(town, sync)
    trial, since = arms(town, sync)
    assert since == {member(number): NOON if number <= 60 else NOON + DAY for number in everybody}
    assert (trial.people, trial.late, trial.number) == (100, False, 2)
    assert town.held(sync) == set(range(31, 101)) - drawn(30, "first", everybody)


def test_the_same_salt_holds_the_same_people_out(town: Town) -> None:
    both = [syncs.add(town.parts, "default", syncs.Wish("all", "main", name, name, holdout=25, salt="2026")) for name in ("one", "two")]
    for sync in both:
        run(town, sync)
    assert town.held(both[0]) == town.held(both[1]) == town.people.numbers - drawn(25, "2026", town.people.numbers)


def test_only_the_newest_file_of_a_trial_stays(town: Town) -> None:
    sync = town.add("tidy", Cadence.DAILY, holdout=10)
    town.people.numbers = {1, 2, 3}
    run(town, sync)
    town.people.numbers = {1, 2, 3, 4}
    run(town, sync)
    assert len(list((town.parts.home / "trials").rglob("*.parquet"))) == 2
    town.clock.sleep((datetime.now(NOON.tzinfo) + 8 * DAY - town.clock.now()).total_seconds())
    tidy(town.parts)
    assert [path.relative_to(town.parts.home).as_posix() for path in (town.parts.home / "trials").rglob("*.parquet")] == [
        arms(town, sync)[0].path
    ]


def test_what_a_holdout_can_be(town: Town) -> None:
    for wrong, sentence in ((0, "0 percent is not possible; give 1 to 50"), (51, "51 percent is not possible")):
        with pytest.raises(DefinitionError, match=sentence):
            town.add("no", Cadence.DAILY, holdout=wrong)
    with pytest.raises(DefinitionError, match="salt of a holdout has 1 to 100 characters"):
        syncs.add(town.parts, "default", syncs.Wish("all", "main", holdout=10, salt=""))
