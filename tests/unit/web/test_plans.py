"""Plans over the API: what a run would do, worked out while somebody watches, and borne out by the run."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind.access.roles import Role
from tradewind.model.sync import Cadence
from tradewind.web.streams import Streams

P = "/api/v1/projects/default/syncs/daily"


@pytest.fixture
def site(site: Site) -> Site:
    site.user("ann", {"default": Role.VIEWER})
    site.town.add("daily", Cadence.DAILY)
    site.app.state.streams = Streams(beat=0.01)
    return site


def last(stream: str) -> dict[str, object]:
    """What the last event of a stream tells."""
    (line,) = [line for line in stream.strip().split("\n\n")[-1].splitlines() if line.startswith("data: ")]
    found: dict[str, object] = json.loads(line.removeprefix("data: "))
    return found


def test_a_plan_is_watched_and_the_run_does_what_it_said(site: Site, root: TestClient) -> None:
    site.town.platform.items = 30
    asked = root.post(f"{P}/plans", json={})
    assert (asked.status_code, asked.json()["proposed"]) == (202, None)
    viewer, place = site.signed_in("ann"), f"{P}/plans/{asked.json()['id']}"
    told = last(viewer.get(f"{place}/progress").text)
    assert told == viewer.get(place).json()
    assert told["state"] == "ready"
    proposed = viewer.get(place).json()["proposed"]
    assert (proposed["members"], proposed["changes"], proposed["decision"]) == (100, {"add": 100, "remove": 0, "refresh": 0}, "proceed")
    assert (proposed["costs"]["requests"], proposed["costs"]["seconds"]) == (4, None)
    assert site.town.platform.sent == [], "nothing was sent"
    assert root.get("/api/v1/projects/default/runs").json()["items"] == [], "and no run was opened"
    root.post(f"{P}/runs")
    site.work()
    assert len(site.town.platform.sent) == 4
    assert abs(proposed["costs"]["octets"] - sum(len(each.body) for each in site.town.platform.sent)) <= 4
    again = root.post(f"{P}/plans", json={}).json()["id"]
    assert last(root.get(f"{P}/plans/{again}/progress").text)["proposed"] | {"costs": {}} == proposed | {  # type: ignore[operator]
        "costs": {}, "changes": {"add": 0, "remove": 0, "refresh": 100}, "held": 100,
    }  # fmt: skip
    assert root.get(f"{P}/plans/{again}").json()["proposed"]["costs"]["seconds"] is not None, "the run before gave the pace"


def test_a_request_of_a_plan_names_nobody(root: TestClient) -> None:
    asked = root.post(f"{P}/plans", json={}).json()["id"]
    root.get(f"{P}/plans/{asked}/progress")
    sample = root.get(f"{P}/plans/{asked}").json()["proposed"]["costs"]["sample"]
    assert "0" * 8 in sample
    assert "0a000000" not in sample


def test_what_a_plan_fails_of_is_told_to_who_looks(site: Site, root: TestClient) -> None:
    site.town.people.broken = True
    asked = root.post(f"{P}/plans", json={}).json()["id"]
    told = last(root.get(f"{P}/plans/{asked}/progress").text)
    assert (told["state"], told["error"]) == ("failed", "the events cannot be read")


def test_a_plan_is_of_its_sync_and_goes_with_the_server(root: TestClient) -> None:
    asked = root.post(f"{P}/plans", json={}).json()["id"]
    root.get(f"{P}/plans/{asked}/progress")
    for place in (
        f"{P}/plans/nothing",
        f"/api/v1/projects/default/syncs/other/plans/{asked}",
        f"/api/v1/projects/other/syncs/daily/plans/{asked}",
    ):
        assert "ask for it anew" in detail(root.get(place))
    assert root.post("/api/v1/projects/default/syncs/nothing/plans", json={}).status_code == 404
    answered = root.post(f"{P}/plans", json={"as_of": "tomorrow"}).json()["id"]
    assert "is not an instant" in str(last(root.get(f"{P}/plans/{answered}/progress").text)["error"])
