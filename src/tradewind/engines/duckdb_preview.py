"""Previews in DuckDB: each clause is asked once and kept as a bit for each person; the rest is arithmetic on bits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, FIRST, PERSON, WHO, Facts, quoted
from tradewind.cohorts.clauses.registry import form_of
from tradewind.cohorts.clauses.sample import drawn
from tradewind.cohorts.comparing import HOLDS
from tradewind.cohorts.compile import compile_rule
from tradewind.cohorts.operators import condition, meets_nothing
from tradewind.cohorts.rules import leaves
from tradewind.cohorts.windows import bounds, parts, zone_of
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.engines import bits
from tradewind.engines.bits import Bits
from tradewind.engines.duckdb import SETTINGS, DuckDBDialect
from tradewind.engines.preview import Asked, Clause, Node, Overlap, Sizes, Through, Turn
from tradewind.engines.shares import KEY, EventTable
from tradewind.engines.warm import Warm
from tradewind.errors import EngineError
from tradewind.model.cohort import (
    ANY_EVENT,
    AT_LEAST_ONCE,
    All,
    AnyOf,
    Did,
    FirstUse,
    Inactive,
    InCohort,
    New,
    Not,
    Returned,
    Rule,
    Sample,
    Told,
    UserProperty,
)
from tradewind.model.identifier import Resolution

PROJECTS = 4
"""Projects whose people are held at once."""

ROWS = 1_000_000
"""Events that are counted at a time."""

_DIALECT = DuckDBDialect()

Numbers = npt.NDArray[np.intp]


class DuckDBPreviews:
    """Answers one question after another; holds the people of the projects it was asked about last, within `bounds`."""

    def __init__(self, events: EventTable, bounds: Bounds) -> None:
        self._events, self._bounds, self._lock = events, bounds, threading.Lock()
        self._duck: duckdb.DuckDBPyConnection | None = None
        self._warm: OrderedDict[str, Warm] = OrderedDict()
        self._made = 0

    def sizes(self, asked: Asked, turn: Turn) -> Sizes:
        with self._session(turn) as session:
            people = _People(_Room(session, self._warmed(asked), [asked]), asked)
            universe = people.universe(asked.rule)
            who = _node(people, asked.rule, universe)
            return Sizes(who.members, bits.count(universe), who)

    def overlap(self, this: Asked, that: Asked, turn: Turn) -> Overlap:
        with self._session(turn) as session:
            room = _Room(session, self._warmed(this), [this, that])
            one, other = (_People(room, each).members(each.rule) for each in (this, that))
            return Overlap(bits.count(one & other), bits.count(one & ~other), bits.count(other & ~one))

    def sample(self, asked: Asked, limit: int, turn: Turn) -> tuple[str, ...]:
        with self._session(turn) as session:
            people = _People(_Room(session, self._warmed(asked), [asked]), asked)
            return people.room.named(people.members(asked.rule), limit)

    def why(self, asked: Asked, person: str, turn: Turn) -> Clause | None:
        with self._session(turn) as session:
            people = _People(_Room(session, self._warmed(asked), [asked]), asked)
            place = people.room.place(person)
            return None if place is None else _clause(people, asked.rule, place)

    def identifiers(self, asked: Asked, through: Through, turn: Turn) -> Resolution | None:
        with self._session(turn) as session:
            warm = self._warmed(asked)
            people = _People(_Room(session, warm, [asked]), asked)
            found = people.members(asked.rule)
            if found[people.room.begin :].any():
                return None
            usable = warm.usable(through.identity, through.wanted, through.folder)
            turn.check()
            return usable.account(bits.flags(found, warm.people), through.sieve)

    def close(self) -> None:
        with self._lock:
            self._warm.clear()
            if self._duck is not None:
                self._duck.close()
                self._duck = None

    @contextmanager
    def _session(self, turn: Turn) -> Iterator[_Session]:
        """One question at a time; the failure of its DuckDB is told in one sentence, without the statement."""
        with self._lock:
            turn.check()
            try:
                if self._duck is None:
                    self._duck = connect(self._bounds, SETTINGS)
                with self._duck.cursor() as cursor:
                    yield _Session(cursor, turn)
            except (duckdb.Error, OSError) as error:
                turn.check()
                raise EngineError(f"the preview failed: {told_of(error)}") from None

    def _warmed(self, asked: Asked) -> Warm:
        """The people of the project at the instant: held, or read now. Nothing breaks this off: the next question needs them too."""
        assert self._duck is not None
        project, events = asked.project.id, self._events.view(asked.project.id, (), (), None)
        held = self._warm.get(project)
        if held and held.fits(events, asked.as_of):
            self._warm.move_to_end(project)
            return held
        if held:
            self._warm.pop(project).drop()
        self._made += 1
        schema = f"p{self._made}"
        try:
            self._warm[project] = Warm(self._duck, schema, events, asked.as_of)
        except BaseException:
            self._duck.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            raise
        while len(self._warm) > PROJECTS:
            self._warm.popitem(last=False)[1].drop()
        return self._warm[project]


class _Session:
    """The DuckDB of one question, which its turn may break off."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, turn: Turn) -> None:
        self.cursor, self._turn = cursor, turn

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """A few rows."""
        with self._turn.breaking(self.cursor.interrupt):
            return self.cursor.execute(query).fetchall()

    def numbers(self, query: str) -> Iterator[Numbers]:
        """The one column of a SELECT, as whole numbers, part by part."""
        with self._turn.breaking(self.cursor.interrupt):
            for batch in self.cursor.sql(query).to_arrow_reader(ROWS):
                yield batch.column(0).to_numpy().astype(np.intp)


