"""On random events, random rules have the same members and columns in DuckDB as in plain Python; definitions survive being written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from generative.fuzzing import fuzzed
from tradewind.cohorts.document import read_text, read_value
from tradewind.cohorts.explain import explain
from tradewind.cohorts.operators import condition
from tradewind.cohorts.parse import parse_cohort, to_document
from tradewind.compute import Bounds, connect, literal
from tradewind.engines.base import Engine
from tradewind.engines.duckdb import SHARE_ROWS, DuckDBDialect, DuckDBEngine
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.matching import meets
from tradewind.engines.memory import Event, MemoryEngine, MemoryPreviews
from tradewind.engines.preview import Asked, Previews, Turn
from tradewind.model.cohort import (
    ANY_EVENT,
    All,
    AnyOf,
    Behaviour,
    Between,
    Cohort,
    CohortKind,
    Comparison,
    Count,
    Did,
    EventFilter,
    FirstUse,
    Inactive,
    InCohort,
    InSequence,
    Interval,
    Last,
    LastHours,
    Measure,
    MoreOften,
    New,
    Not,
    Operator,
    Returned,
    Rule,
    Sample,
    Since,
    Step,
    Told,
    UserProperty,
)
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.snapshot import Wanted
from tradewind.testing.told import told_store

AS_OF = datetime(2026, 4, 2, 15, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/Sao_Paulo")
WANTED = (
    Wanted("user_id", False),
    Wanted("device_id", True),
    Wanted("user.plan", False),
    Wanted("user.ad", False),
    Wanted("event.r", True),
    Wanted("event.p", True),
    Wanted("user.never", False),
)
NAMELESS = tuple(each for each in WANTED if each.source not in ("user_id", "device_id"))
"""Columns that are no part of a person's name, so that members may be found without it."""

guids = st.integers(0xA0, 0xA3).map(lambda number: f"{number:08x}-aaaa-4bbb-8ccc-dddddddddddd")
words = st.sampled_from(
    ["a", "A", "ab", "a/b", "b", "", "%", "10", "9.5", "-1", "1e1", "true", "False", "(none)", "é", "it's", 'q"x', "\\", "[x", '["a"]']
)
ODD = (
    *("1e-9999", "1e999999", "-1e+400", "0e99999", "1e-400", "0.0000000005", "-0.0000000005", "1.4999999995", "-0", "+2", "1E2", "007"),
    *("999999999999999999", "1000000000000000000", "999999999999999999.9999999995", "12345678901234567890123", "9007199254740993"),
    *("1" * 301, f"0.{'3' * 300}", ".5", "5.", "1_0", " 1", "nan", "Infinity", "0x10", "٣", "1e", "--1", "[1e400]", "[01]", '{"a": 1}'),
    *("İ", "Σς", "ß", "\ud7ff", "\U0001f600", "a\nb", "%s", "{}", "$$", "$1", "a;--", "/*"),
)
"""What is, or looks as if it were, a number, and letters that do not go quietly."""

words_and_odd = st.one_of(words, words, st.sampled_from(ODD))
numbers = st.one_of(
    st.integers(-3, 12), st.integers(-3, 12), st.sampled_from([0.1, 0.2, -0.5, 2.5, 10**17, 10**18, -(10**18), 2**53 + 1, 2**64])
)
powers = st.sampled_from([1e22, 1e-7])
"""Written anew where they stand in a list, so that they are not compared as text there."""

listed = st.lists(st.one_of(words_and_odd, numbers, st.none()), max_size=3)
values = st.one_of(words_and_odd, numbers, powers, st.booleans(), st.none(), listed)
# Clocks in New York, then in Berlin, change within these days; hours fall on both sides of midnight everywhere.
spread = st.builds(
    lambda day, hour, micro: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day, hours=hour, microseconds=micro),
    st.integers(0, 34),
    st.sampled_from([0, 3, 4, 5, 15, 18, 22, 23]),
    st.sampled_from([0, 1]),
)
times = st.one_of(spread, st.sampled_from([datetime(2026, 3, day, 12, tzinfo=UTC) for day in (3, 20, 31)]))
people = st.tuples(st.sampled_from([None, None, "ann", "bob", "cem"]), st.sampled_from([None, "d1", "d2"])).filter(any)


def said(names: list[str], guid: str) -> st.SearchStrategy[dict[str, object]]:
    """Properties of any value, and one that holds a GUID, or none, or rarely something else."""
    alone = st.fixed_dictionaries({}, optional={guid: st.one_of(guids, guids, guids, guids, st.none(), guids.map(str.upper))})
    return st.builds(lambda one, other: {**one, **other}, st.dictionaries(st.sampled_from(names), values, max_size=2), alone)


