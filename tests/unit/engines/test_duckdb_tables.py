"""Files that stay where they are hold to the laws of engines; and what is read of a machine is what may be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from files_of_tables import FORMS, told_files
from tradewind.compute import Bounds
from tradewind.engines.duckdb_tables import DuckDBTables, duckdb_tables
from tradewind.engines.folders import Folders
from tradewind.engines.memory import Event
from tradewind.engines.server import Served, ServerEngine
from tradewind.engines.serving import fit
from tradewind.errors import ConfigurationError, DefinitionError, EngineError, TradewindError
from tradewind.model.cohort import Did
from tradewind.model.tables import EngineKind, Rows, Stated, Tables
from tradewind.testing.engine_suite import PROJECT, EngineOf, EngineSuite, cohort_of


@pytest.mark.parametrize("form", FORMS)
class TestFiles(EngineSuite):
    """Parquet, CSV, and a file of DuckDB's."""

    @pytest.fixture
    def engine_of(self, form: str, tmp_path: Path) -> EngineOf:
        numbers = count()

        def engine(events: Iterable[Event]) -> ServerEngine:
            return ServerEngine(told_files(tmp_path / f"home-{next(numbers)}", form, events), Bounds())

        return engine


ORDERS = Rows("orders/*.parquet", user="customer", time="placed", event="Order", properties=Stated(None, (("amount", "total"),)))
NOON = "TIMESTAMP '2026-07-01 11:00'"
AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a folder of orders, two files of them, and secrets elsewhere."""
    home = tmp_path / "home"
    (home / "tables" / "shop" / "orders").mkdir(parents=True)
    (home / "key").write_text("secret")
    for part in (1, 2):
        _order(home / "tables" / "shop" / "orders" / f"{part}.parquet", f"SELECT {part} AS customer, {NOON} AS placed, 5 AS total")
    return home


def _order(path: Path, select: str) -> None:
    duckdb.sql(f"COPY ({select}) TO '{path}'")


def _served(home: Path, path: str = "shop", rows: Rows = ORDERS, *more: Path) -> Served:
    tables = Tables(EngineKind.DUCKDB, "", (rows,), path)
    return Served(duckdb_tables(tables, Folders((home / "tables", *more), home), Bounds()), tables.rows, {})


def _answered(served: Served, folder: Path) -> set[str]:
    out = folder / "members.parquet"
    ServerEngine(served, Bounds()).evaluate(PROJECT, cohort_of(Did("Order")), AS_OF, (), {}, out)
    return {str(person) for person in pq.read_table(out)["person"].to_pylist()}


def _fit(home: Path, **named: Any) -> str:
    """What is said when such a source is defined; empty where it is as it says."""
    served = _served(home, **named)
    try:
        with served.session() as session:
            fit(Tables(EngineKind.DUCKDB, "", served.rows, named.get("path", "shop")), session)
    except TradewindError as error:
        return f"{error.path}: {error.message}" if isinstance(error, DefinitionError) else str(error)
    return ""


def test_what_writers_lay_beside_data_is_not_read(home: Path, tmp_path: Path) -> None:
    orders = home / "tables" / "shop" / "orders"
    for name in ("_SUCCESS.parquet", ".1.parquet.crc", ".hidden.parquet"):
        (orders / name).write_text("not data")
    assert _answered(_served(home), tmp_path) == {"user:1", "user:2"}


@pytest.mark.parametrize(("where", "says"), [("key", "lies or leads outside of"), ("../outside.parquet", "lies or leads outside of")])
def test_a_link_leads_nowhere_else(home: Path, where: str, says: str) -> None:
    """Not to the home, nor to what only the same user may read."""
    _order(home.parent / "outside.parquet", f"SELECT 9 AS customer, {NOON} AS placed, 5 AS total")
    (home / "tables" / "shop" / "orders" / "3.parquet").symlink_to(home / where)
    assert says in _fit(home)


def test_a_folder_that_is_a_link_is_where_it_leads(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "lake" / "shop"
    elsewhere.parent.mkdir()
    (home / "tables" / "shop").rename(elsewhere)
    (home / "tables" / "shop").symlink_to(elsewhere)
    assert _fit(home).startswith(f"path: '{home / 'tables' / 'shop'}' lies or leads outside of")
    with _served(home, "shop", ORDERS, tmp_path / "lake").session() as session:
        assert list(session.columns("orders/*.parquet")) == ["customer", "placed", "total"]


@pytest.mark.parametrize("allowed", ["", ".."])
def test_nothing_of_the_home_is_a_table_even_where_all_is_allowed(home: Path, allowed: str) -> None:
    events = home / "events" / "other"
    events.mkdir(parents=True)
    _order(events / "a.parquet", "SELECT 1 AS x")
    for path in (str(home / "events"), str(events), str(home), str(home.parent)):
        with (
            pytest.raises(DefinitionError, match=r"of this product's own home|lies or leads outside"),
            _served(home, path, ORDERS, home / allowed).session(),
        ):
            pass


def test_what_is_no_file_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / "tables" / "shop" / "orders" / "3.parquet")
    assert "is no regular file" in _fit(home)


def test_a_name_with_a_wildcard_is_refused(home: Path) -> None:
    (home / "tables" / "shop" / "orders" / "1.parquet").rename(home / "tables" / "shop" / "orders" / "[1].parquet")
    assert "has a letter that stands for others" in _fit(home)


def test_a_session_sees_its_folder_alone(home: Path) -> None:
    """Were a statement to name another file it would not be read; nor can the lock be undone."""
    _order(home.parent / "outside.parquet", "SELECT 1 AS x")
    with _served(home).session() as session:
        assert isinstance(session, DuckDBTables)
        for statement in (
            f"SELECT * FROM read_text('{home / 'key'}')",
            f"FROM '{home.parent / 'outside.parquet'}'",
            f"ATTACH '{home / 'x.duckdb'}' AS x",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "INSTALL httpfs",
        ):
            with pytest.raises((ConfigurationError, EngineError)):
                session.asked(statement)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,2026-07-01 10:00,5\n2,yesterday,6\n", "events[0].time: column 'placed' of 'orders/*.csv' is text"),
        ("1,2026-07-01 10:00,5\n" * 12_000 + "2,yesterday,6\n", "a value is not what its column should hold, such as a time that is none"),
        ("1,2026-07-01 10:00,5\n2,2026-07-01 10:00,6,7\n", "a line of a CSV file has not as many fields as its header"),
        ("1,2026-07-01 10:00,5\n" * 30_000 + "1,2,3,4\n", "line 30002 of a CSV file has not as many fields as its header"),
    ],
)
def test_a_csv_is_read_whole_when_it_is_defined(home: Path, rows: str, says: str) -> None:
    (home / "tables" / "shop" / "orders" / "1.csv").write_text("customer,placed,total\n" + rows)
    found = _fit(home, rows=replace(ORDERS, table="orders/*.csv"))
    assert says in found
    assert "yesterday" not in found


def test_ids_in_a_csv_are_texts_and_empty_ones_are_nobody(home: Path, tmp_path: Path) -> None:
    orders = home / "tables" / "shop" / "orders" / "1.csv"
    orders.write_text('customer,placed,total\n007,2026-07-01T10:00:00+02:00,5\n,2026-07-01,6\n1e3,2026-06-01,"1,5"\n')
    assert _answered(_served(home, "shop", replace(ORDERS, table="orders/*.csv")), tmp_path) == {"user:007", "user:1e3"}


def test_a_torn_file_is_told_without_its_values(home: Path, tmp_path: Path) -> None:
    torn = home / "tables" / "shop" / "orders" / "2.parquet"
    torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(EngineError, match="see whether its files are whole"):
        _answered(_served(home), tmp_path)


def test_columns_that_went_away_fail_the_question_and_find_nobody(home: Path, tmp_path: Path) -> None:
    for part in (1, 2):
        _order(home / "tables" / "shop" / "orders" / f"{part}.parquet", f"SELECT {part} AS customer, {NOON} AS at, 5 AS total")
    with pytest.raises(DefinitionError, match=r"table 'orders/\*.parquet' has no column 'placed'"):
        _answered(_served(home), tmp_path)


def test_a_column_that_only_younger_files_have_is_empty_in_the_others(home: Path, tmp_path: Path) -> None:
    _order(home / "tables" / "shop" / "orders" / "3.parquet", f"SELECT 3 AS customer, {NOON} AS placed, 5 AS total, 'x' AS voucher")
    rows = replace(ORDERS, properties=Stated(None, (("voucher", "voucher"),)))
    assert _answered(_served(home, "shop", rows), tmp_path) == {"user:1", "user:2", "user:3"}


def test_a_database_that_is_being_written_is_told(home: Path, tmp_path: Path) -> None:
    file = home / "tables" / "shop.duckdb"
    program = (
        "import duckdb, sys; open = duckdb.connect(sys.argv[1]); open.execute('CREATE TABLE t AS SELECT 1'); print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        with pytest.raises(EngineError, match="is open in a program that writes it"), _served(home, "shop.duckdb").session():
            pass
        writer.communicate(b"\n")
    with _served(home, "shop.duckdb").session() as session, _served(home, "shop.duckdb").session() as other:
        assert list(session.columns("t")) == list(other.columns("t")) == ["1"]