class _Room:
    """Everybody a question is about: the people of the events, and after them those whom only a file of members names.

    A set of them is the bits of the former, in whole bytes, and then the bits of the latter.
    """

    def __init__(self, session: _Session, warm: Warm, questions: Sequence[Asked]) -> None:
        self.session, self.warm = session, warm
        paths = [answer for each in questions for answer in each.nested.values() if isinstance(answer, Path)]
        self._files = {path: f"file{number}" for number, path in enumerate(dict.fromkeys(paths))}
        self.begin = len(warm.everybody)
        self.others = self._read_files() if self._files else 0
        self.all = np.concatenate([warm.everybody, bits.everybody(self.others)])

    def listed(self, path: Path) -> Bits:
        """The members that a file names."""
        parts = []
        for table, people in ((f"{self.warm.schema}.people", self.warm.people), ("others", self.others)):
            flags = np.zeros(people, np.bool_)
            for part in self.session.numbers(f"SELECT n FROM {self._files[path]} JOIN {table} USING (who)"):
                flags[part] = True
            parts.append(bits.packed(flags))
        return np.concatenate(parts)

    def named(self, found: Bits, limit: int) -> tuple[str, ...]:
        """The first of a set, in the order of persons."""
        names: list[str] = []
        known, others = found[: self.begin], found[self.begin :]
        for table, part, people in ((f"{self.warm.schema}.people", known, self.warm.people), ("others", others, self.others)):
            places = np.flatnonzero(bits.flags(part, people)).astype(np.uint32)
            if len(places):
                self.session.cursor.register("chosen", pa.table({"n": places}))
                rows = self.session.rows(f"SELECT person FROM {table} JOIN chosen USING (n) ORDER BY person LIMIT {limit}")
                names += [str(person) for (person,) in rows]
        return tuple(sorted(names)[:limit])

    def place(self, person: str) -> int | None:
        """The bit of a person; None for somebody of whom nothing is known."""
        places = [(f"{self.warm.schema}.people", 0), ("others", self.begin * 8)]
        for table, begin in places if self._files else places[:1]:
            for (n,) in self.session.rows(f"SELECT n FROM {table} WHERE person = {literal(person)}"):
                return begin + int(str(n))
        return None

    def _read_files(self) -> int:
        """Name the members of each file, and number those of whom there is no event; how many these are."""
        for path, table in self._files.items():
            self.session.rows(f"CREATE TEMP TABLE {table} AS SELECT DISTINCT {KEY}, person FROM read_parquet({literal(path)})")
        everyone = " UNION ".join(f"FROM {table}" for table in self._files.values())
        known = f"SELECT who FROM {self.warm.schema}.people"
        self.session.rows(
            "CREATE TEMP TABLE others AS SELECT row_number() OVER () - 1 AS n, who, person"
            f" FROM (SELECT who, any_value(person) AS person FROM ({everyone}) WHERE who NOT IN ({known}) GROUP BY who)"
        )
        ((found,),) = self.session.rows("SELECT count(*) FROM others")
        return int(str(found))


