"""Previews of varied definitions over ten million events, each part by itself, against one plain query for each clause.

The events lie in an event store as imports leave them. `cold` is the first question after the start; `first` are questions that
name an event type or property nobody asked of before; the others are warm. The peer answers sizes as one would without anything
held: a SELECT over the events for the rule and one for each clause, by the same compiler.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PROJECT, OTHER, MINE, NAME = "default", "viewers", "adders", "bench"
EVENTS_EACH = 5
"""Events of a person, as `sync.py` makes them."""

TYPES = ("Product Viewed", "Product Added", "Page Viewed")
PEERED = 2
"""Definitions that the peer is asked for: it takes its time."""

Taken = list[tuple[float, float]]
"""Of each question, the seconds by the clock, and by the processors (all threads together)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--events", type=int, default=10_000_000, help="how many events there are")
    parser.add_argument("--requests", type=int, default=40, help="questions of each part")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        from deliver import apart

        home = Path(folder) / "home"
        apart(lambda: prepare(home, arguments.events))
        tell(ask(home, arguments.requests), as_json=arguments.json)


def prepare(home: Path, events: int) -> None:
    """A home with the events, a connection and a cohort to lay others over."""
    from sync import days, store
    from tradewind import app
    from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did, Last
    from tradewind.model.destination import Auth, Connection, Secret
    from tradewind.model.identifier import IdentityMap, IdType, Mapping
    from tradewind.operations import connections

    people = events // EVENTS_EACH
    app.make_home(home, "UTC")
    with app.opened(home) as parts:
        identity = IdentityMap((Mapping("user.adid", IdType.DAID),))
        at = Connection(PROJECT, NAME, NAME, "thetradedesk", "ready1", "eu", Auth.SIGNATURE, identity)
        connections.add(parts, at, Secret("secret-of-nobody"))
        for cohort, event in ((OTHER, "Product Viewed"), (MINE, "Product Added")):
            rule = Behaviour(Did(event, window=Last(14)))
            parts.catalog.save_cohort(Cohort(PROJECT, cohort, cohort, CohortKind.BEHAVIOURAL, rule))
    store(home, "first", days(people, people * 5 // 6, datetime.now(UTC).replace(tzinfo=None, microsecond=0)))


def ask(home: Path, requests: int) -> dict[str, Any]:
    """What each part takes, in seconds."""
    from tradewind import app
    from tradewind.operations import previews

    chance, taken = random.Random(7), dict[str, Taken]()

    def timed(part: str, question: Callable[[], Any]) -> Any:
        begun, spent = time.perf_counter(), time.process_time()
        answer = question()
        taken.setdefault(part, []).append((time.perf_counter() - begun, time.process_time() - spent))
        return answer

    with app.opened(home) as parts:
        timed("cold", lambda: previews.sizes(parts, PROJECT, previews.Subject(who={"did": "Unsubscribed"})))
        for who in firsts():
            timed("first", lambda who=who: previews.sizes(parts, PROJECT, previews.Subject(who=who)))  # type: ignore[misc]
        timed("identifiers first", lambda: previews.identifiers(parts, PROJECT, previews.Subject(OTHER), NAME))
        for number in range(requests):
            about = previews.Subject(MINE, definition(chance))
            seen = timed("sizes", lambda about=about: previews.sizes(parts, PROJECT, about))  # type: ignore[misc]
            other = previews.Subject(who=about.who)
            timed("overlap", lambda other=other: previews.overlap(parts, PROJECT, other, OTHER))  # type: ignore[misc]
            timed("comparison", lambda about=about: previews.compare(parts, PROJECT, about))  # type: ignore[misc]
            people = timed("sample", lambda about=about: previews.sample(parts, PROJECT, about, 20)).people  # type: ignore[misc]
            person = people[0] if people else "user:u1000000000"
            timed("why", lambda about=about, person=person: previews.why(parts, PROJECT, about, person))  # type: ignore[misc]
            timed("identifiers", lambda about=about: previews.identifiers(parts, PROJECT, about, NAME))  # type: ignore[misc]
            if number % 4 == 0 and len(taken.get("peer", ())) < PEERED and "in_cohort" not in str(about.who):
                found = timed("peer", lambda about=about: one_query_a_clause(parts, about))  # type: ignore[misc]
                assert found[0] == seen.members, (found, seen)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": {part: figures(values) for part, values in taken.items()}, "peak_rss_mib": peak}


def definition(chance: random.Random) -> dict[str, Any]:
    """A rule of two to six clauses, of every kind."""
    clauses = [clause(chance) for _ in range(chance.randint(2, 6))]
    return {"all": clauses} if chance.random() < 0.7 else {"any": [clauses[0], {"all": clauses[1:]}]}


def clause(chance: random.Random) -> dict[str, Any]:
    """One clause: mostly something that people did."""
    kind = chance.random()
    if kind < 0.1:
        return {"user.adid": {"starts_with": [f"{chance.randrange(16):x}"]}}
    if kind < 0.2:
        return {"in_cohort": OTHER} if kind < 0.15 else {"did_not": "Unsubscribed"}
    did: dict[str, Any] = {"did": chance.choice(TYPES), "count": f">= {chance.choice((1, 1, 1, 2, 3))}"}
    if chance.random() < 0.7:
        did["in"] = {"last": f"{chance.randint(2, 26)} days"}
    if chance.random() < 0.3:
        did["where"] = {"event.product": {"starts_with": [f"p{chance.randrange(5_000)}"[: chance.randint(2, 4)]]}}
    return did


def firsts() -> Iterator[dict[str, Any]]:
    """What names each event type and property once."""
    for event in TYPES:
        yield {"did": event}
        yield {"did": event, "where": {"event.product": {"is": ["p1"]}}}
    yield {"user.adid": {"is": ["nobody's"]}}


def one_query_a_clause(parts: Any, about: Any) -> list[int]:
    """The peer: a count for the rule and one for each clause, each over the events as they lie."""
    from tradewind.cohorts.compile import compile_rule
    from tradewind.cohorts.document import read_value
    from tradewind.cohorts.parse import parse_cohort
    from tradewind.cohorts.rules import leaves, properties
    from tradewind.compute import connect
    from tradewind.engines.duckdb import SETTINGS, DuckDBDialect
    from tradewind.model.cohort import Behaviour, InCohort

    defined = parse_cohort(read_value({"id": "p", "name": "P", "kind": "behavioural", "who": about.who}), PROJECT).definition
    assert isinstance(defined, Behaviour)
    rule = defined.who
    found = []
    for each in (rule, *(clause for clause in leaves(rule) if not isinstance(clause, InCohort))):
        now = parts.clock.now()
        with connect(parts.bounds, SETTINGS) as duck:
            duck.execute(f"CREATE TEMP VIEW events AS {parts.events.view(PROJECT, *properties(each), now).relation()}")
            select = compile_rule(each, now, "UTC", DuckDBDialect(), {}).sql("duckdb")
            found.append(duck.execute(f"SELECT count(*) FROM ({select})").fetchall()[0][0])
    return found


def figures(values: Taken) -> dict[str, float]:
    """The middle, and what nineteen of twenty stay below, by the clock and by the processors."""
    found: dict[str, float] = {"asked": len(values)}
    for kind, each in (("wall", sorted(wall for wall, _ in values)), ("cpu", sorted(cpu for _, cpu in values))):
        for name, part in (("p50", 0.5), ("p95", 0.95)):
            found[f"{kind}_{name}"] = round(each[min(len(each) - 1, int(len(each) * part))], 4)
    return found


def tell(measured: dict[str, Any], *, as_json: bool) -> None:
    """Print what each part took, and how it stands to the peer."""
    seconds = measured["seconds"]
    ratios = {"sizes_cpu_p50_vs_one_query_a_clause": round(seconds["sizes"]["cpu_p50"] / seconds["peer"]["cpu_p50"], 4)}
    if as_json:
        print(json.dumps({"measured": measured, "ratios": ratios}))
        return
    names = ("wall_p50", "wall_p95", "cpu_p50", "cpu_p95")
    table = Table("seconds", "asked", *names)
    for part, found in seconds.items():
        table.add_row(part, str(found["asked"]), *(f"{found[name]:.3f}" for name in names))
    console = Console()
    console.print(table)
    console.print(f"peak MiB: {measured['peak_rss_mib']:,.0f}")
    for name, value in ratios.items():
        console.print(f"{name}: {value:g}")


if __name__ == "__main__":
    main()
