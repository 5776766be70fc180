"""The corpus of bad requests: each row and the right answer to it, as the reliability plan of the house numbers them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from site_of import HERE, PASSWORD, Site
from tradewind.access.roles import Role
from tradewind.clock import SystemClock
from tradewind.destinations.registry import Registry
from tradewind.door import Door, tls
from tradewind.errors import DefinitionError
from tradewind.model.alert import Contact, ContactKind
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.sync import Cadence
from tradewind.notify.messenger import PostMessenger
from tradewind.web.limits import Limits
from tradewind.web.pages import sealed
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default"
SYNC: dict[str, Any] = {"cohort": "all", "connection": "main", "id": "second"}
ACCOUNT: dict[str, Any] = {
    "name": "N",
    "destination": "fake",
    "advertiser": "adv2",
    "region": "here",
    "identity": ["user.ad=DAID"],
    "secret": "s3cret-2",
}
RULE: dict[str, Any] = {"name": "B", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}
EVIL = (
    "evil.example",
    "evil.example:443",
    "tradewind.example.evil.example",
    "tradewind.example@evil.example",
    "",
    "127.0.0.1.evil.example",
    "[::1",
)
HOST = "usw-data.adsrvr.org.evil.example"
HEAD = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.town.add("daily", Cadence.DAILY)
    site.user("root", administrator=True)
    site.user("ann", {"default": Role.MANAGER})
    yield site
    site.close()


@pytest.fixture(scope="module")
def root(site: Site) -> TestClient:
    return site.signed_in("root")


@pytest.fixture(scope="module")
def wire(site: Site) -> Iterator[int]:
    """The port of a server whose bytes come as they are sent."""
    config = uvicorn.Config(site.app, port=0, log_config=None, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(20)


def talk(site: Site, receive: Callable[[], Awaitable[Message]]) -> Message:
    """The head of the answer to a body that comes in parts."""
    sent: list[Message] = []

    async def answer(message: Message) -> None:
        sent.append(dict(message))

    head = [(b"content-type", b"application/json")]
    scope: Scope = {"type": "http", "method": "POST", "path": f"{P}/syncs", "query_string": b"", "headers": head}
    asyncio.run(Limits(site.app, SystemClock(), lambda _: None, patience=0.1)(scope, receive, answer))
    return sent[0]


def at_once(many: int, ask: Callable[[int], Any]) -> list[Any]:
    """Ask at the same time, from threads of their own."""
    gate = threading.Barrier(many)

    def one(number: int) -> Any:
        gate.wait(20)
        return ask(number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(one, range(many)))


Row = tuple[str, str, str, dict[str, Any], int]

ROWS: list[Row] = [
    ("F2 in a path", "GET", "/api/v1/projects/other/syncs/daily", {}, 404),
    ("F2 in a body, as what is nowhere", "POST", f"{P}/syncs", {"json": SYNC | {"cohort": "theirs"}}, 422),
    ("F2 in a cursor", "GET", f"{P}/cohorts?cursor={sealed('theirs')}", {}, 400),
    ("F2 in an export", "GET", f"{P}/connections/theirs/statement.csv?month=2026-03", {}, 404),
    ("F3 in the body", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"id": "c"}}, 400),
    ("F3 in the definition", "PUT", f"{P}/cohorts/b", {"json": RULE | {"definition": {"id": "c", "who": {"did": "Open"}}}}, 400),
    ("F3 another name", "PUT", f"{P}/cohorts/b", {"json": RULE | {"definition": {"name": "C", "who": {"did": "Open"}}}}, 400),
    ("F4 a role that nobody asked for", "POST", f"{P}/syncs", {"json": SYNC | {"role": "admin"}}, 422),
    ("F4 a project in the body", "POST", f"{P}/syncs", {"json": SYNC | {"project_id": "other"}}, 422),
    ("F4 an administrator", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"is_admin": True}}, 422),
    ("F5 too large", "POST", f"{P}/syncs", {"content": b"[" + b" " * (1 << 20) + b"]", "headers": HEAD}, 413),
    ("F6 JSON as text", "POST", f"{P}/syncs", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
    ("F6 packed", "POST", f"{P}/syncs", {"content": b"{}", "headers": HEAD | {"Content-Encoding": "gzip"}}, 415),
    ("F7 less than none", "GET", f"{P}/syncs?limit=-1", {}, 400),
    ("F7 a thousand millions", "GET", f"{P}/syncs?limit=1e9", {}, 400),
    ("F7 no number", "GET", f"{P}/syncs?limit=abc", {}, 400),
    ("F7 given twice", "GET", f"{P}/syncs?limit=1&limit=2", {}, 400),
    ("F8 a cursor that was edited", "GET", f"{P}/syncs?cursor=bm9wZQ", {}, 400),
    ("F8 no cursor", "GET", f"{P}/syncs?cursor=*", {}, 400),
    *(("F10 Host", "GET", f"{P}/syncs", {"headers": {"Host": host}}, 400) for host in EVIL),
    ("F10 an address in the path", "GET", "/@evil.example", {}, 404),
    ("F10 TRACE", "TRACE", f"{P}/syncs", {}, 405),
    ("F13 no tag", "PATCH", f"{P}/syncs/daily", {"json": {"ttl_days": 29}, "headers": {"If-Match": "x"}}, 400),
    ("F13 an old tag", "PATCH", f"{P}/syncs/daily", {"json": {"ttl_days": 29}, "headers": {"If-Match": '"0123456789abcdef"'}}, 412),
    ("F13 of nothing", "PUT", f"{P}/cohorts/none", {"json": RULE, "headers": {"If-Match": '"0123456789abcdef"'}}, 412),
    ("F14 a TTL of 0, which removes everybody", "POST", f"{P}/syncs", {"json": SYNC | {"ttl_days": 0}}, 422),
    *(("F15", "POST", f"{P}/syncs", {"json": SYNC | {"ttl_days": days}}, 422) for days in (-1, 1.5, "30", True, 2**31, 181)),
    ("F15 NaN", "POST", f"{P}/syncs", {"content": b'{"cohort": "all", "connection": "main", "ttl_days": NaN}', "headers": HEAD}, 422),
    *(("F16", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"region": region}}, 422) for region in ("mars", "", "here ")),
    *(("F17", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {name: f"https://{HOST}"}}, 422) for name in ("url", "host", "base_url")),
    *(
        ("F17", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"region": f"{url}{HOST}"}}, 422)
        for url in ("http://", "https://a@", "https://")
    ),
    ("F19 too long", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"advertiser": "a" * 1000}}, 422),
    *(("F20", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"secret": text}}, 422) for text in ("secret\n", "s", "s" * 5000)),
    ("F20 a megabyte", "PUT", f"{P}/connections/b", {"json": ACCOUNT | {"secret": "s" * (1 << 20)}}, 413),
]


@pytest.mark.parametrize(("name", "method", "path", "sent", "status"), ROWS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_bad_request_is_answered_as_listed(
    root: TestClient, name: str, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    answer = root.request(method, path, **sent)
    assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json"


def test_f1_a_token_whose_time_is_over_is_refused_and_written_down(site: Site) -> None:
    """Once in a while, however often it is sent. What was revoked is known no more, and stands in the log alone."""
    program = site.program("ann", "default", Role.VIEWER)
    assert program.get(f"{P}/syncs").status_code == 200
    site.town.clock.sleep(10 * 86400)
    assert [program.get(f"{P}/syncs").status_code for _ in range(3)] == [401] * 3
    (written,) = [each for each in site.town.parts.trail.entries() if each.deed.what == "token.refused"]
    assert (written.deed.actor, written.deed.details) == ("ann", {"why": "expired"})
    site.town.clock.sleep(-10 * 86400)


def test_f1_without_a_token_that_is_good_nobody_is_let_in(site: Site) -> None:
    for text in ("", "Bearer ", "Bearer twt_nothing", "Basic YTpi"):
        answer = TestClient(site.app, base_url=HERE, headers={"Authorization": text} if text else {}).get(f"{P}/syncs")
        assert answer.status_code == 401


def test_f5_a_body_without_end_is_read_no_further_than_it_may_be(site: Site) -> None:
    """256 MiB, a mebibyte at a time and without a length: of the second nothing more is taken."""
    taken: list[int] = []

    async def pour() -> Message:
        taken.append(1 << 20)
        return {"type": "http.request", "body": b" " * (1 << 20), "more_body": len(taken) < 256}

    assert talk(site, pour)["status"] == 413
    assert len(taken) == 2


def test_f9_a_key_is_for_one_request(root: TestClient) -> None:
    """Sent with another body it is refused; sent twice at once it does one thing, and both are told of it."""
    headers = {"Idempotency-Key": "k1"}
    first, second = at_once(2, lambda _: root.post(f"{P}/syncs", json=SYNC | {"id": "keyed", "segment": "Keyed"}, headers=headers))
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert sorted(each.headers.get("idempotency-replayed", "") for each in (first, second)) == ["", "true"]
    assert root.post(f"{P}/syncs", json=SYNC | {"id": "keyed-2"}, headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET @evil.example HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://evil.example/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: b\rSet-Cookie: c\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: b\0c\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:8420\r\n\r\n", 200),
    ],
)
def test_f10_what_no_client_library_would_send(wire: int, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", wire), timeout=20) as line:
        line.sendall(sent)
        answer = line.recv(1000)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"evil.example" not in answer


def test_f10_a_forwarded_address_is_no_address(site: Site) -> None:
    """Metrics are for this machine alone, whoever it says it is."""
    assert site.browser().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403


def test_f12_a_run_that_is_asked_for_twice_is_one_run(site: Site, root: TestClient) -> None:
    answers = at_once(2, lambda _: root.post(f"{P}/syncs/daily/runs"))
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["id"] for each in answers}) == 1


def test_f13_an_edit_of_an_old_copy_changes_nothing(root: TestClient) -> None:
    """Of a cohort, a connection and a sync: whoever read it before somebody else changed it is told so."""
    root.put(f"{P}/connections/tagged", json=ACCOUNT | {"advertiser": "adv3"})
    root.put(f"{P}/cohorts/tagged", json=RULE)
    root.post(f"{P}/syncs", json=SYNC | {"id": "tagged", "segment": "Tagged"})
    edits: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("PUT", f"{P}/connections/tagged", ACCOUNT | {"advertiser": "adv3", "name": "First"}, {"name": "Second"}),
        ("PUT", f"{P}/cohorts/tagged", RULE | {"name": "First"}, {"name": "Second"}),
        ("PATCH", f"{P}/syncs/tagged", {"ttl_days": 20}, {"ttl_days": 21}),
    ]
    for method, path, first, second in edits:
        shown = root.get(path)
        old = {"If-Match": shown.headers["etag"]}
        assert old["If-Match"] == f'"{shown.json()["tag"]}"'
        done = root.request(method, path, json=first, headers=old)
        assert done.status_code == 200, done.text
        late = root.request(method, path, json=first | second, headers=old)
        assert (late.status_code, late.json()["title"]) == (412, "Changed meanwhile")
        (name, value), *_ = second.items()
        assert root.get(path).json().get("ttl_minutes", 0) != 21 * 1440
        assert root.get(path).json().get(name) != value
        assert root.request(method, path, json=first | second, headers={"If-Match": done.headers["etag"]}).status_code == 200
    anew = root.put(f"{P}/connections/tagged", json=ACCOUNT | {"advertiser": "adv3"}, headers={"If-None-Match": "*"})
    assert (anew.status_code, "there is a connection 'tagged' already" in anew.json()["detail"]) == (412, True)


def test_f13_what_is_removed_while_people_are_in_it_is_ordered(tmp_path: Path) -> None:
    """202, and the worker takes them out; without anybody in it, it is done."""
    site = Site(tmp_path)
    site.user("ann", {"default": Role.MANAGER})
    sync = site.town.add("daily", Cadence.DAILY)
    site.town.clock.sleep(86400)
    list(run_once(site.town.parts, Stop()))
    ann = site.signed_in("ann")
    assert site.town.held(sync)
    gone = ann.delete(f"{P}/syncs/daily?leaving=empty")
    assert (gone.status_code, "the worker's to empty" in gone.json()["later"][0]) == (202, True)
    site.town.add("idle", Cadence.DAILY)
    assert ann.delete(f"{P}/syncs/idle").status_code == 200
    site.close()


@pytest.mark.parametrize(
    "host",
    ["127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "100.64.0.1"],
)
def test_f18_an_address_inside_is_refused_when_it_is_saved(host: str) -> None:
    """A name that only leads there is refused when it is sent to."""
    contact = Contact("default", "c", ContactKind.SLACK, host, ())
    with Door(5.0, public_only=True) as door, pytest.raises(DefinitionError):
        PostMessenger(door, None, tls, SystemClock()).check(contact, Secret(f"https://{host}/hook"), None)


@pytest.mark.parametrize("advertiser", ["a/b", "..", "a'b", "a b", "", "a" * 200])
def test_f19_an_advertiser_s_id_is_letters_and_digits(advertiser: str) -> None:
    identity = IdentityMap((IdMapping("user.ad", IdType.DAID),))
    account = Connection("default", "a", "A", "thetradedesk", advertiser, "us-east", Auth.SIGNATURE, identity)
    with Door(5.0) as door, pytest.raises(DefinitionError):
        Registry(door, None).destination("thetradedesk").check(account)


def test_f11_a_body_that_comes_a_byte_at_a_time_is_given_up(site: Site) -> None:
    """The whole of a JSON body has thirty seconds; here less."""

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert talk(site, drip)["status"] == 408


def test_f20_the_secret_of_another_project_is_no_oracle(root: TestClient) -> None:
    for project in ("default", "other"):
        assert root.put(f"/api/v1/projects/{project}/connections/same", json=ACCOUNT).status_code == 200


def test_f21_which_password_may_be_one(site: Site) -> None:
    rows = [("seven77", 422), ("gekko sand lampe " * 4, 204), ("y8#z,!" * 900, 422), ("correcthorse\0battery", 422), ("1qaz2wsx3edc", 422)]
    for number, (password, status) in enumerate(rows):
        browser = site.signed_in(site.user(f"user-{number}"))
        answer = browser.put("/api/v1/session/password", json={"old": PASSWORD, "new": password})
        assert answer.status_code == status, f"{number}: {answer.text}"


def test_f22_one_name_is_one_account_and_a_look_alike_is_none(root: TestClient) -> None:
    assert root.post("/api/v1/users", json={"id": "Ann", "name": "Ann"}).status_code in {409, 422}
    assert root.post("/api/v1/users", json={"id": "аnn", "name": "Ann"}).status_code == 422


def test_f23_an_unknown_user_is_told_what_a_wrong_password_is(site: Site) -> None:
    told = [site.browser().post("/api/v1/session", json={"user": user, "password": "wrong password 1"}) for user in ("ann", "nobody")]
    assert told[0].status_code == told[1].status_code == 401
    assert told[0].json() == told[1].json()


def test_f24_no_route_gives_a_secret_back(root: TestClient) -> None:
    root.put(f"{P}/connections/kept", json=ACCOUNT)
    for path in (f"{P}/connections", f"{P}/connections/kept", f"{P}/definitions", f"{P}/audit", f"{P}/contacts"):
        assert ACCOUNT["secret"] not in root.get(path).text
