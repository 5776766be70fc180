"""What may grow comes in pages, and what is made takes a key, so that a request that is sent again makes nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from site_of import Site
from tradewind.model.alert import Alert, AlertKind
from tradewind.model.sync import Cadence

DESCRIBED: dict[str, Any] = json.loads((Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.json").read_text("utf-8"))
P = "/api/v1/projects/default"
KEY = {"Idempotency-Key": "of my choice"}

WHOLE = {
    "/destinations": "the kinds of platform that the program has",
    "/stakes": "one answer decides about all of them",
    "/refusals": "one row for each code that the platform has",
    "/figures": "a page of accounts, those with trouble first, of which none may be missed",
}
"""Ends of routes whose lists are whole, and why."""

ONCE = {
    "/setup": "only once in the life of a home",
    "/session": "a session is no object of the catalog",
    "/session/code": "a session is no object of the catalog",
    "/session/second-factor": "one for each user; the next takes its place until it is confirmed",
    "/samples": "refused where anything is there already",
    "/pause": "what is paused stays so",
    "/plans": "the one under way is given",
    "/approve": "what is allowed stays so",
    "/cancel": "what was told to stop stays so",
    "/events/imports": "a file that was seen is skipped",
    "/list": "the same rows are the same list",
    "/webhook/messages": "a message has an id of its own",
}
"""Ends of routes that make nothing twice without a key, and why."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.user("root", administrator=True)
    site.town.add("daily", Cadence.DAILY)
    yield site
    site.close()


@pytest.fixture(scope="module")
def root(site: Site) -> TestClient:
    return site.signed_in("root")


def ends(path: str, known: dict[str, str]) -> bool:
    return any(path.endswith(each) for each in known)


def test_every_list_that_may_grow_comes_in_pages() -> None:
    for path, methods in DESCRIBED["paths"].items():
        shown = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        assert shown.get("type") != "array" or ends(path, WHOLE), f"GET {path} gives all there is"


def test_whatever_is_made_takes_a_key() -> None:
    for path, methods in DESCRIBED["paths"].items():
        post = methods.get("post", {"responses": {}})
        if {"201", "202"} & set(post["responses"]) and not ends(path, ONCE):
            assert "Idempotency-Key" in {each["name"] for each in post["parameters"]}, f"POST {path} sent again makes another"


def walked(root: TestClient, path: str, limit: int = 1) -> list[dict[str, Any]]:
    """All of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = root.get(path, params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    return found


def test_a_list_page_by_page_is_the_list(site: Site, root: TestClient) -> None:
    for name in ("ann", "bob"):
        site.user(name)
        root.put(f"{P}/people/{name}", json={"role": "viewer"})
        root.put(f"{P}/contacts/{name}", json={"kind": "email", "address": f"{name}@shop.example"})
        assert root.post("/api/v1/tokens", json={"name": name, "role": "viewer"}).status_code == 201
    book, now = site.town.parts.notify.book, site.town.clock.now()
    wrong = [Alert(AlertKind.FAILED, f"sync-{number}", "it failed") for number in range(4)]
    book.judge("default", wrong[:3], now)
    book.judge("default", wrong, now + timedelta(seconds=60))
    for path in (f"{P}/people", f"{P}/contacts", f"{P}/incidents", f"{P}/audit", "/api/v1/audit", "/api/v1/users", "/api/v1/tokens"):
        whole = root.get(path, params={"limit": 200}).json()
        assert whole["next"] is None
        assert len(whole["items"]) > 1, path
        assert walked(root, path) == whole["items"], path
    for path in (f"{P}/audit", f"{P}/incidents", f"{P}/people"):
        assert root.get(path, params={"cursor": "no cursor"}).status_code == 400, path


def test_the_installation_is_examined_and_its_record_verified(site: Site, root: TestClient) -> None:
    told = root.get("/api/v1/doctor").json()
    assert {"disk", "clock", "home", "project default"} <= {each["what"] for each in told["findings"]}
    assert told["ok"] is all(each["ok"] for each in told["findings"])
    assert root.post("/api/v1/ledger/verification").json()["ok"] is True
    assert "ledger.verify" in root.get("/api/v1/audit").text


def test_what_is_shown_once_is_kept_nowhere_and_made_once(site: Site, root: TestClient) -> None:
    made: list[tuple[str, dict[str, Any] | None, str]] = [
        ("/api/v1/users", {"id": "cleo", "name": "Cleo"}, "code"),
        ("/api/v1/users/cleo/code", None, "code"),
        ("/api/v1/tokens", {"name": "robot", "role": "viewer"}, "text"),
        (f"{P}/events/key", None, "key"),
        (f"{P}/webhook/secret", None, "secret"),
    ]
    for number, (path, body, secret) in enumerate(made):
        first, again = (root.post(path, json=body, headers={"Idempotency-Key": f"key {number}"}) for _ in range(2))
        assert (first.status_code, again.status_code, again.headers.get("Idempotency-Replayed")) == (201, 201, "true"), (path, first.text)
        assert first.json()[secret]
        assert again.json() == first.json() | {secret: ""}
        kept = site.town.parts.access.replies.begin("root", f"key {number}", "", site.town.clock.now())
        assert kept is not None
        assert first.json()[secret] not in kept.body
    asked = {"type": "OptOut", "identifiers": ["a0000000-0000-4000-8000-000000000001"]}
    first, again = (root.post(f"{P}/privacy", json=asked, headers=KEY) for _ in range(2))
    assert (first.status_code, first.json()["id"]) == (202, again.json()["id"])
    assert len(root.get(f"{P}/privacy").json()["items"]) == 1
