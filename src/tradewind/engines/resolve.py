"""Resolve: from a snapshot's columns to sorted buckets of checked identifiers, every value accounted for, in DuckDB."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from sqlglot import exp

from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.durable import publish
from tradewind.errors import DefinitionError, EngineError
from tradewind.identity.kinds import is_guid
from tradewind.identity.mask import masked
from tradewind.identity.validate import checked, unusual_sql
from tradewind.membership.buckets import bucket_name, bucket_sql, order_sql
from tradewind.model.identifier import IdentityMap, IdType, Mapping, Refusal, Resolution, Send, Take
from tradewind.model.snapshot import HELD_OUT, LAST_EVENT

UNUSUAL = "unusual"
"""The warning that counts accepted raw UID2s whose own first byte or checksum is odd; they are sent."""

PLAIN = "FORMAT parquet, COMPRESSION uncompressed"
"""Identifiers are as good as random and do not shrink."""

ADDRESSED = "addressed.parquet"


@dataclass(frozen=True)
class Example:
    """A value of a source as an identifier of a type, masked; `refusal` is None where it is valid."""

    source: str
    id_type: IdType
    refusal: Refusal | None
    text: str


def resolve(snapshot: Path, identity: IdentityMap, out: Path, rejects: Path, buckets: int, bounds: Bounds) -> Resolution:
    """Write `out/TYPE/bucket-XX.parquet` (all of them, for each type the map names) and `rejects`; return the account.

    Where the snapshot has `held_out`, identifiers of the held out are in no bucket, also those that others have too; and
    `addressed.parquet` beside `rejects` has the `member` of everybody, held out or not, who has a usable identifier.

    A bucket holds `id`, distinct and in the order of its keys: a UUID for types of 16 bytes, else a BLOB; where the snapshot has
    `last_event`, also that: the latest of those who share the identifier, NULL where none has one. `rejects` holds
    `member`, `person` (NULL where the snapshot has no such column), `source`, `id_type` and `reason`, a row for every refused value and
    for every member without one; never the value.

    Each member is asked once by each mapping, in the map's order; with `send=first` a mapping after one that gave an
    identifier is not asked and not counted. `take: all` asks for every value of a list; `take: latest` for the list's
    last one (lists are in order of time) or for the plain column. A source the snapshot does not have is a missing value.

    Both outputs appear whole or not at all, replacing older ones; memory stays within `bounds` and the rest goes to
    disk. Raises EngineError when the snapshot cannot be read, a source is not text, or the disk is full, and
    DefinitionError for a map without mappings.
    """
    if not identity.mappings:
        raise DefinitionError("the identity map is empty: name at least one column or property and its type of identifier")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".resolve-", dir=out.parent) as folder:
        work = _Work(Path(folder), snapshot, identity, buckets)
        try:
            with connect(replace(bounds, spill=bounds.spill or work.folder / "spill")) as connection:
                account = _run(connection, work)
        except (duckdb.Error, OSError) as error:
            raise EngineError(f"the members in {snapshot.name} could not be resolved: {told_of(error)}") from None
        publish(work.rejects, rejects)
        if work.addressed.exists():
            publish(work.addressed, rejects.with_name(work.addressed.name))
        publish(work.out, out)
    return account


def judged(connection: duckdb.DuckDBPyConnection, snapshot: Path, identity: IdentityMap) -> str:
    """A SELECT of one row for each value that a map asks for: seat (the member's row), id_type, reason, and guid or raw; see `_judged`."""
    work = _Work(snapshot.parent, snapshot, identity, 1)
    return _judged(work, _columns(connection, work))


def examples(snapshot: Path, identity: IdentityMap, each: int, bounds: Bounds) -> tuple[Example, ...]:
    """A few values of each mapping that are valid, and a few refused for each reason but that there is none; see Example.

    Raises EngineError as `resolve` does.
    """
    work, found = _Work(snapshot.parent, snapshot, identity, 1), []
    try:
        with connect(replace(bounds, spill=bounds.spill or snapshot.parent / "spill")) as connection:
            columns = _columns(connection, work)
            for place, mapping in enumerate(identity.mappings):
                values = checked(mapping.id_type, _asked(work, place, mapping, columns), uuid=_is_uuid(mapping, columns))
                different = f"SELECT DISTINCT reason, text::VARCHAR AS text FROM ({values}) WHERE reason IS DISTINCT FROM 'missing'"
                few = f"QUALIFY row_number() OVER (PARTITION BY reason ORDER BY text) <= {each}"
                for reason, text in connection.execute(f"{different} {few} ORDER BY reason NULLS FIRST, text").fetchall():
                    why = Refusal(reason) if reason else None
                    found.append(Example(mapping.source, mapping.id_type, why, masked(text, why)))
    except (duckdb.Error, OSError) as error:
        raise EngineError(f"the members in {snapshot.name} could not be looked at: {told_of(error)}") from None
    return tuple(found)


@dataclass(frozen=True)
class _Work:
    folder: Path
    snapshot: Path
    identity: IdentityMap
    buckets: int
    beside: tuple[str, ...] = ()

    @property
    def judged(self) -> Path:
        return self.folder / "judged.parquet"

    @property
    def usable(self) -> Path:
        return self.folder / "usable"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def addressed(self) -> Path:
        return self.folder / ADDRESSED

    @property
    def rejects(self) -> Path:
        return self.folder / "rejects.parquet"


def _run(connection: duckdb.DuckDBPyConnection, work: _Work) -> Resolution:
    members = _number(connection, f"SELECT count(*) FROM read_parquet({literal(work.snapshot)})")
    columns = _columns(connection, work)
    drawn = replace(work, beside=_beside(columns))
    kept = ", ".join(("seat", "position", "reason", "guid", "raw", "odd", *drawn.beside))
    connection.execute(f"COPY (SELECT {kept} FROM ({_judged(work, columns)})) TO {literal(work.judged)} ({PLAIN})")
    connection.execute(f"COPY ({_rejected(work, columns)}) TO {literal(work.rejects)} (FORMAT parquet)")
    counts = _write_buckets(connection, drawn)
    if HELD_OUT in drawn.beside:
        seats = f"SELECT seat FROM {_read(work.judged)} WHERE reason IS NULL"
        everybody = f"read_parquet({literal(work.snapshot)}, file_row_number=true)"
        addressed = f"SELECT member FROM {everybody} WHERE file_row_number IN ({seats})"
        connection.execute(f"COPY ({addressed}) TO {literal(work.addressed)} (FORMAT parquet)")
    return _account(connection, work, members, counts)


def _rejected(work: _Work, columns: dict[str, str]) -> str:
    """The rows of `rejects`: what stands in the snapshot and in the map is looked up for these few, not carried along for all."""
    sources = ", ".join(literal(mapping.source) for mapping in work.identity.mappings)
    types = ", ".join(literal(mapping.id_type.value) for mapping in work.identity.mappings)
    person = "person" if "person" in columns else "NULL::VARCHAR AS person"
    everybody = f"SELECT file_row_number AS seat, member, {person} FROM read_parquet({literal(work.snapshot)}, file_row_number=true)"
    named = f"[{sources}][position + 1] AS source, [{types}][position + 1] AS id_type"
    refused = f"SELECT seat, {named}, reason FROM {_read(work.judged)} WHERE reason IS NOT NULL"
    return f"SELECT member, person, source, id_type, reason FROM ({everybody}) JOIN ({refused}) USING (seat)"


def _beside(columns: dict[str, str]) -> tuple[str, ...]:
    """The columns that go with every value of a member."""
    return tuple(name for name in (LAST_EVENT, HELD_OUT) if name in columns)


def _columns(connection: duckdb.DuckDBPyConnection, work: _Work) -> dict[str, str]:
    """The type of each source that the snapshot has; refuses one that is neither texts nor UUIDs, one a member or a list."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {_read(work.snapshot)}").fetchall()
    columns = {str(name): str(kind) for name, kind, *_ in described}
    for mapping in work.identity.mappings:
        kind = columns.get(mapping.source, "VARCHAR")
        if kind.removesuffix("[]") not in ("VARCHAR", "UUID"):
            raise EngineError(f"'{mapping.source}' is of type {kind}; identifiers are text: cast the column to text in its source")
    return columns


def _judged(work: _Work, columns: dict[str, str]) -> str:
    """One row for each value asked for: (seat, position, id_type, reason, guid, raw, odd).

    `seat` is the member's row of the snapshot. Every value is checked here, once, and from here on it is bytes. A
    check costs less than finding out whether another member has the same text, so it streams in flat memory.
    """
    mappings = work.identity.mappings
    last = "".join(f", {name}" for name in _beside(columns))
    checked = " UNION ALL ".join(
        _checked(mapping.id_type, _asked(work, place, mapping, columns), last, uuid=_is_uuid(mapping, columns))
        for place, mapping in enumerate(mappings)
    )
    if work.identity.send is Send.ALL or len(mappings) == 1:
        return checked
    speaks = "min(position) FILTER (WHERE reason IS NULL) OVER (PARTITION BY seat)"
    return f"SELECT * FROM ({checked}) QUALIFY position <= coalesce({speaks}, position)"


def _asked(work: _Work, position: int, mapping: Mapping, columns: dict[str, str]) -> str:
    column, kind = _name(mapping.source), columns.get(mapping.source)
    if kind is None:
        value = "NULL"
    elif not kind.endswith("[]"):
        value = column
    elif mapping.take is Take.LATEST:
        value = f"{column}[-1]"
    else:
        value = f"unnest(CASE WHEN len({column}) > 0 THEN {column} ELSE [NULL] END)"
    as_text = "" if _is_uuid(mapping, columns) else "::VARCHAR"
    last = "".join(f", {name}" for name in _beside(columns))
    return (
        f"SELECT file_row_number AS seat{last}, {position} AS position, {literal(mapping.id_type.value)} AS id_type,"
        f" {value}{as_text} AS text"
        f" FROM read_parquet({literal(work.snapshot)}, file_row_number=true)"
    )


def _is_uuid(mapping: Mapping, columns: dict[str, str]) -> bool:
    """Whether a mapping to a GUID asks a column of UUIDs: these need no parsing."""
    return is_guid(mapping.id_type) and columns.get(mapping.source, "").startswith("UUID")


def _checked(id_type: IdType, asked: str, last: str, *, uuid: bool) -> str:
    odd = unusual_sql(id_type, exp.column("id")).sql("duckdb")
    guid, raw = ("id", "NULL::BLOB") if is_guid(id_type) else ("NULL::UUID", "id")
    return f"""
        SELECT seat, position{last}, id_type, reason, {guid} AS guid, {raw} AS raw, {odd} AS odd
        FROM ({checked(id_type, asked, uuid=uuid)})
    """


@dataclass
class _Counts:
    """Of one type: the identifiers written, those only of the held out, and those that others share with them."""

    sent: int = 0
    held_out: int = 0
    shared: int = 0


def _write_buckets(connection: duckdb.DuckDBPyConnection, work: _Work) -> dict[IdType, _Counts]:
    """Split the usable identifiers by bucket, then sort each bucket by itself: memory holds one bucket at a time."""
    counts = {mapping.id_type: _Counts() for mapping in work.identity.mappings}
    beside = "".join(f", {name}" for name in work.beside)
    for id_type, count in counts.items():
        split, out = work.usable / id_type.value, work.out / id_type.value
        for folder in (split, out):
            folder.mkdir(parents=True)
        column, bucket = ("guid", _guid_bucket(work.buckets)) if is_guid(id_type) else ("raw", bucket_sql("raw", work.buckets))
        of_type = ", ".join(str(place) for place, mapping in enumerate(work.identity.mappings) if mapping.id_type is id_type)
        usable = f"FROM {_read(work.judged)} WHERE position IN ({of_type}) AND reason IS NULL"
        if work.buckets > 1:
            select = f"SELECT {column} AS id{beside}, {bucket} AS bucket {usable}"
            connection.execute(f"COPY ({select}) TO {literal(split)} ({PLAIN}, PARTITION_BY (bucket), OVERWRITE_OR_IGNORE)")
        for number in range(work.buckets):
            part = split / f"bucket={number}"
            found = (
                f"FROM {_read(part / '*.parquet')}" if part.exists() else f"SELECT {column} AS id{beside} {usable} AND {work.buckets == 1}"
            )
            select = f"FROM ({_each(work)} FROM ({found}){_together(work)}) ORDER BY {order_sql(id_type)}"
            count.sent += _number(connection, f"COPY ({select}) TO {literal(out / bucket_name(number))} ({PLAIN})")
            if HELD_OUT in work.beside:
                whose = f"SELECT bool_and({HELD_OUT}) AS alone FROM ({found}) GROUP BY id HAVING bool_or({HELD_OUT})"
                count.held_out += _number(connection, f"SELECT count(*) FROM ({whose}) WHERE alone")
                count.shared += _number(connection, f"SELECT count(*) FROM ({whose}) WHERE NOT alone")
    return counts


def _each(work: _Work) -> str:
    dated = f", max({LAST_EVENT}) AS {LAST_EVENT}" if LAST_EVENT in work.beside else ""
    return f"SELECT id{dated}" if work.beside else "SELECT DISTINCT id"


def _together(work: _Work) -> str:
    """How the rows of one identifier become one, or none where somebody who has it is held out."""
    held = f" HAVING NOT bool_or({HELD_OUT})" if HELD_OUT in work.beside else ""
    return f" GROUP BY id{held}" if work.beside else ""


def _guid_bucket(buckets: int) -> str:
    return f"((guid::UHUGEINT >> 120)::INTEGER * {buckets} // 256)"


def _account(connection: duckdb.DuckDBPyConnection, work: _Work, members: int, counts: dict[IdType, _Counts]) -> Resolution:
    usable_rows = f"FROM {_read(work.judged)} WHERE reason IS NULL"
    refused = {id_type: _kept_back(found) for id_type, found in counts.items()}
    distinct = sum(found.sent + found.held_out + found.shared for found in counts.values())
    for id_type, reason, rows in connection.execute(f"SELECT id_type, reason, count(*) FROM {_read(work.rejects)} GROUP BY ALL").fetchall():
        refused[IdType(id_type)][Refusal(reason)] = rows
    usable, odd = _number(connection, f"SELECT count(*) {usable_rows}"), _number(connection, f"SELECT count(*) {usable_rows} AND odd")
    values = _number(connection, f"SELECT count(*) FROM {_read(work.judged)}")
    one_each = values == members and len(work.identity.mappings) == 1
    return Resolution(
        members=members,
        members_usable=usable if one_each else _number(connection, f"SELECT count(*) FROM (SELECT DISTINCT seat {usable_rows})"),
        values=values,
        identifiers={id_type: found.sent for id_type, found in counts.items()},
        refused=refused,
        duplicates=usable - distinct,
        warnings={UNUSUAL: odd} if odd else {},
    )


def _kept_back(found: _Counts) -> dict[Refusal, int]:
    return {why: count for why, count in ((Refusal.HELD_OUT, found.held_out), (Refusal.SHARED, found.shared)) if count}


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _read(path: Path) -> str:
    return f"read_parquet({literal(path)}, hive_partitioning=false)"


def _name(column: str) -> str:
    return exp.to_identifier(column, quoted=True).sql("duckdb")
