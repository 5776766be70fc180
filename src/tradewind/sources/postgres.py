"""A SELECT over somebody's PostgreSQL: in a read-only transaction with a time limit, every column as text, as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

import pyarrow as pa

from tradewind.compute import quoted
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.postgres import reading
from tradewind.sources.files import check_names


@contextmanager
def postgres_rows(query: str, variable: str, environment: Mapping[str, str], seconds: int) -> Iterator[pa.RecordBatchReader]:
    """A stream of the answer's batches, for the length of the block. `variable` names where the URL is.

    Raises as `postgres.reading` does, ConfigurationError also for a missing right, and DefinitionError for a query that is no
    SELECT over what is there. None of them carries a value.
    """
    with reading(variable, environment, seconds) as connection, connection.cursor() as cursor:
        from adbc_driver_postgresql import dbapi

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


def _refused(state: str, message: str, variable: str) -> NoReturn:
    reason = message.partition("ERROR:")[2].strip().partition("\n")[0] or "the server gave no reason"
    if state == "42501":
        raise ConfigurationError(f"the user of {variable} may not read this: {reason}") from None
    if state == "25006" or "data-modifying" in reason:
        raise DefinitionError("the SELECT tries to change something; it may only read", path="query") from None
    if state.startswith(("42", "0A", "3F")):
        raise DefinitionError(f"PostgreSQL does not accept the SELECT: {reason}", path="query") from None
    raise EngineError(f"the PostgreSQL stopped the SELECT (SQLSTATE {state or 'unknown'})") from None
