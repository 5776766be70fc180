"""An admin puts somebody on the list over the API; the worker does the rest, and no identifier comes back or is written down."""

from __future__ import annotations

import pytest

from site_of import Site, detail
from town import guid
from tradewind.access.roles import Role
from tradewind.operations.syncs import Wish, add, run
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default/privacy"


@pytest.fixture
def site(site: Site) -> Site:
    site.user("ada", {"default": Role.ADMIN})
    return site


def test_somebody_is_sent_nowhere_any_more_and_the_proof_names_nobody(site: Site) -> None:
    parts, ada = site.town.parts, site.signed_in("ada")
    run(parts, "default", add(parts, "default", Wish("all", "main")).id, None, lambda _what, _done, _total: None)
    asked = ada.post(P, json={"type": "OptOut", "identifiers": [str(guid(7))]})
    assert (asked.status_code, asked.json()["identifiers"], asked.json()["progress"], site.nudges) == (202, 1, "taken", 1)
    assert all(done.error is None for done in run_once(parts, Stop()))
    proof = ada.get(f"{P}/{asked.json()['id']}")
    assert proof.json()["request"]["progress"] == "done"
    assert [each["removed"] for each in proof.json()["removals"]] == [1]
    assert [each["told"] > 0 for each in proof.json()["told"]] == [True]
    listed = ada.get(P)
    assert [each["id"] for each in listed.json()["items"]] == [asked.json()["id"]]
    (deed,) = [each.deed for each in parts.trail.entries(limit=20) if each.deed.what == "privacy.ask"]
    assert (deed.object, deed.details) == ("OptOut", {"identifiers": "1"})
    for text in (asked.text, proof.text, listed.text, str(deed)):
        assert str(guid(7)) not in text


def test_what_is_no_identifier_is_refused_as_a_whole_and_not_repeated(site: Site) -> None:
    ada = site.signed_in("ada")
    refused = ada.post(P, json={"type": "Deletion", "identifiers": [str(guid(1)), "ann@shop.example"]})
    assert "1 of 2 are no identifiers, the first is identifier 2" in detail(refused)
    assert "ann@shop" not in refused.text
    assert ada.get(P).json()["items"] == []
