"""The cohort language as tables: what people did, a rule, and who is in. Run on every engine; rendered as a page."""

from __future__ import annotations

from datetime import UTC, datetime

from tradewind.engines.memory import Event
from tradewind.engines.spec.clauses import CLAUSES
from tradewind.engines.spec.rows import Case, Table, at, did, told
from tradewind.engines.spec.values import VALUES

DEEDS = Table(
    "What people did",
    "`did` counts a person's events of one type; without `count` once is enough. Before the instant is not at the instant.",
    (
        *(did("ann", "Buy") for _ in range(3)),
        did("bob", "Buy"),
        did("cem", "Look"),
        did("dee", "Buy", "2026-07-01 12:00"),
        did("eve", "Buy", "2026-07-01 11:59:59.999999"),
        did("fay", "buy"),
    ),
    (
        Case("{did: Buy}", "ann bob eve", "letters count: `buy` is another event; dee's is at the instant, not before it"),
        Case('{did: Buy, count: ">= 3"}', "ann"),
        Case('{did: Buy, count: "> 1"}', "ann"),
        Case('{did: Buy, count: "= 1"}', "bob eve"),
        Case('{did: Buy, count: "<= 1"}', "bob eve cem fay", "everybody with any event before the instant can have done it 0 times"),
        Case('{did: Buy, count: "< 3"}', "bob eve cem fay"),
        Case('{did: Buy, count: "!= 1"}', "ann cem fay"),
        Case('{did: Buy, count: "= 0"}', "cem fay", "the same as `did_not`"),
        Case("{did_not: Buy}", "cem fay"),
        Case("{did: Nothing}", ""),
        Case("{did_not: Nothing}", "ann bob cem eve fay"),
    ),
)

LOGIC = Table(
    "All, any, not",
    "Rules nest. A negation speaks of everybody who has any event before the instant.",
    (did("ann", "A"), did("ann", "B"), did("bob", "A"), did("cem", "B"), did("dee", "C")),
    (
        Case("{all: [{did: A}, {did: B}]}", "ann"),
        Case("{any: [{did: A}, {did: B}]}", "ann bob cem"),
        Case("{not: {did: A}}", "cem dee"),
        Case("{not: {all: [{did: A}, {did: B}]}}", "bob cem dee"),
        Case("{not: {any: [{did: A}, {did: B}]}}", "dee"),
        Case("{all: [{did: A}, {not: {did: B}}]}", "bob"),
        Case("{any: [{all: [{did: A}, {did: B}]}, {did: C}]}", "ann dee"),
        Case("{not: {not: {did: A}}}", "ann bob"),
        Case("{all: [{did: A}]}", "ann bob", "a list of one is that one"),
    ),
)

COHORTS = Table(
    "Part of another cohort",
    "Members of a cohort that a rule names can be in, whether or not they ever did anything.",
    (did("ann", "A"), did("bob", "A"), did("cem", "B")),
    (
        Case("{in_cohort: vips}", "ann zoe", "zoe is on the list and has no events"),
        Case("{not_in_cohort: vips}", "bob cem"),
        Case("{all: [{in_cohort: vips}, {did: A}]}", "ann"),
        Case("{all: [{in_cohort: vips}, {did_not: A}]}", "zoe"),
        Case("{any: [{did: B}, {in_cohort: vips}]}", "ann cem zoe"),
        Case("{all: [{in_cohort: vips}, {not_in_cohort: late}]}", "ann"),
        Case("{not: {any: [{in_cohort: vips}, {in_cohort: late}]}}", "bob cem"),
        Case("{all: [{in_cohort: vips}, {user.plan: {is: ['(none)']}}]}", "ann zoe", "who never did anything has no properties"),
    ),
    cohorts={"vips": "ann zoe", "late": "zoe yan"},
)

