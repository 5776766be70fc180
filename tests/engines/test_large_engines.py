"""ClickHouse and Spark over a client's tables answer as plain Python does, row by row of the language and on made-up people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from engines.conftest import PlaceOf
from engines.laid import Place
from generative.fuzzing import fuzzed
from generative.test_engines_agree import AS_OF, NAMELESS, WANTED, ZONES, Met, cohort_of, events, operators, rules, shown
from generative.test_servers_agree import TEXTS
from spec.test_cohort_language import ROWS
from tradewind.cohorts.operators import condition
from tradewind.compute import Bounds
from tradewind.engines.base import Engine
from tradewind.engines.matching import meets
from tradewind.engines.memory import Event, MemoryEngine
from tradewind.engines.server import ServerEngine
from tradewind.engines.spark import SparkSession
from tradewind.engines.spec.ask import ask, expected
from tradewind.engines.spec.rows import Case, Table
from tradewind.engines.spec.tables import TABLES
from tradewind.model.cohort import Did, Rule
from tradewind.model.project import Project, ProjectPlan
from tradewind.testing.engine_suite import EngineOf, EngineSuite

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")

KINDS = ("clickhouse", "spark")
OF_SPARK = 200
"""Of `./dev fuzz` Spark, which takes a second for one, is asked one example in so many."""

ASKED = [
    pytest.param(kind, *row.values, id=f"{kind}: {row.id}") for kind, rows in (("clickhouse", ROWS), ("spark", ROWS[::4])) for row in rows
]
"""Spark takes a second for a row, so it is asked every fourth."""

EngineFor = Callable[[str, str], Engine]
Question = tuple[list[Event], Rule, str, bool]
"""What was told, a rule, the zone of its days, and whether members are named with what they did last."""

questions = st.tuples(events, rules, st.sampled_from(ZONES), st.booleans())


@pytest.fixture(scope="module")
def engine_for(place_of: PlaceOf) -> EngineFor:
    """An engine over the events of a spec table, which are laid down once."""

    @cache
    def engine(kind: str, title: str) -> Engine:
        return ServerEngine(place_of(kind).told(next(table.events for table in TABLES if table.title == title)), Bounds())

    return engine


@pytest.mark.parametrize(("kind", "table", "case"), ASKED)
def test_row(engine_for: EngineFor, kind: str, table: Table, case: Case, tmp_path: Path) -> None:
    assert ask(engine_for(kind, table.title), table, case, tmp_path) == expected(case)


@fuzzed(10)
@given(met=operators)
def test_an_operator_means_the_same_in_clickhouse_and_in_python(place_of: PlaceOf, met: Met) -> None:
    means_the_same(place_of("clickhouse"), met)


@fuzzed(10, one_in=OF_SPARK)
@given(met=operators)
def test_an_operator_means_the_same_in_spark_and_in_python(place_of: PlaceOf, met: Met) -> None:
    means_the_same(place_of("spark"), met)


def means_the_same(place: Place, met: Met) -> None:
    """An operator holds there of the same texts as in plain Python."""
    session = place.session
    texts: list[exp.Expr] = [exp.Null() if value is None else exp.Literal.string(value) for value in TEXTS]
    pool = exp.select("v").from_(exp.values([(exp.cast(text, "text"),) for text in texts], alias="pool", columns=["v"]))
    judged = exp.select("v", exp.alias_(condition(exp.column("v"), *met, session.dialect), "holds")).from_("pool")
    with session.rows(judged, [("pool", pool)]) as reader:
        found = {row["v"]: row["holds"] for row in reader.read_all().to_pylist()}
    assert found == {value: meets(value, *met) for value in TEXTS}


@fuzzed(3)
@given(questions)
def test_clickhouse_answers_as_plain_python_does(place_of: PlaceOf, question: Question) -> None:
    answers_the_same(place_of("clickhouse"), *question)


@fuzzed(3, one_in=OF_SPARK)
@given(questions)
def test_spark_answers_as_plain_python_does(place_of: PlaceOf, question: Question) -> None:
    answers_the_same(place_of("spark"), *question)


def answers_the_same(place: Place, told: list[Event], rule: Rule, zone: str, recency: bool) -> None:
    """A rule has the same members, columns, names and last events there as in plain Python."""
    project = Project("default", "Default", ProjectPlan.PAID, zone, ())
    with TemporaryDirectory() as name:
        folder = Path(name)
        engines: tuple[Engine, ...] = (MemoryEngine({"default": told}), ServerEngine(place.told(told), Bounds()))
        looked = cohort_of(Did("Look"), "vips")
        vips = engines[0].evaluate(project, looked, AS_OF - timedelta(days=9), (), {}, folder / "vips.parquet", recency=recency)
        answers = []
        for number, engine in enumerate(engines):
            out = folder / f"{number}.parquet"
            wanted = [each for each in (WANTED if recency else NAMELESS) if each.source in ("device_id", "user.ad", "event.r")]
            snapshot = engine.evaluate(project, cohort_of(rule), AS_OF, wanted, {"vips": vips.path}, out, recency=True, named=recency)
            rows = shown(pq.read_table(out).sort_by("member").to_pylist())
            names = engine.persons(project, [row["member"] for row in rows], AS_OF)
            answers.append((snapshot.members, snapshot.missing, rows, names))
        assert answers[0] == answers[1]


def test_an_answer_of_spark_is_taken_in_parts(place_of: PlaceOf) -> None:
    session = place_of("spark").session
    assert isinstance(session, SparkSession)
    many = exp.select(exp.alias_(exp.cast(exp.column("id"), "text"), "member")).from_("range(100)")
    with session.taking(7).rows(many, []) as reader:
        taken = [[str(each) for each in batch.column(0).to_pylist()] for batch in reader]
    assert sorted(each for part in taken for each in part) == sorted(map(str, range(100)))
    assert len(taken) > 5
    assert max(map(len, taken)) < 50


@pytest.mark.parametrize("kind", KINDS)
class TestLargeEngines(EngineSuite):
    """Each holds to the laws of engines."""

    @pytest.fixture
    def engine_of(self, place_of: PlaceOf, kind: str) -> EngineOf:
        def engine(events: Iterable[Event]) -> ServerEngine:
            return ServerEngine(place_of(kind).told(events), Bounds())

        return engine
