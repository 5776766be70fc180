"""Events as tables of a client's, laid down in ClickHouse and in Spark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any

import pyarrow as pa
from sqlglot import exp

from tradewind.engines.clickhouse import SETTINGS, ClickHouseSession
from tradewind.engines.memory import Event
from tradewind.engines.server import Served, Session
from tradewind.engines.spark import SparkSession
from tradewind.engines.spec.inline import rows_of

_NUMBERS = count()


@dataclass(frozen=True)
class Place:
    """A server in which tables can be laid down: `lay` takes a name and the rows, which have the columns of `COLUMNS`."""

    session: Session
    lay: Callable[[str, pa.Table], None]

    def told(self, events: Iterable[Event]) -> Served:
        """Two new tables, of events that state whole sets of user properties and of others."""
        told, number = list(events), next(_NUMBERS)
        names = {whole: f"events_{number}_{'whole' if whole else 'partial'}" for whole in (False, True)}
        for whole, name in names.items():
            self.lay(name, pa.Table.from_pylist(listed(event for event in told if event.whole is whole), COLUMNS))
        return Served(lambda: nullcontext(self.session), tuple(rows_of(name, whole=whole) for whole, name in names.items()), {})


TEXTS = ("user_id", "device_id", "event_type", "event_properties", "user_properties")
_TYPES: dict[str, pa.DataType] = {**dict.fromkeys(TEXTS, pa.string()), "happened": pa.timestamp("us", "UTC")}
COLUMNS = pa.schema(_TYPES)


def listed(events: Iterable[Event]) -> list[dict[str, object]]:
    """Events as rows of COLUMNS."""
    return [_row(event) for event in events]


def _row(event: Event) -> dict[str, object]:
    said = {name: json.dumps(getattr(event, name), ensure_ascii=False) for name in ("event_properties", "user_properties")}
    return {"user_id": event.user_id, "device_id": event.device_id, "event_type": event.event_type, "happened": event.time, **said}


class EmbeddedClickHouse:
    """ClickHouse in this process, as chdb has it: answers statements as a server would."""

    def __init__(self) -> None:
        import chdb

        self.connection: Any = chdb.connect(":memory:")
        for name, value in SETTINGS.items():
            self.connection.query(f"SET {name} = {value}")

    @contextmanager
    def ask(self, statement: str) -> Iterator[Iterator[pa.RecordBatch]]:
        with pa.ipc.open_stream(self.connection.query(statement, "ArrowStream").bytes()) as reader:
            table = reader.read_all()
        yield iter(table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)])

    def lay(self, name: str, rows: pa.Table) -> None:
        """What a client would have done."""
        texts = ", ".join(f"{column} Nullable(String)" for column in TEXTS)
        self.connection.query(f"CREATE TABLE {name} ({texts}, happened DateTime64(6, 'UTC')) ENGINE = Memory")
        listed = [{**row, "happened": row["happened"].isoformat(sep=" ").removesuffix("+00:00")} for row in rows.to_pylist()]
        lines = exp.Literal.string("\n".join(json.dumps(row, ensure_ascii=False) for row in listed)).sql("clickhouse")
        self.connection.query(f"INSERT INTO {name} SELECT * FROM format(JSONEachRow, '{texts}, happened DateTime64(6, ''UTC'')', {lines})")


@contextmanager
def clickhouse() -> Iterator[Place]:
    """ClickHouse, within these tests themselves."""
    embedded = EmbeddedClickHouse()
    yield Place(ClickHouseSession(embedded, "SHOP_URL"), embedded.lay)
    embedded.connection.close()


@contextmanager
def spark() -> Iterator[Place]:
    """Spark on this machine, as small as it gets: it asks nobody, and shows nothing to anybody."""
    from tradewind.engines.spark import local

    begun = local(1, {"spark.sql.shuffle.partitions": "1", "spark.default.parallelism": "1", "spark.sql.codegen.wholeStage": "false"})

    def lay(name: str, rows: pa.Table) -> None:
        begun.createDataFrame(rows).createOrReplaceTempView(name)

    yield Place(SparkSession(begun, "SHOP_URL"), lay)
    begun.stop()


def why_no_spark() -> str | None:
    """Why Spark cannot run here; None where it can."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java") if home is None else f"{home}/bin/java"
    if java is None:
        return "Spark needs Java 17 or newer; none is here"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    first = told.partition('version "')[2].partition(".")[0]
    return None if first.isdigit() and int(first) >= 17 else f"Spark needs Java 17 or newer; here is {told.partition(chr(10))[0]}"
