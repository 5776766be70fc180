"""Holdouts, lift and splits over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from town import drawn
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.user("root", administrator=True)
    yield site
    site.close()


@pytest.fixture
def root(site: Site) -> TestClient:
    return site.signed_in("root")


def work(site: Site) -> None:
    """What the worker beside the API does when it looks."""
    for done in run_once(site.town.parts, Stop()):
        assert done.error is None, done.error


def test_a_holdout_is_set_changed_ended_and_measured(site: Site, root: TestClient) -> None:
    body = {"cohort": "all", "connection": "main", "id": "s", "segment": "s", "cadence": "daily", "holdout": {"percent": 30}}
    made = root.post(f"{P}/syncs", json=body)
    assert (made.status_code, made.json()["holdout"]) == (201, {"percent": 30, "salt": "s"})
    lift = f"{P}/syncs/s/lift?event=Buy"
    assert "nobody of sync 's' was held out in a run yet" in detail(root.get(lift))
    opened = root.post(f"{P}/syncs/s/runs").json()
    work(site)
    out = len(drawn(30, "s", set(range(1, 101))))
    assert root.get(f"{P}/runs/{opened['id']}").json()["held_out"] == out
    found = root.get(lift + "&value=price").json()
    assert (found["sent"]["people"], found["held_out"]["people"], found["percent"]) == (100 - out, out, 30)
    assert (found["conversion"]["p"], found["value"]["difference"], found["people_needed"]) == (1.0, 0.0, None)
    assert root.patch(f"{P}/syncs/s", json={"holdout": {"percent": 40}}).json()["holdout"] == {"percent": 40, "salt": "s"}
    assert root.patch(f"{P}/syncs/s", json={"ttl_days": 60}).json()["holdout"] == {"percent": 40, "salt": "s"}
    assert root.patch(f"{P}/syncs/s", json={"holdout": {"percent": 0}}).json()["holdout"] is None
    assert root.post(f"{P}/syncs", json=body | {"id": "t", "holdout": {"percent": 51}}).status_code == 422
    assert root.get(f"{P}/syncs/s/lift").status_code == 400


def test_a_split_is_made_and_run_as_a_whole(site: Site, root: TestClient) -> None:
    body = {"cohort": "all", "connection": "main", "id": "by-plan", "segment": "On {value}", "split_by": "plan", "values": ["Free", "plus"]}
    made = root.post(f"{P}/splits", json=body)
    assert made.status_code == 201
    assert [(each["id"], each["segment"], each["only"]) for each in made.json()["syncs"]] == [
        ("by-plan-free", "On Free", {"split": "by-plan", "property": "plan", "value": "Free"}),
        ("by-plan-plus", "On plus", {"split": "by-plan", "property": "plan", "value": "plus"}),
    ]
    opened = root.post(f"{P}/splits/by-plan/runs")
    assert opened.status_code == 202
    assert len({each["as_of"] for each in opened.json()["runs"]}) == 1
    work(site)
    assert {each["state"] for each in root.get(f"{P}/runs").json()["items"]} == {"closed"}
    assert "write {value}" in detail(root.post(f"{P}/splits", json=body | {"id": "other", "segment": "One"}))
    assert "there is no split 'nothing'" in detail(root.post(f"{P}/splits/nothing/runs"))
    assert [each["id"] for each in root.get(f"{P}/syncs").json()["items"]] == ["by-plan-free", "by-plan-plus"]
