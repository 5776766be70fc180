"""A property, an operator and values as one SQL condition that is always true or false, never unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from tradewind.cohorts.dialect import NUMBER, Dialect
from tradewind.cohorts.glob import regex
from tradewind.model.cohort import Operator

NONE = "(none)"
"""The literal that stands for having no value."""

FEW = 32
"""Values that are compared one by one; more are a list, so that a statement stays short and shallow."""

_NEGATIONS = {
    Operator.IS_NOT: Operator.IS,
    Operator.DOES_NOT_CONTAIN: Operator.CONTAINS,
    Operator.DOES_NOT_START_WITH: Operator.STARTS_WITH,
    Operator.GLOB_DOES_NOT_MATCH: Operator.GLOB_MATCH,
    Operator.SET_IS_NOT: Operator.SET_IS,
    Operator.SET_DOES_NOT_CONTAIN: Operator.SET_CONTAINS,
}
_SETS = {Operator.SET_IS, Operator.SET_IS_NOT, Operator.SET_CONTAINS, Operator.SET_DOES_NOT_CONTAIN}
_COMPARED: dict[Operator, type[exp.Binary]] = {
    Operator.LESS: exp.LT,
    Operator.LESS_OR_EQUAL: exp.LTE,
    Operator.GREATER: exp.GT,
    Operator.GREATER_OR_EQUAL: exp.GTE,
}


def condition(value: exp.Expr, operator: Operator, values: Sequence[str], dialect: Dialect) -> exp.Expr:
    """Whether `value` (text, NULL when the property is missing) meets the operator.

    An array meets a plain operator when one of its elements does, negations too; the `set_` operators look at it whole.
    """
    elements = dialect.elements(value)
    if operator in _SETS:
        return (
            exp.Case()
            .when(missing(value), exp.convert(meets_nothing(operator, values)), copy=False)
            .when(there(elements), _whole(elements, operator, values, dialect), copy=False)
            .else_(_whole(dialect.listed([value]), operator, values, dialect), copy=False)
        )
    return (
        exp.Case()
        .when(missing(value), exp.convert(meets_nothing(operator, values)), copy=False)
        .when(
            there(elements),
            dialect.any_element("element", elements, lambda element: _plain(element, operator, values, dialect)),
            copy=False,
        )
        .else_(_plain(value, operator, values, dialect), copy=False)
    )


def missing(value: exp.Expr) -> exp.Expr:
    """Whether a value is NULL."""
    return exp.Is(this=value.copy(), expression=exp.Null())


def there(value: exp.Expr) -> exp.Expr:
    """Whether a value is not NULL."""
    return exp.Not(this=missing(value))


def meets_nothing(operator: Operator, values: Sequence[str]) -> bool:
    """What a missing property answers: it meets what lists `(none)`, and negations that do not."""
    if operator is Operator.SET_IS_NOT:
        return True
    return (NONE in values) != (operator in _NEGATIONS)


def _plain(  # noqa: PLR0911 - one answer an operator
    text: exp.Expr, operator: Operator, values: Sequence[str], dialect: Dialect
) -> exp.Expr:
    """One text that is there, against the values as alternatives."""
    if operator in _NEGATIONS:
        return exp.Not(this=exp.paren(_plain(text, _NEGATIONS[operator], values, dialect), copy=False))
    if operator is Operator.IS:
        return _is(text, values)
    if operator in _COMPARED:
        return _compared(text, operator, values, dialect)
    if operator is Operator.GLOB_MATCH:
        return _one_of([regex(value) for value in values], lambda pattern: dialect.matches(text.copy(), pattern), dialect)
    small = exp.Lower(this=text.copy())
    if operator is Operator.STARTS_WITH:
        return _one_of([lowered(value) for value in values], lambda value: exp.StartsWith(this=small.copy(), expression=value), dialect)
    if "" in values:
        return exp.true()
    return _one_of([lowered(value) for value in values], lambda value: _found(small.copy(), value), dialect)


def _one_of(values: Sequence[str], test: Callable[[exp.Expr], exp.Expr], dialect: Dialect) -> exp.Expr:
    """Whether the test holds for one of the values: written out while they are few, else over a list of them."""
    literals = [exp.Literal.string(value) for value in values]
    if len(literals) <= FEW:
        return exp.or_(*map(test, literals), copy=False)
    return dialect.any_element("value", dialect.listed(literals), test)


def _is(text: exp.Expr, values: Sequence[str]) -> exp.Expr:
    """Letter by letter; only `true` and `false` ignore case."""
    equal = _in(text, values)
    switches = sorted({value.lower() for value in values} & {"true", "false"})
    return exp.or_(equal, _in(exp.Lower(this=text.copy()), switches)) if switches else equal


def _in(text: exp.Expr, values: Sequence[str]) -> exp.Expr:
    return exp.In(this=text.copy(), expressions=[exp.Literal.string(value) for value in values])


def _found(text: exp.Expr, value: exp.Expr) -> exp.Expr:
    return exp.GT(this=exp.StrPosition(this=text, substr=value), expression=exp.Literal.number(0))


def _compared(text: exp.Expr, operator: Operator, values: Sequence[str], dialect: Dialect) -> exp.Expr:
    """As numbers where both are, else as text in the order of code points. Of many values the farthest one decides."""
    compare = _COMPARED[operator]
    farthest = max if operator in (Operator.LESS, Operator.LESS_OR_EQUAL) else min
    numbers = [value for value in values if re.fullmatch(NUMBER, value)]
    words = [value for value in values if not re.fullmatch(NUMBER, value)]
    as_text = compare(this=text.copy(), expression=exp.Literal.string(farthest(values)))
    if not numbers:
        return as_text
    number = dialect.number(text.copy())
    as_number: exp.Expr = compare(this=number.copy(), expression=dialect.number(exp.Literal.string(farthest(numbers, key=float))))
    if not words:  # what is no number compares as NULL, and the text is read for a number once
        return exp.Coalesce(this=as_number, expressions=[as_text])
    as_number = exp.or_(as_number, compare(this=text.copy(), expression=exp.Literal.string(farthest(words))))
    return exp.Case().when(there(number), as_number, copy=False).else_(as_text, copy=False)


def _whole(elements: exp.Expr, operator: Operator, values: Sequence[str], dialect: Dialect) -> exp.Expr:
    """A list against all the values together."""
    if operator in _NEGATIONS:
        return exp.Not(this=exp.paren(_whole(elements, _NEGATIONS[operator], values, dialect), copy=False))
    wanted = sorted(set(values))
    includes = dialect.includes(elements.copy(), [exp.Literal.string(value) for value in wanted])
    if operator is Operator.SET_CONTAINS:
        return includes
    return exp.and_(includes, exp.EQ(this=dialect.different(elements.copy()), expression=exp.Literal.number(len(wanted))))


def lowered(text: str) -> str:
    """Lower case letter by letter, as SQL engines do it: one letter stays one letter, wherever it stands."""
    return "".join(letter.lower()[0] for letter in text)
