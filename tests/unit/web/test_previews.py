"""What the API says of a cohort while it is written, and which question it drops for a newer one."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind.access.roles import Role
from tradewind.errors import OvertakenError
from tradewind.web.looks import MOST, Looks
from tradewind.web.problems import Refusal

P = "/api/v1/projects/default/previews"
OPENED, NOBODY = {"did": "Open"}, {"did": "Nothing"}


def test_the_waterfall_follows_the_rule_as_it_is_written(root: TestClient) -> None:
    body = {"who": {"all": [OPENED, {"did_not": "Nothing"}, {"user.ad": {"starts_with": ["0a000000-0000-0001"]}}]}}
    found = root.post(f"{P}/sizes", json=body).json()
    assert (found["members"], found["universe"], found["who"]["kind"]) == (1, 100, "all")
    told = [(each["kind"], each["sentence"], each["members"], each["after"], each["parts"]) for each in found["who"]["parts"]]
    assert told == [
        ("did", "who did Open", 100, 100, []),
        ("did_not", "who did not do Nothing", 100, 100, []),
        ("user", "whose ad starts with 0a000000-0000-0001", 1, 1, []),
    ]


def test_a_saved_cohort_is_laid_over_another_and_over_what_it_would_be(root: TestClient) -> None:
    assert root.post(f"{P}/sizes", json={"cohort": "all"}).json()["members"] == 100
    shared = root.post(f"{P}/overlap", json={"who": NOBODY, "other": "all"}).json()
    assert [shared[name] for name in ("both", "only_this", "only_that")] == [0, 0, 100]
    changed = root.post(f"{P}/comparison", json={"cohort": "all", "who": NOBODY}).json()
    assert [changed[name] for name in ("before", "after", "added", "removed")] == [100, 0, 0, 100]
    assert root.get("/api/v1/projects/default/cohorts/all").json()["definition"] == {"who": OPENED}, "nothing is saved"


def test_people_are_shown_and_why_each_is_in_and_both_are_written_down(site: Site, root: TestClient) -> None:
    assert root.post(f"{P}/sample", json={"cohort": "all", "limit": 2}).json()["people"] == ["user:u1", "user:u10"]
    why = root.post(f"{P}/why", json={"cohort": "all", "person": "user:u7"}).json()
    assert (why["belongs"], why["who"]["times"], why["who"]["found"]) == (True, 1, "did Open once, last on 2026-03-01 at 11:00")
    assert "no event and no list names this person" in detail(root.post(f"{P}/why", json={"cohort": "all", "person": "user:x"}))
    deeds = [each.deed.what for each in site.town.parts.trail.entries(limit=9)]
    assert deeds.count("preview.sample") == 1
    assert deeds.count("preview.why") == 2


def test_identifiers_are_counted_by_type_through_a_connection(root: TestClient) -> None:
    found = root.post(f"{P}/identifiers", json={"cohort": "all", "connection": "main"}).json()
    assert (found["members"], found["members_usable"], found["identifiers"]) == (100, 100, {"DAID": 100})


def test_identifiers_are_counted_by_a_map_of_which_nothing_is_saved(root: TestClient) -> None:
    everybody = {"any": [{"user.country": {"is": ["(none)"]}}, {"user.country": {"is_not": ["(none)"]}}]}
    found = root.post(f"{P}/identifiers", json={"who": everybody, "identity": ["user.ad=DAID", "user_id=TDID"], "send": "first"}).json()
    assert (found["members"], found["identifiers"], found["refused_values"]["TDID"]) == (100, {"DAID": 100, "TDID": 0}, {})
    both = {"cohort": "all", "connection": "main", "identity": ["user.ad=DAID"]}
    for body in (both, {"cohort": "all"}):
        assert "say either 'connection', or 'identity'" in detail(root.post(f"{P}/identifiers", json=body))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "name a cohort"),
        ({"cohort": "al"}, "did you mean 'all'?"),
        ({"who": {"did": ""}}, "expected a text"),
        ({"who": {"any": [{"in_cohort": "al"}]}}, "did you mean 'all'?"),
        ({"cohort": "all", "who": {"in_cohort": "all"}}, "is part of itself"),
        ({"cohort": "all", "as_of": "tomorrow"}, "is not an instant"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(root: TestClient, body: dict[str, object], sentence: str) -> None:
    answer = root.post(f"{P}/sizes", json=body)
    assert answer.status_code == 422
    assert sentence in detail(answer)


def test_what_an_older_edit_asks_is_dropped(root: TestClient) -> None:
    def ask(edit: int, editor: str = "tab") -> int:
        return root.post(f"{P}/sizes", json={"cohort": "all", "editor": editor, "edit": edit}).status_code

    assert [ask(1), ask(2), ask(2), ask(1), ask(1, "another tab")] == [200, 200, 200, 409, 200]


def test_a_newer_edit_ends_what_its_own_editor_asked_before_and_nothing_else() -> None:
    looks = Looks()
    with (
        looks.turn(("ann", "tab"), 1) as old,
        looks.turn(("bob", "tab"), 1) as other,
        looks.turn(None, 0) as nobodys,
        looks.turn(("ann", "tab"), 2) as new,
    ):
        for turn in (new, other, nobodys):
            turn.check()
        with pytest.raises(OvertakenError):
            old.check()


def test_few_may_wait_and_the_next_is_told_to_come_again() -> None:
    looks = Looks()
    turns = [looks.turn(None, 0) for _ in range(MOST)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(Refusal) as refused, looks.turn(None, 0):
        pass
    assert refused.value.status == 503
    turns[0].__exit__(None, None, None)
    with looks.turn(None, 0):
        pass


def test_a_rule_is_shown_as_the_select_it_becomes(root: TestClient) -> None:
    shown = root.post(f"{P}/sql", json={"who": {"all": [OPENED, {"in_cohort": "all"}]}}).json()["sql"]
    assert shown.startswith("SELECT\n")
    assert "'Open'" in shown
    assert '"cohort all"' in shown


def test_examples_of_a_mapping_are_masked_and_for_managers(site: Site, root: TestClient) -> None:
    body = {"cohort": "all", "identity": ["user.ad=DAID", "user_id=UID2"]}
    found = root.post(f"{P}/examples", json=body).json()
    assert [(each["source"], each["refusal"], each["text"]) for each in found] == [
        ("user.ad", None, "0a00••••-••••-••••-••••-••••••••••••"),
        ("user.ad", None, "0a00••••-••••-••••-••••-••••••••••••"),
        ("user_id", "bad_format", "u•"),
        ("user_id", "bad_format", "u••"),
    ]
    assert site.town.parts.trail.entries(limit=1)[0].deed.what == "preview.examples"
    site.user("meg", {"default": Role.MEMBER})
    assert "needs the role manager" in detail(site.signed_in("meg").post(f"{P}/examples", json=body))
