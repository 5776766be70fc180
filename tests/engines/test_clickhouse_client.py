"""The client that asks a ClickHouse over HTTP, against a server that hands each statement to the one in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlglot import exp

from engines.conftest import PlaceOf
from engines.laid import EmbeddedClickHouse
from tradewind.engines.clickhouse import ClickHouseSession
from tradewind.engines.clickhouse_client import clickhouse
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.model.tables import ColumnKind


@pytest.fixture(scope="module")
def url(place_of: PlaceOf) -> Iterator[str]:
    session = place_of("clickhouse").session
    assert isinstance(session, ClickHouseSession)
    embedded: Any = session.wire
    assert isinstance(embedded, EmbeddedClickHouse)
    embedded.connection.query("CREATE TABLE IF NOT EXISTS shop_orders (id UInt64, placed DateTime, note Nullable(String)) ENGINE = Memory")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            statement = self.rfile.read(int(self.headers["Content-Length"])).decode() or asked["query"][0]
            text, _, form = statement.rpartition("FORMAT ")
            if not text:
                text, form = statement, asked.get("default_format", ["TabSeparated"])[0]
            try:
                with lock:
                    answer, status = embedded.connection.query(text, form.strip()).bytes(), 200
            except RuntimeError as error:
                answer, status = str(error).encode(), 500
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status == 500:
                self.send_header("X-ClickHouse-Exception-Code", str(error_code(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"clickhouse://reader:secret@127.0.0.1:{server.server_port}/default"
    server.shutdown()
    thread.join()
    server.server_close()


def error_code(answer: bytes) -> int:
    return int(answer.partition(b"Code: ")[2].partition(b".")[0] or b"0")


def test_a_server_is_asked_over_http(url: str) -> None:
    with clickhouse("SHOP_URL", {"SHOP_URL": url})() as session:
        assert session.about().startswith("ClickHouse 2")
        assert session.columns("shop_orders") == {"id": ColumnKind.INTEGER, "placed": ColumnKind.INSTANT, "note": ColumnKind.TEXT}
        with session.rows(exp.select("n").from_("two"), [("two", exp.select("1 AS n"))]) as reader:
            assert reader.read_all().to_pylist() == [{"n": 1}]


def test_what_is_wrong_is_told_in_a_sentence_without_the_password(url: str) -> None:
    with clickhouse("SHOP_URL", {"SHOP_URL": url})() as session:
        with pytest.raises(DefinitionError, match=r"no table 'shop_order' .* did you mean 'shop_orders'\?$"):
            session.columns("shop_order")
        with (
            pytest.raises(EngineError, match=r"it does not know a column \(code 47\)"),
            session.rows(exp.select("gone").from_("shop_orders"), []),
        ):
            pass
    for wrong, what in (
        ("", "is not set"),
        ("http://host", "does not hold the URL"),
        ("clickhouse://reader:secret@127.0.0.1:1", "does not answer"),
    ):
        with pytest.raises((ConfigurationError, EngineError), match=what) as told, clickhouse("SHOP_URL", {"SHOP_URL": wrong})():
            pass
        assert "secret" not in str(told.value)
