"""The platform's own view over the API: a token that comes in and never goes out, a segment's portrait, plans and what is done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from town import NOON
from tradewind.access.roles import Role
from tradewind.model.sync import Cadence
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default"
TOKEN = "canary-platform-token"


@pytest.fixture
def site(site: Site) -> Site:
    site.town.add("daily", Cadence.DAILY)
    site.town.at(NOON + timedelta(days=1))
    assert [done.error for done in run_once(site.town.parts, Stop())] == [None]
    site.user("ann", {"default": Role.MANAGER})
    return site


@pytest.fixture
def ann(site: Site) -> TestClient:
    return site.signed_in("ann")


def test_a_token_is_tried_kept_and_taken_away(site: Site, ann: TestClient) -> None:
    assert ann.get(f"{P}/connections/main/platform").json()["asked"] is False
    assert "no platform token" in detail(ann.post(f"{P}/segments/daily/attach/plan", json={}))
    refused = ann.put(f"{P}/connections/main/platform", json={"token": "refused"})
    assert (refused.status_code, "refuses the platform token" in detail(refused)) == (409, True)
    given = ann.put(f"{P}/connections/main/platform", json={"token": TOKEN})
    assert (given.json()["asked"], given.json()["read_at"]) == (True, None)
    assert ann.get(f"{P}/segments/daily").json()["reading"] is None
    assert ann.post(f"{P}/connections/main/platform/read").json()["problem"] == ""
    shown = ann.get(f"{P}/segments/daily").json()
    assert (shown["reading"]["listing"], shown["reading"]["activity"]["ids"], shown["reading"]["held"]) == (1, 100, 100)
    assert shown["by_type"] == [{"type": "DAID", "count": 100}]
    assert TOKEN not in ann.get(f"{P}/audit").text + ann.get(f"{P}/connections").text + given.text
    assert ann.delete(f"{P}/connections/main/platform").status_code == 204
    assert ann.get(f"{P}/segments/daily").json()["platform"]["asked"] is False


def test_what_was_looked_at_is_done_and_nothing_else(site: Site, ann: TestClient) -> None:
    ann.put(f"{P}/connections/main/platform", json={"token": TOKEN})
    plan = ann.post(f"{P}/segments/daily/attach/plan", json={"audience": "Spring"}).json()
    assert [(each["use"], each["name"], each["changes"]) for each in plan["steps"]] == [
        ("data_group", "segment daily", True), ("audience", "Spring", True),
    ]  # fmt: skip
    assert site.town.platform.made == []
    other = ann.post(f"{P}/segments/daily/attach", json={"audience": "Autumn", "mark": plan["mark"]})
    assert (other.status_code, "has changed since" in detail(other)) == (412, True)
    done = ann.post(f"{P}/segments/daily/attach", json={"audience": "Spring", "mark": plan["mark"]}).json()
    assert [each["use"] for each in done] == ["data_group", "audience"]
    seed = ann.post(f"{P}/seeds/plan", json={"name": "Best", "syncs": ["daily"]}).json()
    (made,) = ann.post(f"{P}/seeds", json={"name": "Best", "syncs": ["daily"], "mark": seed["mark"]}).json()
    assert (made["use"], made["name"]) == ("seed", "Best")
    boss = site.signed_in(site.user("boss", administrator=True))
    deeds = [(each["what"], each["details"].get("use")) for each in boss.get(f"{P}/audit").json()["items"]]
    assert {use for what, use in deeds if what == "platform.arrange"} == {"data_group", "audience", "seed"}
