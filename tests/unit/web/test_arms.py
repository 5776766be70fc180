"""Holdouts, lift and splits over the API."""

from __future__ import annotations

from starlette.testclient import TestClient

from site_of import Site, detail
from town import drawn

P = "/api/v1/projects/default"


def test_a_holdout_is_set_changed_ended_and_measured(site: Site, root: TestClient) -> None:
    body = {"cohort": "all", "connection": "main", "id": "s", "segment": "s", "cadence": "daily", "holdout": {"percent": 30}}
    made = root.post(f"{P}/syncs", json=body)
    assert (made.status_code, made.json()["holdout"]) == (201, {"percent": 30, "salt": "s"})
    lift = f"{P}/syncs/s/lift?event=Buy"
    assert "nobody of sync 's' was held out in a run yet" in detail(root.get(lift))
    opened = root.post(f"{P}/syncs/s/runs").json()
    site.work()
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
    site.work()
    assert {each["state"] for each in root.get(f"{P}/runs").json()["items"]} == {"closed"}
    assert "write {value}" in detail(root.post(f"{P}/splits", json=body | {"id": "other", "segment": "One"}))
    assert "there is no split 'nothing'" in detail(root.post(f"{P}/splits/nothing/runs"))
    assert [each["id"] for each in root.get(f"{P}/syncs").json()["items"]] == ["by-plan-free", "by-plan-plus"]
