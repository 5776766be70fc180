"""Four cohorts of the newer clauses over real people, against a plain loop over the same events."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

import plain
from product import Product

ZONE, DAY = "America/New_York", date(2026, 7, 1)

DEFINITIONS = """
cohorts:
  - id: much
    name: Who added much
    kind: behavioural
    who: {did: file_changed, sum: {event.added: ">= 1000"}, in: {last: 180 days}}
  - id: merged-soon
    name: Merged within a day after a commit
    kind: behavioural
    who: {sequence: {steps: [{did: commit}, {did: merge, within: 1 day}]}, in: {last: 365 days}}
  - id: many-kinds
    name: Changed files of five kinds or more
    kind: behavioural
    who: {did: file_changed, distinct: {event.ext: ">= 5"}, in: {last: 365 days}}
  - id: new-faces
    name: New, on three days or more
    kind: behavioural
    who: {all: [{new: {last: 180 days}}, {did: "(any event)", days: ">= 3"}]}
"""


def answers(events: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Who is in each, person by person."""
    moment = plain.start_of(DAY, ZONE)
    half, year = plain.days_before(moment, 180, ZONE), plain.days_before(moment, 365, ZONE)
    people: dict[str, list[plain.Act]] = defaultdict(list)
    for act in plain.acts(events, moment):
        people[act.person].append(act)
    found: dict[str, set[str]] = {name: set() for name in ("much", "merged-soon", "many-kinds", "new-faces")}
    for person, acts in people.items():
        changed = [act for act in acts if act.what == "file_changed"]
        if sum(Decimal(str(act.event.get("added") or 0)) for act in changed if act.at >= half) >= 1000:
            found["much"].add(person)
        commits = [act.at for act in acts if act.what == "commit" and act.at >= year]
        merges = [act.at for act in acts if act.what == "merge"]
        if any(timedelta(0) < merge - commit <= timedelta(days=1) for commit in commits for merge in merges):
            found["merged-soon"].add(person)
        if len({str(act.event["ext"]) for act in changed if act.at >= year and act.event.get("ext") is not None}) >= 5:
            found["many-kinds"].add(person)
        days = {act.at.astimezone(ZoneInfo(ZONE)).date() for act in acts}
        if min(act.at for act in acts) >= half and len(days) >= 3:
            found["new-faces"].add(person)
    return found


def test_the_newer_clauses_find_whom_a_plain_loop_finds(tmp_path: Path) -> None:
    folder = plain.real_events()
    if folder is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    product = Product(tmp_path)
    product.ok("init", "--zone", ZONE)
    product.ok("events", "import", str(folder))
    product.write("definitions.yaml", DEFINITIONS)
    product.ok("apply", "definitions.yaml")
    for cohort, people in answers(plain.load(folder)).items():
        file = tmp_path / f"{cohort}.parquet"
        product.ok("cohorts", "export", cohort, "--as-of", DAY.isoformat(), "--to", str(file))
        assert set(pq.read_table(file).column("person").to_pylist()) == people, cohort
        assert len(people) >= 5, f"{cohort}: a cohort of nobody proves nothing"
