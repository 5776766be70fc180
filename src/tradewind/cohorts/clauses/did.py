"""`did: Buy`, `did_not: Buy`: what a person did, how often, on how many days, for how much, for which time, in each week."""

from __future__ import annotations

from sqlglot import exp

from tradewind.cohorts import phrases, reading
from tradewind.cohorts.clauses.form import Facts, Form, Names, counted, or_zero, quoted, surely
from tradewind.cohorts.comparing import compares, literal, zero_holds
from tradewind.cohorts.document import Node
from tradewind.cohorts.windows import Span, parts
from tradewind.model.cohort import ANY_EVENT, AT_LEAST_ONCE, Comparison, Count, Did, Interval, LastHours, Measure, Not, Rule, Window

_OF_PROPERTY = (Measure.SUM, Measure.AVERAGE, Measure.MINIMUM, Measure.MAXIMUM, Measure.DISTINCT)
_OF_NOTHING = (Measure.COUNT, Measure.DAYS, Measure.SUM, Measure.DISTINCT)
"""Measures that are 0 of no event; the others are nothing then, which meets no comparison."""

_SAID = {
    Measure.SUM: "a sum of {} of",
    Measure.AVERAGE: "an average {} of",
    Measure.MINIMUM: "a smallest {} of",
    Measure.MAXIMUM: "a largest {} of",
}


class DidForm(Form[Did]):
    """What a person did."""

    words: tuple[str, ...] = ("did", "did_not")

    def parse(self, node: Node, word: str) -> Rule:
        assert isinstance(node.value, dict)
        measures = [measure.value for measure in Measure]
        if word == "did_not":
            for name in (*measures, "nth", "each"):
                if name in node.value:
                    node.value[name].refuse(f"'{name}' does not go with 'did_not'; write 'did' with a comparison such as \"< 3\"")
        fields = node.fields(required=(word,), optional=("where", *measures, "nth", "in", "each"), what=f"beside '{word}'")
        given = [name for name in measures if name in fields]
        if len(given) > 1:
            fields[given[1]].refuse(f"'{given[0]}' is compared here already; put two clauses into an 'all'")
        event = reading.event_name(fields[word])
        where = reading.filters(fields["where"]) if "where" in fields else ()
        measure = Measure(given[0]) if given else Measure.COUNT
        of, count = _compared(fields[given[0]], measure) if given else (None, AT_LEAST_ONCE)
        nth = _nth(fields["nth"], given) if "nth" in fields else None
        window = reading.window(fields["in"], fixed="nth" in fields or "each" in fields) if "in" in fields else None
        each = _each(fields["each"], window, nth) if "each" in fields else None
        rule = Did(event, where, count, window, measure, of, nth, each)
        return rule if word == "did" else Not(rule)

    def document(self, clause: Did) -> dict[str, object]:
        return {"did": clause.event} | _details(clause)

    def negated(self, clause: Did) -> dict[str, object] | None:
        return {"did_not": clause.event} | _details(clause) if _plain(clause) else None

    def phrase(self, clause: Did, _names: Names) -> str:
        event, details = said(clause), f"{phrases.when(clause.window)}{_each_said(clause)}{phrases.conditions(clause.where)}"
        if clause.nth:
            return f"who did {event}{phrases.place(clause.nth)}{details}"
        match clause.measure:
            case Measure.COUNT if clause.count == Count(Comparison.EQUAL, 0):
                return f"who never did {event}{details}"
            case Measure.COUNT:
                return f"who did {event}{phrases.often(clause.count)}{details}"
            case Measure.DAYS:
                return f"who did {event} on {phrases.amount(clause.count, 'day')}{details}"
            case Measure.DISTINCT:
                return f"who did {event} with {phrases.amount(clause.count, 'different value')} of {clause.property}{details}"
            case _:
                return f"who did {event} with {_SAID[clause.measure].format(clause.property)} {phrases.amount(clause.count)}{details}"

    def denied(self, clause: Did, _names: Names) -> str | None:
        details = f"{phrases.when(clause.window)}{phrases.conditions(clause.where)}"
        return f"who did not do {said(clause)}{details}" if _plain(clause) else None

    def idle(self, clause: Did) -> bool:
        return clause.nth is None and clause.measure in _OF_NOTHING and zero_holds(clause.count)

    def properties(self, clause: Did) -> tuple[set[str], set[str]]:
        return {part.property for part in clause.where} | ({clause.property} if clause.property else set()), set()

    def size(self, clause: Did) -> int:
        return 1 + len(clause.where)

    def verdict(self, clause: Did, facts: Facts) -> exp.Expr:
        if clause.nth:
            return _nth_holds(clause, clause.nth, facts)
        if clause.each:
            assert clause.window is not None, "a clause with 'each' is read with a window"
            spans = parts(clause.window, clause.each, facts.as_of, facts.zone)
            return exp.and_(*(_holds(clause, span, facts) for span in spans)) if spans else exp.false()
        return _holds(clause, facts.span(clause.window), facts)

    def moments(self, clause: Did, facts: Facts) -> list[exp.Expr]:
        return [facts.done(clause.event, clause.where, facts.span(clause.window))]


def said(clause: Did) -> str:
    """The event in a sentence."""
    return "anything" if clause.event == ANY_EVENT else clause.event


def _plain(clause: Did) -> bool:
    """Whether it asks for at least once and nothing else."""
    return clause == Did(clause.event, clause.where, window=clause.window)


