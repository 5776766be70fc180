"""What the people of a project did before an instant, by their number; loaded when it is first asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from sqlglot import exp

from tradewind.cohorts.clauses.form import EVENTS, deed
from tradewind.compute import literal, quoted
from tradewind.engines import sql
from tradewind.engines.bits import Bits, everybody
from tradewind.engines.duckdb import DuckDBDialect
from tradewind.engines.usable import Usable
from tradewind.events.manifest import utc
from tradewind.events.people import EventView
from tradewind.events.quoting import text_list
from tradewind.events.relation import WHOLE
from tradewind.model.identifier import IdentityMap
from tradewind.model.snapshot import Wanted

TABLES = 64
"""Tables of one project that are kept: one for each event type with the properties asked of it, and one for each user property."""

MAPS = 2
"""Identity maps whose findings are kept for one project: some 20 bytes a person each."""

HELD = 64 << 20
"""Bytes of sets of people that are kept for one project."""


class Warm:
    """People with a number each, and what they did, for every instant at which the same events count.

    Tables, within a schema of their own: `people` (n, who, person); `keys` (key, n), by which the events of a file find their
    person; and `moved` (device_key, time, n), the events of devices that had several users.
    """

    def __init__(self, duck: duckdb.DuckDBPyConnection, schema: str, events: EventView, as_of: datetime) -> None:
        """Read who is who; `events` are all files of the project. Takes seconds for ten million events."""
        self.duck, self.schema, self.files = duck, schema, events.files
        self._events = replace(events, event_properties=(), user_properties=(), before=as_of)
        self._until = _next(duck, events, as_of)
        duck.execute(f"CREATE SCHEMA {schema}")
        self._newest = self._number_people()
        (self.people,) = duck.execute(f"SELECT count(*) FROM {schema}.people").fetchall()[0]
        (self._moved,) = duck.execute(f"SELECT count(*) FROM {schema}.moved").fetchall()[0]
        self.everybody = everybody(self.people)
        self._tables: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._named = 0
        self.sets: OrderedDict[object, Bits] = OrderedDict()
        self._usable: OrderedDict[IdentityMap, Usable] = OrderedDict()

    def fits(self, events: EventView, as_of: datetime) -> bool:
        """Whether exactly the same events count at another instant, in the files there are now."""
        moment = utc(as_of)
        after = self._newest is None or self._newest < moment
        return self.files == events.files and after and (self._until is None or moment <= self._until)

    def deeds(self, event: str, properties: tuple[str, ...]) -> str:
        """The table of all events of a type: n, time, and `e:<name>` for each property."""
        key = ("event", event, *properties)
        columns = ", ".join(["time", *(quoted(f"e:{name}") for name in properties)])
        return self._table(key, self._rows(replace(self._events, event_properties=properties), columns, f"event_type = {literal(event)}"))

    def everything(self, properties: tuple[str, ...], *, typed: bool) -> str:
        """The table of all that people did: n, time, `e:<name>` for each property, and event_type where it is `typed`, else ''."""
        names = ["event_type" if typed else "'' AS event_type", "time", *(quoted(f"e:{name}") for name in properties)]
        done = deed(exp.column("event_type")).sql("duckdb")
        rows = self._rows(replace(self._events, event_properties=properties), ", ".join(names), done)
        return self._table(("all", str(typed), *properties), rows)

    def told(self, name: str) -> str:
        """The table of what events state of a user property: n, time, `u:<name>` and `s:<name>`, which is true."""
        columns = f"time, {quoted(f'u:{name}')}, TRUE AS {quoted(f's:{name}')}"
        return self._table(("told", name), self._rows(replace(self._events, user_properties=(name,)), columns, quoted(f"s:{name}")))

    def said(self, name: str, latest: str) -> str:
        """The table of a user property: n and value, of who has one; `latest` is the aggregate over value and last that finds it."""
        column, events = quoted(f"user.{name}"), replace(self._events, user_properties=(name,))
        rows = self._rows(events, f"{column} AS value, time", quoted(f"s:{name}"))
        different = f"SELECT n, value, max(time) AS last FROM ({rows}) GROUP BY n, value"
        found = f"SELECT n, {latest} AS {column} FROM ({different}) GROUP BY n"
        return self._table(("user", name), f"SELECT n, {events.text(name)} AS value FROM ({found}) WHERE {column} IS NOT NULL")

    def usable(self, identity: IdentityMap, wanted: Sequence[Wanted], folder: Path) -> Usable:
        """What an identity map finds of everybody; `folder` is for the work of it, which stays there until the folder goes."""
        if identity not in self._usable:
            event, user = sql.properties(wanted)
            relation = replace(self._events, event_properties=event, user_properties=user).relation()
            self.duck.execute(f"CREATE OR REPLACE TEMP VIEW {EVENTS} AS {relation}")
            self.duck.execute(f"CREATE OR REPLACE TEMP VIEW {sql.MEMBERS} AS SELECT n AS member, who, person FROM {self.schema}.people")
            snapshot, select = folder / "everybody.parquet", sql.with_columns(wanted, DuckDBDialect(), most=True).sql("duckdb")
            self.duck.execute(f"COPY ({select}) TO {literal(snapshot)} (FORMAT parquet, COMPRESSION uncompressed)")
            self._named += 1
            self._usable[identity] = Usable(self.duck, f"{self.schema}.i{self._named}", snapshot, identity)
            if len(self._usable) > MAPS:
                self._usable.popitem(last=False)[1].drop()
        self._usable.move_to_end(identity)
        return self._usable[identity]

    def keep(self, key: object, bits: Bits) -> Bits:
        """Keep a set of people for the next question; the one that was asked for longest ago makes room."""
        self.sets[key] = bits
        while len(self.sets) > max(8, HELD // (len(bits) + 1)):
            self.sets.popitem(last=False)
        return bits

    def drop(self) -> None:
        """Give everything back."""
        self.sets.clear()
        self._usable.clear()
        self.duck.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")

    def _table(self, key: tuple[str, ...], select: str) -> str:
        """The table of a SELECT, made when it is asked for the first time."""
        if key in self._tables:
            self._tables.move_to_end(key)
            return self._tables[key]
        self._named += 1
        name = f"{self.schema}.t{self._named}"
        self.duck.execute(f"CREATE TABLE {name} AS {select}")
        self._tables[key] = name
        if len(self._tables) > TABLES:
            self.duck.execute(f"DROP TABLE {self._tables.popitem(last=False)[1]}")
        return name

    def _rows(self, events: EventView, columns: str, condition: str) -> str:
        """Events that meet a condition, with the number of their person."""
        stored = f"(SELECT * FROM ({events.stored()}) WHERE {condition}) AS event"
        own = f"SELECT n, {columns} FROM {stored} JOIN {self.schema}.keys ON key = event.who"
        if not self._moved:
            return own
        moved = f"SELECT n, {columns} FROM {stored} JOIN {self.schema}.moved USING (device_key, time) WHERE event.user_id IS NULL"
        return f"{own} UNION ALL {moved}"

    def _number_people(self) -> datetime | None:
        """Fill the three tables; the time of the newest event."""
        run, schema = self.duck.execute, self.schema
        run(f"CREATE TABLE {schema}.lent AS SELECT DISTINCT device_key, time, who, person FROM ({self._events.lent(named=True)})")
        own = self._events.own(WHOLE, f"{schema}.lent")
        run(f"CREATE TABLE {schema}.found AS SELECT who, any_value(person) AS person, max(time) AS newest FROM ({own}) GROUP BY who")
        (newest,) = run(f"SELECT max(newest) FROM {schema}.found").fetchall()[0]
        numbered = f"SELECT (row_number() OVER () - 1)::UINTEGER AS n, who, person FROM {schema}.found"
        run(f"CREATE TABLE {schema}.people AS {numbered}")
        lender = f"SELECT device_key, min(who) AS who, max(who) AS other FROM {schema}.lent GROUP BY device_key"
        run(f"CREATE TABLE {schema}.lender AS {lender}")
        run(
            f"CREATE TABLE {schema}.keys AS SELECT who AS key, n FROM {schema}.people"
            f" UNION ALL SELECT device_key, n FROM {schema}.lender JOIN {schema}.people USING (who) WHERE who = other"
        )
        several = f"SELECT device_key FROM {schema}.lender WHERE who <> other"
        run(
            f"CREATE TABLE {schema}.moved AS SELECT device_key, time, n FROM {schema}.lent JOIN {schema}.people USING (who)"
            f" WHERE device_key IN ({several})"
        )
        for table in ("lent", "found", "lender"):
            run(f"DROP TABLE {schema}.{table}")
        return newest if isinstance(newest, datetime) else None


def _next(duck: duckdb.DuckDBPyConnection, events: EventView, as_of: datetime) -> datetime | None:
    """The time (naive, UTC) of the first event that does not count yet; None where all do."""
    moment = as_of.astimezone(UTC).replace(tzinfo=None)
    later = [str(file.path) for file in events.files if file.max_time >= moment]
    if not later:
        return None
    (found,) = duck.execute(f"SELECT min(time) FROM read_parquet({text_list(later)}) WHERE time >= ?", [moment]).fetchall()[0]
    return found if isinstance(found, datetime) else None
