"""`user.plan: {is: [paid]}`: what a property of the person says now, said last in a window, or ever said in it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from tradewind.cohorts import phrases, reading
from tradewind.cohorts.clauses.form import Facts, Form, Names, counted, or_zero, quoted
from tradewind.cohorts.document import Node
from tradewind.cohorts.operators import condition
from tradewind.model.cohort import ANY_EVENT, All, Rule, Told, UserProperty

_SAID = {Told.NOW: "", Told.LATEST: ", as last stated", Told.EVER: ", as stated at any time"}


class UserPropertyForm(Form[UserProperty]):
    """What is said of a person."""

    words = (reading.USER,)

    def parse(self, node: Node, word: str) -> Rule:
        fields = node.fields(required=(word,), optional=("told", "in"), what=f"beside '{word}'")
        name = word.removeprefix(reading.USER)
        if not name:
            fields[word].refuse("expected 'user.<property>', found 'user.' alone")
        told = _told(fields.get("told"), fields.get("in"))
        window = reading.window(fields["in"]) if "in" in fields else None
        plain = reading.plain(fields[word], name)
        rules = tuple(UserProperty(plain, operator, values, told, window) for operator, values in reading.conditions(fields[word]))
        return rules[0] if len(rules) == 1 else All(rules)

    def document(self, clause: UserProperty) -> dict[str, object]:
        told: dict[str, object] = {"told": clause.told.value} if clause.told is not Told.NOW else {}
        said = {f"{reading.USER}{clause.property}": {clause.operator.value: list(clause.values)}}
        return said | told | reading.window_document(clause.window)

    def phrase(self, clause: UserProperty, _names: Names) -> str:
        said = f"{_SAID[clause.told]}{phrases.when(clause.window)}"
        return f"whose {phrases.condition(clause.property, clause.operator, clause.values)}{said}"

    def idle(self, clause: UserProperty) -> bool | None:
        return False if clause.told is Told.EVER else None

    def properties(self, clause: UserProperty) -> tuple[set[str], set[str]]:
        return set(), {clause.property}

    def verdict(self, clause: UserProperty, facts: Facts) -> exp.Expr:
        value, stated = quoted(f"u:{clause.property}"), quoted(f"s:{clause.property}")
        when = exp.and_(stated, *_within(clause, facts))
        if clause.told is Told.EVER:
            meets = exp.and_(when, condition(value, clause.operator, clause.values, facts.dialect))
            return exp.GT(this=or_zero(facts.column(counted(meets))), expression=exp.Literal.number(0))
        latest = facts.column(facts.dialect.latest(value, exp.column("time"), when))
        return condition(latest, clause.operator, clause.values, facts.dialect)


def _within(clause: UserProperty, facts: Facts) -> Iterable[exp.Expr]:
    when = facts.span(clause.window)
    facts.asks(ANY_EVENT, None)
    return facts.within(when)


def _told(node: Node | None, window: Node | None) -> Told:
    if node is None:
        if window is not None:
            window.refuse("a window goes with 'told: latest' or 'told: ever'; without one the property is what it is now")
        return Told.NOW
    kinds = [Told.LATEST.value, Told.EVER.value]
    if node.value not in kinds:
        node.refuse(f"expected one of {', '.join(kinds)}, found {node.described()}")
    if node.value == Told.LATEST and window is None:
        node.refuse("needs a window, such as in: {last: 30 days}; without one leave it out")
    return Told(str(node.value))
