"""Resolve: from a snapshot's columns to sorted buckets of checked identifiers, every value accounted for."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.durable import publish
from tradewind.errors import DefinitionError, EngineError
from tradewind.identity.kinds import is_guid
from tradewind.identity.mask import masked
from tradewind.identity.validate import checked, unusual_sql
from tradewind.membership.buckets import bucket_name
from tradewind.membership.facts import NEVER
from tradewind.membership.files import Events, storage, write_wanted
from tradewind.membership.rows import Places
from tradewind.membership.sorting import Sorter, different
from tradewind.model.identifier import IdentityMap, IdType, Mapping, Refusal, Resolution, Send, Take
from tradewind.model.snapshot import HELD_OUT, LAST_EVENT

UNUSUAL = "unusual"
"""The warning that counts accepted raw UID2s whose own first byte or checksum is odd; they are sent."""

ADDRESSED = "addressed.parquet"

ROWS = 65_536
"""Values that are looked at in one go."""

LOSSLESS = {"arrow_lossless_conversion": "true"}
"""A UUID stays 16 bytes; a truth value is asked for as a number, since it would not stay one."""

_SEAT: list[tuple[str, pa.DataType]] = [("seat", pa.int64()), ("position", pa.int32()), ("reason", pa.string())]
_REFUSED = pa.schema(_SEAT)
_BESIDE: dict[str, pa.DataType] = {LAST_EVENT: pa.timestamp("us"), HELD_OUT: pa.uint8()}


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

    Both outputs appear whole or not at all, replacing older ones. Memory holds what DuckDB may take of `bounds`, the
    identifiers that wait, which are a million of each type at most, and one bucket; the rest goes to disk. Raises EngineError
    when the snapshot cannot be read, a source is not text, or the disk is full, and DefinitionError for a map without mappings.
    """
    if not identity.mappings:
        raise DefinitionError("the identity map is empty: name at least one column or property and its type of identifier")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".resolve-", dir=out.parent) as folder:
        work = _Work(Path(folder), snapshot, identity, buckets)
        try:
            with connect(replace(bounds, spill=bounds.spill or work.folder / "spill"), LOSSLESS) as connection:
                account = _run(connection, work)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
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

    @property
    def refused(self) -> Path:
        return self.folder / "refused.parquet"

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
    found = _Found(work, members, _beside(columns))
    with found:
        for rows in connection.sql(f"SELECT {found.columns} FROM ({_judged(work, columns)})").to_arrow_reader(ROWS):
            found.take(rows)
    connection.execute(f"COPY ({_rejected(work, columns)}) TO {literal(work.rejects)} (FORMAT parquet)")
    counts = {id_type: _write(sorter, work.out / id_type.value) for id_type, sorter in found.sorters.items()}
    if HELD_OUT in found.beside:
        connection.register("usable", pa.table({"seat": np.flatnonzero(found.seats)}))
        everybody = f"read_parquet({literal(work.snapshot)}, file_row_number=true)"
        addressed = f"SELECT member FROM {everybody} WHERE file_row_number IN (SELECT seat FROM usable)"
        connection.execute(f"COPY ({addressed}) TO {literal(work.addressed)} (FORMAT parquet)")
    return found.account(counts)


