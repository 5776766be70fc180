"""What the API answers: pages, keys, problems, bounds, sessions, and secrets that never come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from site_of import HERE, PASSWORD, Site, detail
from town import guid
from tradewind.access.roles import Role
from tradewind.catalog.entitlement import sentence
from tradewind.errors import LedgerError
from tradewind.model.project import Offer, ReleaseStage, Wall
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.model.sync import Cadence
from tradewind.operations import people
from tradewind.web.cookies import COOKIE
from tradewind.web.limits import DEEPEST, LARGEST, depth, is_deeper
from tradewind.web.problems import of_error
from tradewind.web.rates import Rates
from tradewind.web.words import spoken
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default"


# --- the main road


def test_the_first_user_is_made_with_the_code_and_then_nobody_by_any(tmp_path: Path) -> None:
    site = Site(tmp_path)
    code, browser = people.offer_setup(site.town.parts), site.browser("127.0.0.1")
    assert browser.get("/api/v1/setup").json() == {"needed": True, "signed_in": False}
    body = {"code": "wrong", "user": "root", "name": "Root", "password": PASSWORD}
    assert "does not open" in detail(browser.post("/api/v1/setup", json=body))
    for elsewhere in ("192.0.2.7", "10.0.0.1", "2001:db8::1"):
        refused = site.browser(elsewhere).post("/api/v1/setup", json=body | {"code": code}, headers={"X-Forwarded-For": "127.0.0.1"})
        assert (refused.status_code, "at the server itself" in detail(refused)) == (403, True)
    assert browser.post("/api/v1/setup", json=body | {"code": code}).json()["administrator"] is True
    assert browser.post("/api/v1/setup", json=body | {"code": code, "user": "second"}).status_code == 422
    assert browser.get("/api/v1/setup").json() == {"needed": False, "signed_in": False}
    browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
    assert browser.get("/api/v1/setup").json() == {"needed": False, "signed_in": True}
    site.close()


def test_a_list_is_defined_without_a_file_and_a_select_over_the_events_alone(site: Site, root: TestClient) -> None:
    made = root.put(f"{P}/cohorts/vip", json={"name": "VIP", "kind": "static", "definition": {"identifiers": {"idfa": "DAID"}}})
    assert (made.status_code, "file" in made.json()["definition"]) == (200, False)
    sent = root.post(f"{P}/cohorts/vip/list?name=vip.csv", content=f"idfa\n{guid(1)}\n{guid(2)}\n".encode())
    assert sent.status_code == 202
    site.work()
    assert root.get(f"{P}/uploads/{sent.json()['id']}").json()["counts"]["added"] == 2
    assert root.post(f"{P}/cohorts/vip/preview").json()["members"] == 2
    chosen = {"query": "SELECT DISTINCT person FROM events WHERE event_type = 'Open'", "people": "person"}
    assert root.put(f"{P}/cohorts/openers", json={"name": "Openers", "kind": "sql", "definition": chosen}).status_code == 200


def test_from_a_cohort_to_a_segment_by_the_api_alone(site: Site, root: TestClient) -> None:
    cohort = root.put(f"{P}/cohorts/openers", json={"name": "Openers", "kind": "behavioural", "definition": {"who": {"did": "Open"}}})
    assert cohort.json()["sentence"] == "People who did Open."
    assert root.post(f"{P}/cohorts/openers/preview").json()["members"] == 100
    account = {
        "name": "Second",
        "destination": "fake",
        "advertiser": "adv2",
        "region": "here",
        "identity": ["user.ad=DAID"],
        "secret": "s3cret",
    }
    assert root.post(f"{P}/connections/second/draft/test", json=account).json()["ready"] is True
    assert root.put(f"{P}/connections/second", json=account).status_code == 200
    sync = root.post(f"{P}/syncs", json={"cohort": "openers", "connection": "second", "cadence": "daily"}).json()
    opened = root.post(f"{P}/syncs/{sync['id']}/runs")
    assert (opened.status_code, opened.json()["state"]) == (202, "open")
    assert site.nudges == 2
    site.work()
    report = root.get(f"{P}/runs/{opened.json()['id']}").json()
    assert (report["run"]["outcome"], report["account"]["accepted"], report["holds"]) == ("clean", 100, 100)
    assert len(site.town.platform.held("https://memory.invalid", "adv2", sync["segment"])) == 100


def test_a_held_run_goes_on_when_it_is_approved(site: Site, root: TestClient) -> None:
    town = site.town
    sync = town.add("daily", Cadence.DAILY)
    root.post(f"{P}/syncs/daily/runs")
    site.work()
    town.people.numbers = set(range(1, 11))
    town.clock.sleep(60)
    run = root.post(f"{P}/syncs/daily/runs").json()["id"]
    site.work()
    report = root.get(f"{P}/runs/{run}").json()
    assert report["run"]["state"] == "held"
    verdicts = [{"guard": each["guard"], "count": each["count"]} for each in report["verdicts"]]
    assert "does not cover" in detail(root.post(f"{P}/runs/{run}/approve", json={"approvals": [verdicts[0] | {"count": 1}]}))
    assert root.post(f"{P}/runs/{run}/approve", json={"approvals": verdicts}).status_code == 202
    site.work()
    assert root.get(f"{P}/runs/{run}").json()["run"]["outcome"] == "clean"
    assert len(town.held(sync)) == 10


def test_a_run_is_told_step_by_step_and_request_by_request(site: Site, root: TestClient) -> None:
    town = site.town
    town.platform.answers.append(
        Receipt(Answer.APPLIED, (Line(3, "MissingUserId", LineClass.ROW),), status=200, note="no id", request_id="q1")
    )
    town.add("daily", Cadence.DAILY)
    run = root.post(f"{P}/syncs/daily/runs").json()["id"]
    site.work()
    report = root.get(f"{P}/runs/{run}").json()
    assert [(step["name"], step["count"]) for step in report["funnel"]][-3:] == [("unique", 100), ("sent", 100), ("accepted", 99)]
    assert report["funnel"][-1]["lost"] == [{"why": "refused by the platform", "count": 1}]
    assert (report["wishes"], report["tallies"]["add"]["rejected"]) == ({"remove": 0, "add": 100, "refresh": 0}, 1)
    (batch,) = root.get(f"{P}/runs/{run}/batches").json()["items"]
    assert (batch["rows"], batch["accepted"], batch["refused"], batch["state"]) == (100, 99, {"MissingUserId": 1}, "settled")
    assert [(one["answer"], one["status"], one["note"], one["request_id"]) for one in batch["attempts"]] == [
        ("applied", 200, "no id", "q1")
    ]
    (why,) = root.get(f"{P}/runs/{run}/refusals").json()
    assert (why["code"], why["count"]) == ("MissingUserId", 1)
    assert "comes from" in why["advice"]
    (listed,) = root.get(f"{P}/runs").json()["items"]
    assert listed["tallies"] == report["tallies"]


def test_a_segment_and_one_identifier_are_looked_at(site: Site, root: TestClient) -> None:
    sync = site.town.add("daily", Cadence.DAILY)
    root.post(f"{P}/syncs/daily/runs")
    site.work()
    (segment,) = root.get(f"{P}/segments").json()["items"]
    assert (segment["sync"]["segment"], segment["holds"], segment["last"]["outcome"]) == (sync.segment, 100, "clean")
    shown = root.get(f"{P}/segments/daily").json()
    assert (shown["count"], shown["by_day"], shown["next"]["due"]) == (100, [{"day": "2026-03-31", "count": 100}], 100)
    assert [point["holds"] for point in shown["points"]] == [100]
    traced = root.post(f"{P}/trace", json={"identifier": str(guid(7))})
    assert [(each["segment"], each["standing"]) for each in traced.json()["beliefs"]] == [(sync.segment, "present")]
    assert "not of the form" in detail(root.post(f"{P}/trace", json={"identifier": "seven"}))
    trail = root.get(f"{P}/audit").text
    assert "identifier.trace" in trail
    assert str(guid(7)) not in trail


def test_what_a_sync_would_cost_is_told_before_it_is_added(site: Site, root: TestClient) -> None:
    body = {"cohort": "all", "connection": "main", "cadence": "hourly", "at": "00:30", "identifiers": [24_000, 1_000]}
    told = root.post(f"{P}/syncs/draft/forecast", json=body).json()
    assert (told["segment"], told["fires"][0], told["expires_at"][:10]) == ("[Tradewind] All: all", "2026-03-01T12:30:00Z", "2026-03-31")
    assert (told["cost"]["requests"], told["cost"]["requests_a_month"]) == (4, 4 * 720)
    assert root.get(f"{P}/syncs").json()["items"] == []
    assert "time of day" in detail(root.post(f"{P}/syncs/draft/forecast", json=body | {"at": "25:00"}))


def test_a_paused_sync_is_emptied_by_the_worker(site: Site, root: TestClient) -> None:
    sync = site.town.add("daily", Cadence.DAILY)
    root.post(f"{P}/syncs/daily/runs")
    site.work()
    assert [each["count"] for each in root.get(f"{P}/syncs/daily/stakes").json()] == [100]
    assert "leaving=empty" in detail(root.post(f"{P}/syncs/daily/pause"))
    ended = root.post(f"{P}/syncs/daily/pause?leaving=empty").json()
    assert (ended["how"], len(ended["later"])) == ("empty", 1)
    site.work()
    assert site.town.held(sync) == set()


def test_a_run_that_is_open_is_not_opened_twice(site: Site, root: TestClient) -> None:
    site.town.add("daily", Cadence.DAILY)
    first, second = (root.post(f"{P}/syncs/daily/runs").json()["id"] for _ in range(2))
    assert first == second


def test_a_sync_is_changed_within_what_is_possible(site: Site, root: TestClient) -> None:
    site.town.add("daily", Cadence.DAILY)
    changed = root.patch(f"{P}/syncs/daily", json={"ttl_days": 14, "at": "07:30", "recency": "last_event"}).json()
    assert (changed["ttl_days"], changed["at"], changed["cadence"], changed["recency"]) == (14, "07:30", "daily", "last_event")
    for wrong in ({"ttl_days": 0}, {"at": "25:00"}, {"cadence": "never"}, {"segment": "another"}, {"cohort": "other"}):
        assert root.patch(f"{P}/syncs/daily", json=wrong).status_code == 422, wrong


# --- what is refused


def test_each_of_the_four_walls_is_the_same_sentence_as_everywhere(site: Site, root: TestClient) -> None:
    """Whoever connects, syncs or applies meets the first that stands, and so does a run; each falls by what its sentence says."""
    site.town.add("daily", Cadence.DAILY)
    offers = site.town.parts.catalog.offers
    offers.save(Offer("fake", ReleaseStage.CLOSED_BETA))
    offers.disable("default", "fake")
    root.put(f"{P}/plan?leaving=let_expire", json={"plan": "free"})
    account = {"name": "More", "destination": "fake", "advertiser": "adv9", "region": "here", "identity": ["user.ad=DAID"], "secret": "s"}
    text = "syncs: [{id: more, cohort: all, connection: main, segment: more, cadence: daily}]"
    met = []
    for step in (
        lambda: root.put(f"{P}/plan", json={"plan": "paid"}),
        lambda: root.put("/api/v1/destinations/fake/admissions/default"),
        lambda: offers.enable("default", "fake", "ann", confirmed=False),
        lambda: root.put(f"{P}/destinations/fake/enablement", json={"paid_plan": True}),
    ):
        answers = [
            root.post(f"{P}/syncs", json={"cohort": "all", "connection": "main"}),
            root.put(f"{P}/connections/more", json=account),
            root.post(f"{P}/syncs/daily/runs"),
            root.post(f"{P}/definitions/apply", json={"text": text}),
        ]
        wall = answers[0].json()["wall"]
        met.append(wall)
        said = spoken(sentence(site.town.parts.catalog.standing("default", "fake"), wall))
        assert [(each.status_code, each.json()["wall"], detail(each).endswith(said)) for each in answers] == [(403, wall, True)] * 4
        step()
    assert met == list(Wall)
    assert root.post(f"{P}/syncs", json={"cohort": "all", "connection": "main"}).status_code == 201


def test_a_cohort_over_the_network_names_no_file_of_the_server(site: Site, root: TestClient) -> None:
    for kind, definition in (
        ("static", {"file": "/etc/passwd", "identifiers": {"idfa": "DAID"}}),
        ("sql", {"query": "SELECT 1 AS user_id", "source": "DATABASE_URL"}),
        ("sql", {"query": "SELECT * FROM people", "files": {"people": "/etc/passwd"}}),
    ):
        answer = root.put(f"{P}/cohorts/sly", json={"name": "Sly", "kind": kind, "definition": definition})
        assert answer.status_code == 422, answer.text
        assert "define it there" in detail(answer), answer.text


@pytest.mark.parametrize(
    "definition",
    [{}, {"who": 1}, {"who": {"did": ""}}, {"who": {"did": "Open", "more": 1}}, {"who": {"in_cohort": "sly"}}, {"who": [[[[]]]]}],
)
def test_a_wrong_rule_is_refused_and_nothing_is_saved(site: Site, root: TestClient, definition: dict[str, Any]) -> None:
    answer = root.put(f"{P}/cohorts/sly", json={"name": "Sly", "kind": "behavioural", "definition": definition})
    assert answer.status_code == 422, answer.text
    assert root.get(f"{P}/cohorts/sly").status_code == 404


def test_a_secret_comes_in_and_never_out(site: Site, root: TestClient) -> None:
    account = {"name": "Main", "destination": "fake", "advertiser": "adv9", "region": "here", "identity": ["user.ad=DAID"]}
    answers = [
        root.put(f"{P}/connections/c9", json=account | {"secret": "canary-secret-1"}),
        root.put(f"{P}/connections/c9", json=account | {"secret": "canary-secret-1", "name": 1}),
        root.put(f"{P}/connections/c9", json=account | {"secret": "canary secret 1"}),
        root.put(f"{P}/connections/c9", json=account | {"secret": ["canary-secret-1"]}),
        root.get(f"{P}/connections/c9"),
        root.post(f"{P}/connections/c9/test"),
        root.get(f"{P}/audit"),
    ]
    assert [each.status_code for each in answers] == [200, 422, 422, 422, 200, 200, 200]
    told = "".join(each.text for each in answers) + repr(site.seen) + site.metrics.text().decode()
    assert "canary" not in told


def test_a_kept_secret_is_never_sent_to_another_account(site: Site, root: TestClient) -> None:
    """Who may change a connection must not learn its secret by pointing it elsewhere."""
    account = {"name": "Main", "destination": "fake", "advertiser": "adv1", "region": "here", "identity": ["user.ad=DAID"]}
    assert root.put(f"{P}/connections/main", json=account | {"name": "Renamed"}).json()["version"] == 2
    for moved in ({"advertiser": "adv2"}, {"auth": "token"}):
        answer = root.post(f"{P}/connections/main/draft/test", json=account | moved)
        assert (answer.status_code, "its own secret" in detail(answer)) == (422, True)
    assert "needs its secret" in detail(root.put(f"{P}/connections/new", json=account))


def test_no_unknown_field_passes(site: Site, root: TestClient) -> None:
    site.town.add("daily", Cadence.DAILY)
    for field in ("project", "id", "state", "version", "role", "administrator"):
        answer = root.patch(f"{P}/syncs/daily", json={field: "x"})
        assert answer.status_code == (400 if field == "id" else 422)
        assert answer.json()["path"] == field


# --- pages and keys


def test_a_list_is_read_in_pages_without_a_gap(site: Site, root: TestClient) -> None:
    for number in range(7):
        site.town.add(f"s{number}", Cadence.DAILY)
    found, cursor = [], None
    while True:
        answer = root.get(f"{P}/syncs", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        found += [each["id"] for each in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert found == [f"s{number}" for number in range(7)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=*", "cursor=bm9wZQ", "cursor=" + "a" * 500])
def test_a_page_that_is_not_there_is_refused(site: Site, root: TestClient, query: str) -> None:
    assert root.get(f"{P}/syncs?{query}").status_code in {400, 422}


def test_the_same_request_with_the_same_key_does_one_thing(site: Site, root: TestClient) -> None:
    body, key = {"id": "third", "name": "Third"}, {"Idempotency-Key": "k1"}
    first, second = (root.post("/api/v1/projects", json=body, headers=key) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotency-replayed"] == "true"
    assert root.post("/api/v1/projects", json=body | {"id": "fourth"}, headers=key).status_code == 422
    assert root.post("/api/v1/projects", json=body).status_code == 422, "without a key it is a second project of that id"


def test_a_key_is_free_again_when_nothing_was_done(site: Site, root: TestClient) -> None:
    key = {"Idempotency-Key": "k1"}
    assert root.post("/api/v1/projects", json={"id": "Bad Id", "name": "x"}, headers=key).status_code == 422
    assert root.post("/api/v1/projects", json={"id": "good", "name": "x"}, headers=key).status_code == 201


def test_a_key_is_its_caller_s_own(site: Site, root: TestClient) -> None:
    site.user("second", administrator=True)
    key = {"Idempotency-Key": "k1"}
    assert root.post("/api/v1/projects", json={"id": "p1", "name": "x"}, headers=key).status_code == 201
    assert site.signed_in("second").post("/api/v1/projects", json={"id": "p2", "name": "x"}, headers=key).status_code == 201


# --- bounds


def test_a_body_is_bounded_before_it_is_parsed(site: Site, root: TestClient) -> None:
    kind = {"Content-Type": "application/json"}
    assert root.put(f"{P}/cohorts/x", content=b'"' + b"x" * LARGEST + b'"', headers=kind).status_code == 413
    assert root.put(f"{P}/cohorts/x", content=iter([b"x" * 65_536] * 40), headers=kind).status_code == 413
    assert root.put(f"{P}/cohorts/x", content=b"[" * 100_000, headers=kind).status_code == 422
    assert root.put(f"{P}/cohorts/x", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert root.put(f"{P}/cohorts/x", content=b"not json", headers=kind).status_code == 422


@pytest.mark.parametrize("text", [b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud800x\\udc00"])
def test_what_is_no_text_is_refused(site: Site, root: TestClient, text: bytes) -> None:
    body = b'{"name": "' + text + b'", "kind": "behavioural", "definition": {}}'
    answer = root.put(f"{P}/cohorts/x", content=body, headers={"Content-Type": "application/json"})
    assert "are no text" in detail(answer)


def test_letters_beyond_the_first_plane_are_text(site: Site, root: TestClient) -> None:
    body = b'{"name": "\\ud83d\\ude00", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}'
    assert root.put(f"{P}/cohorts/x", content=body, headers={"Content-Type": "application/json"}).json()["name"] == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "levels"), [(b"1", 0), (b'{"a": [1, {"b": []}]}', 4), (b'"[[[["', 0), (b'["\\"[[", []]', 2), (b"]]]][", 0)]
)
def test_depth_counts_brackets_outside_of_strings(body: bytes, levels: int) -> None:
    assert depth(body) == levels
    assert [is_deeper(body, most) for most in range(6)] == [levels > most for most in range(6)]
    assert is_deeper(b"[" * (DEEPEST + 1), DEEPEST)


def test_a_token_in_an_address_is_refused(site: Site) -> None:
    text = people.issue(site.town.parts, "root", "root", "a", "", Role.ADMIN, 9).text
    for address in (f"session?token={text}", f"session?token={text.replace('_', '%5F')}", f"projects/{text}", f"projects/x{text}/syncs"):
        refused = site.browser().get(f"/api/v1/{address}")
        assert (refused.status_code, "revoke it" in detail(refused), text in refused.text) == (400, True, False), address
    assert site.browser().get("/api/v1/projects/twt_nothing").status_code == 401


def test_who_asks_too_often_waits(site: Site, root: TestClient) -> None:
    site.app.state.rates = Rates(reads=3, writes=1)
    assert [root.get("/api/v1/session").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert root.get("/api/v1/session").headers["retry-after"] == "60"
    assert site.browser().get("/livez").status_code == 200, "others are not slowed down"
    site.town.clock.sleep(61)
    assert root.get("/api/v1/session").status_code == 200


# --- sessions


def test_a_session_is_new_with_each_sign_in_and_ends_with_it(site: Site) -> None:
    browser = site.browser()
    browser.cookies.set(COOKIE, "chosen-by-somebody-else", domain="tradewind.example")
    signed = browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
    cookie = signed.headers["set-cookie"]
    assert all(word in cookie for word in (f"{COOKIE}=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"))
    assert "Domain" not in cookie
    browser = site.signed_in("root")
    before = browser.cookies[COOKIE]
    browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
    assert browser.cookies[COOKIE] != before
    thief = TestClient(site.app, base_url=HERE, headers={"Cookie": f"{COOKIE}={before}"})
    assert thief.get("/api/v1/session").status_code == 401
    assert browser.delete("/api/v1/session").status_code == 204
    assert browser.get("/api/v1/session").status_code == 401


def test_wrong_passwords_are_answered_alike_and_slow_down_one_network(site: Site) -> None:
    browser = site.browser("198.51.100.7")
    told = [browser.post("/api/v1/session", json={"user": user, "password": "wrong horse battery"}).text for user in ("root", "nobody")]
    assert told[0] == told[1]
    for _ in range(4):
        browser.post("/api/v1/session", json={"user": "root", "password": "wrong horse battery"})
    slowed = browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "1")
    assert site.browser("192.0.2.9").post("/api/v1/session", json={"user": "root", "password": PASSWORD}).status_code == 201


def test_a_token_issues_no_token_and_changes_no_password(site: Site) -> None:
    program = site.program("root", "", Role.ADMIN)
    assert program.post("/api/v1/tokens", json={"name": "more", "role": "admin"}).status_code == 403
    assert program.put("/api/v1/session/password", json={"old": PASSWORD, "new": "another horse battery"}).status_code == 403


def test_a_user_is_invited_chooses_a_password_and_has_the_role_given(site: Site, root: TestClient) -> None:
    invited = root.post("/api/v1/users", json={"id": "ann", "name": "Ann", "roles": {"default": "viewer"}}).json()
    browser = site.browser()
    assert browser.post("/api/v1/welcome", json={"code": invited["code"], "password": PASSWORD}).status_code == 200
    ann = site.signed_in("ann")
    assert [each["id"] for each in ann.get("/api/v1/projects").json()["items"]] == ["default"]
    assert root.put(f"{P}/people/ann", json={"role": None}).json()["roles"] == {}
    assert ann.get("/api/v1/projects").status_code == 401, "whose role changes signs in again"
    ann = site.signed_in("ann")
    assert ann.get("/api/v1/projects").json()["items"] == []


def test_a_token_may_be_held_to_some_routes(site: Site, root: TestClient) -> None:
    wanted = {"name": "dashboard", "project": "default", "role": "viewer", "routes": ["runs", "syncs", "runs"]}
    issued = root.post("/api/v1/tokens", json=wanted).json()
    assert issued["token"]["routes"] == ["syncs", "runs"]
    (shown,) = [each for each in root.get("/api/v1/tokens").json()["items"] if each["name"] == "dashboard"]
    assert shown["routes"] == ["syncs", "runs"]
    program = TestClient(site.app, base_url=HERE, headers={"Authorization": f"Bearer {issued['text']}"})
    assert (program.get(f"{P}/syncs").status_code, program.get(f"{P}/runs").status_code) == (200, 200)
    refused = program.get(f"{P}/cohorts")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "this token is for the routes of syncs, runs alone, and this is one of cohorts; use another token, or issue one for cohorts",
    )
    unknown = root.post("/api/v1/tokens", json=wanted | {"routes": ["everything"]})
    assert (unknown.status_code, "'syncs'" in unknown.json()["detail"]) == (422, True)


def test_one_s_own_tokens_are_shown_and_revoked(site: Site, root: TestClient) -> None:
    site.user("ann", {"default": Role.MEMBER})
    ann = site.signed_in("ann")
    issued = ann.post("/api/v1/tokens", json={"name": "mine", "project": "default", "role": "viewer"}).json()
    assert issued["text"] not in ann.get("/api/v1/tokens").text
    assert ann.post("/api/v1/tokens", json={"name": "x", "project": "other", "role": "viewer"}).status_code == 422
    roots = root.post("/api/v1/tokens", json={"name": "root's", "role": "viewer"}).json()["token"]["id"]
    assert ann.delete(f"/api/v1/tokens/{roots}").status_code == 404
    assert ann.delete(f"/api/v1/tokens/{issued['token']['id']}").status_code == 204
    assert ann.get("/api/v1/tokens").json()["items"] == []


# --- what is told of it all


def test_every_deed_stands_in_the_trail_with_its_doer(site: Site, root: TestClient) -> None:
    site.town.add("daily", Cadence.DAILY)
    site.program("root", "", Role.ADMIN).post(f"{P}/syncs/daily/runs")
    root.put(f"{P}/cohorts/c", json={"name": "C", "kind": "behavioural", "definition": {"who": {"did": "Open"}}})
    found = [(each["actor"], each["what"], each["object"]) for each in root.get(f"{P}/audit?limit=2").json()["items"]]
    assert found == [("root", "cohort.save", "c"), ("root (token of root)", "sync.run", "daily")]


def test_the_trail_names_a_sync_by_the_id_that_it_gets(site: Site, root: TestClient) -> None:
    made = root.post(f"{P}/syncs", json={"cohort": "all", "connection": "main"}).json()
    (entry,) = root.get(f"{P}/audit?limit=1").json()["items"]
    assert (entry["what"], entry["object"]) == ("sync.add", made["id"])


def test_the_trail_says_what_a_change_changed(site: Site, root: TestClient) -> None:
    site.town.add("daily", Cadence.DAILY)
    cohort = {"name": "C", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}
    for who in ({"did": "Open"}, {"did": "Close"}):
        root.put(f"{P}/cohorts/c", json=cohort | {"definition": {"who": who}})
    root.patch(f"{P}/syncs/daily", json={"ttl_days": 20})
    account = {"name": "Main", "destination": "fake", "advertiser": "adv9", "region": "here", "identity": ["user.ad=DAID"]}
    root.put(f"{P}/connections/nine", json=account | {"secret": "canary-secret"})
    root.put(f"{P}/connections/nine", json=account | {"secret": "other-secret"})
    told = [(each["what"], each["details"]) for each in root.get(f"{P}/audit?limit=5").json()["items"]][::-1]
    assert [details for what, details in told if what == "cohort.save"] == [{"version": "1"}, {"version": "1 -> 2"}]
    assert ("sync.change", {"ttl_days": "30 -> 20"}) in told
    (first, second) = [details for what, details in told if what == "connection.save"]
    assert (first["advertiser"], set(second), second["secret"].startswith(f"{first['secret']} -> ")) == ("adv9", {"secret"}, True)
    assert "canary" not in str(told)


def test_an_entry_of_the_trail_names_the_request_that_its_answer_and_the_log_name(site: Site, root: TestClient) -> None:
    definition = {"name": "C", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}
    ids = [root.put(f"{P}/cohorts/{name}", json=definition).headers["x-request-id"] for name in ("one", "two")]
    logged = [each.request for each in site.seen]
    items = root.get(f"{P}/audit?limit=2").json()["items"]
    assert [each["request"] for each in reversed(items)] == ids == logged[-2:]
    site.user("late")
    assert site.town.parts.trail.entries()[0].deed.request == "", "what is done beside the API is of no request"


def test_the_log_names_routes_and_never_paths(site: Site, root: TestClient) -> None:
    root.get(f"{P}/cohorts/canary-cohort")
    seen = site.seen[-1]
    assert (seen.method, seen.route, seen.status, seen.who) == ("GET", "/api/v1/projects/{project}/cohorts/{cohort}", 404, "root")
    assert "canary" not in repr(site.seen) + site.metrics.text().decode()


def test_a_defect_is_answered_without_a_word_of_it_and_logged_by_its_place(site: Site) -> None:
    def broken() -> None:
        raise KeyError("canary-identifier")

    site.app.get("/broken")(broken)
    answer = site.browser().get("/broken")
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, site.seen[-1].request)
    assert "defect" in detail(answer)
    assert site.seen[-1].failure.startswith("KeyError")
    assert "canary" not in answer.text + repr(site.seen)


def test_every_answer_carries_what_browsers_need_to_be_careful(site: Site, root: TestClient) -> None:
    for answer in (root.get("/livez"), root.get(f"{P}/syncs"), root.get("/nowhere"), root.get(f"{P}/cohorts/none")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) == 16


def test_metrics_are_for_this_machine_alone(site: Site) -> None:
    assert site.browser("192.0.2.7").get("/metrics").status_code == 403
    text = site.browser("127.0.0.1").get("/metrics").text
    assert 'tradewind_requests_total{method="GET",route="/metrics",status="403"} 1.0' in text


def test_readiness_follows_the_worker(site: Site) -> None:
    assert site.browser().get("/readyz").json() == {"state": "ready"}
    site.trouble = "the worker has ended"
    answer = site.browser().get("/readyz")
    assert (answer.status_code, detail(answer)) == (503, "the worker has ended")


def test_the_description_is_openapi_and_names_every_route_s_need(site: Site, root: TestClient) -> None:
    described = root.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    calls = [call for methods in described["paths"].values() for call in methods.values()]
    assert all(call["x-needs"] for call in calls)
    assert all(call.get("summary") and call.get("description") for call in calls)


# --- files


def test_whoever_writes_a_rule_is_told_what_the_events_name(site: Site, root: TestClient) -> None:
    nothing: dict[str, object] = {"events": [], "event_properties": [], "user_properties": [], "newest": None}
    assert root.get(f"{P}/events/words").json() == nothing
    lines = b"".join(
        b'{"event_type": "%s", "user_id": "u%d", "time": 1767225600000, "event_properties": {"step": 1}, ' % (b"Open" if n else b"Buy", n)
        + b'"user_properties": {"plan": "paid"}}\n'
        for n in range(3)
    )
    root.post(f"{P}/events/imports?name=day.ndjson", content=lines, headers={"Content-Type": "application/octet-stream"})
    list(run_once(site.town.parts, Stop()))
    told = root.get(f"{P}/events/words").json()
    assert told["events"] == [{"name": "Open", "count": 2}, {"name": "Buy", "count": 1}]
    assert (told["event_properties"], told["user_properties"]) == (["step"], ["plan"])
    assert told["newest"] == "2026-01-01T00:00:00Z"


def test_of_a_store_that_fails_neither_place_nor_words_are_told() -> None:
    answer = of_error(LedgerError("the database at sqlite:////srv/canary cannot be used: canary"), {})
    assert (answer.status_code, b"canary" in answer.body, b"tradewind doctor" in answer.body) == (503, False, True)
