"""What may be told of a failure of DuckDB: the machine's own words, and of others the kind alone."""

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


def test_a_full_disk_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as failed:
        (tmp_path / "gone").read_bytes()
    assert told_of(failed.value) == f"[Errno 2] No such file or directory: '{tmp_path}/gone'"
