"""Figures, statements and contacts as the API shows them: to whom they are open, and without a secret."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind.access.roles import Role
from tradewind.model.alert import AlertKind
from tradewind.model.sync import Cadence
from tradewind.operations import syncs
from tradewind.operations.alerting import Watchman

P = "/api/v1/projects/default"
HOOK = {"kind": "webhook", "url": "https://hooks.shop.example/canary-path", "secret": "canary-secret", "kinds": ["stale"]}


@pytest.fixture
def site(site: Site) -> Site:
    site.town.add("daily", Cadence.DAILY)
    site.user("ann", {"default": Role.MANAGER})
    site.user("vera", {"default": Role.VIEWER})
    site.user("stranger", {"other": Role.ADMIN})
    return site


def test_figures_are_of_the_projects_that_are_open_to_the_caller(site: Site) -> None:
    syncs.run(site.town.parts, "default", "daily", None, lambda *_: None)
    (account,) = site.signed_in("vera").get("/api/v1/figures").json()
    assert (account["project"], account["account"], account["members"], account["failing"]) == ("default", "main", 100, 0)
    assert site.signed_in("stranger").get("/api/v1/figures").json() == []
    assert site.browser().get("/api/v1/figures").status_code == 401


def test_a_month_comes_as_lines_and_as_csv(site: Site) -> None:
    syncs.run(site.town.parts, "default", "daily", None, lambda *_: None)
    vera = site.signed_in("vera")
    (line,) = vera.get(f"{P}/connections/main/statement?month=2026-03").json()["lines"]
    assert (line["operation"], line["identifiers"], line["accepted"], line["requests"]) == ("add", 100, 100, 1)
    table = vera.get(f"{P}/connections/main/statement.csv?month=2026-03")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines()[1].endswith(",add,100,100,0,0,1,")
    assert vera.get(f"{P}/connections/main/statement?month=March").status_code == 422
    assert vera.get(f"{P}/connections/nowhere/statement?month=2026-03").status_code == 404


def test_a_contact_is_added_tried_and_removed_and_its_secrets_are_never_shown(site: Site) -> None:
    ann = site.signed_in("ann")
    saved = ann.put(f"{P}/contacts/pager", json=HOOK)
    assert (saved.status_code, saved.json()["shown"]) == (200, "hooks.shop.example")
    assert ann.post(f"{P}/contacts/pager/test").status_code == 200
    ((contact, _),) = site.town.messenger.told
    assert contact.kinds == (AlertKind.STALE,)
    listed = ann.get(f"{P}/contacts")
    assert "canary" not in listed.text + saved.text
    assert "needs a URL and a secret" in detail(ann.put(f"{P}/contacts/other", json={"kind": "webhook"}))
    assert ann.delete(f"{P}/contacts/pager").status_code == 204
    assert ann.delete(f"{P}/contacts/pager").status_code == 404


def test_what_is_wrong_now_can_be_seen_by_everybody_in_the_project(site: Site) -> None:
    site.town.clock.sleep(3 * 86_400)
    Watchman(site.town.parts).look()
    found = site.signed_in("vera").get(f"{P}/incidents?open=true").json()["items"]
    assert ("stale", "daily") in {(each["kind"], each["object"]) for each in found}
    assert site.signed_in("vera").get(f"{P}/contacts").status_code == 403


def test_the_same_is_counted_for_a_collector_without_a_name(site: Site) -> None:
    here, watchman = site.browser("127.0.0.1"), site.app.state.watchman
    syncs.run(site.town.parts, "default", "daily", None, lambda *_: None)
    assert "tradewind_wrong" not in here.get("/metrics").text, "nobody has looked yet"
    watchman.look()
    before = gauges(here)
    assert (before['wrong{alert="stale"}'], before["unknown_seconds"], before["look_age_seconds"]) == (0, 0, 0)
    assert before["disk_free_bytes"] > 0
    left = before["expiry_seconds"]
    site.town.clock.sleep(3 * 86_400)
    assert gauges(here)["expiry_seconds"] == left - 3 * 86_400, "it is how things stand when they are asked for"
    assert gauges(here)["look_age_seconds"] == 3 * 86_400
    watchman.look()
    assert gauges(here)['wrong{alert="stale"}'] == 1
    assert not any("daily" in name for name in gauges(here))


def gauges(here: TestClient) -> dict[str, float]:
    """What is said of now, by name."""
    lines = [each.removeprefix("tradewind_").rpartition(" ") for each in here.get("/metrics").text.splitlines() if not each.startswith("#")]
    return {name: float(value) for name, _, value in lines}