WINDOWS = Table(
    "Windows",
    "Days are days of the project's zone (here New York, UTC-4 in summer; the instant is 1 July, 08:00 there).",
    (
        did("ann", "Buy", "2026-06-30 04:00"),
        did("bob", "Buy", "2026-06-30 03:59:59.999999"),
        did("cem", "Buy", "2026-07-01 11:00"),
        did("dee", "Buy", "2026-06-01 04:00"),
        did("eve", "Buy", "2026-06-01 03:59"),
        did("fay", "Buy", "2025-01-01 00:00"),
    ),
    (
        Case("{did: Buy, in: {last: 1 day}}", "ann cem", "yesterday from its first moment, and today until the instant"),
        Case("{did: Buy, in: {last: 30 days}}", "ann bob cem dee", "30 full days and the elapsed part of today"),
        Case("{did: Buy, in: {last: 4 weeks}}", "ann bob cem", "28 days: 3 June is the first"),
        Case("{did: Buy, in: {since: 2026-06-01}}", "ann bob cem dee"),
        Case("{did: Buy, in: {since: 2027-01-01}}", ""),
        Case("{did: Buy, in: {between: [2026-06-01, 2026-06-30]}}", "bob dee", "the second date is not included"),
        Case("{did: Buy, in: {between: [2026-06-30, 2027-01-01]}}", "ann cem", "nothing after the instant counts"),
        Case("{did: Buy}", "ann bob cem dee eve fay", "no window: ever"),
        Case("{did_not: Buy, in: {last: 30 days}}", "eve fay"),
    ),
    zone="America/New_York",
)

CLOCKS = Table(
    "Days of 23 and of 25 hours",
    "Clocks in Berlin go forward on 29 March 2026 and back on 25 October 2026; a window still begins at midnight there.",
    (
        did("ann", "A", "2026-03-28 23:00"),
        did("bob", "A", "2026-03-28 22:59"),
        did("cem", "A", "2026-03-29 22:00"),
        did("dee", "A", "2026-03-29 21:59"),
    ),
    (
        Case(
            "{did: A, in: {between: [2026-03-29, 2026-03-30]}}",
            "ann dee",
            "29 March lasts from 28 March, 23:00 UTC, to 29 March, 22:00 UTC",
        ),
        Case("{did: A, in: {last: 1 day}}", "ann cem dee"),
    ),
    zone="Europe/Berlin",
    as_of=datetime(2026, 3, 30, 8, tzinfo=UTC),
)

FILTERS = Table(
    "Conditions on an event",
    "`where` looks at the event's own properties. Every condition must hold for the same event; values of one are alternatives.",
    (
        did("ann", "Buy", category="shoes", price=20),
        did("bob", "Buy", category="hats", price=5),
        did("cem", "Buy", category="shoes"),
        did("cem", "Buy", price=50),
        did("dee", "Buy", category="Shoes", price="20"),
    ),
    (
        Case("{did: Buy, where: {event.category: {is: [shoes, hats]}}}", "ann bob cem"),
        Case("{did: Buy, where: {event.category: {is: shoes}, event.price: {greater: 10}}}", "ann", "cem's price is of another event"),
        Case("{did: Buy, where: {event.price: {greater: 5, less: 50}}}", "ann dee", "two conditions on one property"),
        Case('{did: Buy, where: [{event.category: {is_not: shoes}}, {event.category: {is_not: hats}}], count: "= 1"}', "cem dee"),
        Case("{did_not: Buy, where: {event.category: {is: shoes}}}", "bob dee"),
    ),
)

TRAITS = Table(
    "Properties of people",
    "A user property is what was last stated before the instant. An event of an Export file states all of them, others what changes.",
    (
        told("ann", "2026-06-01", plan="free"),
        told("ann", "2026-06-02", plan="paid"),
        told("ann", "2026-07-02", plan="free"),
        told("bob", "2026-06-02", plan="paid"),
        told("bob", "2026-06-03", colour="red"),
        told("cem", "2026-06-02", plan="paid"),
        told("cem", "2026-06-03", whole=True, colour="red"),
        told("dee", "2026-06-02", plan="paid"),
        told("dee", "2026-06-03", plan=None),
        told("eve", "2026-06-02", plan="free"),
        told("eve", "2026-06-02", plan="paid"),
        told("fay", "2026-06-02", plan="free"),
        told("fay", "2026-06-02", plan=None),
        did("gil", "opened"),
    ),
    (
        Case("{user.plan: {is: [paid]}}", "ann bob eve", "ann's later change is after the instant; of two values at one time the greater"),
        Case("{user.plan: {is: [free]}}", "fay", "a value goes before none at the same time"),
        Case("{user.plan: {is: ['(none)']}}", "cem dee gil", "cem's last event states all he has, and it has no plan"),
        Case("{user.plan: {is_not: [paid]}}", "cem dee fay gil"),
        Case("{not: {user.plan: {is: [paid]}}}", "cem dee fay gil"),
        Case("{user.colour: {is: red}}", "bob cem"),
    ),
)

