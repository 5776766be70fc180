"""What people did as numbers, one row a person: which numbers there are, and the rows, share by share within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tradewind.cohorts.clauses.form import EVENTS
from tradewind.compute import Bounds, connect, literal, quoted, told_of
from tradewind.engines.shares import Shares
from tradewind.errors import EngineError
from tradewind.events.manifest import utc
from tradewind.events.people import EventView
from tradewind.events.relation import Share
from tradewind.events.store import EventStore
from tradewind.model.cohort import STATEMENTS
from tradewind.model.lookalike import Feature, FeatureKind

SHARE_ROWS = 2_000_000
"""Events of a share of the people; a row of a person is wider than in the evaluation of a rule."""

LOOKED_AT = 500_000
"""Events, about, that are looked at to see which numbers there are."""

SHARED_BY = 20
"""People who must have a value for it to be a number of its own: what fewer have says who somebody is, and not what they are like."""

MOST_EVENTS, MOST_PROPERTIES, MOST_VALUES, LONGEST_VALUE = 40, 60, 8, 60
SHARE_OF_NUMBERS, DIFFERENT_NUMBERS = 0.95, 20
"""A property is a number when nearly all of its values are, and they are many; of fewer each is a value of its own."""

ROWS = 65_536

FEWEST_SHARED = 0.01

GENERAL = (FeatureKind.EVENTS, FeatureKind.DAYS_ACTIVE, FeatureKind.KINDS, FeatureKind.SINCE_LAST, FeatureKind.SINCE_FIRST)

_DONE = "CASE WHEN counts THEN event_type END"
"""What somebody did, of all that was told."""

LOT = "(who::UHUGEINT // 1000 % 1000000)::DOUBLE / 1000000"
"""A number in [0, 1) that is a person's own for ever: whether a sample has them."""

FOLD = "(who::UHUGEINT % 5)::UTINYINT"
"""In which fifth of the people somebody is: those who are judged together by a model that has not seen them."""


@dataclass(frozen=True)
class Period:
    """Behaviour counts from `since` to before `until`; `without` names event types that do not count."""

    since: datetime
    until: datetime
    without: tuple[str, ...] = ()

    def counts(self) -> str:
        """Whether an event counts, as a condition."""
        return self._told_but((*STATEMENTS, *self.without))

    def tells(self) -> str:
        """Whether it counts, or only says something of somebody."""
        return self._told_but(self.without)

    def _told_but(self, names: Sequence[str]) -> str:
        others = f" AND event_type NOT IN ({', '.join(map(literal, names))})" if names else ""
        return f"time >= TIMESTAMP '{utc(self.since)}'{others}"


@dataclass(frozen=True)
class Taken:
    """Which people a sample has: members of a seed (a file) and others, the share given of each; `before` has those of an earlier day."""

    seed: Path
    before: Path
    inside: float
    outside: float


