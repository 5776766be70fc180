"""What a quick start is told about the columns of a file it has never seen."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.model.identifier import IdType, Refusal
from tradewind.sources.columns import ColumnReport, inspect

GUID = "a934b283-a381-4a0d-8a18-0368f9b191{:02d}"
UID2 = "48MjlfIUZpOKNAm9nod7/jCLAXUYsnE1tpVHQSDS0uo="


def report(folder: Path, name: str, values: list[str]) -> ColumnReport:
    (folder / "list.csv").write_text("".join(f'"{value}",x\n' for value in [name, *values]).replace(",x", ",other", 1))
    return inspect("list.csv", folder)[0]


def test_every_cell_of_a_column_is_valid_or_refused_for_a_reason(tmp_path: Path) -> None:
    values = [GUID.format(1).upper(), GUID.format(2), "00000000-0000-0000-0000-000000000000", "", "null", "ann@example.com", GUID.format(3)]
    found = report(tmp_path, "idfa", values)
    assert (found.rows, found.filled, found.text, found.guess) == (7, 6, True, IdType.DAID)
    assert found.valid == {IdType.TDID: 3, IdType.DAID: 3, IdType.UID2: 0}
    expected = {Refusal.MISSING: 1, Refusal.PLACEHOLDER: 1, Refusal.RAW_PII: 1, Refusal.ZEROED: 1}
    assert found.refused[IdType.DAID] == expected
    for id_type in IdType:
        assert found.valid[id_type] + sum(found.refused[id_type].values()) == found.rows


@pytest.mark.parametrize(
    ("name", "values", "guess", "ambiguous", "people"),
    [
        ("Advertising ID", [GUID.format(1)], IdType.DAID, False, False),
        ("ttd_user", [GUID.format(1)], IdType.TDID, False, False),
        ("id", [GUID.format(1)], None, True, False),
        ("user_id", [GUID.format(1)], None, True, False),
        ("hem", [UID2, UID2, "x"], IdType.UID2, False, False),
        ("hem", [UID2, "x", "y"], None, False, False),
        ("Customer-ID", ["ann", "bob"], None, False, True),
        ("city", ["Rome"], None, False, False),
        ("idfa", [""], None, False, False),
    ],
)
def test_the_guess(tmp_path: Path, name: str, values: list[str], guess: IdType | None, ambiguous: bool, people: bool) -> None:
    found = report(tmp_path, name, values)
    assert (found.guess, found.ambiguous, found.people) == (guess, ambiguous, people)


def test_a_column_of_numbers_is_no_identifier(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1, 2], "idfa": [GUID.format(1), None]}), tmp_path / "l.parquet")
    numbers, devices = inspect("l.parquet", tmp_path)
    assert (numbers.text, numbers.people, devices.text, devices.filled, devices.guess) == (False, True, True, 1, IdType.DAID)
