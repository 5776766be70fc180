"""The next version of a membership: what was held, changed by what the platform acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from tradewind.compute import Bounds, connect, literal
from tradewind.durable import sync
from tradewind.membership.buckets import bucket_name, bucket_sql
from tradewind.membership.diff import Buckets, held_bucket, readable
from tradewind.model.plan import Batch, Operation, Part

ACCEPTED, UNKNOWN, KEPT = "accepted", "unknown", "kept"


@dataclass(frozen=True)
class Fate:
    """How the rows of a batch ended: all `accepted`, all `unknown` or all `kept` as before (never applied).

    The rows at `refused` (0-based) were refused by the platform and stay as before.
    """

    batch: Batch
    outcome: str
    refused: tuple[int, ...] = ()


def merge(
    held: Buckets | None,
    delta: Path,
    parts: Sequence[Part],
    fates: Sequence[Fate],
    *,
    out: Buckets,
    ttl: timedelta,
    now: datetime,
    bounds: Bounds,
) -> int:
    """Write the next version into `out` and return its rows; identifiers that lapsed by `now` are left out.

    Columns: id_type, id, since, expires_from, expires_until, unknown_since, batch. The true expiry lies between
    `expires_from` and `expires_until`; they differ only where an outcome is unknown. Raises EngineError when a file is gone or damaged.
    """
    out.folder.mkdir(parents=True, exist_ok=True)
    with readable(held), connect(bounds) as duck:
        duck.register("fate", _fate_table(fates))
        duck.register("refused_row", _refused_table(fates))
        duck.execute(_outcomes(delta, parts, out.count))
        for number in range(out.count):
            path = out.folder / bucket_name(number)
            _write_bucket(duck, held_bucket(held, number, out.count), number, path, ttl, now)
        rows = _count(duck, out)
    sync(out.folder)
    return rows


def _fate_table(fates: Sequence[Fate]) -> pa.Table:
    """One row a batch: where it begins in its part, when it was stamped, how it ended."""
    stamps = [fate.batch.stamp.replace(tzinfo=None) if fate.batch.stamp else None for fate in fates]
    return pa.table(
        {
            "part": pa.array([fate.batch.part for fate in fates], pa.int64()),
            "start": pa.array([fate.batch.offset for fate in fates], pa.int64()),
            "batch": pa.array([fate.batch.number for fate in fates], pa.int64()),
            "stamp": pa.array(stamps, pa.timestamp("us")),
            "outcome": pa.array([fate.outcome for fate in fates], pa.string()),
        }
    )


def _refused_table(fates: Sequence[Fate]) -> pa.Table:
    """One row an identifier that the platform refused."""
    rows = [(fate.batch.part, fate.batch.offset + item) for fate in fates for item in fate.refused]
    return pa.table({"part": pa.array([part for part, _ in rows], pa.int64()), "row": pa.array([row for _, row in rows], pa.int64())})


def _outcomes(folder: Path, parts: Sequence[Part], buckets: int) -> str:
    """One row for each identifier of the delta that was sent: what was wished, and how it ended."""
    reads = [
        f"SELECT {part.number} AS part, {literal(part.operation.value)} AS operation, {literal(part.id_type.value)} AS id_type, "
        f"id::BLOB AS id, file_row_number AS row FROM read_parquet({literal(folder / part.path)}, file_row_number = true)"
        for part in parts
    ] or ["SELECT 0 AS part, '' AS operation, '' AS id_type, ''::BLOB AS id, 0::BIGINT AS row LIMIT 0"]
    return f"""
        CREATE TEMP TABLE outcome AS
        SELECT sent.operation, sent.id_type, sent.id, fate.batch, fate.stamp AS stamp, {bucket_sql("sent.id", buckets)} AS bucket,
               CASE WHEN refused_row.part IS NULL THEN fate.outcome ELSE '{KEPT}' END AS outcome
        FROM ({" UNION ALL ".join(reads)}) AS sent
        ASOF JOIN fate ON sent.part = fate.part AND sent.row >= fate.start
        LEFT JOIN refused_row ON refused_row.part = sent.part AND refused_row.row = sent.row"""


def _write_bucket(duck: duckdb.DuckDBPyConnection, held: str, number: int, path: Path, ttl: timedelta, now: datetime) -> None:
    removing = f"n.operation = {literal(Operation.REMOVE.value)}"
    expiry = f"(n.stamp + INTERVAL {int(ttl.total_seconds())} SECOND)"
    kept = f"(n.id IS NULL OR n.outcome = '{KEPT}')"
    lapsed = literal(now.replace(tzinfo=None).isoformat())
    merged = f"""
        SELECT coalesce(o.id_type, n.id_type) AS id_type, coalesce(o.id, n.id) AS id, coalesce(o.since, n.stamp) AS since,
               CASE WHEN {kept} THEN o.expires_from WHEN n.outcome = '{ACCEPTED}' THEN {expiry}
                    WHEN {removing} THEN n.stamp ELSE coalesce(o.expires_from, n.stamp) END AS expires_from,
               CASE WHEN {kept} OR {removing} THEN o.expires_until ELSE {expiry} END AS expires_until,
               CASE WHEN {kept} THEN o.unknown_since WHEN n.outcome = '{ACCEPTED}' THEN NULL
                    ELSE coalesce(o.unknown_since, n.stamp) END AS unknown_since,
               CASE WHEN {kept} THEN o.batch ELSE n.batch END AS batch
        FROM {held} AS o FULL JOIN (SELECT * FROM outcome WHERE bucket = {number}) AS n ON o.id_type = n.id_type AND o.id = n.id
        WHERE (NOT ({removing} AND n.outcome = '{ACCEPTED}')) IS NOT FALSE AND (o.id IS NOT NULL OR n.outcome <> '{KEPT}')"""
    alive = f"SELECT * FROM ({merged}) WHERE expires_until > {lapsed}::TIMESTAMP ORDER BY id_type, id"
    duck.execute(f"COPY ({alive}) TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")
    sync(path)


def _count(duck: duckdb.DuckDBPyConnection, out: Buckets) -> int:
    files = ", ".join(literal(out.folder / bucket_name(number)) for number in range(out.count))
    counted = duck.execute(f"SELECT count(*) FROM read_parquet([{files}])").fetchone()
    return int(counted[0]) if counted else 0