class _Found:
    """Takes the judged values as they stream by: the usable go to the sorter of their type, the others into a file, and all are counted."""

    def __init__(self, work: _Work, members: int, beside: tuple[str, ...]) -> None:
        self.beside = beside
        forms = {"odd": "UTINYINT", LAST_EVENT: "TIMESTAMP", HELD_OUT: "UTINYINT"}
        self.columns = ", ".join(
            ("seat", "position", "reason", "guid", "raw", *(f"{name}::{forms[name]} AS {name}" for name in ("odd", *beside)))
        )
        self.seats = np.zeros(members, np.bool_)
        """The members, by their row of the snapshot, who have a usable identifier."""
        self.sorters = {
            id_type: Sorter(_schema(id_type, beside), work.buckets, work.folder / f"{id_type.value}.arrow")
            for id_type in dict.fromkeys(mapping.id_type for mapping in work.identity.mappings)
        }
        self._types = [mapping.id_type for mapping in work.identity.mappings]
        self._refused = pq.ParquetWriter(work.refused, _REFUSED)
        self._reasons: dict[IdType, Counter[Refusal]] = {id_type: Counter() for id_type in self.sorters}
        self._values = self._odd = 0

    def take(self, rows: pa.RecordBatch) -> None:
        """Take some rows of `_judged`."""
        self._values += len(rows)
        reason = rows.column("reason")
        if reason.null_count < len(rows):
            self._refuse(rows.filter(reason.is_valid()))
            rows = rows.filter(reason.is_null())
        self.seats[rows.column("seat").to_numpy()] = True
        self._odd += int(np.count_nonzero(rows.column("odd").to_numpy()))
        for id_type, mine in self._by_type(rows):
            ids: Any = mine.column("guid" if is_guid(id_type) else "raw")
            ids = (ids.storage if isinstance(ids, pa.ExtensionArray) else ids).cast(storage(id_type))
            columns = [ids, *(mine.column(name) for name in self.beside)]
            self.sorters[id_type].add(pa.RecordBatch.from_arrays(columns, schema=_schema(id_type, self.beside)))

    def _by_type(self, rows: pa.RecordBatch) -> Iterator[tuple[IdType, pa.RecordBatch]]:
        if len(self.sorters) == 1:
            yield self._types[0], rows
            return
        position = rows.column("position").to_numpy()
        for id_type in self.sorters:
            mine = np.isin(position, [place for place, kind in enumerate(self._types) if kind is id_type])
            yield id_type, rows.filter(pa.array(mine))

    def _refuse(self, rows: pa.RecordBatch) -> None:
        self._refused.write_batch(rows.select(_REFUSED.names).cast(_REFUSED))
        position = rows.column("position").to_numpy()
        for place, id_type in enumerate(self._types):
            counted: Any = pc.value_counts(rows.column("reason").filter(pa.array(position == place)))
            for reason, count in zip(*(counted.field(name).to_pylist() for name in ("values", "counts")), strict=True):
                self._reasons[id_type][Refusal(reason)] += count

    def account(self, counts: dict[IdType, _Counts]) -> Resolution:
        """What became of every value."""
        refused = {id_type: _kept_back(counts[id_type]) | reasons for id_type, reasons in self._reasons.items()}
        usable = self._values - sum(reasons.total() for reasons in self._reasons.values())
        return Resolution(
            members=len(self.seats),
            members_usable=int(np.count_nonzero(self.seats)),
            values=self._values,
            identifiers={id_type: count.sent for id_type, count in counts.items()},
            refused=refused,
            duplicates=usable - sum(count.sent + count.held_out + count.shared for count in counts.values()),
            warnings={UNUSUAL: self._odd} if self._odd else {},
        )

    def __enter__(self) -> None:
        """Its files are closed, and whole, when it is left."""

    def __exit__(self, *_: object) -> None:
        self._refused.close()
        for sorter in self.sorters.values():
            sorter.end()


def _schema(id_type: IdType, beside: Sequence[str]) -> pa.Schema:
    return pa.schema([("id", storage(id_type)), *((name, _BESIDE[name]) for name in beside)])


def _rejected(work: _Work, columns: dict[str, str]) -> str:
    """The rows of `rejects`: what stands in the snapshot and in the map is looked up for these few, not carried along for all."""
    sources = ", ".join(literal(mapping.source) for mapping in work.identity.mappings)
    types = ", ".join(literal(mapping.id_type.value) for mapping in work.identity.mappings)
    person = "person" if "person" in columns else "NULL::VARCHAR AS person"
    everybody = f"SELECT file_row_number AS seat, member, {person} FROM read_parquet({literal(work.snapshot)}, file_row_number=true)"
    named = f"[{sources}][position + 1] AS source, [{types}][position + 1] AS id_type"
    refused = f"SELECT seat, {named}, reason FROM {_read(work.refused)}"
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


def _write(sorter: Sorter, folder: Path) -> _Counts:
    """Write the buckets of one type."""
    folder.mkdir(parents=True)
    counts = _Counts()
    for number, rows in enumerate(sorter.buckets()):
        ids, order, first = different(rows)
        latest = _latest(rows.column(LAST_EVENT), order, first) if LAST_EVENT in rows.column_names else None
        if HELD_OUT in rows.column_names and len(first):
            held = rows.column(HELD_OUT).to_numpy()[order]
            somebody, everybody = np.logical_or.reduceat(held, first), np.logical_and.reduceat(held, first)
            counts.held_out += int(np.count_nonzero(everybody))
            counts.shared += int(np.count_nonzero(somebody & ~everybody))
            ids, latest = ids.filter(pa.array(~somebody)), None if latest is None else latest[~somebody]
        counts.sent += len(ids)
        write_wanted(folder / bucket_name(number), ids, latest)
    return counts


def _latest(column: pa.ChunkedArray[Any], order: Places, first: Places) -> Events:
    """The last event of all who share an identifier, or NEVER."""
    filled: Any = pc.fill_null(column.cast(pa.int64()), pa.scalar(NEVER))
    moments: Events = filled.to_numpy()[order]
    return np.maximum.reduceat(moments, first) if len(first) else moments


def _kept_back(found: _Counts) -> dict[Refusal, int]:
    return {why: count for why, count in ((Refusal.HELD_OUT, found.held_out), (Refusal.SHARED, found.shared)) if count}


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _read(path: Path) -> str:
    return f"read_parquet({literal(path)}, hive_partitioning=false)"


def _name(column: str) -> str:
    return exp.to_identifier(column, quoted=True).sql("duckdb")
