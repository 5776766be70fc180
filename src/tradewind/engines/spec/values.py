"""Tables of the cohort language about values that are written badly, or in more ways than one."""

from __future__ import annotations

import json

from tradewind.engines.spec.rows import Case, Table, at, did

NUMBERS = Table(
    "What a number is",
    "An optional sign, digits, and a point with digits after it: up to 255 on either side. With a power of ten of up to three digits, "
    "up to 18 before the point and 20 after it. Anything else is text: it is compared as text, and is nothing where numbers are added up.",
    (
        did("ann", "E", v="+2.50"),
        did("bob", "E", v="1e-300"),
        did("cem", "E", v="1e9999"),
        did("dee", "E", v="12345678901234567890123"),
        did("eve", "E", v="1_000"),
        did("fay", "E", v=".5"),
        did("gus", "E", v="0x10"),
        did("hal", "E", v="NaN"),
        did("ida", "E", v="\u0663"),
        did("jon", "E", v="0.0000000005"),
        did("kim", "E", v="0e99"),
        did("leo", "E", v="999999999999999999.9999999995"),
    ),
    (
        Case('{did: E, maximum: {event.v: "<= 999999999999999"}}', "ann bob jon kim", "leo's is rounded to 10^18, and that is too much"),
        Case('{did: E, maximum: {event.v: "= 0"}}', "bob kim"),
        Case('{did: E, maximum: {event.v: "= 0.000000001"}}', "jon", "a half is rounded away from 0"),
        Case('{did: E, maximum: {event.v: ">= 2.5"}}', "ann"),
        Case("{did: E, where: {event.v: {greater: 0, less: 1}}}", "bob gus jon", "not rounded here; gus's is a text that stands between"),
        Case("{did: E, where: {event.v: {greater: 1e22}}}", "cem dee hal ida", "dee's as a number, the others as text"),
        Case("{did: E, where: {event.v: {less: '1e9999'}}}", "ann bob dee eve fay gus jon kim", "against what is no number all are text"),
    ),
)

MIXED = Table(
    "One property, many types",
    "What a property holds may change from event to event. A number, `true` and a list are compared as the text of their JSON; what is "
    "missing, `null` and a key of another name have no value. Inside a list or an object a number with a point or a power may be written "
    "anew (`1.50` as `1.5`, `1e+22` as `1e22`): it stays the same number.",
    (
        did("ann", "E", v=7),
        did("bob", "E", v="7"),
        did("cem", "E", v=True),
        did("dee", "E", v={"a": {"b": 7}}),
        did("eve", "E", v=[7, ["c"]]),
        did("fay", "E", v=None),
        did("gus", "E", w=7),
        did("hal", "E", v=""),
        did("ida", "E", v=json.loads("[" * 40 + "7" + "]" * 40)),
        did("jon", "E", v=7),
        did("jon", "E", v="seven"),
        did("kim", "E", v="7.0"),
        did("lea", "E", v=[1e22]),
    ),
    (
        Case(
            "{did: E, where: {event.v: {greater: 1e21, less: 1e23}}}",
            "eve lea",
            "lea's as a number, however it is written; of eve's, 7 and a text",
        ),
        Case("{did: E, where: {event.v: {is: 7}}}", "ann bob eve jon", "kim's is written 7.0"),
        Case("{did: E, where: {event.v: {greater_or_equal: 7, less_or_equal: 7}}}", "ann bob eve jon kim"),
        Case("{did: E, where: {event.v: {is: 'true'}}}", "cem"),
        Case("{did: E, where: {event.v: {contains: '\"b\"'}}}", "dee", "an object is the text of its JSON"),
        Case("{did: E, where: {event.v: {is: '[\"c\"]'}}}", "eve", "a list in a list is one of its values"),
        Case("{did: E, where: {event.v: {starts_with: '[[['}}}", "ida", "forty deep"),
        Case("{did: E, where: {event.v: {is: '(none)'}}}", "fay gus"),
        Case("{did: E, where: {event.v: {is: ''}}}", "hal", "an empty text is a value"),
        Case('{did: E, sum: {event.v: ">= 7"}}', "ann bob jon kim", "jon's other value is no number"),
        Case('{did: E, distinct: {event.v: ">= 2"}}', "jon"),
    ),
)

LATER = Table(
    "Events of the future",
    "What is said to happen at the instant or after it has not happened, whoever says so.",
    (
        did("ann", "E", "2026-07-01 11:59:59.999999"),
        did("bob", "E", "2026-07-01 12:00"),
        did("cem", "E", "2199-01-01 00:00"),
        did("dee", "E", "2026-06-01 00:00"),
        did("dee", "E", "2199-01-01 00:00"),
    ),
    (
        Case("{did: E}", "ann dee"),
        Case("{did_not: X}", "ann dee", "bob and cem are nobody yet"),
        Case('{did: E, count: "= 1"}', "ann dee"),
        Case("{did: E, in: {since: 2026-07-01}}", "ann"),
        Case("{inactive: {last: 7 days}}", "dee"),
        Case("{sequence: {steps: [{did: E}, {did: E}]}}", ""),
    ),
)

SKIPPED = Table(
    "Days and weeks while clocks change",
    "In Berlin 29 March 2026 has 23 hours and 25 October has 25; each is one day, and a run of seven days has its seven. `last: 24 hours` "
    "and `first_use: 1 day` are always 24 hours.",
    (
        *(did("ann", "E", f"2026-03-{day} {hour}") for day, hour in ((28, "22:59"), (28, "23:00"), (29, "21:59"), (29, "22:00"))),
        did("bob", "E", "2026-03-28 23:30"),
        did("bob", "E", "2026-03-29 23:00"),
        did("cem", "E", "2026-03-29 08:00"),
        did("dee", "E", "2026-03-29 07:59"),
    ),
    (
        Case('{did: E, days: "= 3"}', "ann", "28, 29 and 30 March; 29 March begins at 23:00 UTC and ends at 22:00"),
        Case('{did: E, days: "= 2"}', "bob"),
        Case("{did: E, in: {between: [2026-03-28, 2026-03-31]}, each: day}", "ann", "30 March is not over and not asked for"),
        Case("{did: E, in: {last: 2 days}, each: day}", "ann"),
        Case("{did: E, in: {last: 1 day}, each: day}", "ann bob cem dee"),
        Case("{did: E, in: {last: 24 hours}}", "ann bob cem", "at 10:00 there, and 09:00 the day before"),
        Case('{did: E, count: ">= 2", in: {first_use: 1 day}}', "ann bob", "23 hours and a half after; on the next day"),
        Case("{sequence: {steps: [{did: E}, {did: E, within: 1 day}], within: 1410 minutes}}", "ann bob"),
        Case("{sequence: {steps: [{did: E}, {did: E, within: 1409 minutes}]}}", "ann"),
    ),
    zone="Europe/Berlin",
    as_of=at("2026-03-30 08:00"),
)

VALUES = (NUMBERS, MIXED, LATER, SKIPPED)
