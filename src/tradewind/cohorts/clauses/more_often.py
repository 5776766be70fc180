"""`more_often: [{did: Play}, {did: Skip}]`: who did the one more often than the other."""

from __future__ import annotations

from sqlglot import exp

from tradewind.cohorts import phrases, reading
from tradewind.cohorts.clauses.form import Facts, Form, Names, counted, or_zero
from tradewind.cohorts.document import Node
from tradewind.model.cohort import MoreOften, Step


class MoreOftenForm(Form[MoreOften]):
    """One event against another."""

    words = ("more_often",)

    def parse(self, node: Node, word: str) -> MoreOften:
        fields = node.fields(required=(word,), optional=("in",), what=f"beside '{word}'")
        steps = fields[word].items()
        if len(steps) != 2:
            fields[word].refuse(f"expected two events, the more frequent one first, found {len(steps)}")
        this, that = map(reading.step, steps)
        return MoreOften(this, that, reading.window(fields["in"]) if "in" in fields else None)

    def document(self, clause: MoreOften) -> dict[str, object]:
        return {"more_often": [reading.step_document(each) for each in (clause.this, clause.that)]} | reading.window_document(clause.window)

    def phrase(self, clause: MoreOften, _names: Names) -> str:
        return f"who did {_said(clause.this)} more often than {_said(clause.that)}{phrases.when(clause.window)}"

    def properties(self, clause: MoreOften) -> tuple[set[str], set[str]]:
        return {part.property for each in (clause.this, clause.that) for part in each.where}, set()

    def size(self, clause: MoreOften) -> int:
        return 2 + len(clause.this.where) + len(clause.that.where)

    def verdict(self, clause: MoreOften, facts: Facts) -> exp.Expr:
        when = facts.span(clause.window)
        this, that = (or_zero(facts.column(counted(facts.done(each.event, each.where, when)))) for each in (clause.this, clause.that))
        return exp.GT(this=this, expression=that)

    def moments(self, clause: MoreOften, facts: Facts) -> list[exp.Expr]:
        return [facts.done(clause.this.event, clause.this.where, facts.span(clause.window))]


def _said(step: Step) -> str:
    conditions = phrases.conditions(step.where).removeprefix(", ")
    return f"{step.event} ({conditions})" if conditions else step.event
