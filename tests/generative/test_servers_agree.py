"""A client's PostgreSQL and plain Python agree on made-up people, rules and zones, and on every operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from generative.fuzzing import fuzzed
from generative.test_engines_agree import AS_OF, NAMELESS, POOL, WANTED, ZONES, Met, cohort_of, events, operators, rules, shown
from postgres_process import postgres
from tradewind.cohorts.operators import condition
from tradewind.compute import Bounds
from tradewind.engines.base import Engine
from tradewind.engines.matching import meets
from tradewind.engines.memory import Event, MemoryEngine
from tradewind.engines.postgres import PostgresDialect, PostgresSession
from tradewind.engines.server import ServerEngine
from tradewind.engines.spec.inline import inline
from tradewind.model.cohort import Did, Rule
from tradewind.model.project import Project, ProjectPlan
from tradewind.postgres import reading

TEXTS = (
    *POOL,
    '[ 1 , "x" ]\n',
    "[1.]",
    "[01]",
    '[1.50, 1e400, "x\\"1", null]',
    "[1 2]",
    "[1,]",
    "1e999999",
    "9" * 400,
    "[" * 40 + "]" * 40,
    "[" + "1," * 20_000 + "1]",
    "İSTANBUL",
    "ΑΣ",
)
"""Also what only looks like JSON or a number, or is too much of it."""


@pytest.fixture(scope="module")
def session() -> Iterator[PostgresSession]:
    with postgres() as server, reading("SHOP_URL", {"SHOP_URL": server.url()}, 60) as connection:
        yield PostgresSession(connection, "SHOP_URL")


@fuzzed(40)
@given(met=operators)
def test_an_operator_means_the_same_there_and_in_python(session: PostgresSession, met: Met) -> None:
    texts: list[exp.Expr] = [exp.Null() if value is None else exp.Literal.string(value) for value in TEXTS]
    pool = exp.values([(exp.cast(text, "text"),) for text in texts], alias="pool", columns=["v"])
    value = exp.Collate(this=exp.column("v"), expression=exp.to_identifier("C", quoted=True))
    told = exp.select(exp.alias_(value, "v", copy=False)).from_(pool)
    judged = exp.select("v", exp.alias_(condition(exp.column("v"), *met, session.dialect), "holds")).from_("told")
    with session.rows(judged, [("told", told)]) as reader:
        found = {row["v"]: row["holds"] for row in reader.read_all().to_pylist()}
    assert found == {value: meets(value, *met) for value in TEXTS}


@fuzzed(100)
@given(events, rules, st.sampled_from(ZONES), st.booleans(), st.booleans())
def test_a_server_answers_as_plain_python_does(
    session: PostgresSession, told: list[Event], rule: Rule, zone: str, named: bool, recency: bool
) -> None:
    project = Project("default", "Default", ProjectPlan.PAID, zone, ())
    with TemporaryDirectory() as name:
        folder = Path(name)
        there = ServerEngine(inline(told, PostgresDialect(), lambda: nullcontext(session)), Bounds())
        engines: tuple[Engine, ...] = (MemoryEngine({"default": told}), there)
        looked = cohort_of(Did("Look"), "vips")
        vips = engines[0].evaluate(project, looked, AS_OF - timedelta(days=9), (), {}, folder / "vips.parquet", recency=recency)
        answers = []
        for number, engine in enumerate(engines):
            out, wanted = folder / f"{number}.parquet", WANTED if named else NAMELESS
            snapshot = engine.evaluate(project, cohort_of(rule), AS_OF, wanted, {"vips": vips.path}, out, recency=True, named=named)
            rows = shown(pq.read_table(out).sort_by("member").to_pylist())
            names = engine.persons(project, [row["member"] for row in rows], AS_OF)
            answers.append((snapshot.members, snapshot.missing, rows, names))
        assert answers[0] == answers[1]
