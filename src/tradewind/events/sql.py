"""The tables of the event store: which files hold the events, which sources were read, and what each import did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, Transaction, metadata
from tradewind.errors import Bug
from tradewind.events.kinds import changed
from tradewind.events.manifest import Columns, FileRow, HourRow, ImportRow, SourceRow, links_beside, utc

ENOUGH = 10_000
"""Events among which a property that one in a hundred has would be met."""

AT_ONCE = 500
"""Names in one statement."""

_KINDS = ', "kinds": {'
"""Where the names end in what an import says of its properties; within a name each quote has a backslash before it."""

_AS_READ = {"yield_per": 50}
"""Of an answer that is read until there is enough, so many rows are fetched at a time."""

event_import = sa.Table(
    "event_import",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime, nullable=False),
    sa.Column("events_read", sa.BigInteger, nullable=False),
    sa.Column("events_new", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("not_applied", sa.BigInteger, nullable=False),
    sa.Column("refused_files", sa.BigInteger, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),
    sa.Index("imports_by_their_end", "project", "finished_at"),
)
"""One row per import, also of one that broke off. `properties` is JSON: the names met on events and on users, and of which kinds the
values of those in use are; `refused_files` were given and left nothing."""

event_source = sa.Table(
    "event_source",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("import_id", sa.String, nullable=False),
)
"""One row per input file ever imported, by the SHA-256 of its bytes."""

event_file = sa.Table(
    "event_file",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("min_time", sa.DateTime, nullable=False),
    sa.Column("max_time", sa.DateTime, nullable=False),
    sa.Column("import_id", sa.String, nullable=False),
    sa.Column("columns", sa.Text, nullable=False),
    sa.Column("replaced_at", sa.DateTime, nullable=True),
)
"""One row per Parquet file; a file without a row does not exist. `path` is relative to the home folder. One with `replaced_at` stays for
those who are reading it: another holds its events, and `import_id` of that one is the oldest of theirs."""


event_hour = sa.Table(
    "event_hour",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("hour", sa.DateTime, primary_key=True),
    sa.Column("import_id", sa.String, nullable=True),
)
"""One row per hour pulled from a source, by its begin in UTC; no import where the hour had no event."""


def select_files(database: Database, project: str, before: datetime | None = None) -> list[FileRow]:
    """The project's files in order of time; those with an event before an instant, if one is given."""
    query = sa.select(event_file).where(event_file.c.project == project, event_file.c.replaced_at.is_(None))
    if before is not None:
        query = query.where(event_file.c.min_time < utc(before))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(event_file.c.min_time, event_file.c.path)).all()
    return [FileRow(row.path, row.month, row.rows, row.bytes, row.min_time, row.max_time, _columns(row.columns)) for row in rows]


def select_paths(database: Database, project: str) -> set[str]:
    """The paths of all files that rows name, also of those that were replaced."""
    with database.reading() as connection:
        return set(connection.execute(sa.select(event_file.c.path).where(event_file.c.project == project)).scalars())


def named(db: Transaction, table: sa.Table) -> list[str]:
    """Every file that rows of this table name and that was not replaced, and the links beside it."""
    found: list[str] = []
    for row in db.execute(sa.select(table.c.path, table.c.columns).where(table.c.replaced_at.is_(None))):
        found += [row.path, *([str(links_beside(Path(row.path)))] if _columns(row.columns).links else [])]
    return found


def select_replaced(database: Database, project: str, until: datetime) -> list[str]:
    """The paths of files that were replaced by an instant, the longest ago first."""
    query = sa.select(event_file.c.path).where(event_file.c.project == project, event_file.c.replaced_at <= utc(until))
    with database.reading() as connection:
        return list(connection.execute(query.order_by(event_file.c.replaced_at, event_file.c.path)).scalars())


def replace_files(database: Database, project: str, old: Sequence[FileRow], new: FileRow, now: datetime) -> None:
    """Name a file that holds the events of others in their place, all in one transaction."""
    imports: list[str] = []
    with database.transaction() as connection:
        for some in _in_parts([file.path for file in old]):
            among = (event_file.c.project == project, event_file.c.path.in_(some), event_file.c.replaced_at.is_(None))
            imports += connection.execute(sa.select(event_file.c.import_id).where(*among)).scalars()
            connection.execute(event_file.update().where(*among).values(replaced_at=utc(now)))
        if len(imports) != len(old):
            raise Bug(f"files of project {project} were replaced by two at once")
        stamp = {"project": project, "import_id": min(imports)}
        connection.execute(event_file.insert(), asdict(new) | stamp | {"columns": _text(new.columns)})


