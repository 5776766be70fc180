"""A home that was put back from a backup knows that the world went on: it trusts nothing, and one run makes all as it should be."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from town import Town
from tradewind import moment
from tradewind.access.sql import SqlAccess, SqlTrail
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.database import Database
from tradewind.errors import DefinitionError, EngineError
from tradewind.events.store import EventStore
from tradewind.ledger.sql import SqlLedger
from tradewind.membership.sql import Versions
from tradewind.model.run import Answer, Receipt, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, SyncState
from tradewind.operations import backup, endings, ledger, syncs
from tradewind.operations.claims import take
from tradewind.parts import Parts
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.sources.lists import ListStore
from tradewind.sources.sql import ListVersions
from tradewind.vault.key import NAME, write_key
from tradewind.vault.sql import Vault
from tradewind.worker import Stop, run_once

PASSPHRASE, QUICK = "correct horse battery", 4
RESTORES = int(os.environ.get("TRADEWIND_RESTORES", "3"))
DAY = timedelta(days=1)


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def progress(_done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A daily sync of a hundred people that ran once."""
    folder = tmp_path / "home"
    folder.mkdir()
    town = Town(folder)
    town.add("s", Cadence.DAILY)
    run(town)
    yield town
    town.close()


@pytest.fixture
def restore(tmp_path: Path, town: Town) -> Iterator[Callable[[Path], Parts]]:
    """Makes another home of a backup, around the same platform and clock; the old one is no more."""
    databases: list[Database] = []

    def restored(file: Path) -> Parts:
        folder = tmp_path / f"restored-{len(databases)}"
        folder.mkdir()
        about, files = backup.take_out(file, PASSPHRASE, folder, "sqlite", progress)
        key = write_key(folder, town.parts.home / NAME)
        database = Database.at(folder)
        databases.append(database)
        parts = around(town.parts, folder, database, Vault(database, key))
        backup.settle_in(parts, about, files, "ann", watch)
        return parts

    yield restored
    for database in databases:
        database.close()


def around(before: Parts, folder: Path, database: Database, vault: Vault) -> Parts:
    """The same parts over another folder and database."""
    return replace(
        before,
        home=folder,
        catalog=Catalog(database),
        trail=SqlTrail(database),
        access=SqlAccess(database),
        ledger=SqlLedger(database),
        versions=Versions(database),
        vault=vault,
        suppressions=Suppressions(database, vault.suppressions_key(), vault),
        privacy=Requests(database),
        events=EventStore(database, folder),
        lists=ListStore(folder),
        list_versions=ListVersions(database),
        sources=Sources(database),
    )


