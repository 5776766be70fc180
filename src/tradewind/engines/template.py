"""SQL as one engine writes it, with expressions in the place of its `:names`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import sqlglot
from sqlglot import exp


@cache
def _parsed(text: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(text, dialect=dialect)


def filled(text: str, dialect: str, parts: dict[str, exp.Expr]) -> exp.Expr:
    """The expression that a text is in a dialect, each `:name` of it replaced; a name may stand there more than once."""

    def put(node: exp.Expr) -> exp.Expr:
        return parts[node.name].copy() if isinstance(node, exp.Placeholder) and node.name in parts else node

    return _parsed(text, dialect).transform(put)


def behind(statement: exp.Select, tables: Sequence[tuple[str, exp.Query]], kept: Mapping[str, bool]) -> exp.Select:
    """The statement behind the tables that it reads; `kept` names those found once (True) or anew wherever they are named (False)."""
    for name, select in tables:
        statement = statement.with_(name, as_=select, materialized=kept.get(name), copy=False)
    if tables:
        # What a statement says of its own stands behind the tables it reads.
        clause = statement.args["with_"]
        own = len(clause.expressions) - len(tables)
        clause.set("expressions", [*clause.expressions[own:], *clause.expressions[:own]])
    return statement
