"""A session in somebody's PostgreSQL that can only read: found by the name of an environment variable, with a time limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from tradewind.errors import ConfigurationError, EngineError

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

_CONNECT_SECONDS = 10

_SIGN_IN = ("password authentication failed", "no pg_hba.conf entry", "no password supplied", "is not permitted to log in", "role ")
_UNREACHED = ("could not translate host name", "could not connect", "connection to server", "timeout expired", "server closed")


@contextmanager
def reading(variable: str, environment: Mapping[str, str], seconds: int) -> Iterator[Connection]:
    """A connection whose statements see one state of the database, for the length of the block. `variable` names where the URL is.

    Raises ConfigurationError for a missing or wrong URL or a refused sign-in, EngineError when the server does not answer. None of
    them carries the URL or the password. What a statement raises is the driver's `Error`, which may hold values.
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
    with connection:
        yield connection


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
    """The URL with the rules of the session: read only, one state of the database, a limit on each statement and on signing in."""
    rules = (
        f"-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read -c statement_timeout={seconds * 1000}"
        " -c standard_conforming_strings=on"
    )
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
