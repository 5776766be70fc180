"""Renders the spec tables as docs/reference/cohorts.md; `python tests/spec/page.py --write` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tradewind.engines.memory import Event
from tradewind.engines.spec.tables import TABLES, Case, Table

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
| `did: EVENT` with `where`, `count`, `in` | who did it so often (once, unless said) in the window |
| `did_not: EVENT` with `where`, `in` | who did not do it once |
| `user.PROPERTY: {OPERATOR: VALUES}` | whose property, as last stated, meets the condition |
| `in_cohort: ID`, `not_in_cohort: ID` | who is, or is not, a member of another cohort at the same instant |
| `all: [...]`, `any: [...]`, `not: ...` | who meets every rule, at least one, or not this one |

A window is `in: {last: 30 days}` (or `weeks`), `in: {between: [2026-01-01, 2026-02-01]}` (the second date is not
included) or `in: {since: 2026-01-01}`. `(none)` among the values stands for having no value. Values are compared as
they are written: `01234` and `1.50` stay what they are. A condition has 1 to 10,000 values, a rule at most 200 clauses
and 16 levels.

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
