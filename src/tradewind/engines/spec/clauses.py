"""More tables of the cohort language: amounts, places and parts of windows, sequences, lifecycles, samples."""

from __future__ import annotations

from tradewind.engines.memory import Event
from tradewind.engines.spec.rows import Case, Table, at, did, told


def _identify(user: str, time: str, **properties: object) -> Event:
    """What is said of a user who need not do anything."""
    return Event("$identify", at(time), user, user_properties=properties, whole=False)


AMOUNTS = Table(
    "Sums, averages, smallest, largest, different values, days",
    "`sum`, `average`, `minimum` and `maximum` reckon with the values that are numbers below 10^18, rounded to "
    "nine after it; others are left out. A sum of nothing is 0, and so are different values and days; an average, a smallest and a largest "
    "of nothing meet no comparison. Sums are exact: ten times 0.1 is 1.",
    (
        *(did("ann", "Buy", f"2026-06-{day} 12:00", price="0.1", sku=f"s{day % 3}") for day in range(10, 20)),
        did("bob", "Buy", price=60),
        did("bob", "Buy", price="39.999999999"),
        did("cem", "Buy", price="many"),
        did("cem", "Buy", price=" 5"),
        did("dee", "Look"),
        did("eve", "Buy", price=-5),
        did("eve", "Buy", "2026-06-30 23:59", price=5, sku="s1"),
        did("fay", "Buy", price="1e2", sku=["s1", "s2"]),
        did("fay", "Buy", price="1e30"),
    ),
    (
        Case('{did: Buy, sum: {event.price: "= 1"}}', "ann", "not 0.9999999999999999"),
        Case('{did: Buy, sum: {event.price: ">= 100"}}', "fay", "1e2 is a number; 1e30 has too many digits"),
        Case('{did: Buy, sum: {event.price: ">= 99.999999999"}}', "bob fay"),
        Case('{did: Buy, sum: {event.price: "= 0"}}', "cem dee eve", "dee bought nothing, and cem for no number"),
        Case('{did: Buy, sum: {event.price: "<= 0"}, where: {event.sku: {is: ["(none)"]}}}', "ann cem dee eve fay"),
        Case('{not: {did: Buy, sum: {event.price: "> 0"}}}', "cem dee eve"),
        Case('{did: Buy, average: {event.price: "= 0.1"}}', "ann", "exact, where a division would round"),
        Case('{did: Buy, average: {event.price: "> 49.999999999"}}', "bob fay"),
        Case('{did: Buy, average: {event.price: "<= 0"}}', "eve", "an average of nothing is not 0"),
        Case('{did: Buy, minimum: {event.price: "< 0"}}', "eve"),
        Case('{did: Buy, minimum: {event.price: ">= 0.1"}}', "ann bob fay"),
        Case('{did: Buy, maximum: {event.price: "= 5"}}', "eve"),
        Case('{did: Buy, maximum: {event.price: "<= 60"}}', "ann bob eve"),
        Case('{did: Buy, distinct: {event.sku: ">= 3"}}', "ann"),
        Case('{did: Buy, distinct: {event.sku: "= 1"}}', "eve fay", "a list is one value"),
        Case('{did: Buy, distinct: {event.sku: "= 0"}}', "bob cem dee"),
        Case('{did: Buy, days: ">= 10"}', "ann"),
        Case('{did: Buy, days: "= 1"}', "bob cem eve fay"),
        Case('{did: "(any event)", days: "= 1"}', "bob cem dee eve fay", "of any type"),
        Case('{did: Buy, days: ">= 2", in: {last: 13 days}}', "ann"),
        Case('{did: Buy, sum: {event.price: ">= 0.2"}, in: {last: 13 days}}', "ann bob fay"),
    ),
)

DAYS_THERE = Table(
    "Days are those of the zone",
    "`days` counts the days of the project's zone on which somebody did something.",
    (
        did("ann", "Buy", "2026-06-29 21:59"),
        did("ann", "Buy", "2026-06-29 22:00"),
        did("bob", "Buy", "2026-06-29 00:00"),
        did("bob", "Buy", "2026-06-29 21:00"),
    ),
    (Case('{did: Buy, days: "= 2"}', "ann", "22:00 UTC is midnight in Berlin"), Case('{did: Buy, days: "= 1"}', "bob")),
    zone="Europe/Berlin",
)

