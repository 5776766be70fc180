"""A whole project over the API: written out, planned, and made equal to what is sent; nothing of the server is read for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind.access.roles import Role
from tradewind.errors import ChangedError
from tradewind.model.cohort import Cohort, CohortKind, StaticList
from tradewind.model.sync import Cadence, Leaving
from tradewind.operations import definitions, syncs

P = "/api/v1/projects/default/definitions"
ACCOUNT = "{id: second, name: Second, destination: fake, advertiser: adv2, region: here, auth: signature, secret: %s, identity: [%s]}"
MAP = "{from: user.ad, to: DAID}"
WANTED = f"""
cohorts:
  - {{id: openers, name: Openers, kind: behavioural, who: {{did: Open}}}}
connections:
  - {ACCOUNT % ("{env: SECOND}", MAP)}
syncs:
  - {{cohort: openers, connection: second, cadence: daily}}
"""


@pytest.fixture
def site(site: Site) -> Site:
    site.user("manager", {"default": Role.MANAGER})
    site.town.add("daily", Cadence.DAILY)
    return site


@pytest.fixture
def manager(site: Site) -> TestClient:
    return site.signed_in("manager")


def post(client: TestClient, what: str, text: str, **more: Any) -> Any:
    return client.post(f"{P}/{what}", json={"text": text, **more})


def actions(answer: Any) -> list[tuple[str, str, str]]:
    assert answer.status_code == 200, answer.text
    return [(each["action"], each["noun"], each["id"]) for each in answer.json()["changes"]]


CREATED = [("create", "cohort", "openers"), ("create", "connection", "second"), ("create", "sync", "openers-second")]


def test_a_plan_says_what_an_apply_then_does_and_again_nothing(site: Site, manager: TestClient) -> None:
    given = {"secrets": {"SECOND": "s3cret-of-second"}}
    before = manager.get(P).text
    planned = post(manager, "plan", WANTED, **given)
    assert actions(planned) == CREATED
    assert manager.get(P).text == before
    done = post(manager, "apply", WANTED, **given)
    assert actions(done) == CREATED
    assert "s3cret-of-second" not in planned.text + done.text
    assert site.nudges == 1
    assert {action for action, *_ in actions(post(manager, "apply", WANTED, **given))} == {"unchanged"}
    version = site.town.parts.vault.latest("default", "second")
    assert version == 1
    assert site.town.parts.vault.open("default", "second", 1).value == "s3cret-of-second"


def test_what_is_written_out_can_be_sent_back(site: Site, manager: TestClient) -> None:
    """Also with a list that lies on the server, which stays as it is."""
    listed = Cohort("default", "vip", "VIP", CohortKind.STATIC, StaticList("/somewhere/vip.csv"))
    site.town.parts.catalog.save_cohort(listed)
    text = manager.get(P).text
    assert {name: len(each) for name, each in yaml.safe_load(text).items()} == {"cohorts": 2, "connections": 1, "syncs": 1}
    assert {action for action, *_ in actions(post(manager, "apply", text, prune=True))} == {"unchanged"}


def test_what_is_not_defined_is_deleted_only_where_it_is_said_and_its_people_are_asked_about(site: Site, manager: TestClient) -> None:
    syncs.run(site.town.parts, "default", "daily", None, lambda *_: None)
    alone = "cohorts: [{id: openers, name: Openers, kind: behavioural, who: {did: Open}}]"
    assert actions(post(manager, "apply", alone)) == [("create", "cohort", "openers")]
    planned = post(manager, "plan", alone, prune=True)
    assert ("delete", "sync", "daily") in actions(planned)
    assert [each["count"] for each in planned.json()["given_up"]] == [100]
    asked = post(manager, "apply", alone, prune=True)
    assert (asked.status_code, "leaving=empty" in detail(asked) or "taken out" in detail(asked)) == (422, True)
    assert manager.get("/api/v1/projects/default/syncs/daily").status_code == 200
    assert post(manager, "apply", alone, prune=True, leaving="let_expire").json()["how"] == "let_expire"
    assert manager.get("/api/v1/projects/default/syncs/daily").status_code == 404


@pytest.mark.parametrize(
    ("text", "secrets", "sentence"),
    [
        ("connections: [" + ACCOUNT % ("{env: TRADEWIND_KEY}", MAP) + "]", {}, "the secret 'TRADEWIND_KEY' was not sent beside the text"),
        ("connections: [" + ACCOUNT % ("{file: /etc/passwd}", MAP) + "]", {}, "a file of the server is not read"),
        ("connections: [" + ACCOUNT % ("canary-plain-secret", MAP) + "]", {}, "a secret itself is never written here"),
        ("cohorts: [{id: x, name: X, kind: static, file: /etc/passwd}]", {}, "define it there"),
        ("cohorts: [{id: x, name: X, kind: sql, query: SELECT 1, source: PGURL}]", {}, "define it there"),
        ("cohorts: [{id: x, name: X, kind: behavioural, who: {did: Open}}\n", {}, "is not YAML"),
        ("cohorts: &a [*a]", {}, "aliases are not read"),
        ("pipelines: []", {}, "'pipelines' is not known in a definition file"),
        ("", {}, "is empty"),
    ],
)
def test_what_is_wrong_is_refused_whole(site: Site, manager: TestClient, text: str, secrets: dict[str, str], sentence: str) -> None:
    before = manager.get(P).text
    for what in ("plan", "apply"):
        refused = post(manager, what, text, secrets=secrets)
        assert (refused.status_code, sentence in detail(refused)) == (422, True), refused.text
        assert "canary" not in refused.text
    assert manager.get(P).text == before


def test_one_wrong_definition_leaves_the_others_undone(manager: TestClient) -> None:
    wrong = WANTED.replace("connection: second", "connection: nowhere")
    refused = post(manager, "apply", wrong, secrets={"SECOND": "s3cret-of-second"})
    assert (refused.status_code, refused.json()["line"], "nowhere" in detail(refused)) == (422, 7, True)
    assert "openers" not in manager.get(P).text


def test_contacts_are_sent_with_what_they_are_told_by_beside_the_text(site: Site, manager: TestClient) -> None:
    """URL and secret are sent by name, sealed, and shown by their host alone; who did it stands in the audit trail."""
    text = "contacts: [{id: pager, kind: webhook, url: {env: URL}, secret: {env: SIGNED}, kinds: [failed]}]"
    lacking = post(manager, "apply", text, secrets={"URL": "https://pager.shop.example/canary-path"})
    assert "the secret 'SIGNED' was not sent beside the text" in detail(lacking)
    done = post(manager, "apply", text, secrets={"URL": "https://pager.shop.example/canary-path", "SIGNED": "canary-signed"})
    assert actions(done) == [("create", "contact", "pager")]
    assert "canary" not in done.text + manager.get(P).text
    assert yaml.safe_load(manager.get(P).text)["contacts"] == [{"id": "pager", "kind": "webhook", "kinds": ["failed"]}]
    (told,) = manager.get("/api/v1/projects/default/contacts").json()["items"]
    assert (told["id"], told["shown"], told["kinds"]) == ("pager", "pager.shop.example", ["failed"])
    assert {(each.deed.actor, each.deed.what) for each in site.town.parts.trail.entries()} >= {("manager", "contact.save")}
    assert actions(post(manager, "apply", manager.get(P).text, prune=True))[-1] == ("unchanged", "contact", "pager")


def trail(site: Site) -> list[tuple[str, dict[str, str]]]:
    """Who applied definitions, and what is told of it, the oldest first."""
    entries = reversed(site.town.parts.trail.entries())
    return [(each.deed.actor, each.deed.details) for each in entries if each.deed.what == "definitions.apply"]


def test_each_apply_is_one_entry_of_the_trail_whoever_asks(site: Site, manager: TestClient, tmp_path: Path) -> None:
    """Sent or read from files, the same is told: counts, and every change with its fields; of what is refused, nothing."""
    given, file = {"SECOND": "s3cret-of-second"}, tmp_path / "wanted.yaml"
    post(manager, "apply", WANTED, secrets=given)
    post(manager, "apply", WANTED.replace("connection: second", "connection: nowhere"), secrets=given)
    file.write_text(WANTED.replace("name: Openers", "name: All openers"))
    definitions.apply(replace(site.town.parts, environment=given), "default", [file], "ann (command line)", prune=False)
    post(manager, "apply", "cohorts: []", prune=True)
    names = "create cohort openers; create connection second; create sync openers-second"
    first, second, third = trail(site)
    assert first == ("manager", {"prune": "false", "create": "3", "changes": names})
    told = {"prune": "false", "update": "1", "unchanged": "2", "changes": "update cohort openers (name)"}
    assert second == ("ann (command line)", told)
    assert (third[0], third[1]["prune"], third[1]["delete"]) == ("manager", "true", "6")
    assert "s3cret" not in repr(trail(site))


def test_what_would_give_up_another_segment_than_was_asked_about_is_taken_back(site: Site, tmp_path: Path) -> None:
    """Between the question how people leave and its answer somebody adds a sync, which the files do not have either."""
    file = tmp_path / "nothing.yaml"
    file.write_text("cohorts: []")

    def answer(_staked: object) -> Leaving:
        site.town.add("another", Cadence.DAILY)
        return Leaving.EMPTY

    before = trail(site)
    with pytest.raises(ChangedError, match="apply again"):
        definitions.apply(site.town.parts, "default", [file], "ann", prune=True, leaving=answer)
    assert [each.id for each in site.town.parts.catalog.syncs("default")] == ["another", "daily"]
    assert trail(site) == before
