"""Lists as sets of rows: every change is a new version with an exact account, and its members are a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tradewind.errors import DefinitionError, EngineError
from tradewind.model.cohort import StaticList
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.snapshot import Wanted
from tradewind.sources.lists import Change, ListChange, ListStore, evaluate
from tradewind.sources.members import SLICE

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
DEVICES = StaticList("list.csv", (Mapping("column.idfa", IdType.DAID),))
PEOPLE = StaticList("list.csv", (Mapping("column.idfa", IdType.DAID),), people="customer")


def change(home: Path, kind: Change, definition: StaticList, text: str, current: int | None = None) -> ListChange:
    (home / "list.csv").write_text(text)
    return ListStore(home).change(kind, "default", "vips", definition, "list.csv", home, current)


def rows(path: Path) -> list[dict[str, object]]:
    return sorted(pq.read_table(path).to_pylist(), key=lambda row: str(row["_row"]))


def counts(change: ListChange) -> tuple[int, ...]:
    return change.version, change.rows, change.distinct, change.duplicates, change.added, change.removed, change.kept


def test_replace_add_and_remove_are_changes_of_a_set(tmp_path: Path) -> None:
    first = change(tmp_path, Change.REPLACE, DEVICES, "idfa,city\na,Rome\nb,Oslo\na,Bonn\n,Wien\n")
    assert counts(first) == (1, 4, 2, 1, 2, 0, 0)
    assert [(reason.reason, reason.rows) for reason in first.refused] == [("empty", 1)]
    assert rows(first.path) == [{"idfa": "a", "city": "Rome", "_row": 1}, {"idfa": "b", "city": "Oslo", "_row": 2}]

    second = change(tmp_path, Change.ADD, DEVICES, "idfa\nb\nc\n", current=1)
    assert counts(second) == (2, 2, 2, 0, 1, 0, 2)
    assert rows(second.path)[2] == {"idfa": "c", "city": None, "_row": 4}

    third = change(tmp_path, Change.REMOVE, DEVICES, "idfa\na\nz\n", current=2)
    assert counts(third) == (3, 2, 2, 0, 0, 1, 2)
    assert [row["idfa"] for row in rows(third.path)] == ["b", "c"]

    fourth = change(tmp_path, Change.REPLACE, DEVICES, "idfa\nc\nd\n", current=3)
    assert counts(fourth) == (4, 2, 2, 0, 1, 1, 1)
    assert [path.name for path in sorted(fourth.path.parent.iterdir())] == ["1.parquet", "2.parquet", "3.parquet", "4.parquet"]


def test_a_person_may_stand_in_several_rows(tmp_path: Path) -> None:
    path = change(tmp_path, Change.REPLACE, PEOPLE, "customer,idfa,uid2\nann,a,x\nbob,b,\nann,c,\nann,a,y\n,d,\n").path
    wanted = [Wanted("column.idfa", True), Wanted("user.uid2", False), Wanted("user_id", False), Wanted("event.repo", False)]
    snapshot = evaluate(PEOPLE, path, wanted, AS_OF, tmp_path / "members.parquet")
    assert (snapshot.members, snapshot.as_of, snapshot.missing, snapshot.nameless) == (2, AS_OF, ("event.repo",), 0)
    assert {row.pop("person"): row for row in pq.read_table(snapshot.path).to_pylist()} == {
        "user:ann": {"member": md5(b"user:ann").digest()[::-1], "column.idfa": ["a", "c"], "user.uid2": "x", "user_id": "ann"},
        "user:bob": {"member": md5(b"user:bob").digest()[::-1], "column.idfa": ["b"], "user.uid2": None, "user_id": "bob"},
    }


def test_rows_without_people_are_labelled_by_number_and_never_by_value(tmp_path: Path) -> None:
    path = change(tmp_path, Change.REPLACE, DEVICES, "idfa\na\nb\n").path
    snapshot = evaluate(DEVICES, path, [Wanted("column.idfa", False), Wanted("user.plan", False)], AS_OF, tmp_path / "m.parquet")
    found = pq.read_table(snapshot.path).to_pylist()
    assert sorted(row["member"] for row in found) == sorted(md5(f"row:{value}".encode()).digest()[::-1] for value in "ab")
    assert sorted((row["person"], row["column.idfa"]) for row in found) == [("row 1", "a"), ("row 2", "b")]
    assert snapshot.missing == ("user.plan",)


def test_a_list_that_names_no_columns_is_a_set_of_whole_rows(tmp_path: Path) -> None:
    plain = StaticList("list.csv")
    first = change(tmp_path, Change.REPLACE, plain, "advertising_id,uid2\na,x\na,y\n")
    assert (first.distinct, first.duplicates) == (2, 0)
    snapshot = evaluate(plain, first.path, [Wanted("user.advertising_id", False)], AS_OF, tmp_path / "m.parquet")
    assert (snapshot.members, snapshot.missing) == (2, ())
    with pytest.raises(DefinitionError, match="no column 'uid2'"):
        change(tmp_path, Change.REMOVE, plain, "advertising_id\na\n", current=1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("IDFA\na\n", "no column 'idfa'; did you mean 'IDFA'"),
        ("idfa,x\n,1\n,2\n", "no value in 'idfa' in any row"),
        ("idfa,x\n" + "a\n" * 20 + "b,1\n", "list.csv:2: 20 of 21 rows are malformed"),
    ],
)
def test_a_file_that_cannot_be_the_list_changes_nothing(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        change(tmp_path, Change.REPLACE, DEVICES, text)
    assert list((tmp_path / "lists" / "default" / "vips").glob("*")) == []


def test_a_few_malformed_rows_are_refused_and_the_rest_is_taken(tmp_path: Path) -> None:
    taken = change(tmp_path, Change.REPLACE, DEVICES, "idfa,x\n" + "".join(f"id{n},1\n" for n in range(100)) + "bad\n")
    assert (taken.rows, taken.distinct) == (101, 100)
    assert [(reason.reason, reason.rows, reason.lines) for reason in taken.refused] == [("ragged", 1, (102,))]


def test_a_home_may_be_named_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    change(Path(), Change.REPLACE, DEVICES, "idfa\na\n")
    path = change(Path(), Change.ADD, DEVICES, "idfa\nb\n", current=1).path
    assert evaluate(DEVICES, path, [Wanted("column.idfa", False)], AS_OF, Path("m.parquet")).members == 2


def test_an_empty_list_has_no_members(tmp_path: Path) -> None:
    path = change(tmp_path, Change.REPLACE, DEVICES, "idfa\n").path
    assert evaluate(DEVICES, path, [Wanted("column.idfa", False)], AS_OF, tmp_path / "m.parquet").members == 0


def test_a_version_that_is_gone_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="version 7 of the list 'vips' is gone"):
        evaluate(DEVICES, ListStore(tmp_path).path("default", "vips", 7), [], AS_OF, tmp_path / "m.parquet")


def test_a_list_longer_than_is_grouped_at_once_stays_whole(tmp_path: Path) -> None:
    rows = SLICE + 100
    query = f"SELECT 'u' || least(n // 2, {rows // 2 - 50}) AS customer, 'v' || n AS idfa, n AS _row FROM range({rows}) r(n)"
    duckdb.connect().execute(f"COPY ({query}) TO '{tmp_path}/l.parquet' (FORMAT parquet)")
    snapshot = evaluate(PEOPLE, tmp_path / "l.parquet", [Wanted("column.idfa", True)], AS_OF, tmp_path / "m.parquet")
    assert snapshot.members == rows // 2 - 49
    length = 'len("column.idfa")'
    held = f"SELECT count(DISTINCT member), count(*), sum({length}), max({length}) FROM '{snapshot.path}'"
    assert duckdb.connect().execute(held).fetchone() == (snapshot.members, snapshot.members, rows, 100)
