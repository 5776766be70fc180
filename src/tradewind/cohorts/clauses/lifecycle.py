"""`new`, `active`, `inactive`, `returned`: where a window finds people between their first event and their last."""

from __future__ import annotations

from sqlglot import exp

from tradewind.cohorts import phrases, reading
from tradewind.cohorts.clauses.did import DidForm
from tradewind.cohorts.clauses.form import Facts, Form, Names, counted, or_zero, surely
from tradewind.cohorts.document import Node
from tradewind.cohorts.windows import Span
from tradewind.model.cohort import ANY_EVENT, Did, Inactive, New, Returned, Rule, Window

_ZERO = exp.Literal.number(0)


class NewForm(Form[New]):
    """Whose first event of all was in a window."""

    words = ("new",)

    def parse(self, node: Node, word: str) -> Rule:
        return New(_window(node, word))

    def document(self, clause: New) -> dict[str, object]:
        return {"new": reading.window_document(clause.window)["in"]}

    def phrase(self, clause: New, _names: Names) -> str:
        return f"whose first event of all was{phrases.when(clause.window)}"

    def verdict(self, clause: New, facts: Facts) -> exp.Expr:
        before, inside = _counts(clause.window, facts)
        return exp.and_(exp.EQ(this=before, expression=_ZERO.copy()), exp.GT(this=inside, expression=_ZERO.copy()))

    def moments(self, clause: New, facts: Facts) -> list[exp.Expr]:
        return [facts.done(ANY_EVENT, (), facts.span(clause.window))]


class ActiveForm(DidForm):
    """Another way to write that somebody did anything."""

    words: tuple[str, ...] = ("active",)

    def parse(self, node: Node, word: str) -> Rule:
        return Did(ANY_EVENT, window=_window(node, word))


class InactiveForm(Form[Inactive]):
    """Who was there before a window, and not in it."""

    words = ("inactive",)

    def parse(self, node: Node, word: str) -> Rule:
        return Inactive(_window(node, word))

    def document(self, clause: Inactive) -> dict[str, object]:
        return {"inactive": reading.window_document(clause.window)["in"]}

    def phrase(self, clause: Inactive, _names: Names) -> str:
        return f"who did something before, but nothing{phrases.when(clause.window)}"

    def verdict(self, clause: Inactive, facts: Facts) -> exp.Expr:
        before, inside = _counts(clause.window, facts)
        return exp.and_(exp.GT(this=before, expression=_ZERO.copy()), exp.EQ(this=inside, expression=_ZERO.copy()))

    def moments(self, clause: Inactive, facts: Facts) -> list[exp.Expr]:
        return [_before(clause.window, facts)]


class ReturnedForm(Form[Returned]):
    """Who came back after a while."""

    words = ("returned",)

    def parse(self, node: Node, word: str) -> Rule:
        fields = node.fields(required=(word, "away"), what=f"beside '{word}'")
        return Returned(reading.window(fields[word], fixed=True), reading.days(fields["away"]))

    def document(self, clause: Returned) -> dict[str, object]:
        away = f"{clause.away} day{'' if clause.away == 1 else 's'}"
        return {"returned": reading.window_document(clause.window)["in"], "away": away}

    def phrase(self, clause: Returned, _names: Names) -> str:
        away = f"{clause.away:,} day{'' if clause.away == 1 else 's'}"
        return f"who came back{phrases.when(clause.window)} after {away} or more without any event"

    def verdict(self, clause: Returned, facts: Facts) -> exp.Expr:
        inside = facts.done(ANY_EVENT, (), facts.span(clause.window))
        time, dialect = exp.column("time"), facts.dialect
        first = facts.column(exp.Min(this=exp.Case().when(inside, time)))
        last = facts.column(exp.Max(this=exp.Case().when(_before(clause.window, facts), time.copy())))
        gone = exp.Sub(this=dialect.micros(first), expression=dialect.micros(last))
        return surely(exp.GTE(this=gone, expression=exp.Literal.number(clause.away * 86_400_000_000)))

    def moments(self, clause: Returned, facts: Facts) -> list[exp.Expr]:
        return [facts.done(ANY_EVENT, (), facts.span(clause.window))]


def _window(node: Node, word: str) -> Window:
    return reading.window(node.fields(required=(word,), what=f"beside '{word}'")[word], fixed=True)


def _counts(window: Window, facts: Facts) -> tuple[exp.Expr, exp.Expr]:
    """How many events a person has before a window, and in it."""
    inside = facts.column(counted(facts.done(ANY_EVENT, (), facts.span(window))))
    return or_zero(facts.column(counted(_before(window, facts)))), or_zero(inside)


def _before(window: Window, facts: Facts) -> exp.Expr:
    first = facts.span(window).first
    assert first is not None, "every fixed window begins somewhere"
    return facts.done(ANY_EVENT, (), Span(None, first))