_VALUES = (
    did("arr", "E", v=["alpha", "beta"]),
    did("big", "E", v=100),
    did("cap", "E", v="Alpha"),
    did("emp", "E", v=[]),
    did("low", "E", v="alpha"),
    did("mix", "E", v=["beta", None, 7]),
    did("nul", "E"),
    did("num", "E", v=9.5),
    did("one", "E", v="beta"),
    did("txt", "E", v='["beta"]'),
    did("yes", "E", v=True),
)


def _where(conditions: str) -> str:
    return f"{{did: E, where: {{event.v: {{{conditions}}}}}}}"


EQUAL = Table(
    "is, is_not",
    "Compared as text, letter by letter; only `true` and `false` ignore case. An array meets a condition when one of its elements "
    "does, negations too.",
    _VALUES,
    (
        Case(_where("is: alpha"), "arr low"),
        Case(_where("is: [alpha, beta]"), "arr low mix one txt", "a text that is a JSON array is read as one"),
        Case(_where("is: 9.5"), "num"),
        Case(_where("is: '9.50'"), "", "as text, not as number"),
        Case(_where("is: 7"), "mix"),
        Case(_where("is: TRUE"), "yes"),
        Case(_where("is: '(none)'"), "nul"),
        Case(_where("is: [alpha, '(none)']"), "arr low nul"),
        Case(_where("is_not: alpha"), "arr big cap mix nul num one txt yes", "arr has another element; an empty array has none"),
        Case(_where("is_not: ['(none)']"), "arr big cap low mix num one txt yes"),
        Case(_where("is_not: [alpha, beta, '(none)']"), "big cap mix num yes"),
    ),
)

TEXTS = Table(
    "contains, starts_with",
    "Case is ignored, and no letter is special: `%`, `_` and `*` are themselves.",
    (*_VALUES, did("pct", "E", v="100% wool_x"), did("spl", "E", v="ÄRGER"), did("emt", "E", v="")),
    (
        Case(_where("contains: PH"), "arr cap low"),
        Case(_where("contains: '%'"), "pct"),
        Case(_where("contains: 'l_x'"), "pct"),
        Case(_where("contains: ärg"), "spl"),
        Case(_where("contains: '(none)'"), "nul"),
        Case(_where("contains: ''"), "arr big cap emt low mix num one pct spl txt yes", "every text contains the empty one"),
        Case(_where("does_not_contain: ['a', '1']"), "emt mix nul num spl yes", "mix has the element 7"),
        Case(_where("does_not_contain: ['A', '(none)']"), "big emt mix num pct spl yes"),
        Case(_where("starts_with: [AL, 1]"), "arr big cap low pct"),
        Case(_where("starts_with: '(none)'"), "nul"),
        Case(_where("does_not_start_with: [a, b]"), "big emt mix nul num pct spl yes"),
    ),
)

