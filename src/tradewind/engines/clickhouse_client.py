"""A session in somebody's ClickHouse that can only read: found by the name of an environment variable, with a time limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, NoReturn, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import pyarrow as pa

from tradewind.engines.clickhouse import SETTINGS, ClickHouseSession
from tradewind.engines.server import batches
from tradewind.errors import ConfigurationError, EngineError

Answer = TypeVar("Answer")

SECONDS = 1800
"""The longest that a statement may take."""

_PORTS = {"clickhouse": 8123, "clickhouses": 8443}

_REASONS = {
    "47": "it does not know a column",
    "60": "it does not know a table",
    "159": "it took longer than it may",
    "160": "it would take longer than it may",
    "241": "it needs more memory than it may use",
}
"""What an error means, by its code."""

_NOT_ALLOWED = {"164", "497"}


def clickhouse(
    variable: str, environment: Mapping[str, str], seconds: int = SECONDS
) -> Callable[[], AbstractContextManager[ClickHouseSession]]:
    """Opens a session at a time on the server whose URL an environment variable holds.

    Opening one raises ConfigurationError for a missing or wrong URL or a refused sign-in, EngineError when the server does not
    answer. None of them carries the URL or the password.
    """

    @contextmanager
    def opened() -> Iterator[ClickHouseSession]:
        url = _url(variable, environment)
        try:
            import clickhouse_connect
        except ImportError as error:
            raise ConfigurationError("asking a ClickHouse needs the extra 'clickhouse': pip install 'tradewind[clickhouse]'") from error
        where = f"{url.hostname}:{url.port or _PORTS[url.scheme]}"
        with _told(where, variable):
            client = clickhouse_connect.get_client(
                host=url.hostname,
                port=url.port or _PORTS[url.scheme],
                username=unquote(url.username or "default"),
                password=unquote(url.password or ""),
                database=url.path.strip("/") or "__default__",
                secure=url.scheme == "clickhouses",
                connect_timeout=10,
                send_receive_timeout=seconds + 10,
                autogenerate_session_id=False,
            )
        try:
            yield ClickHouseSession(_Client(client, where, variable, seconds), variable)
        finally:
            client.close()

    return opened


class _Client:
    """Asks over HTTP; each question changes nothing, whatever its user may do."""

    def __init__(self, client: Any, where: str, variable: str, seconds: int) -> None:
        self._client, self._where, self._variable = client, where, variable
        self._settings = {name: value.strip("'") for name, value in SETTINGS.items()} | {"max_execution_time": str(seconds)}
        if client.server_settings["readonly"].value == "0":  # who may only read anyway cannot say so once more
            self._settings["readonly"] = "2"

    @contextmanager
    def ask(self, statement: str) -> Iterator[Iterator[pa.RecordBatch]]:
        stream = self._tried(lambda: self._client.raw_stream(statement, fmt="ArrowStream", settings=self._settings))
        try:
            reader = self._tried(lambda: pa.ipc.open_stream(stream))
            yield chain([pa.RecordBatch.from_pylist([], reader.schema)], batches(reader, self._tried))  # at least one
        finally:
            stream.close()

    def _tried(self, work: Callable[[], Answer]) -> Answer:
        with _told(self._where, self._variable):
            return work()


def _url(variable: str, environment: Mapping[str, str]) -> SplitResult:
    text = environment.get(variable, "").strip()
    if not text:
        raise ConfigurationError(f"the environment variable {variable} is not set; expected the URL of a ClickHouse")
    try:
        url = urlsplit(text)
        valid = url.scheme in _PORTS and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(
            f"{variable} does not hold the URL of a ClickHouse; expected clickhouse://user:password@host:8123/database,"
            " or clickhouses:// where it is reached by TLS"
        )
    return url


@contextmanager
def _told(where: str, variable: str) -> Iterator[None]:
    """Failures in our own words: those of the server may hold values, and those of the client the URL."""
    from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (ClickHouseError, HTTPError, pa.ArrowException, OSError) as error:
        found = re.search(r"(?:error code |Code: )(\d+)", str(error))
        if found is None and isinstance(error, OperationalError | HTTPError | OSError):
            raise EngineError(
                f"the ClickHouse at {where} does not answer; check that it runs and that {variable} names the right host"
            ) from None
        _refused(found[1] if found else "unknown", where, variable)


def _refused(code: str, where: str, variable: str) -> NoReturn:
    if code in {"192", "193", "194", "516"}:
        raise ConfigurationError(f"the ClickHouse at {where} refuses the sign-in; check user and password in {variable}")
    if code == "81":
        raise ConfigurationError(f"the ClickHouse at {where} has no such database; check the end of the URL in {variable}")
    if code in _NOT_ALLOWED:
        raise ConfigurationError(
            f"the user of {variable} may not read a table, or not change settings (readonly = 2 lets it) (ClickHouse code {code})"
        )
    raise EngineError(f"ClickHouse gave up on the question: {_REASONS.get(code, 'something went wrong')} (code {code})")
