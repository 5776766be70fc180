"""A Spark that is asked by its URL: Spark Connect in a process of its own, on this machine alone, with tables of its own."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from engines.laid import COLUMNS, listed, why_no_spark
from spec.test_cohort_language import ROWS
from tradewind.compute import Bounds
from tradewind.engines.base import Engine
from tradewind.engines.memory import Event, MemoryEngine
from tradewind.engines.server import Served, ServerEngine
from tradewind.engines.spark import ALONE, spark
from tradewind.engines.spec.ask import ask, expected
from tradewind.engines.spec.inline import inline, rows_of
from tradewind.engines.spec.rows import Case, Table
from tradewind.errors import DefinitionError, EngineError
from tradewind.model.cohort import All, AnyOf, Did, InCohort
from tradewind.model.snapshot import Wanted
from tradewind.testing.engine_suite import NOON, PROJECT, a_list, cohort_of, happened, said

pytestmark = [
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED:UserWarning"),
]

NAME = "SHOP_URL"

TOLD = [
    *(happened(hours, f"u{number}", None, "Buy", total=number) for number in range(1, 9) for hours in range(1, number + 1)),
    Event("Look", NOON - timedelta(hours=9), "u1", None, {}, {"ad": "another"}),
    happened(3, None, "d1", "Look"),
    happened(1, "u3", "d1", "Look"),
    said(2, "u3", ad="an-ad"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it listens: on a port that the system chooses, which it says when it has begun."""
    if reason := why_no_spark():
        pytest.skip(reason)
    import pyspark

    home, folder = Path(pyspark.__file__).parent, tmp_path_factory.mktemp("connect")
    own = {"spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": "0", "spark.log.level": "INFO"}
    quick = {"spark.sql.shuffle.partitions": "1", "spark.sql.codegen.wholeStage": "false"}
    own["spark.sql.warehouse.dir"] = str(folder / "tables")
    settings = [word for name, value in (ALONE | quick | own).items() for word in ("--conf", f"{name}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [str(home / "bin" / "spark-submit"), "--class", server, "--master", "local[1]", *settings, "spark-internal"]
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        port = next((found[1] for line in process.stderr if (found := re.search(r"Connect server started at: .*:(\d+)", line))), None)
        assert port, "it ended without having begun"
        reading = threading.Thread(target=process.stderr.read)
        reading.start()
        yield f"sc://127.0.0.1:{port}"
        process.terminate()
        reading.join()


@pytest.fixture(scope="module")
def served(url: str) -> Served:
    """The events as tables that the server itself keeps, as a client would have laid them down."""
    from pyspark.sql import SparkSession

    client = SparkSession.builder.remote(url).create()
    for whole in (False, True):
        rows = pa.Table.from_pylist(listed(event for event in TOLD if event.whole is whole), COLUMNS)
        client.createDataFrame(rows).write.saveAsTable(f"events_{whole}".lower())
    client.stop()
    return Served(spark(NAME, {NAME: url}), tuple(rows_of(f"events_{whole}".lower(), whole=whole) for whole in (False, True)), {})


def test_members_are_those_that_plain_python_finds(served: Served, tmp_path: Path) -> None:
    """With a cohort that is lent to it, identifiers, the times of the last event, and names."""
    nested = {
        "vips": a_list(tmp_path / "vips.parquet", "user:u2", "user:u3", "user:u7", "user:other"),
        "none": a_list(tmp_path / "none.parquet"),
    }
    rule, wanted = All((Did("Buy"), AnyOf((InCohort("vips"), InCohort("none"))))), (Wanted("user.ad", False), Wanted("event.total", True))
    engines: tuple[Engine, ...] = (MemoryEngine({"default": TOLD}), ServerEngine(served, Bounds()))
    answers = []
    for number, engine in enumerate(engines):
        out = tmp_path / f"{number}.parquet"
        snapshot = engine.evaluate(PROJECT, cohort_of(rule), NOON, wanted, nested, out, recency=True)
        rows = pq.read_table(out).sort_by("member").to_pylist()
        answers.append((snapshot.members, snapshot.missing, rows, engine.persons(PROJECT, [row["member"] for row in rows], NOON)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 3


@pytest.mark.parametrize(("table", "case"), ROWS[7::130])
def test_row(url: str, table: Table, case: Case, tmp_path: Path) -> None:
    """As `sources verify` asks it."""
    opening = spark(NAME, {NAME: url})
    with opening() as session:
        engine = ServerEngine(inline(table.events, session.dialect, opening), Bounds())
    assert ask(engine, table, case, tmp_path) == expected(case)


def test_an_answer_comes_in_parts_and_what_is_not_there_is_said(url: str) -> None:
    with spark(NAME, {NAME: url})() as session:
        assert session.about().startswith("Spark 4")
        with pytest.raises(DefinitionError, match=f"there is no table 'gone' in the Spark of {NAME}"):
            session.columns("gone")
        many = exp.select(exp.alias_(exp.cast(exp.column("id"), "text"), "member")).from_("range(100)")
        with session.taking(30).rows(many, []) as reader:
            parts = [batch.num_rows for batch in reader]
        assert (sum(parts), len(parts) > 2) == (100, True)
        with pytest.raises(EngineError, match="Spark gave up on the question"), session.rows(exp.select("gone").from_("range(1)"), []):
            pass


def test_one_that_does_not_answer_is_given_up_on() -> None:
    """After seconds; left to itself, the client tries for ten minutes."""
    with pytest.raises(EngineError, match=f"the Spark of {NAME} does not answer"), spark(NAME, {NAME: "sc://127.0.0.1:9"})():
        pass
