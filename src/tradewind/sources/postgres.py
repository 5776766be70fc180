"""A SELECT over somebody's PostgreSQL: in a read-only transaction with a time limit, every column as text, as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import pyarrow as pa

from tradewind.compute import quoted
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.sources.files import check_names

_CONNECT_SECONDS = 10

_SIGN_IN = ("password authentication failed", "no pg_hba.conf entry", "no password supplied", "is not permitted to log in", "role ")
_UNREACHED = ("could not translate host name", "could not connect", "connection to server", "timeout expired", "server closed")


@contextmanager
def postgres_rows(query: str, variable: str, environment: Mapping[str, str], seconds: int) -> Iterator[pa.RecordBatchReader]:
    """A stream of the answer's batches, for the length of the block. `variable` names where the URL is.

    Raises ConfigurationError for a missing or wrong URL, a refused sign-in or a missing right, DefinitionError for a
    query that is no SELECT over what is there, EngineError when the server does not answer. None of them carries the
    URL, the password or a value.
    """
    url = _url(variable, environment)
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise ConfigurationError("reading a PostgreSQL needs the extra 'postgres': pip install 'tradewind[postgres]'") from error
    try:
        connection = dbapi.connect(_guarded(url, seconds))
    except dbapi.Error as error:
        _unconnected(str(error), url, variable)
    with connection, connection.cursor() as cursor:
        try:
            # The operator's SELECT stands inside another one, so that it can be nothing else.
            inner = f"({query.rstrip().rstrip(';')}\n) AS answer"
            cursor.execute(f"SELECT * FROM {inner} LIMIT 0")
            names = tuple(column[0] for column in cursor.description)
            check_names(names, path="query")
            cursor.execute(f"SELECT {', '.join(f'{quoted(name)}::text AS {quoted(name)}' for name in names)} FROM {inner}")
            reader = cursor.fetch_record_batch()
        except dbapi.Error as error:
            _refused(error.sqlstate or "", str(error), variable)
        yield reader


def _url(variable: str, environment: Mapping[str, str]) -> SplitResult:
    text = environment.get(variable, "").strip()
    if not text:
        raise ConfigurationError(f"the environment variable {variable} is not set; expected the URL of a PostgreSQL")
    try:
        url = urlsplit(text)
        valid = url.scheme in {"postgres", "postgresql"} and (url.port or url.hostname or url.query)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigurationError(
            f"{variable} does not hold the URL of a PostgreSQL; expected postgresql://user:password@host:port/database"
        )
    return url


def _guarded(url: SplitResult, seconds: int) -> str:
    """The URL with the rules of the session: read only, a limit on each statement and on signing in."""
    rules = f"-c default_transaction_read_only=on -c statement_timeout={seconds * 1000}"
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    parameters["options"] = f"{parameters.get('options', '')} {rules}".strip()
    parameters.setdefault("connect_timeout", str(_CONNECT_SECONDS))
    return url._replace(query=urlencode(parameters, quote_via=quote)).geturl()


def _unconnected(message: str, url: SplitResult, variable: str) -> NoReturn:
    """libpq repeats parts of the URL in its messages, so only what they are about is told. `from None` for the same reason."""
    where = f"{url.hostname or 'the local socket'}:{url.port or 5432}"
    if any(text in message for text in _SIGN_IN):
        raise ConfigurationError(f"the PostgreSQL at {where} refuses the sign-in; check user and password in {variable}") from None
    if 'database "' in message:
        raise ConfigurationError(f"the PostgreSQL at {where} has no such database; check the end of the URL in {variable}") from None
    if any(text in message for text in _UNREACHED):
        raise EngineError(
            f"the PostgreSQL at {where} does not answer; check that it runs and that {variable} names the right host"
        ) from None
    raise ConfigurationError(
        f"{variable} is not a URL that PostgreSQL understands; write special characters of the password as %40 and the like"
    ) from None


def _refused(state: str, message: str, variable: str) -> NoReturn:
    reason = message.partition("ERROR:")[2].strip().partition("\n")[0] or "the server gave no reason"
    if state == "42501":
        raise ConfigurationError(f"the user of {variable} may not read this: {reason}") from None
    if state == "25006" or "data-modifying" in reason:
        raise DefinitionError("the SELECT tries to change something; it may only read", path="query") from None
    if state.startswith(("42", "0A", "3F")):
        raise DefinitionError(f"PostgreSQL does not accept the SELECT: {reason}", path="query") from None
    raise EngineError(f"the PostgreSQL stopped the SELECT (SQLSTATE {state or 'unknown'})") from None