PLACES = Table(
    "For the first time, for the third time",
    "`nth` counts a person's events of that kind from the first one of all, and asks whether one with such a place is in the window.",
    (
        *(did("ann", "Buy", f"2026-06-{day} 12:00") for day in ("05", "20", "28")),
        did("bob", "Buy", "2026-06-29 12:00"),
        did("cem", "Buy", "2026-06-01 12:00"),
        *(did("dee", "Buy", "2026-06-29 12:00", price=price) for price in (1, 9)),
    ),
    (
        Case('{did: Buy, nth: "= 1", in: {last: 7 days}}', "bob dee", "new buyers"),
        Case('{did: Buy, nth: "= 1"}', "ann bob cem dee"),
        Case('{did: Buy, nth: "= 2", in: {last: 7 days}}', "dee"),
        Case('{did: Buy, nth: "= 3", in: {last: 7 days}}', "ann"),
        Case('{did: Buy, nth: ">= 2", in: {last: 7 days}}', "ann dee"),
        Case('{did: Buy, nth: "> 2", in: {last: 7 days}}', "ann"),
        Case('{did: Buy, nth: "< 3", in: {last: 15 days}}', "ann bob dee"),
        Case('{did: Buy, nth: "<= 1", in: {last: 15 days}}', "bob dee"),
        Case('{did: Buy, nth: "!= 1", in: {last: 7 days}}', "ann dee"),
        Case(
            '{did: Buy, nth: "= 1", where: {event.price: {greater: 5}}, in: {last: 7 days}}',
            "dee",
            "of the events that meet the conditions",
        ),
        Case('{did: Buy, nth: "= 2", in: {between: [2026-06-10, 2026-06-25]}}', "ann"),
        Case('{not: {did: Buy, nth: "= 1", in: {last: 7 days}}}', "ann cem"),
    ),
)

EACH = Table(
    "In each day, in each week",
    "`each: day` and `each: week` ask it of every whole day, or run of seven days, of the window, counted from its first day: at most a "
    "hundred of them. What is left over at the end, and today, is in none.",
    (
        *(did("ann", "Open", f"2026-06-{day} 12:00") for day in (17, 18, 24, 25, 30)),
        *(did("bob", "Open", f"2026-06-{day} 12:00") for day in (24, 25, 26, 27)),
        *(did("cem", "Open", f"2026-06-{day} 00:00") for day in (28, 29, 30)),
        did("dee", "Open", "2026-07-01 08:00"),
    ),
    (
        Case("{did: Open, in: {last: 14 days}, each: week}", "ann", "17 to 23 June, 24 to 30 June"),
        Case('{did: Open, count: ">= 2", in: {last: 14 days}, each: week}', "ann"),
        Case('{did: Open, count: ">= 3", in: {last: 14 days}, each: week}', ""),
        Case("{did: Open, in: {last: 7 days}, each: week}", "ann bob cem"),
        Case("{did: Open, in: {last: 3 days}, each: day}", "cem", "today is not over"),
        Case("{did: Open, in: {between: [2026-06-24, 2026-06-28]}, each: day}", "bob"),
        Case("{did: Open, in: {since: 2026-06-17}, each: week}", "ann"),
        Case("{did: Open, in: {between: [2026-06-28, 2026-07-02]}, each: week}", "", "no run of seven days is over"),
        Case('{did: Open, count: "= 0", in: {last: 7 days}, each: day}', "dee"),
        Case('{did: Open, days: ">= 4", in: {last: 7 days}, each: week}', "bob"),
    ),
)

MORE_WINDOWS = Table(
    "Hours, offsets, whole days, first use",
    "`last: 6 hours` is counted back from the instant. `offset` moves a window of days back: it ends with the whole day so many days ago. "
    "`complete: true` leaves today out. `first_use: 7 days` is seven times 24 hours from a person's first event of any type.",
    (
        did("ann", "Buy", "2026-07-01 06:00"),
        did("bob", "Buy", "2026-07-01 05:59:59.999999"),
        did("cem", "Buy", "2026-06-30 23:59"),
        did("dee", "Buy", "2026-06-24 00:00"),
        did("eve", "Buy", "2026-06-23 23:59"),
        did("fay", "Look", "2026-06-10 12:00"),
        did("fay", "Buy", "2026-06-17 11:59"),
        did("gus", "Look", "2026-06-10 12:00"),
        did("gus", "Buy", "2026-06-17 12:00"),
    ),
    (
        Case("{did: Buy, in: {last: 6 hours}}", "ann"),
        Case("{did: Buy, in: {last: 7 days}}", "ann bob cem dee"),
        Case("{did: Buy, in: {last: 7 days, complete: true}}", "cem dee"),
        Case(
            "{did: Buy, in: {last: 7 days, offset: 8 days}}",
            "eve fay gus",
            "16 to 23 June: eight whole days, next to the last seven and today",
        ),
        Case("{did: Buy, in: {last: 1 day, offset: 1 day}}", "cem", "29 and 30 June"),
        Case("{did: Buy, in: {first_use: 7 days}}", "ann bob cem dee eve fay"),
        Case("{did_not: Buy, in: {first_use: 7 days}}", "gus"),
        Case('{did: "(any event)", count: ">= 2", in: {first_use: 1 week}}', "fay"),
    ),
)

