"""A lookalike in real runs: trained, sent, kept stable from run to run, inside another cohort, and seen over the API."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keen import PEOPLE, lives
from site_of import Site, detail
from town import Town, guid
from tradewind import members
from tradewind.access.roles import Role
from tradewind.compute import Bounds
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.events.importing import import_events
from tradewind.model.cohort import Lookalike
from tradewind.model.plan import Plan
from tradewind.model.run import RunState
from tradewind.model.sync import Cadence
from tradewind.operations import cohorts, lookalikes
from tradewind.worker import Stop, run_once

LIKE = {"id": "like", "name": "Like", "kind": "lookalike", "seed": "lookers", "retrain_days": 1}
LOOKERS = {"id": "lookers", "name": "Lookers", "kind": "behavioural", "who": {"did": "Look", "in": {"last": "10 days"}}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    town = site.town
    bounds = Bounds(threads=1)
    town.parts = replace(town.parts, engine=DuckDBEngine(town.parts.events, bounds), bounds=bounds)
    site.app = site._built(None)
    bring(town, tmp_path, lives(random.Random(7))[0])
    cohorts.define(town.parts, "default", LOOKERS)
    cohorts.define(town.parts, "default", LIKE | {"take": {"people": 40}})
    yield site
    site.close()


def bring(town: Town, folder: Path, events: list[dict[str, Any]]) -> None:
    path = folder / "more.json"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    import_events(town.parts.events, "default", [path], on_progress=lambda *_told: None, clock=town.clock)


def first(town: Town, people: int) -> set[str]:
    """The first so many, by a lookalike of the same seed that was in no run."""
    asked = cohorts.define(town.parts, "default", LIKE | {"id": f"first-{people}", "take": {"people": people}})
    return set(cohorts.preview(town.parts, "default", asked.id, None, None, 1_000).sample)


def people(numbers: set[int]) -> set[str]:
    return {f"user:u{number}" for number in numbers}


def test_who_is_in_by_a_run_stays_until_clearly_below_the_line(site: Site, tmp_path: Path) -> None:
    town = site.town
    sync = town.add("like", Cadence.ON_CHANGE, cohort="like")
    (done,) = run_once(town.parts, Stop())
    assert done.error is None
    before = people(town.held(sync))
    assert before == first(town, 40)
    town.clock.sleep(86_400)
    chosen = sorted(set(range(PEOPLE)) - town.held(sync))[:200]
    now = int((town.clock.now() - timedelta(hours=2)).timestamp() * 1000)
    bring(town, tmp_path, [
        {"event_type": "Open", "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"new-{number}-{turn}",
         "time": now - turn * 3_600_000, "user_properties": {"plan": "plus", "ad": str(guid(number))}}
        for number in chosen for turn in range(1 + number % 6)
    ])  # fmt: skip
    planned = set(cohorts.preview(town.parts, "default", "like", None, None, 1_000).sample)
    (done,) = run_once(town.parts, Stop())
    assert done.error is None
    after, forty, most = people(town.held(sync)), first(town, 40), first(town, 48)
    assert after == planned == forty | (before & most), "a preview is answered by the same rule"
    assert forty - before, "somebody entered"
    assert (before & most) - forty, "somebody stayed who is below the line"
    assert before - after, "somebody left"


def test_a_lookalike_lives_on_events_and_is_held_when_these_stop(site: Site) -> None:
    town = site.town
    sync = town.add("like", Cadence.DAILY, cohort="like")
    town.clock.sleep(18.5 * 3_600)
    (done,) = run_once(town.parts, Stop())
    assert done.error is None
    inside = town.held(sync)
    assert len(inside) == 40
    town.clock.sleep(3 * 86_400)
    (done,) = run_once(town.parts, Stop())
    assert done.run
    plan = town.parts.ledger.recall(done.run.id, RunState.PLANNED, Plan)
    assert plan
    assert "stale" in [each.guard for each in plan.verdicts]
    assert town.held(sync) == inside


def test_a_lookalike_is_part_of_a_rule_like_any_other(site: Site) -> None:
    parts = site.town.parts
    rule = {"all": [{"in_cohort": "like"}, {"user.plan": {"is": ["plus"]}}]}
    cohorts.define(parts, "default", {"id": "both", "name": "Both", "kind": "behavioural", "who": rule})
    like = cohorts.preview(parts, "default", "like", None, None, 1_000).sample
    both = site.town.add("both", Cadence.ON_CHANGE, cohort="both")
    list(run_once(parts, Stop()))
    inside = people(site.town.held(both))
    assert inside
    assert inside < set(like)
    card = lookalikes.card(parts, "default", "like")
    assert card
    assert card.auc > card.baseline
    cohort = parts.catalog.cohort("default", "like")
    assert isinstance(cohort.definition, Lookalike)
    asked, later = members.question_of(parts, cohort, cohort.definition, parts.clock.now()), parts.clock.now() + timedelta(seconds=1)
    (standing,) = parts.lookalikes.models.standing("default", "like", asked.fingerprint, later)
    assert (parts.home / standing).exists(), "the run keeps who is in the lookalike inside"


def test_the_api_makes_and_shows_the_model(site: Site) -> None:
    site.user("member", {"default": Role.MEMBER})
    client, path = site.signed_in("member"), "/api/v1/projects/default/cohorts/like/model"
    assert client.get(path).json() == {"card": None}
    made = client.post(path).json()["card"]
    assert client.get(path).json()["card"] == made
    assert made["auc"] > made["baseline"]
    assert len(made["bins"]) == 10
    assert any("Look" in each["words"] for each in made["weights"])
    assert client.get("/api/v1/projects/default/cohorts/lookers/model").json() == {"card": None}
    refused = client.post("/api/v1/projects/default/cohorts/lookers/model")
    assert (refused.status_code, detail(refused)) == (422, "cohort 'lookers' is of kind behavioural; only a lookalike is trained")
    definition = {"seed": "lookers", "take": {"percent": 5}}
    saved = client.put("/api/v1/projects/default/cohorts/few", json={"name": "Few", "kind": "lookalike", "definition": definition})
    assert saved.json()["sentence"] == "The 5 percent of people outside the cohort 'Lookers' who behave most like its members."
