"""The time before an instant in stretches, in each of which the same is asked of events: nobody need read more of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlglot import exp

from tradewind.cohorts.clauses.form import Asked

MOST = 4
"""The most stretches; files that lie in two of them are read twice."""


@dataclass(frozen=True)
class Stretch:
    """What rows of `events` are asked for from `first` (None: the beginning) to before `end`, and which event properties of them."""

    first: datetime | None
    end: datetime
    types: frozenset[str]
    properties: frozenset[str]
    conditions: tuple[exp.Expr, ...]

    def holds(self) -> exp.Expr:
        """Whether a row within it is asked for. Of several types, DuckDB leaves others out as it reads only if no bare IN says so."""
        asked = exp.or_(*(condition.copy() for condition in self.conditions))
        if len(self.types) == 1:
            return asked
        types = exp.column("event_type").isin(*(exp.Literal.string(event) for event in sorted(self.types)))
        return exp.and_(exp.Coalesce(this=types, expressions=[exp.false()]), asked)


def stretches(asked: Collection[Asked]) -> tuple[Stretch, ...]:
    """The stretches in which anything is asked for, in the order of time; none overlaps another."""
    ends = {each.span.end for each in asked}
    moments = sorted({each.span.first for each in asked if each.span.first is not None} | ends)
    begin = [None] if any(each.span.first is None for each in asked) else []
    found = [_between(first, end, asked) for first, end in pairwise([*begin, *moments])]
    alike = _joined(each for each in found if each.conditions)
    return alike if len(alike) <= MOST else (_whole(alike),)


def _between(first: datetime | None, end: datetime | None, asked: Iterable[Asked]) -> Stretch:
    assert end is not None, "only the first moment is the beginning of time"
    asked = [each for each in asked if each.span.end >= end and _begun(each, first)]
    properties = frozenset(name for each in asked for name in each.properties)
    return Stretch(first, end, frozenset(each.event for each in asked), properties, tuple(each.condition for each in asked))


def _begun(each: Asked, first: datetime | None) -> bool:
    return each.span.first is None or (first is not None and each.span.first <= first)


def _joined(found: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """With one stretch for neighbours in which events of the same types are looked at for the same."""
    joined: list[Stretch] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and (last.end, last.types, last.properties) == (each.first, each.types, each.properties):
            joined[-1] = _whole((last, each))
        else:
            joined.append(each)
    return tuple(joined)


def _whole(found: tuple[Stretch, ...]) -> Stretch:
    types, properties = (frozenset[str]().union(*sets) for sets in zip(*((each.types, each.properties) for each in found), strict=True))
    conditions = dict.fromkeys(condition for each in found for condition in each.conditions)
    return Stretch(found[0].first, found[-1].end, types, properties, tuple(conditions))
