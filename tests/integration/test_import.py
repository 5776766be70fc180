"""Imports as a whole: nothing twice, nothing by half, in order on the disk; and the real events, where they are at hand."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from event_desk import Desk, exported, sent
from tradewind.errors import DefinitionError, LedgerError

REAL = Path(os.environ.get("TRADEWIND_REAL_EVENTS", Path(__file__).parents[3] / "shared" / "data" / "events"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def on_disk(desk: Desk) -> set[Path]:
    return set((desk.home / "events").rglob("*.parquet"))


def test_a_file_seen_before_is_skipped_under_any_name(desk: Desk) -> None:
    first = desk.file("a.json", exported(0, "D"))
    assert desk.bring(first, desk.file("same.json", exported(0, "D"))).skipped_files == (str(desk.folder / "same.json"),)
    again = desk.bring(desk.file("b.json", exported(0, "D")))
    assert (again.files, again.skipped_files, again.events_read, again.ok) == (0, (str(desk.folder / "b.json"),), 0, True)


def test_duplicates_within_a_file_between_files_and_against_the_store(desk: Desk) -> None:
    twice = desk.bring(desk.file("a.json", exported(0, "D"), exported(1, "D"), exported(0, "D")), desk.file("b.json", exported(1, "D")))
    assert (twice.events_read, twice.events_new, twice.duplicates) == (4, 2, 2)
    later = desk.bring(desk.file("c.json", exported(1, "D"), exported(2, "D"), sent(0, "D", insert_id="D/None/0")))
    assert (later.events_new, later.duplicates) == (1, 2)
    assert desk.store.count("p") == 3


def test_only_the_device_and_the_insert_id_make_a_duplicate(desk: Desk) -> None:
    same_id_elsewhere = [exported(0, device, **{"$insert_id": "one"}) for device in ("D", "E")]
    without = [exported(0, "D", **{"$insert_id": None}), exported(0, "D", **{"$insert_id": None})]
    split = [sent(0, "a", insert_id="bc"), sent(0, "ab", insert_id="c")]
    no_device = [sent(0, None, "ann", insert_id="x"), sent(0, None, "bob", insert_id="x"), sent(0, None, "ann", insert_id="x")]
    summary = desk.bring(desk.file("a.json", *same_id_elsewhere, *without, *split, *no_device))
    assert (summary.events_new, summary.duplicates) == (8, 1)


def test_keys_of_another_hash_function_still_find_duplicates(desk: Desk) -> None:
    desk.bring(desk.file("a.json", exported(0, "D")))
    with desk.database.transaction() as connection:
        connection.execute(sa.text("""UPDATE event_file SET columns = replace(columns, '"key_check": "', '"key_check": "0')"""))
    for path in on_disk(desk):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["key_high", "key_low"]), path)
    assert desk.bring(desk.file("b.json", exported(0, "D"), exported(1, "D"))).duplicates == 1


def test_files_are_by_month_and_of_one_person_sorted_by_time(desk: Desk) -> None:
    minutes = list(range(0, 100_000, 37))
    random.Random(1).shuffle(minutes)
    at = [datetime.fromtimestamp(1767225600 + minute * 60, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for minute in minutes]
    desk.bring(desk.file("a.json", *(exported(0, "D", event_time=time, **{"$insert_id": time}) for time in at)))
    assert {path.parent.name for path in on_disk(desk)} == {"month=2026-01", "month=2026-02", "month=2026-03"}
    for path in on_disk(desk):
        times: list[Any] = pq.read_table(path, partitioning=None)["time"].to_pylist()
        assert times == sorted(times)
        assert {f"{time:month=%Y-%m}" for time in times} == {path.parent.name}
    files = desk.store.files("p")
    assert sum(file.rows for file in files) == desk.store.count("p") == len(minutes)
    assert desk.store.newest("p") == max(datetime.fromisoformat(time).replace(tzinfo=UTC) for time in at)
    assert [file.path.parent.name for file in desk.store.files("p", datetime(2026, 2, 1, tzinfo=UTC))] == ["month=2026-01"]


def test_an_import_that_breaks_off_before_its_rows_leaves_the_store_as_it_was(desk: Desk) -> None:
    desk.bring(desk.file("a.json", exported(0, "D")))
    before = on_disk(desk)
    with desk.database.transaction() as connection:
        connection.execute(sa.text("CREATE TRIGGER torn BEFORE INSERT ON event_source BEGIN SELECT RAISE(ABORT, 'torn'); END"))
    with pytest.raises((LedgerError, sa.exc.IntegrityError)):
        desk.bring(desk.file("b.json", exported(1, "D")))
    assert on_disk(desk) - before
    assert desk.store.count("p") == 1
    assert len(desk.ask("SELECT * FROM events")) == 1
    with desk.database.transaction() as connection:
        connection.execute(sa.text("DROP TRIGGER torn"))
    again = desk.bring(desk.folder / "b.json")
    assert (again.events_new, desk.store.count("p")) == (1, 2)
    assert on_disk(desk) == {file.path for file in desk.store.files("p")}


def test_one_import_of_a_project_at_a_time(desk: Desk) -> None:
    tried: list[str] = []

    def meanwhile(*_told: int) -> None:
        with pytest.raises(DefinitionError, match="another import into project 'p' is going on"):
            desk.bring(desk.folder / "a.json")
        tried.append("once")

    desk.on_progress = meanwhile
    desk.bring(desk.file("a.json", exported(0, "D")))
    assert tried


def test_many_pieces_come_to_the_same_as_one(desk: Desk) -> None:
    """Pieces of one block each, duplicates and damage across them."""
    big = {"text": "x" * 9000}
    good = desk.file("a.json", *(exported(n % 1000, "D", event_properties=big) for n in range(1500)), "?")
    cut = desk.file("b.json.gz", *(exported(n, "E", event_properties={"text": os.urandom(5000).hex()}) for n in range(1000)))
    cut.write_bytes(cut.read_bytes()[:-100])
    after = desk.file("c.json", *(exported(n, "D") for n in range(999, 1010)))
    summary = desk.bring(good, cut, after, piece=1)
    assert (summary.events_read, summary.events_new, summary.duplicates, summary.rejects) == (1512, 1010, 501, {"not JSON": 1})
    assert [name for name, _ in summary.refused_files] == [str(cut)]
    assert summary.files == 2
    assert on_disk(desk) == {file.path for file in desk.store.files("p")}
    assert len(on_disk(desk)) > 2
    assert not (desk.home / "scratch").exists() or not list((desk.home / "scratch").iterdir())


def test_progress_ends_with_everything(desk: Desk) -> None:
    path = desk.file("a.json.gz", *(exported(n, "D") for n in range(100)))
    desk.bring(path)
    size = path.stat().st_size
    assert desk.progress[-1] == (size, size, 100)


def real_lines() -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(REAL.glob("*.json.gz")) for line in gzip.open(path, "rt", encoding="utf-8")]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real events are not at {REAL}")
def test_the_real_events(desk: Desk) -> None:
    first = desk.bring(REAL)
    assert (first.events_read, first.events_new, first.duplicates, first.rejects, first.ok) == (121_575, 121_575, 0, {}, True)
    again = desk.bring(REAL)
    assert (again.events_read, len(again.skipped_files), desk.store.count("p")) == (0, first.files, 121_575)
    query = 'SELECT event_type, "e:repo", "u:plan", "u:platform", count(*) AS n FROM events GROUP BY ALL'
    ours = desk.ask(query, event=("repo",), user=("plan", "platform"))
    theirs: dict[tuple[Any, ...], int] = {}
    for line in real_lines():
        group = (line["event_type"], line["event_properties"].get("repo"), line["user_properties"].get("plan"), line["platform"])
        theirs[group] = theirs.get(group, 0) + 1
    assert {tuple(row.values())[:4]: row["n"] for row in ours} == theirs
