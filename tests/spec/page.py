"""Renders the spec tables as docs/reference/cohorts.md; `python tests/spec/page.py --write` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tradewind.engines.memory import Event
from tradewind.engines.spec.rows import Case, Table
from tradewind.engines.spec.tables import TABLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cohorts.md"

HEAD = """\
# The cohort language

This page is generated: each table is a test that runs on every engine. A rule stands under `who:` of a cohort of kind
`behavioural`:

```yaml
id: cart-no-buy
name: Cart and no purchase
kind: behavioural
who:
  all:
    - did: Add to Cart
      where: {event.category: {is: [shoes, hats]}}
      count: ">= 3"
      in: {last: 30 days}
    - did_not: Purchase
      in: {last: 30 days}
    - user.plan: {is: [paid]}
    - in_cohort: engaged
```

| rule | who is in |
| --- | --- |
| `did: EVENT` with `where`, `count`, `in` | who did it so often (once, unless said) in the window; `(any event)` is every event |
| `did: EVENT` with `days`, or with `sum`, `average`, `minimum`, `maximum`, `distinct` | who did it on so many days, or for so much |
| `did: EVENT` with `nth` | who did it for the first, or any other, time in the window |
| `did: EVENT` with `each` | whom it holds of in each day or week of the window |
| `did_not: EVENT` with `where`, `in` | who did not do it once |
| `more_often: [{did: EVENT}, {did: EVENT}]` with `in` | who did the first more often than the second |
| `sequence: {steps: [...]}` with `in` | who did one thing after another, or dropped off on the way |
| `new`, `active`, `inactive`, `returned` | whose first event was in a window, who did anything in it, nothing in it, or something again |
| `user.PROPERTY: {OPERATOR: VALUES}` with `told`, `in` | whose property, as last stated, meets the condition; or as stated in a window |
| `in_cohort: ID`, `not_in_cohort: ID` | who is, or is not, a member of another cohort at the same instant |
| `sample: {percent: 10, salt: TEXT}` | a part of all people, always the same one |
| `all: [...]`, `any: [...]`, `not: ...` | who meets every rule, at least one, or not this one |

A window is one of these; days are those of the project's zone, and the second date of `between` is not included:

| window | from when until when |
| --- | --- |
| `in: {last: 30 days}` (or `weeks`) | so many full days, and today until now |
| `in: {last: 30 days, complete: true}` | the full days alone |
| `in: {last: 7 days, offset: 8 days}` | the same, ended with the whole day so many days ago |
| `in: {last: 6 hours}` | counted back from now |
| `in: {between: [2026-01-01, 2026-02-01]}`, `in: {since: 2026-01-01}` | from the first day on |
| `in: {first_use: 7 days}` | from each person's first event on, for so many times 24 hours |

`(none)` among the values stands for having no value. Values are compared as they are written: `01234` and `1.50` stay what they are.
A condition has 1 to 10,000 values, a sequence 2 to 20 steps, a rule at most 200 clauses and 16 levels.

Unless a table says otherwise its instant is 1 July 2026, 12:00 UTC, and its zone is UTC.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_table(table) for table in TABLES)])


def _table(table: Table) -> str:
    events = [f"| {_cell(_who(event))} | {_code(event.event_type)} | {_time(event)} | {_stated(event)} |" for event in table.events]
    cases = [
        f"| {_code(case.rule)} | {_cell(' '.join(sorted(case.members.split())) or 'nobody')} | {_last(table, case)}{_cell(case.note)} |"
        for case in table.cases
    ]
    dated = any(case.last is not None for case in table.cases)
    cohorts = [f"Cohort `{name}`: {table.cohorts_last.get(name, users)}.\n" for name, users in table.cohorts.items()]
    place = f"Zone {table.zone}, as of {table.as_of:%Y-%m-%d %H:%M} UTC.\n"
    return "\n".join(
        [
            f"## {table.title}\n",
            f"{table.text}\n",
            place,
            *cohorts,
            "| who | event | time | says |\n| --- | --- | --- | --- |",
            *events,
            f"\n| rule | members | {'last event | ' if dated else ''}note |\n| --- | --- | {'--- | ' if dated else ''}--- |",
            *cases,
            "",
        ]
    )


def _last(table: Table, case: Case) -> str:
    return f"{case.last or ''} | " if any(each.last is not None for each in table.cases) else ""


def _who(event: Event) -> str:
    return event.user_id or f"device {event.device_id}"


def _time(event: Event) -> str:
    written = event.time.replace(tzinfo=None).isoformat(sep=" ")
    return written.removesuffix(":00") if not event.time.microsecond else written


def _stated(event: Event) -> str:
    said = dict(event.event_properties) or dict(event.user_properties)
    kind = "of the person, and no others: " if event.user_properties and event.whole else "of the person: " if event.user_properties else ""
    return f"{kind}{_code(json.dumps(said, ensure_ascii=False))}" if said else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(render(), "utf-8")
    else:
        sys.stdout.write(render())