events = st.lists(
    st.builds(
        lambda kind, time, who, event, user, whole: Event(kind, time, who[0], who[1], event, user, whole),
        st.sampled_from(["Buy", "Look", "Buy", "Look", "$identify"]),
        times,
        people,
        said(["p", "q"], "r"),
        said(["plan", "tags"], "ad"),
        st.booleans(),
    ),
    max_size=14,
)

Met = tuple[Operator, tuple[str, ...]]

several = st.lists(words_and_odd, min_size=1, max_size=4).map(tuple)
globs = st.lists(st.sampled_from(["*", "**", "a*", "?", "[a-z]", "[!a]*", "a/**", "[", "(none)"]), min_size=1, max_size=2).map(tuple)
matched = {Operator.GLOB_MATCH, Operator.GLOB_DOES_NOT_MATCH}
operators = st.sampled_from(Operator).flatmap(lambda operator: st.tuples(st.just(operator), globs if operator in matched else several))
days = st.dates(date(2026, 2, 25), date(2026, 4, 5))
fixed = st.one_of(
    st.builds(Last, st.integers(1, 30)),
    st.builds(Last, st.integers(1, 20), st.integers(1, 9)),
    st.builds(lambda days: Last(days, complete=True), st.integers(1, 30)),
    st.builds(Since, days),
    st.builds(lambda first, length: Between(first, first + timedelta(days=length)), days, st.integers(1, 20)),
)
windows = st.one_of(st.none(), fixed, st.builds(LastHours, st.integers(1, 600)), st.builds(FirstUse, st.integers(1, 20)))
counts = st.builds(Count, st.sampled_from(Comparison), st.integers(0, 3)).filter(
    lambda count: count not in (Count(Comparison.LESS, 0), Count(Comparison.AT_LEAST, 0))
)
amounts = st.builds(
    Count,
    st.sampled_from(Comparison),
    st.one_of(
        st.integers(-15, 120).map(lambda tenths: Decimal(tenths) / 10),
        st.sampled_from(["0", "0.000000001", "999999999999999", "-999999999999999.999999999"]).map(Decimal),
    ),
)
places = counts.filter(lambda count: count.number > 0 and count != Count(Comparison.LESS, 1))
filters = st.builds(lambda name, met: EventFilter(name, *met), st.sampled_from(["p", "q"]), operators)
where = st.lists(filters, max_size=2).map(tuple)
kinds = st.sampled_from(["Buy", "Look", ANY_EVENT])
steps = st.builds(Step, kinds, where)
timed = st.builds(Step, kinds, where, st.sampled_from([None, timedelta(hours=5), timedelta(days=3), timedelta(days=1, seconds=1)]))
reckoned = st.sampled_from([Measure.SUM, Measure.AVERAGE, Measure.MINIMUM, Measure.MAXIMUM])
deeds = st.one_of(
    st.builds(Did, st.sampled_from(["Buy", "Look"]), where, counts, windows),
    st.builds(Did, kinds, where, counts, windows),
    st.builds(Did, kinds, where, counts, windows, st.just(Measure.DAYS)),
    st.builds(Did, kinds, where, counts, windows, st.just(Measure.DISTINCT), st.sampled_from(["p", "q", "r"])),
    st.builds(Did, kinds, where, amounts, windows, reckoned, st.sampled_from(["p", "q"])),
    st.builds(lambda kind, met, nth, window: Did(kind, met, window=window, nth=nth), kinds, where, places, st.one_of(st.none(), fixed)),
    st.builds(
        lambda kind, met, count, window, each: Did(kind, met, count, window, each=each),
        kinds,
        where,
        counts,
        fixed,
        st.sampled_from(Interval),
    ),
)
sequences = st.builds(
    lambda first, more, within, without, holding, dropped, window: InSequence(
        (first, *more), within, without, holding, dropped and min(dropped, len(more)), window
    ),
    steps,
    st.lists(timed, min_size=1, max_size=2),
    st.sampled_from([None, timedelta(days=1), timedelta(days=9)]),
    st.lists(st.builds(Step, st.sampled_from(["Buy", "Look"]), where), max_size=1).map(tuple),
    st.sampled_from([(), (), ("p",), ("p", "q")]),
    st.sampled_from([None, 1, 2]),
    windows,
)
lives = st.one_of(st.builds(New, fixed), st.builds(Inactive, fixed), st.builds(Returned, fixed, st.integers(1, 12)))
traits = st.one_of(
    st.builds(lambda name, met: UserProperty(name, *met), st.sampled_from(["plan", "tags"]), operators),
    st.builds(
        lambda name, met, told, window: UserProperty(name, met[0], met[1], told, window),
        st.sampled_from(["plan", "tags"]),
        operators,
        st.sampled_from([Told.LATEST, Told.EVER]),
        windows.filter(bool),
    ),
)
samples = st.builds(lambda percent, salt: Sample(Decimal(percent), salt), st.integers(1, 100), st.sampled_from(["x", "é'"]))
leaves = st.one_of(deeds, deeds, traits, sequences, lives, st.builds(MoreOften, steps, steps, windows), samples, st.just(InCohort("vips")))


