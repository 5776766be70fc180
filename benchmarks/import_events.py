"""Events a second: our import, de-duplicated against a large store, beside a plain loop over the same files."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

FILES = 16
SEEN = 100
"""One in so many events is in the store already."""

STORE_FILE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--events", type=int, default=3_000_000, help="events to import")
    parser.add_argument("--store", type=int, default=10_000_000, help="events the store holds before")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system runs, in turn; the median counts")
    parser.add_argument("--only", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        ours(arguments.at, arguments.events) if arguments.only == "ours" else plain(arguments.at)
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Write the files and the store, then run both systems in turn, each in a process of its own."""
    from harness import Row, measure, median, report

    events = arguments.events - arguments.events % (FILES * SEEN)
    script = [sys.executable, __file__, "--events", str(events), "--at", str(folder)]
    if (child := os.fork()) == 0:
        prepare(folder, events, arguments.store)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("the files could not be written; nothing was measured")
    rows: dict[str, list[Row]] = {"ours": [], "plain": []}
    for _ in range(arguments.rounds):
        for system, measured in rows.items():
            fresh(folder)
            measured.append(measure(system, [*script, "--only", system], events))
    mine, theirs = median(rows["ours"]), median(rows["plain"])
    names = {"events_per_s_vs_plain_loop": mine.items_per_s / theirs.items_per_s}
    report([mine, theirs], names, as_json=arguments.json)


def fresh(folder: Path) -> None:
    """A home with the store as it was made, its files linked, not copied."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    shutil.copytree(folder / "made", folder / "home", copy_function=os.link)
    (folder / "home" / "tradewind.db").unlink()
    shutil.copy(folder / "made" / "tradewind.db", folder / "home")


def ours(folder: Path, events: int) -> None:
    """Import the files as `tradewind events import` does, and check the account."""
    from tradewind.clock import SystemClock
    from tradewind.database import Database
    from tradewind.events.importing import import_events
    from tradewind.events.store import EventStore

    database = Database.at(folder / "home")
    store = EventStore(database, folder / "home")
    done = import_events(store, "bench", [folder / "input"], on_progress=lambda *_: None, clock=SystemClock())
    database.close()
    if (done.events_read, done.duplicates, done.ok) != (events, events // SEEN, True):
        sys.exit(f"read {done.events_read} events and found {done.duplicates} duplicates; expected {events} and {events // SEEN}")


def plain(folder: Path) -> None:
    """What one would write first, for the same columns: read a line, parse it, collect, write Parquet. No order, no de-duplication."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts = ("platform", "country", "language")
    sides = {"event": ("category", "sku", "price", "quantity", "gift", "subject"), "user": ("advertising_id", "uid2", "plan")}
    texts = ["user_id", "device_id", "event_type", "$insert_id", "event_properties", "user_properties"]
    texts += [f"{side}.{name}" for side, names in (*sides.items(), ("user", facts)) for name in names]
    schema = pa.schema([pa.field(name, pa.string()) for name in texts] + [pa.field("time", pa.timestamp("us"))])
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    with pq.ParquetWriter(folder / "home" / "plain.parquet", schema) as writer:
        for path in sorted((folder / "input").iterdir()):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    event = json.loads(line)
                    for name in ("user_id", "device_id", "event_type", "$insert_id"):
                        columns[name].append(event[name])
                    columns["time"].append(datetime.fromisoformat(event["event_time"]))
                    for side, names in sides.items():
                        stated = event[f"{side}_properties"]
                        columns[f"{side}_properties"].append(json.dumps(stated))
                        for name in names:
                            value = stated.get(name)
                            columns[f"{side}.{name}"].append(value if value is None or isinstance(value, str) else json.dumps(value))
                    for name in facts:
                        columns[f"user.{name}"].append(event[name])
                    if len(columns["time"]) == 100_000:
                        writer.write_table(pa.table(columns, schema))
                        columns = {name: [] for name in schema.names}
        writer.write_table(pa.table(columns, schema))