def run(town: Town) -> None:
    assert syncs.run(town.parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN


def make(town: Town, tmp_path: Path) -> Path:
    return backup.make(town.parts, tmp_path, PASSPHRASE, "ann", progress, QUICK).path


def held(town: Town) -> set[int]:
    return town.held(town.parts.catalog.sync("default", "s"))


def test_one_run_makes_up_for_all_that_was_sent_after_the_backup(town: Town, tmp_path: Path, restore: Callable[[Path], Parts]) -> None:
    """People of whom the record knows nothing, or the contrary of what is true, are sent again, whatever the refresh policy."""
    file = make(town, tmp_path)
    town.people.numbers = set(range(50, 150))
    town.clock.sleep(DAY.total_seconds())
    run(town)
    assert held(town) == set(range(50, 150))
    parts = restore(file)
    before = len(town.platform.sent)
    list(run_once(parts, Stop()))
    assert len(town.platform.sent) == before, "nothing is sent before a person says so"
    town.people.numbers = set(range(40, 140))
    endings.resume(parts, "default", "s")
    town.clock.sleep(DAY.total_seconds())
    assert syncs.run(parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN
    assert set(range(40, 140)) <= held(town)
    unknowable = set(range(140, 150))
    assert held(town) - set(range(40, 140)) == unknowable, "who came after the backup and is gone since cannot be known"
    town.clock.sleep(timedelta(days=31).total_seconds())
    assert not held(town) & unknowable, "but their time ends"


def test_who_lapsed_by_the_record_is_taken_out_since_they_may_have_been_renewed(
    town: Town, tmp_path: Path, restore: Callable[[Path], Parts]
) -> None:
    file = make(town, tmp_path)
    town.clock.sleep(20 * DAY.total_seconds())
    run(town)
    town.clock.sleep(15 * DAY.total_seconds())
    assert len(held(town)) == 100
    parts = restore(file)
    town.people.numbers = set(range(1, 51))
    endings.resume(parts, "default", "s")
    town.clock.sleep(600)
    assert syncs.run(parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN
    assert held(town) == set(range(1, 51))


def test_every_sync_is_paused_the_record_is_whole_and_says_what_happened(
    town: Town, tmp_path: Path, restore: Callable[[Path], Parts]
) -> None:
    file = make(town, tmp_path)
    town.clock.sleep(60)
    parts = restore(file)
    assert parts.catalog.sync("default", "s").state is SyncState.PAUSED
    assert [each.found for each in ledger.verify(parts, watch) if not each.ok] == []
    newest, first = parts.ledger.history("default", "s")
    assert (newest.kind, newest.outcome, first.kind) == (RunKind.RESTORE, RunOutcome.CLEAN, RunKind.SYNC)
    assert [each.deed.what for each in parts.trail.entries()] == ["backup.restore"]
    assert not parts.trail.damage()


def test_a_membership_in_doubt_can_be_rebuilt_like_any_other(town: Town, tmp_path: Path, restore: Callable[[Path], Parts]) -> None:
    parts = restore(make(town, tmp_path))
    (target,) = parts.versions.heads()
    newest = parts.versions.newest(target)
    assert newest is not None
    for file in (parts.home / newest.path).rglob("*.arrow"):
        file.unlink()
    assert ledger.rebuild(parts, "default", target, None).mended
    assert [each.found for each in ledger.verify(parts, watch) if not each.ok] == []


def test_a_backup_in_the_middle_of_a_delivery_restores_to_a_run_that_is_over(
    town: Town, tmp_path: Path, restore: Callable[[Path], Parts]
) -> None:
    """Its claim belongs to a process that lives on, in the home that was backed up."""
    files: list[Path] = []

    def during() -> None:
        if not files:
            files.append(make(town, tmp_path))

    town.platform.on_send, town.people.numbers = during, set(range(20, 120))
    town.clock.sleep(DAY.total_seconds())
    run(town)
    parts = restore(files[0])
    assert not parts.ledger.unclosed()
    assert [each.found for each in ledger.verify(parts, watch) if not each.ok] == []
    endings.resume(parts, "default", "s")
    town.clock.sleep(600)
    assert syncs.run(parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN
    assert held(town) == set(range(20, 120))


def test_a_backup_at_any_moment_of_a_run_restores_verified(town: Town, tmp_path: Path, restore: Callable[[Path], Parts]) -> None:
    """A day and a moment each, drawn by lot; the suite takes few, `TRADEWIND_RESTORES` more. One run afterwards makes all as it should."""
    chance, files, left = random.Random(1), list[Path](), 0

    def reached(name: str) -> None:
        nonlocal left
        if "not yet committed" in moment.MOMENTS[name]:
            return  # the store is the run's own then, and a backup waits for it
        left -= 1
        if left == 0:
            (folder := tmp_path / f"backup-{len(files)}").mkdir()
            files.append(backup.make(town.parts, folder, PASSPHRASE, "ann", progress, QUICK).path)

    moment.watch(reached)
    while len(files) < RESTORES:
        left = chance.randint(1, 20)
        first = chance.randint(0, 15)
        town.people.numbers = set(range(first, first + 100))
        town.clock.sleep(DAY.total_seconds())
        run(town)
    for file in files:
        parts = restore(file)
        assert [each.found for each in ledger.verify(parts, watch) if not each.ok] == []
        assert not parts.ledger.unclosed()
    endings.resume(parts, "default", "s")
    town.clock.sleep(DAY.total_seconds())
    assert syncs.run(parts, "default", "s", None, watch).outcome is RunOutcome.CLEAN
    assert held(town) >= town.people.numbers


def test_a_wish_that_an_old_request_may_undo_is_said_twice_after_a_restore(
    town: Town, tmp_path: Path, restore: Callable[[Path], Parts]
) -> None:
    parts = restore(make(town, tmp_path))
    endings.resume(parts, "default", "s")
    waiting = syncs.run(parts, "default", "s", None, watch)
    assert waiting.state is RunState.SETTLING
    town.clock.sleep(600)
    assert syncs.take_up(parts, waiting, watch).outcome is RunOutcome.CLEAN


def test_a_home_is_backed_up_while_another_process_holds_a_run(town: Town, tmp_path: Path) -> None:
    town.platform.answers.append(Receipt(Answer.UNKNOWN, note="lost"))
    town.clock.sleep(DAY.total_seconds())
    opened = syncs.ask(town.parts, "default", "s")
    take(town.parts.ledger, opened.id, town.clock)
    assert backup.make(town.parts, tmp_path, PASSPHRASE, "ann", progress, QUICK).files > 1


def test_files_that_were_tidied_away_meanwhile_are_no_loss_but_a_lost_one_is_told(town: Town, tmp_path: Path) -> None:
    for file in (town.parts.home / "runs").rglob("*.parquet"):
        file.unlink()
    assert make(town, tmp_path).exists()
    with town.database.transaction() as db:
        columns = '{"event": [], "user": [], "whole": true, "key_check": ""}'
        row = f"'default', 'events/default/gone.parquet', '2026-03', 1, 1, '2026-03-01', '2026-03-01', 'i', '{columns}', NULL"
        db.exec_driver_sql(f"INSERT INTO event_file VALUES ({row})")
    town.clock.sleep(1)
    with pytest.raises(EngineError, match=r"gone\.parquet is gone, though the record names it"):
        make(town, tmp_path)
    assert len(list(tmp_path.glob("*.backup"))) == 1, "nothing that is not whole is left"
    assert not list(tmp_path.glob(".*backup*"))


def test_nothing_is_ever_replaced(town: Town, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("precious")
    with pytest.raises(DefinitionError, match="exists already"):
        backup.make(town.parts, taken, PASSPHRASE, "ann", progress, QUICK)
    with pytest.raises(DefinitionError, match="does not exist"):
        backup.make(town.parts, tmp_path / "nowhere" / "file", PASSPHRASE, "ann", progress, QUICK)
    with pytest.raises(DefinitionError, match="12 characters"):
        backup.make(town.parts, tmp_path / "new", "short", "ann", progress, QUICK)
    assert taken.read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_files_that_were_sent_and_wait_to_be_taken_in_are_in_it(town: Town, tmp_path: Path) -> None:
    with town.database.transaction() as db:
        for name, ended in (("waits", "NULL"), ("done", "'2026-03-01'")):
            row = f"'{name}', 'default', 'events', 'day.ndjson', 4, 'ann', '2026-03-01', 'waiting', '{{}}', '{{}}', {ended}"
            columns = "id, project, kind, name, bytes, sent_by, received_at, state, counts, rejects, finished_at"
            db.exec_driver_sql(f"INSERT INTO upload ({columns}) VALUES ({row})")
            file = town.parts.home / "uploads" / name / "day.ndjson"
            file.parent.mkdir(parents=True)
            file.write_text("rows")
    into = tmp_path / "out"
    into.mkdir()
    backup.take_out(make(town, tmp_path), PASSPHRASE, into, "sqlite", progress)
    assert [path.relative_to(into).as_posix() for path in into.rglob("*.ndjson")] == ["uploads/waits/day.ndjson"]
