"""Every row of the spec tables, on every engine; and the reference page says what the tables say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from postgres_process import postgres
from spec.page import PAGE, render
from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.compute import Bounds
from tradewind.engines.base import Engine
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.memory import MemoryEngine, MemoryPreviews
from tradewind.engines.postgres import PostgresDialect, PostgresSession
from tradewind.engines.preview import Asked, Previews, Turn
from tradewind.engines.server import ServerEngine
from tradewind.engines.spec.ask import nested as nested_of
from tradewind.engines.spec.inline import inline
from tradewind.engines.spec.rows import Case, Table, last_of
from tradewind.engines.spec.tables import TABLES
from tradewind.model.cohort import Behaviour
from tradewind.model.project import Project, ProjectPlan
from tradewind.postgres import reading
from tradewind.testing.told import told_store

EngineOf = Callable[[str, Table], tuple[Engine, Previews | None]]

ROWS = [pytest.param(table, case, id=f"{table.title}: {case.rule}") for table in TABLES for case in table.cases]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineOf]:
    """Every engine, and its previews if it has any, over the events of a table, which are imported once."""
    with ExitStack() as stack:

        @cache
        def session() -> PostgresSession:
            server = stack.enter_context(postgres())
            return PostgresSession(stack.enter_context(reading("SHOP_URL", {"SHOP_URL": server.url()}, 60)), "SHOP_URL")

        @cache
        def engine(kind: str, title: str) -> tuple[Engine, Previews | None]:
            events = next(table.events for table in TABLES if table.title == title)
            if kind == "memory":
                memory = MemoryEngine({"default": events})
                return memory, MemoryPreviews(lambda _project, _as_of: memory)
            if kind == "postgresql":
                return ServerEngine(inline(events, PostgresDialect(), lambda: nullcontext(session())), Bounds()), None
            store = stack.enter_context(told_store("default", events, tmp_path_factory.mktemp("home")))
            return DuckDBEngine(store, Bounds()), DuckDBPreviews(store, Bounds())

        yield lambda kind, table: engine(kind, table.title)


@pytest.mark.parametrize("kind", ["memory", "duckdb", "postgresql"])
@pytest.mark.parametrize(("table", "case"), ROWS)
def test_row(engines: EngineOf, kind: str, table: Table, case: Case, tmp_path: Path) -> None:
    project = Project("default", "Default", ProjectPlan.PAID, table.zone, ())
    cohort = parse_cohort(read_text(f"{{id: c, name: C, kind: behavioural, who: {case.rule}}}"), "default")
    nested = nested_of(table, tmp_path)
    assert isinstance(cohort.definition, Behaviour)
    engine, previews = engines(kind, table)
    snapshot = engine.evaluate(project, cohort, table.as_of, (), nested, tmp_path / "members.parquet", recency=case.last is not None)
    told = {row["person"].removeprefix("user:"): row.get("last_event") for row in pq.read_table(snapshot.path).to_pylist()}
    assert set(told) == set(case.members.split())
    if case.last is not None:
        assert told == {user: time and time.replace(tzinfo=None) for user, time in last_of(case.last).items()}
    if previews is None:
        return
    asked = Asked(project, cohort.definition.who, table.as_of, nested)
    assert previews.sizes(asked, Turn()).members == len(told)
    assert previews.sample(asked, 100, Turn()) == tuple(sorted(f"user:{user}" for user in told))


def test_the_reference_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text("utf-8") == render(), "run: python tests/spec/page.py --write"
