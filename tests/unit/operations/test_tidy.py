"""Old files go when nothing depends on them; what stays is enough to check and to rebuild what is held now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town
from tradewind.errors import DefinitionError
from tradewind.model.run import RunOutcome
from tradewind.model.sync import Cadence, Leaving
from tradewind.operations import endings, ledger, runs, syncs, trace
from tradewind.operations.tidy import KEPT, MARK, Tidied, tidy
from tradewind.worker import Stop, run_once

DAY = timedelta(days=1)


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Twelve days of a daily sync with people who come and go; one day it failed."""
    town = Town(tmp_path)
    town.add("s", Cadence.DAILY)
    for day in range(12):
        town.people.numbers = set(range(day, 100 + day))
        town.people.broken = day == 2
        try:
            syncs.run(town.parts, "default", "s", None, watch)
        except Exception:
            assert day == 2
        town.clock.sleep(DAY.total_seconds())
    yield town
    town.close()


def run_folders(town: Town) -> set[str]:
    """The runs whose files are here."""
    return {folder.name for folder in (town.parts.home / "runs").iterdir() if folder.is_dir()}


def version_folders(town: Town) -> list[int]:
    """The numbers of the versions whose files are here."""
    (target,) = (town.parts.home / "membership").iterdir()
    return sorted(int(folder.name.partition("-")[0]) for folder in target.iterdir() if not folder.name.startswith("."))


def wrongs(town: Town) -> list[str]:
    return [each.found for each in ledger.verify(town.parts, watch) if not each.ok]


def test_what_nothing_depends_on_goes_and_the_rest_stays(town: Town) -> None:
    """Runs closed and versions written more than seven days ago; first said, then done, and done once."""
    old = {run.id for run in town.parts.ledger.history("default") if run.closed_at and town.clock.now() - run.closed_at > KEPT}
    before = run_folders(town)
    said = tidy(town.parts, plan_only=True)
    assert (run_folders(town), len(version_folders(town))) == (before, 11)
    done = tidy(town.parts)
    assert done == said
    assert (done.runs, done.versions, done.nameless, done.kept) == (5, 4, 0, ())
    assert done.size > 0
    assert run_folders(town) == before - old
    assert version_folders(town) == list(range(5, 12))
    assert tidy(town.parts) == Tidied()


def test_the_record_is_whole_afterwards_and_what_is_held_can_be_made_anew(town: Town) -> None:
    """Verify knows what may be gone; trace says what it cannot look at; the newest version is rebuilt as it was."""
    tidy(town.parts)
    assert wrongs(town) == []
    gone = next(run for run in reversed(town.parts.ledger.history("default")) if run.outcome is RunOutcome.CLEAN)
    assert gone.id in trace.trace(town.parts, "default", "a0000000-0000-0000-0000-000000000001").unread
    assert runs.report(town.parts, "default", gone.id).account.accepted == 100
    with pytest.raises(DefinitionError, match="were tidied away"):
        runs.people_refused(town.parts, "default", gone.id, 10)
    newest = town.parts.versions.chain()[-1]
    shutil.rmtree(town.parts.home / newest.path)
    assert len(wrongs(town)) == 2, "the fault, and the command that mends it"
    assert ledger.rebuild(town.parts, "default", newest.target, None).holds == newest.rows
    assert wrongs(town) == []


def test_a_version_that_must_stay_and_is_gone_is_still_a_fault(town: Town) -> None:
    """The rule that lets old files go does not hide what was lost, and where something is damaged nothing else goes."""
    second = town.parts.versions.chain()[-2]
    shutil.rmtree(town.parts.home / second.path)
    assert any(second.path in each for each in wrongs(town))
    done = tidy(town.parts)
    assert (done.runs, done.versions, done.kept) == (0, 0, (second.target,))


def test_two_younger_versions_keep_a_run_and_three_a_version_however_old(town: Town) -> None:
    """A year later the last two runs and the last three versions are here."""
    town.clock.sleep(365 * DAY.total_seconds())
    tidy(town.parts)
    assert version_folders(town) == [9, 10, 11]
    newest = [run.id for run in town.parts.ledger.history("default", limit=2)]
    assert run_folders(town) == set(newest)
    assert wrongs(town) == []


def test_a_kill_in_between_leaves_nothing_half_gone(town: Town) -> None:
    """A folder on its way out has another name: it is missed by nobody, and the next time takes it away."""
    oldest = town.parts.versions.chain()[0]
    folder = town.parts.home / oldest.path
    folder.rename(folder.with_name(f"{MARK}-{folder.name}"))
    assert wrongs(town) == []
    tidy(town.parts)
    assert not list((town.parts.home / "membership").rglob(f"{MARK}-*"))


def test_a_run_that_is_held_keeps_its_files(town: Town) -> None:
    """However long it waits: it may be approved."""
    town.people.numbers = {1}
    held = syncs.run(town.parts, "default", "s", None, watch)
    town.clock.sleep(60 * DAY.total_seconds())
    tidy(town.parts)
    assert held.id in run_folders(town)


def test_the_worker_tidies_once_a_day(town: Town) -> None:
    """Also when nothing is due; and what a removed sync left behind is tidied like the rest."""
    endings.remove_sync(town.parts, "default", "s", Leaving.EMPTY, watch)
    list(run_once(town.parts, Stop()))
    assert version_folders(town)[0] == 5
    town.clock.sleep(DAY.total_seconds() / 2)
    list(run_once(town.parts, Stop()))
    assert version_folders(town)[0] == 5
    town.clock.sleep(DAY.total_seconds())
    list(run_once(town.parts, Stop()))
    assert version_folders(town)[0] == 7
    assert wrongs(town) == []