def delete_files(database: Database, project: str, paths: Sequence[str]) -> None:
    """Forget files that were replaced."""
    with database.transaction() as connection:
        for some in _in_parts(paths):
            connection.execute(event_file.delete().where(event_file.c.project == project, event_file.c.path.in_(some)))


def select_seen(database: Database, project: str, sums: Iterable[str]) -> set[str]:
    """Those of the SHA-256 sums that an earlier import has read."""
    seen: set[str] = set()
    wanted = list(sums)
    with database.transaction() as connection:
        for some in _in_parts(wanted):
            query = sa.select(event_source.c.sha256).where(event_source.c.project == project, event_source.c.sha256.in_(some))
            seen.update(connection.execute(query).scalars())
    return seen


def select_import_of(database: Database, project: str, name: str) -> ImportRow | None:
    """The import that read a source by this name, or None; times are naive, UTC."""
    where = (event_source.c.project == project, event_source.c.name == name)
    query = sa.select(event_import).where(
        event_import.c.project == project, event_import.c.id.in_(sa.select(event_source.c.import_id).where(*where))
    )
    with database.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        return None
    stored = {name: value for name, value in row.items() if name not in {"project", "properties"}}
    names = json.loads(row["properties"])
    return ImportRow(**stored, event_properties=tuple(names["event"]), user_properties=tuple(names["user"]))


def select_properties(database: Database, project: str) -> tuple[list[str], list[str]]:
    """Names of event properties and of user properties that imports have met, sorted."""
    query = sa.select(event_import.c.properties).where(event_import.c.project == project)
    with database.reading() as connection:
        texts = {_names(text) for text in connection.execute(query).scalars()}
    stored = [json.loads(text) for text in texts]
    return tuple(sorted({name for each in stored for name in each[kind]}) for kind in ("event", "user"))  # type: ignore[return-value]


def _names(properties: str) -> str:
    """What an import says of names alone, which is the same for most: how many values were of which kind differs each time."""
    names, counts, _ = properties.partition(_KINDS)
    return names + "}" if counts else names


def select_refused(database: Database, project: str) -> int:
    """How many files the project's last import could not read; none without an import."""
    query = sa.select(event_import.c.refused_files).where(event_import.c.project == project).order_by(event_import.c.finished_at.desc())
    with database.reading() as connection:
        return int(connection.execute(query.limit(1)).scalar() or 0)


def count_imports(database: Database, project: str) -> int:
    """Imports that brought something new."""
    table = event_import.c
    query = sa.select(sa.func.count()).select_from(event_import).where(table.project == project, table.events_new > 0)
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def select_arrival(database: Database, project: str, after: datetime, until: datetime) -> datetime | None:
    """When the first file came of the imports that ended with something new after one instant, and up to another (naive, UTC)."""
    table = event_import.c
    query = sa.select(sa.func.min(table.started_at)).where(
        table.project == project, table.events_new > 0, table.finished_at > utc(after), table.finished_at <= utc(until)
    )
    with database.reading() as connection:
        found: datetime | None = connection.execute(query).scalar()
    return found


def select_vanished(database: Database, project: str, until: datetime) -> set[str]:
    """Properties in use in files of earlier imports that none of the last imports until an instant has met.

    The last imports are as many as bring ENOUGH events: of a rare event there may be none among a few.
    """
    done = event_import.c
    newest = sa.select(done.id, done.finished_at, done.events_new, done.properties).order_by(done.finished_at.desc())
    met: set[str] = set()
    events, last = 0, list[Any]()
    with database.reading() as connection:
        for row in connection.execute(newest.where(done.project == project, done.finished_at <= utc(until)), execution_options=_AS_READ):
            names = json.loads(row.properties)
            met |= {f"{side}.{name}" for side in ("event", "user") for name in names[side]}
            events, last = events + row.events_new, [*(each for each in last if each.finished_at == row.finished_at), row]
            if events >= ENOUGH:
                break
        if events < ENOUGH:
            return set()
        of_file = (done.project == event_file.c.project, done.id == event_file.c.import_id)
        ended = sa.select(done.finished_at).where(*of_file).scalar_subquery()  # looked up for each file: files are few, imports many
        before = (ended <= last[0].finished_at, event_file.c.import_id.not_in([each.id for each in last]))
        files = sa.select(event_file.c.columns).distinct()
        here = (event_file.c.project == project, event_file.c.replaced_at.is_(None))
        used = [_columns(text) for text in connection.execute(files.where(*here, *before)).scalars()]
    known = {f"event.{name}" for each in used for name in each.event} | {f"user.{name}" for each in used for name in each.user}
    return known - met


