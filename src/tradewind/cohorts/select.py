"""One read-only SELECT, told by its parse tree: what a cohort of kind sql may ask, and what it may not."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tradewind.errors import DefinitionError

LONGEST_QUERY = 100_000
EVENTS = "events"

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_REFUSED: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.DML, "changes rows"),
    (exp.DDL, "changes tables"),
    (exp.Drop, "changes tables"),
    (exp.Into, "writes its result into a table (INTO)"),
    (exp.Lock, "locks rows (FOR UPDATE or FOR SHARE)"),
    (exp.Command, "is a command"),
    (exp.Copy, "reads or writes files"),
    (exp.Pragma, "is a PRAGMA"),
    (exp.Set, "changes a setting"),
    (exp.Attach, "opens another database"),
    (exp.Show, "is a SHOW"),
    (exp.Describe, "is a DESCRIBE"),
    (exp.Summarize, "is a SUMMARIZE"),
    (exp.ReadCSV, "reads a file; name it under 'files'"),
    (exp.ReadParquet, "reads a file; name it under 'files'"),
    (exp.Parameter, "holds a parameter, and nothing fills it"),
    (exp.Placeholder, "holds a parameter, and nothing fills it"),
    (exp.SessionParameter, "reads a setting"),
)

_FUNCTIONS = re.compile(
    r"(pg|lo|dblink|txid|inet|duckdb|pragma|iceberg|delta|sqlite|postgres|mysql|parquet|read|write|sniff|scan|copy)_.*"
    r"|(query|table|schema|database|cursor)_to_.*|.*_scan|dblink|glob|getenv|query|query_table|which_secret"
    r"|nextval|setval|lastval|currval|set_config|current_setting|xpath_table|ts_stat|st_read|checkpoint|force_checkpoint|system"
)
"""Names of functions that reach files, settings, sequences, other databases or other sessions."""

_DUCKDB_SETS = (exp.Unnest, exp.GenerateSeries)

# A statement it cannot read becomes a Command, which is refused here in our own words; its warning would only repeat that.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def check_select(query: str, *, files: Iterable[str] = (), postgres: bool = False) -> exp.Query:
    """The parse tree of `query`, if it is exactly one SELECT that only reads.

    Without `postgres` it may name the tables `events` and `files` alone; with it, any table of that PostgreSQL.
    Raises DefinitionError saying what was found and what was expected.
    """
    tree = _single(query, "postgres" if postgres else "duckdb")
    for node in tree.walk():
        for kind, reason in _REFUSED:
            if isinstance(node, kind):
                raise DefinitionError(f"the query {reason}; expected one SELECT that only reads")
        if isinstance(node, exp.Func):
            _check_function(node)
    if not postgres:
        _check_tables(tree, [EVENTS, *files])
    return tree


def _single(query: str, dialect: str) -> exp.Query:
    if len(query) > LONGEST_QUERY or "\0" in query:
        raise DefinitionError(f"expected a query of at most {LONGEST_QUERY:,} characters, without NUL")
    try:
        statements = [statement for statement in sqlglot.parse(query, dialect=dialect) if statement is not None]
    except SqlglotError as error:
        raise DefinitionError(f"the query cannot be read: {_sentence(error)}") from error
    except RecursionError as error:
        raise DefinitionError("the query is nested too deeply to be read") from error
    if len(statements) != 1:
        raise DefinitionError(f"expected one SELECT, found {len(statements)} statements")
    if not isinstance(statements[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise DefinitionError(f"expected a SELECT, found {statements[0].key.upper()}")
    return statements[0]


def _sentence(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    if not details:
        return "a quote or comment is never closed, or a character stands where none can"
    return f"{details[0]['description']} (line {details[0]['line']}, column {details[0]['col']})"


def _check_function(node: exp.Func) -> None:
    name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
    if isinstance(node, exp.Anonymous) and _FUNCTIONS.fullmatch(name.lower()):
        raise DefinitionError(f"the function {name} is not allowed: it reaches beyond the tables of the query")


def _check_tables(tree: exp.Query, allowed: list[str]) -> None:
    known = {name.lower() for name in allowed}
    for cte in tree.find_all(exp.CTE):
        if not _PLAIN_NAME.fullmatch(cte.alias):
            raise DefinitionError(f"'{cte.alias[:60]}' cannot name a WITH table; expected letters, digits and underscores")
        known.add(cte.alias.lower())
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, _DUCKDB_SETS):
            continue
        if table.db or table.catalog or not isinstance(table.this, exp.Identifier) or table.name.lower() not in known:
            raise DefinitionError(f"the query reads '{table.sql('duckdb')[:60]}'; it may read {', '.join(sorted(allowed))}")