class Behaviours:
    """Reads what the people of a project did. Everything it raises is an EngineError in one sentence."""

    def __init__(self, events: EventStore, project: str, bounds: Bounds, folder: Path) -> None:
        """`folder` is where a file may lie for as long as it reads."""
        self._events, self._project, self._bounds, self._folder = events, project, bounds, folder

    def begin(self) -> datetime | None:
        """When the first event was (naive, UTC)."""
        return min((file.min_time for file in self._events.files(self._project)), default=None)

    def survey(self, period: Period, without: Sequence[str]) -> tuple[tuple[Feature, ...], int]:
        """The features there are, the general ones first, and about how many people they are of; none of the properties `without`."""
        properties = self._events.properties(self._project)
        names = _apart(properties.event), _apart(name for name in properties.user if name not in without)
        view = self._events.view(self._project, *names, period.until)
        of = 1
        while of < 256 and of * LOOKED_AT < view.rows:
            of *= 2
        with self._session("looking at what people did") as connection:
            connection.execute(
                f"CREATE TEMP TABLE seen AS SELECT *, {period.counts()} AS counts FROM ({view.own(Share(0, of), None)}) "
                f"WHERE {period.tells()}"
            )
            (people,) = _row(connection, "SELECT count(DISTINCT who) FILTER (WHERE counts) FROM seen")
            least = max(SHARED_BY, int(people * FEWEST_SHARED))
            found = [Feature(kind) for kind in GENERAL]
            found += [Feature(FeatureKind.EVENT, name) for name, _ in _common(connection, _DONE, least, MOST_EVENTS)]
            for name in names[0]:
                found += _features(connection, "e", name, least, FeatureKind.EVENT_VALUE, FeatureKind.EVENT_NUMBER)
            for name in names[1]:
                found += _features(connection, "u", name, least, FeatureKind.USER_VALUE, FeatureKind.USER_NUMBER)
        return tuple(found), people * of

    def people(self, period: Period, features: Sequence[Feature], taken: Taken) -> Iterator[pa.RecordBatch]:
        """The people of a sample, in the order of their keys: `inside`, `before`, `fold`, and a column `f0`, `f1`, ... for each feature."""
        chosen = f"CASE WHEN who IN (FROM seed) THEN {LOT} < {taken.inside} ELSE {LOT} < {taken.outside} END"
        with self._session("reading what people did") as connection:
            _seed(connection, taken.seed)
            _seed(connection, taken.before, "earlier")
            select = f"SELECT who IN (FROM seed) AS inside, who IN (FROM earlier) AS before, {FOLD} AS fold, {_columns(features)}"
            for _ in self._shares(connection, period, features, named=False):
                query = f"{select} FROM ({_grouped(period, features, f'WHERE {chosen}')}) ORDER BY who"
                yield from connection.sql(query).to_arrow_reader(ROWS)

    def others(self, period: Period, features: Sequence[Feature], seed: Path, *, named: bool) -> Iterator[pa.RecordBatch]:
        """Everybody but the members of a seed, in no particular order: `member`, `person` where they are `named`, and the features."""
        with self._session("reading what people did") as connection:
            _seed(connection, seed)
            person = ", person" if named else ""
            for _ in self._shares(connection, period, features, named=named):
                rows = _grouped(period, features, "WHERE who NOT IN (FROM seed)", named=named)
                yield from connection.sql(f"SELECT who::BLOB AS member{person}, {_columns(features)} FROM ({rows})").to_arrow_reader(ROWS)

    def _shares(self, connection: duckdb.DuckDBPyConnection, period: Period, features: Sequence[Feature], *, named: bool) -> Iterator[int]:
        """Show share after share of the people as `events`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        shares = Shares(connection, self._view(period, features), self._folder / "behaviour.lent")
        yield from shares.each(SHARE_ROWS, named=named)

    def _view(self, period: Period, features: Sequence[Feature]) -> EventView:
        event = sorted({each.name for each in features if each.kind in {FeatureKind.EVENT_VALUE, FeatureKind.EVENT_NUMBER}})
        user = sorted({each.name for each in features if each.kind in {FeatureKind.USER_VALUE, FeatureKind.USER_NUMBER}})
        return self._events.view(self._project, event, user, period.until)

    @contextmanager
    def _session(self, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with connect(self._bounds) as connection:
                yield connection
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise EngineError(f"{what} failed: {told_of(error)}") from None


def _grouped(period: Period, features: Sequence[Feature], where: str, *, named: bool = False) -> str:
    """A SELECT of one row a person: `who` and what the features need, `c0`, `c1`, ...; those alone who did anything that counts."""
    needed = ", ".join(f"{_aggregate(each, period)} AS c{place}" for place, each in enumerate(features))
    person = ", any_value(person) AS person" if named else ""
    return f"""SELECT who{person}, {needed} FROM (SELECT *, {period.counts()} AS counts FROM {EVENTS} {where})
        GROUP BY who HAVING bool_or(counts)"""


def _aggregate(feature: Feature, period: Period) -> str:  # noqa: PLR0911 - one answer a kind of feature
    event, user = quoted(f"e:{feature.name}"), quoted(f"u:{feature.name}")
    match feature.kind:
        case FeatureKind.EVENTS:
            return "count(*) FILTER (WHERE counts)"
        case FeatureKind.DAYS_ACTIVE:
            return "count(DISTINCT time::DATE) FILTER (WHERE counts)"
        case FeatureKind.KINDS:
            return "count(DISTINCT event_type) FILTER (WHERE counts)"
        case FeatureKind.SINCE_LAST | FeatureKind.SINCE_FIRST:
            edge = "max" if feature.kind is FeatureKind.SINCE_LAST else "min"
            return f"epoch(TIMESTAMP '{utc(period.until)}' - {edge}(time) FILTER (WHERE counts)) / 86400"
        case FeatureKind.EVENT:
            return f"count(*) FILTER (WHERE counts AND event_type = {literal(feature.name)})"
        case FeatureKind.EVENT_VALUE:
            return f"count(*) FILTER (WHERE counts AND {event} = {literal(feature.value)})"
        case FeatureKind.EVENT_NUMBER:
            return f"max({_number(event)}) FILTER (WHERE counts)"
        case FeatureKind.USER_VALUE | FeatureKind.USER_NUMBER:
            said = f"{{'at': time, 'there': {user} IS NOT NULL, 'value': {user}}}"
            return f"struct_extract(max(CASE WHEN {quoted(f's:{feature.name}')} THEN {said} END), 'value')"


def _columns(features: Sequence[Feature]) -> str:
    return ", ".join(f"{_value(each, f'c{place}')}::DOUBLE AS f{place}" for place, each in enumerate(features))


def _value(feature: Feature, column: str) -> str:
    if feature.kind is FeatureKind.USER_VALUE:
        return f"coalesce({column} = {literal(feature.value)}, false)"
    return _number(column) if feature.kind is FeatureKind.USER_NUMBER else column


def _number(text: str) -> str:
    return f"CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END"


def _features(
    connection: duckdb.DuckDBPyConnection, side: str, name: str, least: int, value: FeatureKind, number: FeatureKind
) -> list[Feature]:
    """What a property gives: one number, or whether each of its common values is there."""
    column = quoted(f"{side}:{name}")
    there, different, numbers, people = _row(
        connection,
        f"SELECT count({column}), count(DISTINCT {column}), count({_number(column)}), "
        f"count(DISTINCT who) FILTER (WHERE {column} IS NOT NULL) FROM seen",
    )
    if people < least:
        return []
    if different > DIFFERENT_NUMBERS and numbers >= SHARE_OF_NUMBERS * there:
        return [Feature(number, name)]
    return [Feature(value, name, common) for common, _ in _common(connection, column, least, MOST_VALUES)]


def _common(connection: duckdb.DuckDBPyConnection, column: str, least: int, most: int) -> list[tuple[str, int]]:
    """The values that most people have, with how many those are."""
    return connection.execute(
        f"SELECT {column}, count(DISTINCT who) AS people FROM seen WHERE {column} <> '' AND strlen({column}) <= {LONGEST_VALUE} "
        f"GROUP BY 1 HAVING people >= {least} ORDER BY 2 DESC, 1 LIMIT {most}"
    ).fetchall()


def _apart(names: Any) -> list[str]:
    """A bounded number of names, of which no two differ only in capital letters."""
    chosen: dict[str, str] = {}
    for name in sorted(names):
        chosen.setdefault(name.lower(), name)
    return list(chosen.values())[:MOST_PROPERTIES]


def _seed(connection: duckdb.DuckDBPyConnection, seed: Path, table: str = "seed") -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT DISTINCT member::UUID AS who FROM read_parquet({literal(seed)})")


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
