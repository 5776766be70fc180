"""What differs between engines when a rule becomes SQL: a few expressions, asked of a Dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sqlglot import exp

NUMBER = r"[-+]?([0-9]{1,255}(\.[0-9]{1,255})?|[0-9]{1,18}(\.[0-9]{1,20})?[eE][-+]?[0-9]{1,3})"
"""What counts as a number; anything else is compared as text, and is nothing where numbers are added up.

So long, every engine reads it without failing; with a power of ten DuckDB reads no longer ones exactly.
"""


class Dialect(Protocol):
    """Expressions of one engine over text columns. Every one of them may be given any text without failing."""

    name: str
    """The SQLGlot dialect in which the statement is written out."""

    def instant(self, moment: datetime) -> exp.Expr:
        """A literal comparable with `time`: the instant (aware) in UTC, to the microsecond."""

    def number(self, text: exp.Expr) -> exp.Expr:
        """The text as a double where it matches NUMBER, else NULL."""

    def matches(self, text: exp.Expr, pattern: exp.Expr) -> exp.Expr:
        """Whether the whole text matches a regular expression made by `glob.regex`."""

    def elements(self, text: exp.Expr) -> exp.Expr:
        """The elements of a JSON array as a list of text, without nulls; NULL when the text is not a JSON array."""

    def any_element(self, name: str, elements: exp.Expr, holds: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
        """Whether the condition holds for at least one element of a list; `name` tells it from one further out."""

    def listed(self, texts: Sequence[exp.Expr]) -> exp.Expr:
        """A list of these texts."""

    def includes(self, elements: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        """Whether a list holds every one of the values."""

    def different(self, elements: exp.Expr) -> exp.Expr:
        """How many different elements a list has."""

    def latest(self, value: exp.Expr, time: exp.Expr, stated: exp.Expr) -> exp.Expr:
        """An aggregate: the value of the latest row where `stated`; at the same time the greatest, NULL the least."""

    def decimal(self, text: exp.Expr) -> exp.Expr:
        """The text as a number of nine decimals where it matches NUMBER and is below 10^18, else NULL; a half is rounded away from 0.

        Sums of many of them are exact.
        """

    def exactly(self, number: Decimal) -> exp.Expr:
        """A literal of the type of `decimal`."""

    def micros(self, time: exp.Expr) -> exp.Expr:
        """A `time` as whole microseconds since 1970."""

    def day(self, time: exp.Expr, zone: str) -> exp.Expr:
        """The day a `time` falls on in a time zone."""

    def md5_hex(self, text: exp.Expr) -> exp.Expr:
        """The MD5 of a text, as 32 lower-case hexadecimal digits."""

    def member_hex(self, who: exp.Expr) -> exp.Expr:
        """The 16 bytes of a person's key, as 32 lower-case hexadecimal digits."""
