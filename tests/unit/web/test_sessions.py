"""Sessions in a browser: which texts open one, when a new one is made, and what ends them at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from site_of import PASSWORD, Site, detail
from tradewind.access.roles import Role
from tradewind.access.texts import new_session
from tradewind.access.totp import STEP, code_at, step_at
from tradewind.operations import people
from tradewind.web.cookies import COOKIE, DEVICE, HALF

P = "/api/v1/projects/default"
ANOTHER = "another horse battery"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.user("root", administrator=True)
    site.user("ann", {"default": Role.ADMIN})
    yield site
    site.close()


class Ann:
    """Ann at her browser, with her phone."""

    def __init__(self, site: Site) -> None:
        self.site, self.browser, self.key = site, site.signed_in("ann"), ""

    @property
    def session(self) -> str:
        """The text of her session."""
        return self.browser.cookies[COOKIE]

    def code(self) -> str:
        """What the phone shows next."""
        self.site.town.clock.sleep(STEP)
        return code_at(self.key, step_at(self.site.town.clock.now()))

    def turn_on(self) -> list[str]:
        """The second factor on; the recovery codes."""
        self.key = self.browser.post("/api/v1/session/second-factor", json={"password": PASSWORD}).json()["key"]
        answer = self.browser.put("/api/v1/session/second-factor", json={"code": self.code()})
        assert answer.status_code == 200, answer.text
        codes: list[str] = answer.json()["codes"]
        return codes

    def turn_off(self) -> None:
        """The second factor off."""
        body = {"password": PASSWORD, "code": self.code()}
        assert self.browser.post("/api/v1/session/second-factor/removal", json=body).status_code == 204

    def half(self, browser: TestClient | None = None) -> TestClient:
        """A browser that gave her password, and no code yet."""
        found = browser or self.site.browser()
        answer = found.post("/api/v1/session", json={"user": "ann", "password": PASSWORD})
        assert (answer.status_code, list(answer.json())) == (202, ["until"])
        return found


def opens(site: Site, text: str) -> bool:
    """Whether a text is a session."""
    other = site.browser()
    other.cookies.set(COOKIE, text)
    return other.get("/api/v1/session").status_code == 200


# --- a text that was there before never becomes the session


def of_nobody(_site: Site) -> str:
    return "chosen-by-somebody-else"


def of_the_right_form(_site: Site) -> str:
    return new_session()


def of_another_user(site: Site) -> str:
    return site.signed_in("root").cookies[COOKIE]


def of_the_same_user(site: Site) -> str:
    return site.signed_in("ann").cookies[COOKIE]


def that_ended(site: Site) -> str:
    browser = site.signed_in("ann")
    text = browser.cookies[COOKIE]
    browser.delete("/api/v1/session")
    return text


def that_idled(site: Site) -> str:
    text = site.signed_in("ann").cookies[COOKIE]
    site.town.clock.sleep(31 * 60)
    return text


def of_a_token(site: Site) -> str:
    return people.issue(site.town.parts, "test", "ann", "nightly", "", Role.ADMIN, 9).text


def of_half_a_session(site: Site) -> str:
    ann = Ann(site)
    ann.turn_on()
    text = ann.half().cookies[HALF]
    ann.turn_off()
    return text


def very_long(_site: Site) -> str:
    return "x" * 3_000


@pytest.mark.parametrize(
    "preset",
    [of_nobody, of_the_right_form, of_another_user, of_the_same_user, that_ended, that_idled, of_a_token, of_half_a_session, very_long],
)
def test_a_text_that_a_browser_had_before_never_becomes_its_session(site: Site, preset: Callable[[Site], str]) -> None:
    before = preset(site)
    browser = site.browser()
    sent = {"Cookie": f"{COOKIE}={before}; {HALF}={before}"}
    answer = browser.post("/api/v1/session", json={"user": "ann", "password": PASSWORD}, headers=sent)
    assert answer.status_code == 201
    assert browser.cookies[COOKIE] != before
    assert opens(site, browser.cookies[COOKIE])
    assert not opens(site, before)


# --- a new text with each change of who one is, and nothing else ends late


def signs_in_again(ann: Ann) -> None:
    assert ann.browser.post("/api/v1/session", json={"user": "ann", "password": PASSWORD}).status_code == 201


def turns_the_second_factor_on(ann: Ann) -> None:
    ann.turn_on()


def turns_the_second_factor_off(ann: Ann) -> None:
    ann.turn_on()
    ann.turn_off()


@pytest.mark.parametrize("deed", [signs_in_again, turns_the_second_factor_on, turns_the_second_factor_off])
def test_who_proves_who_they_are_goes_on_with_another_text(site: Site, deed: Callable[[Ann], None]) -> None:
    ann = Ann(site)
    before = ann.session
    deed(ann)
    assert ann.session != before
    assert ann.browser.get("/api/v1/session").status_code == 200
    assert not opens(site, before)


def root_of(ann: Ann) -> TestClient:
    return ann.site.signed_in("root")


def changes_the_password(ann: Ann) -> None:
    assert ann.site.signed_in("ann").put("/api/v1/session/password", json={"old": PASSWORD, "new": ANOTHER}).status_code == 204


def chooses_another_password_by_a_code(ann: Ann) -> None:
    code = root_of(ann).post("/api/v1/users/ann/code").json()["code"]
    assert ann.site.browser().post("/api/v1/welcome", json={"code": code, "password": ANOTHER}).status_code == 200


def is_shut_out(ann: Ann) -> None:
    assert root_of(ann).put("/api/v1/users/ann/state", json={"disabled": True}).status_code == 200


def is_shut_out_and_let_in_again(ann: Ann) -> None:
    is_shut_out(ann)
    assert root_of(ann).put("/api/v1/users/ann/state", json={"disabled": False}).status_code == 200


def gets_another_role(ann: Ann) -> None:
    assert root_of(ann).put(f"{P}/people/ann", json={"role": "viewer"}).status_code == 200


def loses_the_role(ann: Ann) -> None:
    assert root_of(ann).put(f"{P}/people/ann", json={"role": None}).status_code == 200


def turns_the_factor_on_elsewhere(ann: Ann) -> None:
    Ann(ann.site).turn_on()


def turns_the_factor_on_and_off_elsewhere(ann: Ann) -> None:
    turns_the_second_factor_off(Ann(ann.site))


def signs_out(ann: Ann) -> None:
    assert ann.browser.delete("/api/v1/session").status_code == 204


def idles(ann: Ann) -> None:
    ann.site.town.clock.sleep(30 * 60 + 1)


def stays_for_twelve_hours(ann: Ann) -> None:
    for _ in range(36):
        assert ann.browser.get("/api/v1/session").status_code == 200
        ann.site.town.clock.sleep(20 * 60 + 1)


@pytest.mark.parametrize(
    "deed",
    [
        changes_the_password,
        chooses_another_password_by_a_code,
        is_shut_out,
        is_shut_out_and_let_in_again,
        gets_another_role,
        loses_the_role,
        turns_the_factor_on_elsewhere,
        turns_the_factor_on_and_off_elsewhere,
        signs_out,
        idles,
        stays_for_twelve_hours,
    ],
)
def test_a_session_is_over_with_the_next_request(site: Site, deed: Callable[[Ann], None]) -> None:
    ann = Ann(site)
    before = ann.session
    deed(ann)
    assert not opens(site, before)


def test_a_session_that_another_administrator_s_deed_does_not_concern_goes_on(site: Site) -> None:
    ann = Ann(site)
    site.user("bob", {"default": Role.VIEWER})
    root = site.signed_in("root")
    root.put(f"{P}/people/bob", json={"role": "member"})
    root.put("/api/v1/users/bob/state", json={"disabled": True})
    root.put(f"{P}/people/ann", json={"role": "admin"})
    assert ann.browser.get("/api/v1/session").status_code == 200


def test_the_cookies_are_closed_to_scripts_and_other_sites(site: Site) -> None:
    ann = Ann(site)
    ann.turn_on()
    browser = site.browser()
    first = browser.post("/api/v1/session", json={"user": "ann", "password": PASSWORD})
    second = browser.post("/api/v1/session/code", json={"code": ann.code()})
    kept = [each for answer in (first, second) for each in answer.headers.get_list("set-cookie") if "Max-Age=0" not in each]
    assert [each.partition("=")[0] for each in kept] == [HALF, COOKIE, DEVICE]
    for each, long in zip(kept, (300, 12 * 3600, 90 * 86400), strict=True):
        assert each.partition("; ")[2] == f"HttpOnly; Max-Age={long}; Path=/; SameSite=lax; Secure"


# --- the second step


def test_password_and_code_sign_in_and_half_of_it_opens_nothing(site: Site) -> None:
    ann = Ann(site)
    codes = ann.turn_on()
    browser = ann.half()
    assert (COOKIE in browser.cookies, browser.get("/api/v1/session").status_code) == (False, 401)
    assert browser.get("/api/v1/setup").json()["signed_in"] is False
    assert not opens(site, browser.cookies[HALF])
    assert "not good" in detail(browser.post("/api/v1/session/code", json={"code": "abcdef"}))
    assert browser.post("/api/v1/session/code", json={"code": ann.code()}).json()["id"] == "ann"
    assert HALF not in browser.cookies
    me = browser.get("/api/v1/session").json()["second_factor"]
    assert (me["since"] is not None, me["codes"], me["required"], me["lacking"]) == (True, 10, False, False)
    other = ann.half()
    assert other.post("/api/v1/session/code", json={"code": codes[0]}).status_code == 201
    assert other.get("/api/v1/session").json()["second_factor"]["codes"] == 9


def test_the_code_is_taken_from_the_browser_that_gave_the_password_within_five_minutes(site: Site) -> None:
    ann = Ann(site)
    ann.turn_on()
    browser = ann.half()
    assert "from the beginning" in detail(site.browser().post("/api/v1/session/code", json={"code": ann.code()}))
    stranger = site.browser()
    stranger.cookies.set(HALF, ann.session)
    assert stranger.post("/api/v1/session/code", json={"code": ann.code()}).status_code == 401
    site.town.clock.sleep(301)
    late = browser.post("/api/v1/session/code", json={"code": ann.code()})
    assert (late.status_code, "too long ago" in detail(late)) == (401, True)


def test_who_guesses_codes_is_told_how_long_to_wait(site: Site) -> None:
    ann = Ann(site)
    ann.turn_on()
    browser = ann.half()
    for _ in range(5):
        assert browser.post("/api/v1/session/code", json={"code": "000"}).status_code == 401
    slowed = browser.post("/api/v1/session/code", json={"code": code_at(ann.key, step_at(site.town.clock.now()) + 1)})
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "1")


def test_a_key_is_shown_once_and_a_token_changes_nothing_here(site: Site) -> None:
    ann = Ann(site)
    made = ann.browser.post("/api/v1/session/second-factor", json={"password": PASSWORD}).json()
    assert made["link"].startswith("otpauth://totp/Tradewind:ann?secret=" + made["key"])
    ann.turn_on()
    told = json.dumps([ann.browser.get(path).json() for path in ("/api/v1/session", f"{P}/audit", f"{P}/people", "/api/v1/tokens")])
    told += json.dumps([site.signed_in("root").get(path).json() for path in ("/api/v1/users", f"{P}/audit")])
    assert ann.key not in told
    assert made["key"] not in told
    program = site.program("ann", "", Role.ADMIN)
    assert program.get(f"{P}/syncs").status_code == 200
    for method, path, body in (
        ("POST", "", {"password": PASSWORD}),
        ("PUT", "", {"code": "123456"}),
        ("POST", "/removal", {"password": PASSWORD, "code": "123456"}),
    ):
        refused = program.request(method, f"/api/v1/session/second-factor{path}", json=body)
        assert (refused.status_code, "token" in detail(refused)) == (403, True)


def test_where_everybody_needs_one_nothing_else_is_open_before(site: Site) -> None:
    ann, root = Ann(site), site.signed_in("root")
    assert root.put("/api/v1/second-factor", json={"required": True}).status_code == 204
    closed = [
        each.get(path) for each in (ann.browser, root) for path in ("/api/v1/projects", f"{P}/syncs", "/api/v1/tokens", "/api/v1/users")
    ]
    assert {(each.status_code, "turn yours on" in detail(each)) for each in closed} == {(403, True)}
    assert root.put("/api/v1/second-factor", json={"required": False}).status_code == 403
    assert ann.browser.get("/api/v1/session").json()["second_factor"]["lacking"] is True
    ann.turn_on()
    assert ann.browser.get(f"{P}/syncs").status_code == 200
    assert site.program("root", "", Role.ADMIN).put("/api/v1/second-factor", json={"required": False}).status_code == 204
    assert root.get(f"{P}/syncs").status_code == 200


def test_an_administrator_sees_who_has_one_and_takes_out_a_lost_one(site: Site) -> None:
    ann, root = Ann(site), site.signed_in("root")
    ann.turn_on()
    assert [(each["id"], each["second_factor"]) for each in root.get("/api/v1/users").json()["items"]] == [("ann", True), ("root", False)]
    assert root.delete("/api/v1/users/ann/second-factor").status_code == 204
    assert not opens(site, ann.session)
    assert site.signed_in("ann").get("/api/v1/session").json()["second_factor"]["since"] is None
    assert root.delete("/api/v1/users/ann/second-factor").status_code == 422
    assert root.delete("/api/v1/users/carl/second-factor").status_code == 404
    assert site.signed_in("ann").delete("/api/v1/users/root/second-factor").status_code == 403
