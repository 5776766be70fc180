"""Both engines hold to the laws of the suite; and what is the embedded one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tradewind.compute import Bounds
from tradewind.engines.duckdb import SHARE_ROWS, DuckDBEngine
from tradewind.engines.memory import Event, MemoryEngine
from tradewind.errors import EngineError
from tradewind.model.cohort import Did
from tradewind.testing.engine_suite import NOON, PROJECT, EngineOf, EngineSuite, cohort_of, happened
from tradewind.testing.told import told_store


class TestMemoryEngine(EngineSuite):
    """Plain Python, the reference."""

    @pytest.fixture
    def engine_of(self) -> EngineOf:
        return lambda events: MemoryEngine({"default": events})


@pytest.fixture(params=[SHARE_ROWS, 4], ids=["everybody at once", "in shares"])
def duckdb_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineOf]:
    with ExitStack() as stack:

        def engine(events: Iterable[Event]) -> DuckDBEngine:
            store = stack.enter_context(told_store("default", events, Path(mkdtemp(dir=tmp_path))))
            return DuckDBEngine(store, Bounds(spill=tmp_path / "spill"), request.param)

        yield engine


class TestDuckDBEngine(EngineSuite):
    """DuckDB over the event store."""

    @pytest.fixture
    def engine_of(self, duckdb_of: EngineOf) -> EngineOf:
        return duckdb_of


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    home = tmp_path / "it's [1] * 'home'?"
    with told_store("default", [happened(1, "ann")], home) as store:
        engine, rule = DuckDBEngine(store, Bounds()), cohort_of(Did("Buy"))
        first = engine.evaluate(PROJECT, rule, NOON, (), {}, home / "first [*].parquet")
        assert engine.attach(PROJECT, first.path, NOON, (), home / "second?.parquet").members == 1


def test_lost_event_files_are_told_without_the_statement(tmp_path: Path) -> None:
    with told_store("default", [happened(1, "ann")], tmp_path) as store:
        for file in store.files("default"):
            file.path.unlink()
        out = tmp_path / "members.parquet"
        with pytest.raises(EngineError, match=r"^the evaluation of cohort 'c' failed: IO Error: [^\n]*$") as caught:
            DuckDBEngine(store, Bounds()).evaluate(PROJECT, cohort_of(Did("Buy")), NOON, (), {}, out)
        assert "SELECT" not in str(caught.value)
        assert not list(tmp_path.glob("*members*"))