def prepare(folder: Path, events: int, stored: int) -> None:
    """The input files and a store of the size asked for, from one seed."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        (folder / "input").mkdir()
        each = events // FILES
        for number in range(FILES):
            lines = export_lines(number * each, (number + 1) * each, events)
            target = folder / "input" / f"{number:02}.json.gz"
            connection.execute(f"COPY ({lines}) TO '{target}' (FORMAT json, COMPRESSION gzip)")
        make_store(folder / "made", connection, events, stored)


def export_lines(start: int, stop: int, events: int) -> str:
    """Events in the shape of the Export API, about a thousand characters a line: visits of eight, some told late."""
    text = "strftime(moment, '%Y-%m-%d %H:%M:%S.%f')"
    stamps = ("client_upload_time", "server_received_time", "server_upload_time", "processed_time")
    return f"""
        SELECT 20260101 AS app, CASE WHEN person % 10 = 0 THEN NULL ELSE 'u-' || md5('user' || person)[:20] END AS user_id,
            {device("person")} AS device_id, 62144978298507 + person AS amplitude_id,
            ['iOS', 'Android', 'Web'][1 + person % 3] AS platform, ['Norway', 'Japan', 'Brazil', NULL][1 + person % 4] AS country,
            'English' AS language, 'shop/1' AS library, epoch_ms(moment) AS session_id,
            {{'advertising_id': {guid("'advertising' || person")}, 'uid2': md5('x' || person) || md5('y' || person)[:11] || '=',
              'plan': ['free', 'plus', 'growth'][1 + person % 3]}} AS user_properties,
            MAP {{}} AS groups, MAP {{}} AS group_properties,
            strftime(moment - to_hours(CASE WHEN luck % 100 = 0 THEN luck % 72 ELSE 0 END), '%Y-%m-%d %H:%M:%S.%f') AS event_time,
            event_time AS client_event_time, {", ".join(f"{text} AS {stamp}" for stamp in stamps)},
            ['app open', 'viewed', 'viewed', 'cart', 'purchase'][1 + luck % 5] AS event_type, number % 1000 AS event_id,
            {{'category': ['shoes', 'hats', 'coats', 'bags'][1 + luck // 7 % 4], 'sku': CAST(luck // 11 % 5000 AS VARCHAR),
              'price': luck // 13 % 10000 / 100, 'quantity': 1 + luck // 17 % 5, 'gift': luck % 9 = 0,
              'subject': 'Add the ' || luck // 23 % 400 || ' laces of ' || luck // 29 % 70}} AS event_properties,
            {insert_id("number")} AS "$insert_id", {insert_id("number")} AS uuid
        FROM (
            SELECT range AS number, CAST(hash(range // 8) % 50000 AS BIGINT) AS person,
                CAST(hash(range, 1) % 1000000007 AS BIGINT) AS luck,
                TIMESTAMP '2026-03-01' + to_microseconds(CAST(range * (90 * 86400000000 / {events}) AS BIGINT)) AS moment
            FROM range({start}, {stop})
        )"""


def device(person: str) -> str:
    return f"('d-' || md5('device' || {person})[:24])"


def insert_id(number: str) -> str:
    return guid(f"'insert' || {number}")


def guid(seed: str) -> str:
    return f"CAST(CAST(md5({seed}) AS UUID) AS VARCHAR)"


def make_store(home: Path, connection: Any, events: int, stored: int) -> None:
    """A store of earlier events; the first of them repeat one in SEEN of the input."""
    from tradewind.clock import SystemClock
    from tradewind.database import Database, metadata
    from tradewind.events import shape, sql
    from tradewind.events.manifest import Columns, FileRow, ImportRow

    home.mkdir()
    database = Database.at(home)
    metadata.create_all(database.engine)
    check = str(connection.execute(shape.KEY_CHECK).fetchall()[0][0])
    rows = []
    for start in range(0, stored, STORE_FILE):
        stop = min(start + STORE_FILE, stored)
        month = f"{2016 + start // STORE_FILE // 12}-{1 + start // STORE_FILE % 12:02}"
        path = f"events/bench/month={month}/made.parquet"
        (home / path).parent.mkdir(parents=True)
        number = f"CASE WHEN range < {events // SEEN} THEN range * {SEEN} ELSE -range END"
        person = "CASE WHEN number >= 0 THEN CAST(hash(number // 8) % 50000 AS BIGINT) ELSE number // 20 END"
        first = datetime.fromisoformat(f"{month}-01")
        connection.execute(f"""COPY (SELECT *, {", ".join(shape.keys())} FROM (
            SELECT CAST(NULL AS VARCHAR) AS user_id, {device("person")} AS device_id, 'visit' AS event_type,
                TIMESTAMP '{first}' + to_seconds(place) AS time, {insert_id("number")} AS insert_id, TRUE AS whole,
                '{{}}' AS event_properties, '{{}}' AS user_properties
            FROM (SELECT range - {start} AS place, {number} AS number, {person} AS person FROM range({start}, {stop}))))
            TO '{home / path}' (FORMAT parquet, COMPRESSION zstd)""")
        last = first.replace(day=20)
        rows.append(FileRow(path, month, stop - start, (home / path).stat().st_size, first, last, Columns((), (), True, check)))
    now = SystemClock().now()
    sql.insert_import(database, "bench", ImportRow("made", now, now, stored, stored, 0, 0, 0, (), ()), rows, [])
    database.close()


if __name__ == "__main__":
    main()
