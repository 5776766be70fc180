"""What people look for by name: names for ids, cohorts by a part of their name, segments of a cohort; and no new one over an old one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind.model.sync import Cadence

P = "/api/v1/projects/default"
RULE = {"name": "Openers", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.user("root", administrator=True)
    for name in ("first", "second"):
        site.town.add(name, Cadence.DAILY)
    yield site.signed_in("root")
    site.close()


def ids(found: dict[str, Any]) -> list[str]:
    return [each["id"] if "id" in each else each["sync"]["id"] for each in found["items"]]


def test_a_new_cohort_takes_the_place_of_none(root: TestClient) -> None:
    only_new = {"If-None-Match": "*"}
    assert root.put(f"{P}/cohorts/openers", json=RULE, headers=only_new).status_code == 200
    refused = root.put(f"{P}/cohorts/openers", json=RULE | {"name": "Others"}, headers=only_new)
    assert (refused.status_code, "there is a cohort 'openers' already" in detail(refused)) == (412, True)
    assert root.put(f"{P}/cohorts/openers", json=RULE | {"name": "Who Opened"}).json()["name"] == "Who Opened"


def test_a_cohort_is_found_by_a_part_of_its_name_or_id(root: TestClient) -> None:
    root.put(f"{P}/cohorts/openers", json=RULE | {"name": "Who Opened"})
    for word in ("opened", "O OPEN", " openers "):
        assert ids(root.get(f"{P}/cohorts", params={"find": word}).json()) == ["openers"]
    assert ids(root.get(f"{P}/cohorts", params={"find": "nobody"}).json()) == []


def test_every_name_is_told_at_once(root: TestClient) -> None:
    found = root.get(f"{P}/names").json()
    assert {"id": "main", "name": "Main"} in found["connections"]
    assert [each["id"] for each in found["syncs"]] == ["first", "second"]
    cohort = found["syncs"][0]["cohort"]
    assert cohort in {each["id"] for each in found["cohorts"]}
    assert ids(root.get(f"{P}/segments", params={"cohort": cohort}).json()) == ["first", "second"]


def test_segments_are_asked_for_by_cohort_and_by_sync(root: TestClient) -> None:
    assert ids(root.get(f"{P}/segments", params={"sync": ["second", "gone"]}).json()) == ["second"]
    assert ids(root.get(f"{P}/segments", params={"cohort": "gone"}).json()) == []


def test_a_list_without_rows_says_how_to_send_them(root: TestClient) -> None:
    root.put(f"{P}/cohorts/vip", json={"name": "VIP", "kind": "static", "definition": {"identifiers": {"idfa": "DAID"}}})
    assert "has no rows yet; send a CSV or Parquet file on its page" in detail(root.post(f"{P}/cohorts/vip/preview"))
