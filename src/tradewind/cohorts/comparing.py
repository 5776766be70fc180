"""How numbers compare: as SQL, and as Python."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from tradewind.cohorts.dialect import Dialect
from tradewind.model.cohort import Comparison, Count

_SQL: dict[Comparison, type[exp.Binary]] = {
    Comparison.AT_LEAST: exp.GTE,
    Comparison.MORE: exp.GT,
    Comparison.AT_MOST: exp.LTE,
    Comparison.LESS: exp.LT,
    Comparison.EQUAL: exp.EQ,
    Comparison.NOT_EQUAL: exp.NEQ,
}

HOLDS: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.AT_LEAST: operator.ge,
    Comparison.MORE: operator.gt,
    Comparison.AT_MOST: operator.le,
    Comparison.LESS: operator.lt,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}
"""How a number compares with the one a count names; also of many numbers at once."""


def compares(number: exp.Expr, count: Count, dialect: Dialect) -> exp.Expr:
    """A number against that of a count."""
    return _SQL[count.comparison](this=number, expression=literal(count.number, dialect))


def literal(number: int | Decimal, dialect: Dialect) -> exp.Expr:
    """A number as it is compared: exactly."""
    return dialect.exactly(number) if isinstance(number, Decimal) else exp.Literal.number(number)


def zero_holds(count: Count) -> bool:
    """Whether nothing at all meets a count."""
    return bool(HOLDS[count.comparison](0, count.number))
