"""Cohorts that Amplitude pushes: stored before the answer, each message once, in any order, and followed by a sync within a minute."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pushes import AD, DOOR, inside, message
from site_of import HERE, Site, detail
from town import NOON
from tradewind.access.roles import Role
from tradewind.catalog.yaml import read as read_yaml
from tradewind.errors import DefinitionError
from tradewind.keeping.sql import named
from tradewind.model.cohort import Pushed
from tradewind.model.sync import Cadence
from tradewind.operations import webhooks
from tradewind.worker import Stop, run_once


def test_a_message_is_stored_before_it_is_answered_and_counts_once(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """Amplitude sends a message again when an answer was late: the same id says that it is the same."""
    first = amplitude.post(DOOR, json=message(range(5)))
    assert (first.status_code, first.json()) == (
        200,
        {"message": "9baaa88f::enter::0", "users": 5, "nameless": 0, "new": True, "parked": False},
    )
    (stored,) = (tmp_path / "pushed").rglob("*.parquet")
    assert stored.stat().st_mode & 0o777 == 0o600
    assert amplitude.post(DOOR, json=message(range(5))).json()["new"] is False
    assert len(list((tmp_path / "pushed").rglob("*"))) == 3
    assert inside(site, tmp_path) == 5
    assert site.nudges == 2


def test_the_message_that_was_computed_last_counts_in_whatever_order_they_come(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """Amplitude promises no order: who left at six is not brought back by who was in at five."""
    amplitude.post(DOOR, json=message(range(10), "a::enter::0", computed=500))
    amplitude.post(DOOR, json=message(range(4), "c::exit::0", entering=False, computed=700))
    amplitude.post(DOOR, json=message(range(2), "b::enter::0", computed=600))
    assert inside(site, tmp_path) == 6
    amplitude.post(DOOR, json=message([1], "d::enter::0", computed=700))
    assert inside(site, tmp_path) == 7, "of two at the same instant the one that came last"


def test_a_sync_on_change_follows_a_message_within_a_minute(site: Site, amplitude: TestClient) -> None:
    """From the first list over a change to the segment at the platform, by the properties that were pushed."""
    town = site.town
    amplitude.post(DOOR, json=message(range(1, 11)))
    sync = town.add("pushed", Cadence.ON_CHANGE, cohort="payers")
    list(run_once(town.parts, Stop()))
    assert town.held(sync) == set(range(1, 11))
    town.clock.sleep(40)
    amplitude.post(DOOR, json=message([11, 12], "b::enter::0", computed=1_772_366_500))
    amplitude.post(DOOR, json=message([1], "b::exit::0", entering=False, computed=1_772_366_500))
    town.clock.sleep(20)
    (done,) = run_once(town.parts, Stop())
    assert done.run is not None
    assert town.held(sync) == set(range(2, 13))
    town.clock.sleep(61)
    assert not list(run_once(town.parts, Stop()))
    assert town.clock.now() - NOON < timedelta(minutes=3)


def test_many_messages_are_folded_and_none_is_forgotten(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """What they amount to is one file; the files it stands for go one fold later, and a message that comes again is still known."""
    store = replace(site.town.parts.pushed, fold=8)

    def members() -> int:
        return store.evaluate(Pushed("k8dup3vx"), "default", AD, site.town.clock.now(), tmp_path / "out" / "members.parquet").members

    for number in range(24):
        amplitude.post(DOOR, json=message([number], f"m{number}", computed=1000 + number))
        if number % 8 == 7:
            assert members() == number + 1
            assert members() == number + 1, "from the folded file"
    amplitude.post(DOOR, json=message([7], "late", entering=False, computed=1))
    assert members() == 24, "what was computed before is over, though it came later"
    assert amplitude.post(DOOR, json=message([3], "m3", computed=1003)).json()["new"] is False
    other = amplitude.post(DOOR, json=message([3], "m3", computed=9999))
    assert (other.status_code, "another message came with this message_id" in detail(other)) == (409, True)
    assert len(store.messages.folded("default", "k8dup3vx")) == 3
    assert len(list((tmp_path / "pushed").rglob("*.parquet"))) == 2 + 8 + 1, (
        "two foldings, what the last one stands for, and what came since"
    )
    with site.town.database.transaction() as db:
        kept, _ = named(db)
    assert len([path for path in kept if path.startswith("pushed/")]) == 2, "a backup has the last folding and what came since"


def test_only_who_has_the_secret_may_push(site: Site, amplitude: TestClient) -> None:
    """The one before it stays good until the next is made; no session and no token opens this door, and it opens no other."""
    parts, first = site.town.parts, amplitude.headers[webhooks.HEADER]
    second = webhooks.new_secret(parts, "default")
    for secret, status in ((first, 200), (second, 200), ("", 401), (second[:-1], 401)):
        headers = {webhooks.HEADER: secret}
        answer = TestClient(site.app, base_url=HERE, headers=headers).post(DOOR, json=message([1]))
        assert answer.status_code == status
        assert second not in answer.text
    webhooks.new_secret(parts, "default")
    assert amplitude.post(DOOR, json=message([1])).status_code == 401
    site.user("admin", {"default": Role.ADMIN})
    assert site.program("admin", "default", Role.ADMIN).post(DOOR, json=message([1])).status_code == 401
    good = TestClient(site.app, base_url=HERE, headers={webhooks.HEADER: second})
    assert good.post(DOOR.replace("default", "other"), json=message([1])).status_code == 401
    assert good.get("/api/v1/projects/default/webhook").status_code == 401


def test_an_admin_makes_the_secret_and_everybody_sees_what_came(site: Site, amplitude: TestClient) -> None:
    """It is shown once."""
    site.user("admin", {"default": Role.ADMIN})
    admin = site.program("admin", "default", Role.ADMIN)
    made = admin.post("/api/v1/projects/default/webhook/secret")
    assert (made.status_code, made.json()["path"], made.json()["header"]) == (201, DOOR, "X-Tradewind-Secret")
    good = TestClient(site.app, base_url=HERE, headers={made.json()["header"]: made.json()["secret"]})
    assert good.post(made.json()["path"], json=message([1])).status_code == 200
    seen = admin.get("/api/v1/projects/default/webhook")
    assert made.json()["secret"] not in seen.text
    (cohort,) = seen.json()["cohorts"]
    assert (cohort["cohort"], cohort["there"], cohort["messages"], cohort["computed"]) == ("payers", "k8dup3vx", 1, 1_772_366_400)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ({"message_id": 7}, "'message_id'"),
        ({"computed_time": "soon"}, "'computed_time'"),
        ({"computed_time": "9" * 30}, "'computed_time'"),
        ({"in_cohort": "perhaps"}, "'in_cohort'"),
        ({"in_cohort": []}, "'in_cohort'"),
        ({"users": {"user_id": "u1"}}, "a list of users"),
        ({"users": [{"user_id": "u1"}, "u2"]}, "user 2 is not an object"),
        ({"users": [{"user_id": 12345}]}, "user 1: expected user_id to be a text"),
        ({"users": [{"user_id": "u1", "user_properties": "x"}]}, "user_properties to be an object"),
    ],
)
def test_what_is_no_message_is_refused_in_a_sentence_and_leaves_nothing(
    site: Site, amplitude: TestClient, tmp_path: Path, wrong: Any, says: str
) -> None:
    """No value is repeated."""
    body = wrong if isinstance(wrong, str) else json.dumps(message([1]) | wrong)
    answer = amplitude.post(DOOR, content=body)
    assert answer.status_code == 422
    assert says in detail(answer)
    assert "12345" not in answer.text
    assert not list((tmp_path / "pushed").rglob("*.parquet"))


def test_a_message_may_lack_names_and_properties_but_not_be_endless(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """Who has no user id is counted; a body beyond the limit is not read."""
    body = message([1, 2])
    body["users"] += [{"user_id": None}, {"user_id": " "}, {"user_id": "u9"}]
    assert amplitude.post(DOOR, json=body).json()["nameless"] == 2
    assert inside(site, tmp_path) == 3
    assert amplitude.post(DOOR, content=b" " * ((4 << 20) + 1)).status_code == 413


def test_before_the_first_message_nobody_can_be_asked_for(site: Site, tmp_path: Path) -> None:
    """The sentence says what to do in Amplitude."""
    with pytest.raises(DefinitionError, match="sync it in Amplitude"):
        inside(site, tmp_path)


def test_the_kind_is_written_and_read_as_any_other(tmp_path: Path) -> None:
    """In YAML, with identifiers of its own where there are some."""
    path = tmp_path / "payers.yaml"
    path.write_text("id: payers\nname: Payers\nkind: webhook\ncohort: k8dup3vx\nidentifiers: {ad: DAID}\n")
    (found,) = read_yaml([path], "default").cohorts
    assert isinstance(found.value.definition, Pushed)
    assert (found.value.definition.cohort, len(found.value.definition.identifiers)) == ("k8dup3vx", 1)