def _compared(node: Node, measure: Measure) -> tuple[str | None, Count]:
    """What is compared, and how: `">= 3"` of events and days, `{event.price: ">= 99.50"}` of a property."""
    if measure not in _OF_PROPERTY:
        return None, reading.count(node)
    if not isinstance(node.value, dict) or len(node.value) != 1:
        node.refuse(f'expected one property and a comparison, such as {{event.price: ">= 99.50"}}, found {node.described()}')
    ((key, entry),) = node.value.items()
    return reading.event_property(key, entry), reading.count(entry) if measure is Measure.DISTINCT else reading.amount(entry)


def _nth(node: Node, given: list[str]) -> Count:
    if given:
        node.refuse(f"does not go with '{given[0]}'; it asks whether one such event is in the window")
    found = reading.count(node)
    if found in (Count(Comparison.LESS, 1), Count(Comparison.AT_MOST, 0), Count(Comparison.EQUAL, 0)):
        node.refuse("is never true: the first event is number 1")
    return found


def _each(node: Node, window: Window | None, nth: Count | None) -> Interval:
    kinds = [kind.value for kind in Interval]
    if node.value not in kinds:
        node.refuse(f"expected one of {', '.join(kinds)}, found {node.described()}")
    if nth:
        node.refuse("does not go with 'nth'")
    if window is None or isinstance(window, LastHours):
        node.refuse("needs a window of days that begins somewhere, such as in: {last: 4 weeks}")
    return Interval(str(node.value))


def _details(clause: Did) -> dict[str, object]:
    compared: dict[str, object] = {}
    if clause.measure in _OF_PROPERTY:
        compared = {clause.measure.value: {f"{reading.EVENT}{clause.property}": reading.compared(clause.count)}}
    elif clause.measure is Measure.DAYS:
        compared = {"days": reading.compared(clause.count)}
    else:
        compared = reading.count_document(clause.count)
    nth: dict[str, object] = {"nth": reading.compared(clause.nth)} if clause.nth else {}
    each: dict[str, object] = {"each": clause.each.value} if clause.each else {}
    return reading.where_document(clause.where) | compared | nth | reading.window_document(clause.window) | each


def _each_said(clause: Did) -> str:
    return f", in each {'run of 7 days' if clause.each is Interval.WEEK else 'day'} of these" if clause.each else ""


def _holds(clause: Did, span: Span, facts: Facts) -> exp.Expr:
    """Whether what is measured in a span compares as it is to."""
    measured = [clause.property] if clause.property else []
    done, dialect = facts.done(clause.event, clause.where, span, measured), facts.dialect
    if clause.measure is Measure.COUNT:
        return compares(or_zero(facts.column(counted(done))), clause.count, dialect)
    if clause.measure is Measure.DAYS:
        day = exp.Case().when(done, dialect.day(exp.column("time"), facts.zone))
        return compares(or_zero(facts.column(exp.Count(this=exp.Distinct(expressions=[day])))), clause.count, dialect)
    value = quoted(f"e:{clause.property}")
    if clause.measure is Measure.DISTINCT:
        different = exp.Count(this=exp.Distinct(expressions=[exp.Case().when(done, value)]))
        return compares(or_zero(facts.column(different)), clause.count, dialect)
    number = dialect.decimal(value)
    if clause.measure is Measure.SUM:
        return compares(or_zero(facts.column(exp.Sum(this=exp.Case().when(done, number)))), clause.count, dialect)
    if clause.measure is Measure.AVERAGE:
        # How far all of them together are above the number: exact where a division would round.
        above = exp.Sum(this=exp.Case().when(done, exp.Sub(this=number, expression=literal(clause.count.number, dialect))))
        return surely(compares(facts.column(above), Count(clause.count.comparison, 0), dialect))
    farthest = exp.Min if clause.measure is Measure.MINIMUM else exp.Max
    return surely(compares(facts.column(farthest(this=exp.Case().when(done, number))), clause.count, dialect))


def _nth_holds(clause: Did, nth: Count, facts: Facts) -> exp.Expr:
    """Whether one of the events in the window has a place that compares so: they have the places after those before it."""
    when, dialect = facts.span(clause.window), facts.dialect
    inside = or_zero(facts.column(counted(facts.done(clause.event, clause.where, when))))
    before: exp.Expr = exp.Literal.number(0)
    if when.first is not None:
        before = or_zero(facts.column(counted(facts.done(clause.event, clause.where, Span(None, when.first)))))
    least, greatest = exp.Add(this=before, expression=exp.Literal.number(1)), exp.Add(this=before.copy(), expression=inside.copy())
    some = exp.GT(this=inside, expression=exp.Literal.number(0))
    match nth.comparison:
        case Comparison.LESS | Comparison.AT_MOST:
            return exp.and_(some, compares(least, nth, dialect))
        case Comparison.MORE | Comparison.AT_LEAST:
            return exp.and_(some, compares(greatest, nth, dialect))
        case Comparison.EQUAL:
            return exp.and_(
                compares(least, Count(Comparison.AT_MOST, nth.number), dialect),
                compares(greatest, Count(Comparison.AT_LEAST, nth.number), dialect),
            )
        case Comparison.NOT_EQUAL:
            return exp.and_(some, exp.or_(compares(least, nth, dialect), compares(greatest, nth, dialect)))