ORDERED = Table(
    "One thing after another",
    "`sequence` asks for steps in the order of time, each at a later instant than the one before. `within` of a step is the time since the "
    "one before; `within` of the sequence that from the first step to the last. Between these may be nothing of `without`. `holding` names "
    "properties that all of it has in common. `dropped_after: 1` finds who did the first step, but never went on to the second. A "
    "window is of the first step.",
    (
        did("ann", "Add", "2026-06-20 10:00", sku="a"),
        did("ann", "Pay", "2026-06-20 10:30", sku="a"),
        did("bob", "Pay", "2026-06-20 10:00", sku="a"),
        did("bob", "Add", "2026-06-20 10:30", sku="a"),
        did("cem", "Add", "2026-06-20 10:00", sku="a"),
        did("cem", "Pay", "2026-06-20 10:00", sku="a"),
        did("dee", "Add", "2026-06-01 10:00", sku="a"),
        did("dee", "Add", "2026-06-20 09:00", sku="b"),
        did("dee", "Leave", "2026-06-20 09:30"),
        did("dee", "Pay", "2026-06-20 10:00", sku="a"),
        did("dee", "Rate", "2026-06-22 10:00", sku="a"),
        did("eve", "Add", "2026-06-20 10:00", sku="a"),
        did("eve", "Add", "2026-06-20 11:00", sku="a"),
        did("fay", "Pay", "2026-06-20 10:00"),
        did("fay", "Pay", "2026-06-20 11:00"),
    ),
    (
        Case("{sequence: {steps: [{did: Add}, {did: Pay}]}}", "ann dee", "at the same instant is not after"),
        Case("{sequence: {steps: [{did: Pay}, {did: Add}]}}", "bob"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay, within: 30 minutes}]}}", "ann", "exactly thirty minutes are within them"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}], within: 1 hour}}", "ann dee"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}, {did: Rate}], within: 2 days}}", "", "from nine to ten two days later is longer"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}, {did: Rate}], within: 49 hours}}", "dee"),
        Case(
            "{sequence: {steps: [{did: Add}, {did: Pay}], without: [{did: Leave}]}}",
            "ann",
            "dee's later Add is spoilt, and her earlier one",
        ),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}], holding: [event.sku]}}", "ann dee", "dee's Pay is of her first Add"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}], holding: [event.sku], within: 1 day}}", "ann"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}], dropped_after: 1}}", "bob cem eve"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay}, {did: Rate}], dropped_after: 2}}", "ann"),
        Case("{sequence: {steps: [{did: Add}, {did: Add}]}}", "dee eve", "the same event twice"),
        Case("{sequence: {steps: [{did: Add}, {did: Pay, where: {event.sku: {is: b}}}]}}", ""),
        Case(
            "{sequence: {steps: [{did: Add}, {did: Pay}]}, in: {between: [2026-06-01, 2026-06-02]}}",
            "dee",
            "the window is of the first step",
        ),
        Case('{sequence: {steps: [{did: "(any event)"}, {did: Pay}]}}', "ann dee fay"),
        Case("{not: {sequence: {steps: [{did: Add}, {did: Pay}]}}}", "bob cem eve fay"),
        Case("{all: [{sequence: {steps: [{did: Add}, {did: Pay}]}}, {did: Rate}]}", "dee"),
    ),
)