ORDER = Table(
    "less, less_or_equal, greater, greater_or_equal",
    "As numbers where the property and the value both are; otherwise as text, in the order of code points (so dates written alike "
    "compare rightly).",
    (
        *_VALUES,
        did("day", "E", v="2026-03-01"),
        did("exp", "E", v="1e2"),
        did("neg", "E", v="-1"),
        did("nan", "E", v="nan"),
        did("spc", "E", v=" 5"),
    ),
    (
        Case(_where("less: 10"), "mix neg num spc", "7, -1 and 9.5 as numbers; ' 5' as text, before '1'"),
        Case(_where("greater_or_equal: 100"), "arr big cap day exp low mix nan one txt yes", "words come after '100' as text; mix has one"),
        Case(_where("less_or_equal: -1"), "neg spc"),
        Case(_where("greater: 99"), "arr big cap exp low mix nan one txt yes"),
        Case(_where("greater: '2026-02-28', less: '2026-04-01'"), "day"),
        Case(_where("less: '(none)'"), "nul spc", "text order, and the missing one"),
        Case(_where("less_or_equal: [-5, 9.5]"), "day mix neg num spc", "several values are alternatives"),
    ),
)

SETS = Table(
    "set_is, set_is_not, set_contains, set_does_not_contain",
    "The property as a set (a single value is a set of one), against all the values together. Order and repetition do not count.",
    (*_VALUES, did("two", "E", v=["beta", "alpha", "beta"])),
    (
        Case(_where("set_is: [alpha, beta]"), "arr two"),
        Case(_where("set_is: [beta]"), "one txt"),
        Case(_where("set_is: '(none)'"), "nul"),
        Case(_where("set_is_not: [alpha, beta]"), "big cap emp low mix nul num one txt yes"),
        Case(_where("set_is_not: ['(none)']"), "arr big cap emp low mix nul num one two txt yes", "a missing property is never a set"),
        Case(_where("set_contains: [beta]"), "arr mix one two txt"),
        Case(_where("set_contains: [beta, alpha]"), "arr two"),
        Case(_where("set_contains: [beta, '7']"), "mix"),
        Case(_where("set_does_not_contain: [beta, alpha]"), "big cap emp low mix nul num one txt yes"),
        Case(_where("set_does_not_contain: [beta, '(none)']"), "arr big cap emp low mix num one two txt yes"),
    ),
)

GLOBS = Table(
    "glob_match, glob_does_not_match",
    "`*` and `?` stop at `/`, `**` does not; `[0-9]` is one of, `[!a-z]` one other (never `/`). The whole text must match; letters count.",
    (
        did("deep", "E", v="shop/shoes/red"),
        did("flat", "E", v="shop/shoes"),
        did("item", "E", v="item-7.x"),
        did("line", "E", v="shop/a\nb"),
        did("list", "E", v=["shop/hats", "x"]),
        did("nov", "E"),
        did("odd", "E", v="a[b"),
        did("word", "E", v="Shop"),
    ),
    (
        Case(_where("glob_match: 'shop/*'"), "flat line list"),
        Case(_where("glob_match: 'shop/**'"), "deep flat line list"),
        Case(_where("glob_match: '**/red'"), "deep"),
        Case(_where("glob_match: 'item-[0-9].?'"), "item", "a dot is a dot"),
        Case(_where("glob_match: 'item-[!a-z]*'"), "item"),
        Case(_where("glob_match: 'shop[!a]shoes'"), "", "one other, but never a slash"),
        Case(_where("glob_match: 'a[b'"), "odd", "a bracket that is never closed is itself"),
        Case(_where("glob_match: ['[sS]hop', x]"), "list word"),
        Case(_where("glob_match: '(none)'"), "nov"),
        Case(_where("glob_does_not_match: 'shop/**'"), "item list nov odd word", "one element of list does not"),
        Case(_where("glob_does_not_match: ['shop/**', '(none)']"), "item list odd word"),
    ),
)

