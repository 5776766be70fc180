"""People divided: who of a snapshot is held out by lot, since when each has been in their arm, who has a value of a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from tradewind.compute import Bounds, connect, literal, quoted, told_of
from tradewind.durable import publish
from tradewind.errors import EngineError
from tradewind.lots import lot_sql
from tradewind.model.snapshot import HELD_OUT, Snapshot
from tradewind.model.sync import Holdout, Only


def draw(snapshot: Snapshot, holdout: Holdout, bounds: Bounds) -> Snapshot:
    """The same snapshot, its file with the column `held_out`. Raises EngineError when it cannot be read or written."""
    drawn = snapshot.path.with_name(f".{snapshot.path.stem}-drawn.parquet")
    held = f"{lot_sql('member', literal(holdout.salt))} < {holdout.percent} / 100.0"
    with _session(bounds) as connection:
        connection.execute(
            f"COPY (SELECT *, {held} AS {HELD_OUT} FROM read_parquet({literal(snapshot.path)})) TO {literal(drawn)} (FORMAT parquet)"
        )
        (count,) = connection.execute(f"SELECT count(*) FROM read_parquet({literal(drawn)}) WHERE {HELD_OUT}").fetchall()[0]
    publish(drawn, snapshot.path)
    return replace(snapshot, holdout=holdout, held_out=int(count))


def narrow(whole: Snapshot, only: Only, listed: Sequence[str], out: Path, bounds: Bounds) -> Snapshot:
    """Of a whole cohort those who have one value of a property, in a file of their own; counts also who has none that is `listed`."""
    source, column = f"user.{only.property}", quoted(f"user.{only.property}")
    growing, everybody = out.with_name(f".{out.name}.growing"), f"read_parquet({literal(whole.path)})"
    out.parent.mkdir(parents=True, exist_ok=True)
    with _session(bounds) as connection:
        kinds = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {everybody}").fetchall()}
        value = f"{column}[-1]::VARCHAR" if kinds.get(source, "").endswith("[]") else f"{column}::VARCHAR" if source in kinds else "NULL"
        mine, known = f"{value} = {literal(only.value)}", ", ".join(map(literal, listed))
        connection.execute(f"COPY (SELECT * FROM {everybody} WHERE {mine}) TO {literal(growing)} (FORMAT parquet)")
        counts = f"count(*), count(*) FILTER (WHERE {mine}), count(*) FILTER (WHERE COALESCE({value} NOT IN ({known}), TRUE))"
        ((members, found, unlisted),) = connection.execute(f"SELECT {counts} FROM {everybody}").fetchall()
    publish(growing, out)
    return replace(whole, path=out, members=int(found), whole=int(members), unlisted=int(unlisted))


def enrol(addressed: Path, before: Path | None, since: datetime, out: Path, bounds: Bounds) -> int:
    """Write to `out` everybody of `before` (`member`, `since`), and from this instant on those of `addressed` who are not there yet.

    Says how many these are; `out` is only written where there are any.
    """
    moment = literal(since.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" "))
    known = f"read_parquet({literal(before)})" if before else None
    fresh = f"SELECT member, {moment}::TIMESTAMP AS since FROM read_parquet({literal(addressed)})"
    if known:
        fresh += f" WHERE member NOT IN (SELECT member FROM {known})"
    everybody = f"SELECT * FROM {known} UNION ALL FROM fresh" if known else "FROM fresh"
    growing = out.with_name(f".{out.name}.growing")
    with _session(bounds) as connection:
        connection.execute(f"CREATE TEMP TABLE fresh AS {fresh}")
        (count,) = connection.execute("SELECT count(*) FROM fresh").fetchall()[0]
        if count:
            out.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY ({everybody}) TO {literal(growing)} (FORMAT parquet)")
            publish(growing, out)
    return int(count)


@contextmanager
def _session(bounds: Bounds) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with connect(bounds) as connection:
            yield connection
    except (duckdb.Error, OSError) as error:
        raise EngineError(f"the people of the run could not be divided: {told_of(error)}") from None