def _branches(rules: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    listed = st.lists(rules, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(All, listed), st.builds(AnyOf, listed), st.builds(Not, rules))


rules: st.SearchStrategy[Rule] = st.recursive(leaves, _branches, max_leaves=5)


def cohort_of(rule: Rule, name: str = "c") -> Cohort:
    return Cohort("default", name, "C", CohortKind.BEHAVIOURAL, Behaviour(rule))


POOL: tuple[str | None, ...] = (
    *(None, "", "a", "A", "ab", "a/b", "b", "%", "10", "9.5", "-1", "+2", "1e1", ".5", "1_0", " 1", "nan", "true", "False", "(none)"),
    *("é", "É", "it's", 'q"x', "\\", "a\nb", "{}", "z" * 50, "[x", "[", "[]", '["a"]', '["a","B"]', "[1,10]", "[null]", '["a",null]'),
    *ODD,
    *("[true]", '["a/b","x"]', '["(none)"]', '["-1","9.5","10"]'),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(Bounds()) as opened:
        yield opened


@fuzzed(200)
@given(met=operators)
def test_an_operator_means_the_same_in_sql_and_in_python(
    connection: duckdb.DuckDBPyConnection, met: tuple[Operator, tuple[str, ...]]
) -> None:
    judged = condition(exp.column("v"), *met, DuckDBDialect()).sql("duckdb")
    rows = ", ".join("(NULL)" if value is None else f"({literal(value)})" for value in POOL)
    found = connection.execute(f"SELECT v, {judged} FROM (VALUES {rows}) pool(v)").fetchall()
    assert dict(found) == {value: meets(value, *met) for value in POOL}


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with UUIDs as the texts they stand for; these may have been written in capital letters."""
    ads = [row["user.ad"] and str(row["user.ad"]).lower() for row in rows]
    lists = [row["event.r"] and [str(value).lower() for value in row["event.r"]] for row in rows]
    return [{**row, "user.ad": ad, "event.r": values} for row, ad, values in zip(rows, ads, lists, strict=True)]


def looked_at(previews: Previews, asked: Asked, nested: Mapping[str, Path]) -> tuple[object, ...]:
    """Everything that can be asked of a rule while it is written."""
    sizes, sample = previews.sizes(asked, Turn()), previews.sample(asked, 3, Turn())
    other = Asked(asked.project, Not(InCohort("inner")), asked.as_of, {**nested, "inner": asked.rule})
    overlap = previews.overlap(asked, other, Turn())
    why = [previews.why(asked, person, Turn()) for person in (*sample, "user:u1", "device:d1", "nobody")]
    found = (sizes, sample, overlap, why, previews.sizes(other, Turn()))
    previews.close()
    return found


@fuzzed(100)
@given(events, rules, st.sampled_from(ZONES), st.sampled_from([4, SHARE_ROWS]), st.booleans())
def test_duckdb_answers_as_plain_python_does(told: list[Event], rule: Rule, zone: str, share_rows: int, named: bool) -> None:
    project = Project("default", "Default", ProjectPlan.PAID, zone, ())
    with TemporaryDirectory() as name, told_store("default", told, Path(name) / "home") as store:
        folder = Path(name)
        memory = MemoryEngine({"default": told})
        engines: tuple[Engine, ...] = (memory, DuckDBEngine(store, Bounds(), share_rows))
        previews: tuple[Previews, ...] = (MemoryPreviews(lambda _project, _as_of: memory), DuckDBPreviews(store, Bounds()))
        looked = cohort_of(Did("Look"), "vips")
        vips = engines[0].evaluate(project, looked, AS_OF - timedelta(days=9), (), {}, folder / "vips.parquet", recency=share_rows == 4)
        answers = []
        for number, engine in enumerate(engines):
            nested = {"vips": vips.path}
            seen = looked_at(previews[number], Asked(project, rule, AS_OF, nested), nested)
            out, wanted = folder / f"{number}.parquet", WANTED if named else NAMELESS
            snapshot = engine.evaluate(project, cohort_of(rule), AS_OF, wanted, nested, out, recency=True, named=named)
            rows = shown(pq.read_table(out).sort_by("member").to_pylist())
            names = engine.persons(project, [row["member"] for row in rows], AS_OF)
            answers.append((seen, snapshot.members, snapshot.missing, rows, names))
        assert answers[0] == answers[1]


@fuzzed(150)
@given(rules)
def test_a_definition_survives_being_stored_and_being_written_as_yaml(rule: Rule) -> None:
    cohort = cohort_of(rule)
    document = to_document(cohort)
    assert parse_cohort(read_value(document), "default") == cohort
    assert parse_cohort(read_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False)), "default") == cohort
    assert explain(cohort, {"vips": "VIPs"}).startswith("People ")