NAMES = Table(
    "Names and values are data",
    "Event names, property names and values may hold any letter but NUL; none of them is ever part of a statement.",
    (
        Event('x"; DROP TABLE ledger; --', at("2026-06-30"), "ann", event_properties={"a.b'c": "it's"}, whole=False),
        Event(
            "E",
            at("2026-06-30"),
            "bob",
            event_properties={'q"; SELECT 1': "x' OR 1=1", "back\\slash": "\\' --", "emoji 🎈": "🎈"},
            whole=False,
        ),
        Event("E", at("2026-06-30"), "cem", user_properties={"a.b'c": "line\nbreak"}, whole=False),
    ),
    (
        Case("""{did: 'x"; DROP TABLE ledger; --'}""", "ann"),
        Case("""{did: 'x"; DROP TABLE ledger; --', where: {"event.a.b'c": {is: "it's"}}}""", "ann"),
        Case("""{did: E, where: {'event.q"; SELECT 1': {is: "x' OR 1=1"}}}""", "bob"),
        Case("""{did: E, where: {'event.back\\slash': {starts_with: "\\\\'"}}}""", "bob"),
        Case("""{did: E, where: {"event.emoji 🎈": {contains: 🎈}}}""", "bob"),
        Case("""{"user.a.b'c": {is: "line\\nbreak"}}""", "cem"),
        Case("""{did: E, where: {event.v: {is: "' OR ''='"}}}""", ""),
    ),
)

LAST = Table(
    "The last event",
    "A member's last event is the latest one that a clause counts, in its window and with its filters. Those clauses count that nobody "
    "meets who did nothing: a `did_not`, or a count that nought meets, does not say when somebody did something. Of a cohort that is "
    "named, its members' own last events count. Days are of June.",
    (
        did("ann", "Buy", "2026-06-20 10:00", price="5"),
        did("ann", "Buy", "2026-06-28 10:00", price="50"),
        did("ann", "Look", "2026-06-30 10:00"),
        did("bob", "Buy", "2026-06-25 10:00", price="50"),
        did("cem", "Look", "2026-06-22 10:00"),
        did("dee", "Buy", "2026-07-01 12:00", price="50"),
        told("dee", "2026-06-30 12:00", plan="paid"),
    ),
    (
        Case("{did: Buy}", "ann bob", last="ann 28 10:00, bob 25 10:00"),
        Case("{did: Buy, where: {event.price: {is: '5'}}}", "ann", "with its filters", "ann 20 10:00"),
        Case("{did: Buy, in: {between: [2026-06-19, 2026-06-26]}}", "ann bob", "in its window", "ann 20 10:00, bob 25 10:00"),
        Case("{all: [{did: Buy}, {did: Look}]}", "ann", "the latest of all", "ann 30 10:00"),
        Case("{any: [{did: Buy, count: '>= 2'}, {did: Look}]}", "ann cem", last="ann 30 10:00, cem 22 10:00"),
        Case("{any: [{did: Buy}, {did: Look, count: '>= 2'}]}", "ann bob", "counted, if not often enough", "ann 30 10:00, bob 25 10:00"),
        Case("{all: [{did: Look}, {did_not: Buy}]}", "cem", last="cem 22 10:00"),
        Case("{did_not: Look}", "bob dee", "nobody is in for what they did", "bob none, dee none"),
        Case("{did: Buy, count: '< 2'}", "bob cem dee", "who did it once is not in for that", "bob none, cem none, dee none"),
        Case("{not: {did: Buy, count: '< 2'}}", "ann", "twice or more, in other words", "ann 28 10:00"),
        Case("{user.plan: {is: paid}}", "dee", "a property is not an event", "dee none"),
        Case("{any: [{user.plan: {is: paid}}, {did: Look}]}", "ann cem dee", last="ann 30 10:00, cem 22 10:00, dee none"),
        Case("{in_cohort: active}", "ann eve", "as the other cohort has it", "ann 29 08:00, eve none"),
        Case("{any: [{in_cohort: active}, {did: Buy}]}", "ann bob eve", last="ann 29 08:00, bob 25 10:00, eve none"),
        Case("{all: [{not_in_cohort: active}, {did: Buy}]}", "bob", last="bob 25 10:00"),
        Case("{in_cohort: listed}", "ann bob", "a list has no events", "ann none, bob none"),
    ),
    cohorts={"active": "ann eve", "listed": "ann bob"},
    cohorts_last={"active": "ann 29 08:00, eve none"},
)

TABLES = (DEEDS, LOGIC, COHORTS, WINDOWS, CLOCKS, FILTERS, TRAITS, EQUAL, TEXTS, ORDER, SETS, GLOBS, NAMES, LAST, *CLAUSES, *VALUES)
