"""Sources over the API: keys come in and never go out, and a wrong one is told from a right one."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from town import AMPLITUDE, NOON
from tradewind.access.roles import Role
from tradewind.model.source import Source, SourceKind
from tradewind.model.tables import EngineKind, Rows, Stated, Tables
from tradewind.sources.amplitude.base import Listed

P = "/api/v1/projects/default"
KEYS = {"api_key": "an-api-key", "secret_key": "a-secret-key"}
AMP = {"name": "Amplitude", "region": "us", "app": 7, **KEYS}


@pytest.fixture
def site(site: Site) -> Site:
    site.user("ann", {"default": Role.MEMBER})
    site.town.amplitude.knows = {(KEYS["api_key"], KEYS["secret_key"], AMPLITUDE)}
    site.town.amplitude.cohorts = {"a1b2": (Listed("a1b2", "Payers", 3, NOON, archived=False, kind="redshift"), [])}
    return site


def test_a_source_is_added_tested_changed_and_removed(site: Site, root: TestClient) -> None:
    saved = root.put(f"{P}/sources/amp", json=AMP).json()
    assert (saved["id"], saved["region"], saved["app"], saved["downloads"]["left"], saved["cohorts"]) == ("amp", "us", 7, 500, [])
    assert root.post(f"{P}/sources/amp/test").json() | {"sentence": ""} == {"ready": True, "sentence": "", "cohorts": 1, "region": "us"}
    member = site.signed_in("ann")
    assert [each["name"] for each in member.get(f"{P}/sources/amp/cohorts").json()["items"]] == ["Payers"]
    cohort = {"name": "Payers", "kind": "amplitude", "definition": {"source": "amp", "cohort": "a1b2"}}
    assert member.put(f"{P}/cohorts/payers", json=cohort).status_code == 200
    assert root.get(f"{P}/sources").json()["items"][0]["cohorts"] == ["payers"]
    assert root.delete(f"{P}/sources/amp").status_code == 422, "a cohort uses it"
    changed = root.put(f"{P}/sources/amp", json={"name": "Renamed", "region": "us"}).json()
    assert (changed["name"], changed["app"], changed["keys_fingerprint"]) == ("Renamed", 7, saved["keys_fingerprint"])
    assert member.delete(f"{P}/cohorts/payers").status_code == 204
    assert root.delete(f"{P}/sources/amp").status_code == 204
    assert root.get(f"{P}/sources/amp").status_code == 404


def test_no_answer_and_no_entry_of_the_trail_holds_a_key(site: Site, root: TestClient) -> None:
    wrong = root.put(f"{P}/sources/amp", json=AMP | {"api_key": "with:a-colon"})
    assert (wrong.status_code, "a-colon" in wrong.text) == (422, False)
    answers = [root.put(f"{P}/sources/amp", json=AMP), root.get(f"{P}/sources"), root.post(f"{P}/sources/amp/test")]
    told = "".join(each.text for each in answers) + str(site.town.parts.trail.entries(limit=9))
    assert not any(key in told for key in KEYS.values())


def test_what_is_wrong_with_a_source_is_told_in_a_sentence(root: TestClient) -> None:
    assert "needs its API key" in detail(root.put(f"{P}/sources/amp", json={"name": "Amplitude", "region": "us"}))
    assert "one of the keys is empty" in detail(root.put(f"{P}/sources/amp", json=AMP | {"secret_key": ""}))
    assert root.put(f"{P}/sources/amp", json=AMP | {"region": "mars"}).status_code in {409, 422}
    root.put(f"{P}/sources/amp", json=AMP | {"secret_key": "another"})
    tested = root.post(f"{P}/sources/amp/test").json()
    assert (tested["ready"], "does not know the keys" in tested["sentence"]) == (False, True)


def test_a_source_of_tables_is_defined_on_the_server_and_chosen_from_anywhere(site: Site, root: TestClient) -> None:
    assert "define it there with: tradewind apply" in detail(
        root.put(f"{P}/sources/shop", json={"name": "S", "kind": "tables", "region": ""})
    )
    orders = Rows("shop.orders", user="customer", time="placed", event="Order", properties=Stated(columns=(("amount", "total"),)))
    tables = Tables(EngineKind.POSTGRESQL, "SHOP_URL", (orders,))
    site.town.parts.sources.save(Source("default", "shop", "Shop", SourceKind.TABLES, "", tables=tables))
    shown = root.get(f"{P}/sources/shop").json()
    assert (shown["downloads"], shown["tables"]["verified"], shown["tables"]["standing"]) == (None, False, "unverified")
    (read,) = shown["tables"]["reads"]
    assert {name: value for name, value in read.items() if value} == {
        "table": "shop.orders", "event": "Order", "user": "customer", "time": "placed", "columns": {"amount": "total"},
    }  # fmt: skip
    assert shown["tables"]["asked"] is None
    assert site.signed_in("ann").put(f"{P}/source", json={"source": "shop"}).status_code == 403
    assert root.put(f"{P}/source", json={"source": "shop"}).json()["source"] == "shop"
    assert "project 'default'" in detail(root.delete(f"{P}/sources/shop"))
    assert root.get(f"{P}/sources/shop").json()["tables"]["answers"] is True
    assert "is not set" in root.post(f"{P}/sources/shop/test").text
    assert "is not set" in root.post(f"{P}/sources/shop/verify").text
    assert site.signed_in("ann").post(f"{P}/sources/shop/verify").status_code == 403
    assert "source.verify" in {entry.deed.what for entry in site.town.parts.trail.entries(limit=9)}
    assert root.put(f"{P}/source", json={"source": None}).json()["source"] is None
    assert [entry.deed.what for entry in site.town.parts.trail.entries(limit=9)].count("project.source") == 2
    assert root.delete(f"{P}/sources/shop").status_code == 204