ORDERED_LAST = Table(
    "When the last of them was",
    "With `recency: last_event` a member is as recent as the last event that counted; of a sequence, its last step.",
    (
        did("ann", "Add", "2026-06-20 10:00"),
        did("ann", "Pay", "2026-06-21 10:00"),
        did("ann", "Add", "2026-06-22 10:00"),
        did("bob", "Add", "2026-06-23 10:00"),
        did("bob", "Add", "2026-06-24 10:00", price=3),
    ),
    (
        Case("{sequence: {steps: [{did: Add}, {did: Pay}]}}", "ann", last="ann 21 10:00"),
        Case("{any: [{sequence: {steps: [{did: Add}, {did: Pay}]}}, {did: Add}]}", "ann bob", last="ann 22 10:00, bob 24 10:00"),
        Case("{more_often: [{did: Add}, {did: Pay}]}", "ann bob", last="ann 22 10:00, bob 24 10:00"),
        Case('{did: Add, sum: {event.price: ">= 1"}}', "bob", last="bob 24 10:00"),
        Case("{new: {last: 8 days}}", "bob", last="bob 24 10:00"),
        Case("{inactive: {last: 8 days}}", "ann", "what they did before", "ann 22 10:00"),
        Case("{sample: {percent: 100, salt: x}}", "ann bob", last="ann none, bob none"),
    ),
)

OFTEN = Table(
    "More often than",
    "`more_often` compares how often two things were done in one window.",
    (
        *(did("ann", "Play") for _ in range(2)),
        did("ann", "Skip"),
        did("bob", "Play"),
        did("bob", "Skip"),
        did("cem", "Skip"),
        did("dee", "Play", song="x"),
    ),
    (
        Case("{more_often: [{did: Play}, {did: Skip}]}", "ann dee"),
        Case("{more_often: [{did: Skip}, {did: Play}]}", "cem"),
        Case("{not: {more_often: [{did: Play}, {did: Skip}]}}", "bob cem"),
        Case("{more_often: [{did: Play, where: {event.song: {is: x}}}, {did: Play, where: {event.song: {is: y}}}]}", "dee"),
        Case("{more_often: [{did: Play}, {did: Skip}], in: {last: 6 hours}}", ""),
    ),
)

LIFE = Table(
    "New, active, inactive, returned",
    "`new`: the first event of all is in the window. `active`: any event is. `inactive`: there was one before, and none in it. `returned`: "
    "the first event in the window came so many days of 24 hours, or more, after the last one before it.",
    (
        did("ann", "A", "2026-06-28 12:00"),
        did("bob", "A", "2026-05-01 12:00"),
        did("bob", "B", "2026-06-28 12:00"),
        did("cem", "A", "2026-06-23 12:00"),
        did("cem", "A", "2026-06-28 12:00"),
        did("dee", "A", "2026-06-23 23:59"),
        did("eve", "A", "2026-05-29 12:00"),
        did("eve", "A", "2026-06-28 12:00"),
    ),
    (
        Case("{new: {last: 7 days}}", "ann"),
        Case("{not: {new: {last: 7 days}}}", "bob cem dee eve"),
        Case("{active: {last: 7 days}}", "ann bob cem eve"),
        Case("{inactive: {last: 7 days}}", "dee"),
        Case("{inactive: {between: [2026-05-15, 2026-06-20]}}", "bob"),
        Case("{returned: {last: 7 days}, away: 30 days}", "bob eve", "30 days of 24 hours are enough"),
        Case("{returned: {last: 7 days}, away: 31 days}", "bob"),
        Case("{returned: {last: 7 days}, away: 5 days}", "bob cem eve"),
        Case("{all: [{active: {last: 60 days}}, {did_not: B}]}", "ann cem dee eve", "of those who were here at all"),
    ),
)

