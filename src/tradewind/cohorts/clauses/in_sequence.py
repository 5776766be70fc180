"""`sequence: {steps: [...]}`: who did one thing after another, in time, with nothing between, or dropped off on the way."""

from __future__ import annotations

from datetime import timedelta

from sqlglot import exp

from tradewind.cohorts import phrases, reading
from tradewind.cohorts.clauses.form import HAPPENED, PERSON, WHO, Facts, Form, Names, last_event, quoted
from tradewind.cohorts.document import Node
from tradewind.cohorts.operators import there
from tradewind.cohorts.windows import Span
from tradewind.model.cohort import ANY_EVENT, InSequence, Step
from tradewind.model.snapshot import LAST_EVENT

MOST_STEPS = 20
_AT = "at"


class InSequenceForm(Form[InSequence]):
    """Events in the order of time."""

    words = ("sequence",)

    def parse(self, node: Node, word: str) -> InSequence:
        outer = node.fields(required=(word,), optional=("in",), what=f"beside '{word}'")
        fields = outer[word].fields(required=("steps",), optional=("within", "without", "holding", "dropped_after"), what="in a sequence")
        steps = tuple(reading.step(each, timed=place > 0) for place, each in enumerate(fields["steps"].items()))
        if not 2 <= len(steps) <= MOST_STEPS:
            fields["steps"].refuse(f"expected 2 to {MOST_STEPS} steps, found {len(steps)}")
        without = tuple(map(reading.step, fields["without"].items())) if "without" in fields else ()
        if any(each.event == ANY_EVENT for each in without):
            fields["without"].refuse("the steps themselves are events: name those that may not come between")
        holding = tuple(reading.event_property(each.text(), each) for each in fields["holding"].items()) if "holding" in fields else ()
        return InSequence(
            steps,
            reading.length(fields["within"]) if "within" in fields else None,
            without,
            holding,
            _dropped_after(fields["dropped_after"], len(steps)) if "dropped_after" in fields else None,
            reading.window(outer["in"]) if "in" in outer else None,
        )

    def document(self, clause: InSequence) -> dict[str, object]:
        found: dict[str, object] = {"steps": [reading.step_document(each) for each in clause.steps]}
        if clause.within:
            found["within"] = reading.length_document(clause.within)
        if clause.without:
            found["without"] = [reading.step_document(each) for each in clause.without]
        if clause.holding:
            found["holding"] = [f"{reading.EVENT}{name}" for name in clause.holding]
        if clause.dropped_after:
            found["dropped_after"] = clause.dropped_after
        return {"sequence": found} | reading.window_document(clause.window)

    def phrase(self, clause: InSequence, _names: Names) -> str:
        reached = clause.dropped_after or len(clause.steps)
        details = _details(clause)
        if clause.dropped_after:
            return f"who did {_said(clause.steps[:reached])} but not then {_step(clause.steps[reached])}{details}"
        return f"who did {_said(clause.steps)}{details}"

    def properties(self, clause: InSequence) -> tuple[set[str], set[str]]:
        return {part.property for each in (*clause.steps, *clause.without) for part in each.where} | set(clause.holding), set()

    def size(self, clause: InSequence) -> int:
        return sum(1 + len(each.where) for each in (*clause.steps, *clause.without))

    def verdict(self, clause: InSequence, facts: Facts) -> exp.Expr:
        reached = _in(clause, clause.dropped_after or len(clause.steps), facts)
        if not clause.dropped_after:
            return reached
        return exp.and_(reached, exp.Not(this=exp.paren(_in(clause, clause.dropped_after + 1, facts))))

    def moments(self, clause: InSequence, facts: Facts) -> list[exp.Expr]:
        return [last_event(facts.table(_done(clause, clause.dropped_after or len(clause.steps), facts)))]


def _in(clause: InSequence, steps: int, facts: Facts) -> exp.Expr:
    return there(last_event(facts.table(_done(clause, steps, facts))))