class _People:
    """For whom of a room each rule of one question holds."""

    def __init__(self, room: _Room, asked: Asked) -> None:
        self.room, self.asked, self._session, self._warm = room, asked, room.session, room.warm
        self._cohorts: dict[str, Bits] = {}

    def universe(self, rule: Rule) -> Bits:
        """Whom a rule can speak of: everybody with an event, and the members of the cohorts it names."""
        found = np.concatenate([self._warm.everybody, np.zeros(len(self.room.all) - self.room.begin, np.uint8)])
        for clause in leaves(rule):
            if isinstance(clause, InCohort):
                found = found | self.holds(clause)
        return found

    def members(self, rule: Rule) -> Bits:
        """Who belongs."""
        return self.holds(rule) & self.universe(rule)

    def holds(self, rule: Rule) -> Bits:
        """For whom of all a rule holds."""
        match rule:
            case All(rules):
                return reduce(np.bitwise_and, map(self.holds, rules))
            case AnyOf(rules):
                return reduce(np.bitwise_or, map(self.holds, rules))
            case Not(part):
                return self.room.all & ~self.holds(part)
            case InCohort():
                return self._cohort(rule)
            case Sample():
                return self._drawn(rule)
            case _:
                return self._clause(rule)

    def _clause(self, clause: Rule) -> Bits:
        """Kept as long as the same events count; those who did nothing and said nothing are alike."""
        key = (clause, self._asked_at(clause))
        held = self._warm.sets.get(key)
        if held is None:
            found = self._done(clause) if _plain(clause) else self._said(clause) if _now(clause) else self._found(clause)
            held = self._warm.keep(key, bits.packed(found))
        self._warm.sets.move_to_end(key)
        if not self.room.others:
            return held
        return np.concatenate([held, bits.packed(np.full(self.room.others, self._idle(clause)))])

    def _idle(self, clause: Rule) -> bool:
        """Whether it holds of those who did nothing and said nothing."""
        if isinstance(clause, UserProperty) and clause.told is not Told.EVER:
            return meets_nothing(clause.operator, clause.values)
        if isinstance(clause, Did) and clause.window and clause.each:
            return bool(form_of(clause).idle(clause) and parts(clause.window, clause.each, self.asked.as_of, self.asked.project.zone))
        return bool(form_of(clause).idle(clause))

    def _asked_at(self, clause: Rule) -> object:
        """What of the instant an answer hangs on: where its windows begin and end, and, of those that end with it, the day."""
        if isinstance(clause, UserProperty) and clause.window is None:
            return None
        begin, end = bounds(getattr(clause, "window", None), self.asked.as_of, self.asked.project.zone)
        today = None if _plain(clause) else self.asked.as_of.astimezone(zone_of(self.asked.project.zone)).date()
        return begin, None if end == self.asked.as_of else end, today

    def _found(self, clause: Rule) -> bits.Flags:
        """Any clause, as the engine asks it, over the events that matter to it."""
        idle = self._idle(clause)
        with self._events(clause):
            compiled = compile_rule(Not(clause) if idle else clause, self.asked.as_of, self.asked.project.zone, _DIALECT, {})
            flags = np.full(self._warm.people, idle)
            for part in self._session.numbers(f"SELECT {WHO} FROM ({compiled.sql('duckdb')})"):
                flags[part] = not idle
        return flags

    @contextmanager
    def _events(self, clause: Rule) -> Iterator[Facts]:
        """Show the events that matter to a clause as `events`, each person by number; gives what was asked of them."""
        facts = Facts(self.asked.as_of, self.asked.project.zone, _DIALECT, {})
        form_of(clause).verdict(clause, facts)
        form_of(clause).moments(clause, facts)
        event, user = (tuple(sorted(names)) for names in form_of(clause).properties(clause))
        if user:
            told = self._warm.told(user[0])
            shown = [f"SELECT n AS {WHO}, NULL AS {PERSON}, NULL AS event_type, * EXCLUDE (n) FROM {told}"]
        elif facts.types is None:
            shown = [f"SELECT n AS {WHO}, NULL AS {PERSON}, * EXCLUDE (n) FROM {self._warm.everything(event, typed=not _of_any(clause))}"]
        else:
            tables = [(literal(name), self._warm.deeds(name, event)) for name in sorted(facts.types)]
            shown = [f"SELECT n AS {WHO}, NULL AS {PERSON}, {name} AS event_type, * EXCLUDE (n) FROM {table}" for name, table in tables]
        if facts.first_use and (user or facts.types is not None):
            times = self._warm.everything((), typed=False)
            shown.append(f"SELECT n AS {WHO}, NULL AS {PERSON}, '' AS event_type, time FROM {times}")
        self._session.rows(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {' UNION ALL BY NAME '.join(shown)}")
        yield facts

    def _drawn(self, clause: Sample) -> Bits:
        """Of everybody, also of those of whom there is no event."""
        facts = Facts(self.asked.as_of, self.asked.project.zone, _DIALECT, {})
        condition = drawn(exp.column(WHO), clause, facts).sql("duckdb")
        tables = [(f"{self._warm.schema}.people", self._warm.people), *([("others", self.room.others)] if self.room.others else [])]
        found = []
        for table, people in tables:
            flags = np.zeros(people, np.bool_)
            for part in self._session.numbers(f"SELECT n FROM {table} WHERE {condition}"):
                flags[part] = True
            found.append(bits.packed(flags))
        return np.concatenate(found)

    def _done(self, clause: Rule) -> bits.Flags:
        assert isinstance(clause, Did), "only deeds are plain"
        query = f"SELECT n FROM {self._deeds(clause)} WHERE {self._counts(clause)}"
        if clause.count == AT_LEAST_ONCE:
            flags = np.zeros(self._warm.people, np.bool_)
            for part in self._session.numbers(query):
                flags[part] = True
            return flags
        times = np.zeros(self._warm.people, np.uint32)
        for part in _gathered(self._session.numbers(query), self._warm.people):
            times += np.bincount(part, minlength=len(times)).astype(np.uint32)
        return np.asarray(HOLDS[clause.count.comparison](times, clause.count.number), np.bool_)

    def _said(self, clause: Rule) -> bits.Flags:
        assert isinstance(clause, UserProperty), "only properties are said now"
        table = self.said(clause.property)
        meets = condition(exp.column("value"), clause.operator, clause.values, _DIALECT).sql("duckdb")
        idle = meets_nothing(clause.operator, clause.values)
        flags = np.full(self._warm.people, idle)
        for part in self._session.numbers(f"SELECT n FROM {table} WHERE {f'NOT ({meets})' if idle else meets}"):
            flags[part] = not idle
        return flags

    def said(self, name: str) -> str:
        """The table of the latest values of a user property."""
        latest = _DIALECT.latest(exp.column("value"), exp.column("last"), exp.true())
        return self._warm.said(name, latest.sql("duckdb"))

    def _deeds(self, clause: Did) -> str:
        return self._warm.deeds(clause.event, tuple(sorted({part.property for part in clause.where})))

    def _bounds(self, clause: Did) -> tuple[datetime | None, datetime | None]:
        """From when and until when a deed counts; None where all events that there are count."""
        begin, end = bounds(clause.window, self.asked.as_of, self.asked.project.zone)
        return begin, None if end == self.asked.as_of else end

    def _counts(self, clause: Did) -> str:
        """Whether a row of the table of its events counts for a clause."""
        begin, end = self._bounds(clause)
        conditions = [condition(quoted(f"e:{part.property}"), part.operator, part.values, _DIALECT) for part in clause.where]
        if begin is not None:
            conditions.append(exp.GTE(this=exp.column("time"), expression=_DIALECT.instant(begin)))
        if end is not None:
            conditions.append(exp.LT(this=exp.column("time"), expression=_DIALECT.instant(end)))
        return exp.and_(exp.true(), *conditions).sql("duckdb")

    def _cohort(self, clause: InCohort) -> Bits:
        if clause.cohort not in self._cohorts:
            answer = self.asked.answer(clause)
            self._cohorts[clause.cohort] = self.room.listed(answer) if isinstance(answer, Path) else self.members(answer)
        return self._cohorts[clause.cohort]

    def counted(self, clause: Did, place: int) -> tuple[int, datetime | None]:
        """How often somebody did what a clause looks for, and when last."""
        with self._events(clause) as facts:
            done = facts.done(clause.event, clause.where, facts.span(clause.window)).sql("duckdb")
            own = f"SELECT *, min(time) OVER () AS {FIRST} FROM {EVENTS} WHERE {WHO} = {place}"
            ((times, last),) = self._session.rows(f"SELECT count(*), max(time) FROM ({own}) WHERE {done}")
        return int(str(times)), last.replace(tzinfo=UTC) if isinstance(last, datetime) else None

    def value(self, clause: UserProperty, place: int) -> str | None:
        """What somebody said last of a user property."""
        rows = self._session.rows(f"SELECT value FROM {self.said(clause.property)} WHERE n = {place}")
        return str(rows[0][0]) if rows else None


def _plain(clause: Rule) -> bool:
    """Whether it only asks how often something was done in a window that is the same for everybody."""
    return (
        isinstance(clause, Did)
        and clause == Did(clause.event, clause.where, clause.count, clause.window)
        and clause.event != ANY_EVENT
        and not isinstance(clause.window, FirstUse)
    )


def _now(clause: Rule) -> bool:
    return isinstance(clause, UserProperty) and clause.told is Told.NOW


def _of_any(clause: Rule) -> bool:
    """Whether the types of events do not matter to it."""
    return isinstance(clause, New | Inactive | Returned | Did)


def _gathered(parts: Iterator[Numbers], rows: int) -> Iterator[Numbers]:
    """The same numbers in parts of at least so many: each part is counted over everybody."""
    held: list[Numbers] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= rows:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _node(people: _People, rule: Rule, universe: Bits, after: Bits | None = None) -> Node:
    """A rule with its sizes; `after` is what is left of it and those before it."""
    found = people.holds(rule) & universe
    parts: list[Node] = []
    running: Bits | None = None
    for part in _parts(rule):
        mine = people.holds(part) & universe
        running = mine if running is None else running | mine if isinstance(rule, AnyOf) else running & mine
        parts.append(_node(people, part, universe, running))
    return Node(rule, bits.count(found), bits.count(found if after is None else after), tuple(parts))


def _clause(people: _People, rule: Rule, place: int) -> Clause:
    holds = bits.holds(people.holds(rule), place)
    match rule:
        case Did():
            times, last = people.counted(rule, place)
            return Clause(rule, holds, times, last)
        case UserProperty(told=Told.NOW):
            return Clause(rule, holds, value=people.value(rule, place))
        case _:
            return Clause(rule, holds, parts=tuple(_clause(people, part, place) for part in _parts(rule)))


def _parts(rule: Rule) -> tuple[Rule, ...]:
    return rule.rules if isinstance(rule, All | AnyOf) else (rule.rule,) if isinstance(rule, Not) else ()