def select_changed(database: Database, project: str, since: datetime, until: datetime) -> set[str]:
    """Properties whose values are of another kind in imports between two instants than in those before, of which ENOUGH events count."""
    done = sa.select(event_import.c.finished_at, event_import.c.events_new, event_import.c.properties).where(
        event_import.c.project == project, event_import.c.finished_at <= utc(until)
    )
    before: dict[str, Counter[str]] = {}
    later: dict[str, Counter[str]] = {}
    events = 0
    with database.transaction() as connection:
        for row in connection.execute(done.order_by(event_import.c.finished_at.desc()), execution_options=_AS_READ):
            old = row.finished_at <= utc(since)
            for name, kinds in json.loads(row.properties).get("kinds", {}).items():
                (before if old else later).setdefault(name, Counter()).update(kinds)
            events += row.events_new if old else 0
            if events >= ENOUGH:
                break
    return {name for name, kinds in later.items() if changed(before.get(name, {}), kinds)}


def insert_import(
    database: Database,
    project: str,
    done: ImportRow,
    files: Iterable[FileRow],
    sources: Iterable[SourceRow],
    hours: Iterable[HourRow] = (),
) -> None:
    """Name the files and sources of an import and the hours it holds, all in one transaction: the moment from which its events exist."""
    values = asdict(done) | {"project": project, "started_at": utc(done.started_at), "finished_at": utc(done.finished_at)}
    sides = {side: values.pop(f"{side}_properties") for side in ("event", "user")}
    values["properties"] = json.dumps({**sides, "kinds": values.pop("kinds")})
    stamp = {"project": project, "import_id": done.id}
    file_values = [asdict(file) | stamp | {"columns": _text(file.columns)} for file in files]
    source_values = [asdict(source) | stamp for source in sources]
    with database.transaction() as connection:
        connection.execute(event_import.insert(), values)
        if file_values:
            connection.execute(event_file.insert(), file_values)
        if source_values:
            connection.execute(event_source.insert(), source_values)
        _insert_hours(connection, project, hours, done.id)


def insert_empty_hours(database: Database, project: str, hours: Iterable[HourRow]) -> None:
    """Write down hours that had no event."""
    with database.transaction() as connection:
        _insert_hours(connection, project, hours, None)


def select_hours(database: Database, project: str, source: str) -> set[datetime]:
    """The hours (naive, UTC) that were pulled from a source."""
    query = sa.select(event_hour.c.hour).where(event_hour.c.project == project, event_hour.c.source == source)
    with database.reading() as connection:
        return set(connection.execute(query).scalars())


def delete_hours(connection: Transaction, project: str, source: str) -> None:
    """Forget which hours were pulled from a source."""
    connection.execute(event_hour.delete().where(event_hour.c.project == project, event_hour.c.source == source))


def _insert_hours(connection: Transaction, project: str, hours: Iterable[HourRow], import_id: str | None) -> None:
    values = [asdict(hour) | {"project": project, "import_id": import_id} for hour in hours]
    if values:
        connection.execute(event_hour.insert(), values)


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at a time as a statement may name."""
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _text(columns: Columns) -> str:
    return json.dumps(asdict(columns))


def _columns(text: str) -> Columns:
    stored = json.loads(text)
    small, capital = (tuple(stored.get(letters, ())) for letters in ("small", "capital"))
    event, user = (tuple(stored[side]) for side in ("event", "user"))
    return Columns(event, user, stored["whole"], stored["key_check"], small, capital, stored.get("links", False))