def _done(clause: InSequence, steps: int, facts: Facts) -> exp.Select:
    """Who did the first so many steps, and when the last of them.

    Event by event in the order of time: `s1` of a first step is its time; `s2` of a second step is the latest `s1` of the events
    before it that are near enough; and so on. The latest beginning decides: whatever an earlier one fits into, it fits into.
    """
    holding = [f"h{place}" for place, _ in enumerate(clause.holding)]
    layer = _steps(clause, steps, holding, facts)
    for number in range(2, steps + 1):
        step = clause.steps[number - 1]
        before = _before(exp.column(f"s{number - 1}"), step.within, holding)
        after = exp.Case().when(exp.column(f"is{number}"), before, copy=False)
        layer = exp.select(exp.Star(), exp.alias_(after, f"s{number}", copy=False)).from_(layer.subquery(f"l{number - 1}", copy=False))
    begun, found = exp.column(f"s{steps}"), [there(exp.column(f"s{steps}"))]
    if clause.within:
        length = exp.Sub(this=exp.column(_AT), expression=begun.copy())
        found.append(exp.LTE(this=length, expression=_micros(clause.within)))
    if clause.without:
        spoilt = _before(exp.Case().when(exp.column("spoils"), exp.column(_AT)), None, holding)
        layer = exp.select(exp.Star(), exp.alias_(spoilt, "spoilt", copy=False)).from_(layer.subquery("unspoilt", copy=False))
        found.append(
            exp.or_(exp.Is(this=exp.column("spoilt"), expression=exp.Null()), exp.LTE(this=exp.column("spoilt"), expression=begun.copy()))
        )
    person = exp.alias_(exp.AnyValue(this=exp.column(PERSON)), PERSON)
    last = exp.alias_(exp.Max(this=exp.column("time")), LAST_EVENT)
    return (
        exp.select(exp.column(WHO), person, last)
        .from_(layer.subquery("steps", copy=False))
        .where(*found, copy=False)
        .group_by(exp.column(WHO), copy=False)
    )


def _steps(clause: InSequence, steps: int, holding: list[str], facts: Facts) -> exp.Select:
    """The events that are one of the steps, or spoil them: when, which, and the values that are held."""
    begun = facts.span(clause.window)
    always = Span(begun.first, facts.span(None).end)  # nothing before the first step can be another
    held = clause.holding
    are = [facts.done(step.event, step.where, always if place else begun, held) for place, step in enumerate(clause.steps[:steps])]
    spoils = [facts.done(each.event, each.where, always, held) for each in clause.without]
    at = facts.dialect.micros(exp.column("time"))
    select = exp.select(
        exp.column(WHO),
        exp.column(PERSON),
        exp.column("time"),
        exp.alias_(at, _AT),
        exp.alias_(exp.Case().when(are[0].copy(), at.copy(), copy=False), "s1"),
        *(exp.alias_(is_step.copy(), f"is{number}", copy=False) for number, is_step in enumerate(are[1:], 2)),
        *([exp.alias_(exp.or_(*spoils), "spoils", copy=False)] if spoils else []),
        *(exp.alias_(quoted(f"e:{name}"), alias) for name, alias in zip(clause.holding, holding, strict=True)),
    )
    valued = [there(quoted(f"e:{name}")) for name in clause.holding]
    return select.from_(HAPPENED, copy=False).where(exp.or_(*are, *spoils, copy=False), *valued, copy=False)


def _before(value: exp.Expr, within: timedelta | None, holding: list[str]) -> exp.Window:
    """The greatest value of the person's events at earlier instants, at most `within` earlier."""
    start: exp.Expr | str = _micros(within) if within else "UNBOUNDED"
    frame = exp.WindowSpec(kind="RANGE", start=start, start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING")
    parted = [exp.column(name) for name in (WHO, *holding)]
    order = exp.Order(expressions=[exp.Ordered(this=exp.column(_AT), nulls_first=False)])
    return exp.Window(this=exp.Max(this=value), partition_by=parted, order=order, spec=frame)


def _micros(length: timedelta) -> exp.Expr:
    return exp.Literal.number(length // timedelta(microseconds=1))


def _dropped_after(node: Node, steps: int) -> int:
    number = node.number()
    if not 1 <= number < steps:
        node.refuse(f"expected the number of a step that another one follows, 1 to {steps - 1}, found {number}")
    return number


def _said(steps: tuple[Step, ...]) -> str:
    return ", then ".join(map(_step, steps))


def _step(step: Step) -> str:
    within = f" within {phrases.lasting(step.within)}" if step.within else ""
    conditions = phrases.conditions(step.where).removeprefix(", ")
    return f"{step.event}{f' ({conditions})' if conditions else ''}{within}"


def _details(clause: InSequence) -> str:
    within = f", all within {phrases.lasting(clause.within)}" if clause.within else ""
    without = f", without {' or '.join(map(_step, clause.without))} in between" if clause.without else ""
    holding = f", with the same {phrases.listed(clause.holding, 'and')}" if clause.holding else ""
    begun = f", beginning{phrases.when(clause.window)}" if clause.window else ""
    return f"{within}{without}{holding}{begun}"
