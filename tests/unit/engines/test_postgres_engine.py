"""PostgreSQL holds to the laws of engines over tables that are there already; and what is its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from postgres_process import Server, postgres
from postgres_tables import told_tables
from tradewind.compute import Bounds
from tradewind.engines.memory import Event
from tradewind.engines.server import ServerEngine
from tradewind.testing.engine_suite import EngineOf, EngineSuite


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as started:
        yield started


class TestPostgresEngine(EngineSuite):
    """A real server, whose user may only read."""

    @pytest.fixture
    def engine_of(self, server: Server) -> EngineOf:
        def engine(events: Iterable[Event]) -> ServerEngine:
            return ServerEngine(told_tables(server, events), Bounds())

        return engine
