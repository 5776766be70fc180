"""What DuckDB may touch, and what may be told when it fails: the machine's own words, and of others the kind alone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tradewind.compute import Bounds, connect, told_of


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT 'canary'::INTEGER", "it was given up (Conversion)"),
        ("SELECT canary", "it was given up (Binder)"),
        ("FROM canary", "it was given up (Catalog)"),
        ("SELEC canary", "it was given up (Parser)"),
        ("FROM read_parquet('/nowhere/at/all.parquet')", "IO Error: No files found that match the pattern"),
    ],
)
def test_no_value_and_no_statement_is_told(statement: str, says: str) -> None:
    with connect(Bounds()) as connection, pytest.raises(duckdb.Error) as failed:
        connection.execute(statement)
    told = told_of(failed.value)
    assert told.startswith(says)
    assert "canary" not in told
    assert "\n" not in told


def test_no_value_is_told_of_what_fails_in_the_middle_of_a_stream() -> None:
    text = "CASE range WHEN 900000 THEN 'canary' ELSE range::VARCHAR END"
    with connect(Bounds()) as connection:
        stream = connection.sql(f"SELECT ({text})::INTEGER FROM range(1000000)").to_arrow_reader(65_536)
        with pytest.raises(OSError, match="canary") as failed:
            list(stream)
    assert told_of(failed.value) == "it was given up (OSError)"


def test_the_machine_is_told_of_in_the_middle_of_a_stream_too() -> None:
    said = "Out of Memory Error: could not allocate block"
    assert told_of(OSError(f"{said}\n\nPossible solutions: ...")) == said


def test_a_full_disk_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as failed:
        (tmp_path / "gone").read_bytes()
    assert told_of(failed.value) == f"[Errno 2] No such file or directory: '{tmp_path}/gone'"


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('{mine}/../other/kept.parquet')",
        "COPY (SELECT 1) TO '{other}/taken.parquet'",
        "ATTACH '{other}/taken.db'",
        "INSTALL httpfs",
        "FROM read_parquet('https://shop.example/kept.parquet')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_nothing_beyond_the_folders_named_is_touched(tmp_path: Path, statement: str) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        folder.mkdir()
    with connect(Bounds()) as free:
        free.execute(f"COPY (SELECT 1 AS n) TO '{other}/kept.parquet'")
    with connect(Bounds(spill=mine / "spill", below=(mine,))) as connection:
        connection.execute(f"COPY (SELECT 2 AS n) TO '{mine}/own.parquet'")
        assert connection.execute(f"FROM read_parquet('{mine}/own.parquet')").fetchall() == [(2,)]
        with pytest.raises(duckdb.Error):
            connection.execute(statement.format(mine=mine, other=other))
    assert [path.name for path in other.iterdir()] == ["kept.parquet"]


@pytest.mark.parametrize("bounds", [Bounds(), Bounds(below=(Path("/nowhere"),))], ids=["everywhere", "below a folder"])
@pytest.mark.parametrize(
    "statement",
    ["SET threads = 64", "SET memory_limit = '64GiB'", "SET TimeZone = 'Asia/Tokyo'", "RESET disabled_optimizers", "PRAGMA threads = 64"],
)
def test_no_setting_is_changed_once_it_is_open_and_each_session_has_it(bounds: Bounds, statement: str) -> None:
    told = "SELECT current_setting('TimeZone'), current_setting('disabled_optimizers'), current_setting('threads')"
    with connect(bounds, {"disabled_optimizers": "'join_order'"}) as opened, opened.cursor() as session:
        for each in (opened, session):
            with pytest.raises(duckdb.Error, match="locked"):
                each.execute(statement)
            assert each.execute(told).fetchall() == [("UTC", "join_order", 2)]