SAID = Table(
    "What is only said of people",
    "An identify (`$identify`, `$groupidentify`) says something of a person and is no event: nobody is new, active or back by it, no "
    "window begins with it and no count counts it. Who is known by one alone is there, and did nothing. What it says of the person counts. "
    "A rule cannot name it as an event.",
    (
        _identify("ann", "2026-06-28 12:00", plan="paid"),
        _identify("bob", "2026-05-01 12:00", plan="free"),
        did("bob", "A", "2026-06-28 12:00"),
        _identify("bob", "2026-06-29 12:00", plan="paid"),
        did("cem", "A", "2026-05-01 12:00"),
        _identify("cem", "2026-06-28 12:00", plan="paid"),
        Event("$groupidentify", at("2026-06-28 12:00"), "cem", whole=False),
        did("dee", "A", "2026-05-01 12:00"),
        _identify("dee", "2026-06-27 12:00", plan="free"),
        did("dee", "B", "2026-06-28 12:00"),
    ),
    (
        Case('{did: "(any event)"}', "bob cem dee", "ann did nothing yet"),
        Case('{did: "(any event)", count: "= 1"}', "bob cem"),
        Case('{did: "(any event)", days: ">= 2"}', "dee"),
        Case('{did: "(any event)", nth: "= 1", in: {last: 7 days}}', "bob"),
        Case("{new: {last: 7 days}}", "bob", "what was said of bob in May does not make him an old hand"),
        Case("{active: {last: 7 days}}", "bob dee"),
        Case("{inactive: {last: 7 days}}", "cem"),
        Case("{returned: {last: 7 days}, away: 30 days}", "dee"),
        Case('{did: "(any event)", in: {first_use: 1 day}, count: ">= 1"}', "bob cem dee", "from the first thing done"),
        Case('{sequence: {steps: [{did: A}, {did: "(any event)"}]}}', "dee"),
        Case("{did_not: A}", "ann", "known, and did nothing"),
        Case("{user.plan: {is: paid}}", "ann bob cem"),
        Case("{user.plan: {is: free}, told: ever, in: {last: 7 days}}", "dee"),
        Case("{user.plan: {is: paid}, told: ever, in: {first_use: 2 days}}", "bob", "cem and ann: not within two days of a first event"),
        Case("{active: {last: 7 days}}", "bob dee", "by what they did", "bob 28 12:00, dee 28 12:00"),
    ),
)

TOLD = Table(
    "What a property said in a window",
    "`told: latest` is what the last event of the window that says something of the property says, and `told: ever` whether any event of "
    "the window says so; without a window, whether any event ever did.",
    (
        told("ann", "2026-06-10 12:00", plan="free"),
        told("ann", "2026-06-28 12:00", plan="paid"),
        told("bob", "2026-06-27 12:00", plan="paid"),
        told("bob", "2026-06-28 12:00", plan="free"),
        told("cem", "2026-06-01 12:00", plan="paid"),
        told("dee", "2026-06-28 12:00", plan=None),
    ),
    (
        Case("{user.plan: {is: paid}}", "ann cem"),
        Case("{user.plan: {is: paid}, told: latest, in: {last: 7 days}}", "ann"),
        Case("{user.plan: {is: paid}, told: ever, in: {last: 7 days}}", "ann bob"),
        Case("{user.plan: {is: paid}, told: ever}", "ann bob cem"),
        Case("{user.plan: {is_not: paid}, told: latest, in: {last: 7 days}}", "bob cem dee", "who said nothing has no value"),
        Case("{user.plan: {is_not: paid}, told: ever, in: {last: 7 days}}", "bob dee", "an event must say it"),
        Case('{user.plan: {is: "(none)"}, told: latest, in: {last: 7 days}}', "cem dee"),
        Case('{user.plan: {is: "(none)"}, told: ever, in: {last: 7 days}}', "dee"),
        Case("{user.plan: {is: free}, told: latest, in: {between: [2026-06-01, 2026-06-28]}}", "ann"),
    ),
)

SAMPLES = Table(
    "Samples",
    "`sample` draws a lot for each person from `salt` and the person, and finds the lots below `percent`: the same people each time, "
    "other people for another salt, and when `percent` grows the same ones and more. `not` finds those who stay out.",
    tuple(Event("A", at("2026-06-30 12:00"), user, whole=False) for user in ("ann", "bob", "cem", "dee", "eve", "fay", "gus", "hal")),
    (
        Case("{sample: {percent: 100, salt: spring}}", "ann bob cem dee eve fay gus hal"),
        Case("{sample: {percent: 50, salt: spring}}", "ann cem"),
        Case("{sample: {percent: 12.5, salt: spring}}", ""),
        Case("{not: {sample: {percent: 50, salt: spring}}}", "bob dee eve fay gus hal"),
        Case("{sample: {percent: 50, salt: autumn}}", "cem eve fay gus hal"),
        Case("{all: [{sample: {percent: 50, salt: spring}}, {did: A}]}", "ann cem"),
    ),
)

CLAUSES = (AMOUNTS, DAYS_THERE, PLACES, EACH, MORE_WINDOWS, ORDERED, ORDERED_LAST, OFTEN, LIFE, SAID, TOLD, SAMPLES)
