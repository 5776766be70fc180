"""A secret and an identifier are pushed through every path; the one is found nowhere, the other only where it belongs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient

from product import Product
from sandbox_process import SandboxProcess
from tradewind.access.totp import code_at, step_at
from tradewind.app import opened
from tradewind.model.cohort import Cohort, CohortKind, Pushed
from tradewind.operations import people, webhooks
from tradewind.operations.alerting import Watchman
from tradewind.operations.receiving import DOOR
from tradewind.parts import Parts
from tradewind.span import Fact, Tell, followed
from tradewind.web.server import Server
from tradewind.worker import Stop, run_once

GOOD = "sandbox-secret-ready1"
SECRETS = {
    "TTD_SECRET": GOOD,
    "OTHER_SECRET": "canary-wrong-advertiser-secret",
    "AMPLITUDE_API_KEY": "canaryamplitudeapikey00000000000",
    "AMPLITUDE_SECRET_KEY": "canaryamplitudesecretkey00000000",
    "HOOK_URL": "http://127.0.0.1:9/canary-hook-path",
    "HOOK_SECRET": "canary-hook-secret",
    "PLATFORM_TOKEN": "sandbox-platform-token-ready1",
    "OTHER_PLATFORM_TOKEN": "canary-wrong-platform-token",
    "PASSPHRASE": "canary horse battery staple",
    "TRADEWIND_SMTP_URL": "smtp://ann:canary-mail-password@127.0.0.1:9",
}
PASSWORD = "canary password of a person"
CANARY = uuid.UUID("3f2c1e00-5a5a-4a4a-8b8b-0000c0ffee01")
SAID_NO = uuid.UUID("3f2c1e00-5a5a-4a4a-8b8b-0000c0ffee02")
UNUSABLE = "not-a-guid-canary-c0ffee"
P = "/api/v1/projects/default"


class Heard:
    """Everything that came out of the product, by where it came from."""

    def __init__(self) -> None:
        self.said: dict[str, bytes] = {}

    def add(self, where: str, text: str | bytes) -> None:
        self.said[where] = self.said.get(where, b"") + (text.encode() if isinstance(text, str) else text)

    def where(self, *shapes: bytes) -> list[str]:
        """Where any of these is found."""
        return sorted(where for where, text in self.said.items() if any(shape in text for shape in shapes))


def shapes_of(secret: str) -> list[bytes]:
    """A secret as it stands, encoded, and as keys that are made of it."""
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"=")[:-1], raw.hex().encode(), hashlib.sha256(raw).hexdigest().encode()]


def shapes_of_id(identifier: uuid.UUID) -> list[bytes]:
    text = str(identifier)
    words = [text, text.upper(), text.replace("-", ""), text.replace("-", "").upper()]
    digests = [hashlib.new(kind, word.encode()).hexdigest() for kind in ("md5", "sha1", "sha256") for word in words]
    return [identifier.bytes, base64.b64encode(identifier.bytes), *(word.encode() for word in [*words, *digests])]


def by_command(product: Product, heard: Heard, sandbox: SandboxProcess) -> None:
    """Every road of the command line on which a secret or an identifier travels, the wrong ones too."""

    def call(*words: str) -> None:
        for called in (product.text(*words), product.call(*words)):
            kind = "answers that may show identifiers" if words[0] == "trace" or words[:2] == ("runs", "rejects") else "answers"
            heard.add(f"{kind} of the command line", called.output + called.error)

    account = ("--region", "sandbox", "--map", "column.idfa=DAID")
    call("init")
    call("connections", "add", "main", "--advertiser", "ready1", "--secret-env", "TTD_SECRET", *account)
    call("connections", "add", "wrong", "--advertiser", "ready2", "--secret-env", "OTHER_SECRET", *account)
    call("connections", "test", "wrong")
    call("connections", "platform", "main", "--token-env", "OTHER_PLATFORM_TOKEN")
    call("connections", "platform", "main", "--token-env", "PLATFORM_TOKEN")
    keys = ("--api-key-env", "AMPLITUDE_API_KEY", "--secret-key-env", "AMPLITUDE_SECRET_KEY")
    call("sources", "add", "product", "--region", "us", *keys)
    call("alerts", "add", "hook", "--webhook", "--url-env", "HOOK_URL", "--secret-env", "HOOK_SECRET")
    call("alerts", "add", "ann", "--email", "ann@shop.example")
    call("alerts", "test", "hook")
    call("alerts", "test", "ann")
    product.write("devices.csv", f"idfa\n{CANARY}\n{SAID_NO}\n{UNUSABLE}\n")
    syncs = "{id: good, cohort: devices, connection: main, cadence: daily}, {id: bad, cohort: devices, connection: wrong, cadence: daily}"
    cohorts = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]"
    product.write("project.yaml", f"{cohorts}\nsyncs: [{syncs}]\n")
    call("apply", "project.yaml", "--plan")
    call("apply", "project.yaml")
    call("cohorts", "preview", "devices")
    call("privacy", "opt-out", str(SAID_NO))
    sandbox.faults({"kind": "answer", "status": 400, "body": json.dumps({"Message": f"bad id {CANARY} by {GOOD}"})}, "lost")
    for sync in ("good", "bad", "good"):
        call("syncs", "plan", sync)
        call("syncs", "run", sync)
    call("runs", "list")
    for run in product.ok("runs", "list")["runs"]:
        call("runs", "show", run["id"])
        call("runs", "rejects", run["id"])
    sandbox.faults({"kind": "answer", "status": 400, "body": json.dumps({"Message": f"no {CANARY} by {SECRETS['PLATFORM_TOKEN']}"})})
    call("segments", "read")
    for deed in ("show good", "attach good", "attach good --yes", "seed Seed good"):
        call("segments", *deed.split())
    call("trace", str(CANARY))
    call("trace", UNUSABLE)
    for noun in ("privacy", "alerts", "sources", "connections", "syncs"):
        call(noun, "list")
    for words in ("doctor", "audit", "figures", "ledger verify"):
        call(*words.split())
    call("statement", "main", "--month", "2026-11")
    call("vault", "rotate")
    call("backup", "home.backup", "--passphrase-env", "PASSPHRASE")
    call("restore", "home.backup", "--into", "again", "--home-key", "home/key", "--passphrase-env", "OTHER_SECRET")
    call("nonsense", str(CANARY))


def pushed(parts: Parts, browser: TestClient, heard: Heard) -> list[Any]:
    """Messages of Amplitude's webhook: a good one, another with its id, and wrong ones."""
    secret = webhooks.new_secret(parts, "default")
    heard.add("the secret of the webhook", secret)
    parts.catalog.save_cohort(Cohort("default", "pushed", "Pushed", CohortKind.WEBHOOK, Pushed("pushed1")))
    users = [{"user_id": "somebody", "user_properties": {"idfa": str(CANARY)}}]
    good = {"cohort_id": "pushed1", "in_cohort": True, "computed_time": "1772366400", "message_id": "job::enter::0", "users": users}
    wrong = [good | {"users": users * 2}, good | {"in_cohort": str(CANARY)}, good | {"cohort_id": "later", "cohort_name": str(CANARY)}]
    told = [json.dumps(each) for each in (good, *wrong)]
    answers = [
        browser.post(f"{P}/webhook/messages", content=text, headers={webhooks.HEADER: given, "Content-Type": "application/json"})
        for text in (*told, told[0][:-3])
        for given in (secret, f"{secret}x")
    ]
    assert {each.status_code for each in answers} == {200, 202, 401, 409, 422}
    return [*answers, browser.get(f"{P}/webhook")]


@contextmanager
def listening(heard: Heard) -> Iterator[str]:
    """Somebody who takes the messages that are told; of a request its headers and body are heard, since the path is the secret."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard.add("messages that were told", str(self.headers).encode() + body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/canary-hook-path"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_second_factor(parts: Parts, browser: TestClient, heard: Heard) -> list[Any]:
    """The second factor turned on, and a recovery code spent at a sign-in; what else is answered of it."""
    key = browser.post("/api/v1/session/second-factor", json={"password": PASSWORD}).json()["key"]
    heard.add("the key of the second factor", key)
    turned = browser.put("/api/v1/session/second-factor", json={"code": code_at(key, step_at(parts.clock.now()))})
    spent, kept = turned.json()["codes"][:2]
    heard.add("a recovery code that was spent", spent)
    heard.add("a recovery code", kept)
    answers = [browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})]
    answers += [browser.post("/api/v1/session/code", json={"code": code}) for code in (f"{kept}x", spent)]
    assert [each.status_code for each in answers] == [202, 401, 201]
    return [*answers, *(browser.get(f"/api/v1/{path}") for path in ("session", "users", "projects/default/audit"))]


def by_server(product: Product, heard: Heard) -> None:
    """The same home behind the API: its lines, its metrics and its answers."""
    lines: list[str] = []
    with product._inside(), opened(None) as parts:
        invited = people.add_user(parts, "test", "root", "Root", administrator=True)
        people.welcome(parts, invited.code, PASSWORD)
        server = Server(parts, parts, "127.0.0.1", 0, lines.append, ["tradewind.example"])
        app: Any = server.http.config.app
        browser = TestClient(app, base_url="https://tradewind.example", headers={"Origin": "https://tradewind.example"})
        signed_in = browser.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
        assert signed_in.status_code == 201
        factor = with_second_factor(parts, browser, heard)
        session = browser.cookies["__Host-tradewind"]
        account: dict[str, Any] = {"name": "Wrong", "destination": "thetradedesk", "advertiser": "ready2", "region": "sandbox"}
        account |= {"identity": ["column.idfa=DAID"]}
        answers = [signed_in, *factor, browser.put(f"{P}/connections/wrong", json=account | {"secret": SECRETS["OTHER_SECRET"]})]
        answers.append(browser.put(f"{P}/connections/broken", json=account | {"secret": SECRETS["OTHER_SECRET"], "nonsense": PASSWORD}))
        hook = {"kind": "webhook", "url": product.environment["HOOK_URL"], "secret": SECRETS["HOOK_SECRET"]}
        answers += [browser.put(f"{P}/contacts/second", json=hook), browser.post(f"{P}/contacts/second/test")]
        answers += [browser.get(f"{P}/{noun}") for noun in ("connections", "contacts", "incidents", "cohorts", "syncs", "runs", "sources")]
        for run in answers[-2].json()["items"]:
            answers += [browser.get(f"{P}/runs/{run['id']}{more}") for more in ("", "/batches", "/refusals")]
        answers += [browser.get(f"{P}/cohorts/{CANARY}"), browser.get(f"/api/v1/{CANARY}"), browser.post(f"{P}/syncs/good/runs")]
        key = DOOR.new(parts, "default")
        heard.add("the key for events", key)
        event = {"event_type": "Open", "user_id": "somebody", "user_properties": {"idfa": str(CANARY)}}
        for given in (key, f"{key}x"):
            answers += [browser.post(f"{P}/events/{door}", json={"api_key": given, "events": [event]}) for door in ("2/httpapi", "batch")]
            said = {"api_key": given, "identification": json.dumps({"user_id": "somebody", "user_properties": {"idfa": str(CANARY)}})}
            answers.append(browser.post(f"{P}/events/identify", data=said))
        answers.append(browser.get(f"{P}/events/receiving"))
        answers += pushed(parts, browser, heard)
        answers += [browser.get("/api/v1/figures"), browser.get(f"{P}/connections/main/statement.csv?month=2026-11")]
        for done in run_once(parts, Stop()):
            server._tell_work(done)
        Watchman(parts).round()
        heard.add("metrics", server.metrics.text())
        heard.add("the session", session)
    for answer in answers:
        shown = answer.text if str(CANARY) not in str(answer.request.url) else answer.text.replace(str(CANARY), "")
        heard.add("answers of the API", shown + str({k: v for k, v in answer.headers.items() if k != "set-cookie"}))
    heard.add("lines of the server", "\n".join(lines))
    assert len(lines) > 20


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """All that came out of the product, and all that it wrote."""
    from sandbox_process import running_sandbox

    folder, heard = tmp_path_factory.mktemp("canaries"), Heard()

    @contextmanager
    def follow(name: str, facts: dict[str, Fact]) -> Iterator[Tell]:
        def tell(**more: Fact) -> None:
            heard.add("spans", f"{name} {facts | more}\n")

        yield tell

    with running_sandbox(folder) as url, followed(follow), listening(heard) as hook:
        product = Product(folder, url, **SECRETS | {"HOOK_URL": hook})
        by_command(product, heard, SandboxProcess(url))
        by_server(product, heard)
    for file in sorted(path for path in (folder / "home").rglob("*") if path.is_file()):
        heard.add(f"home/{file.relative_to(folder / 'home')}", file.read_bytes())
    heard.add("backup", (folder / "home.backup").read_bytes())
    return heard


@pytest.mark.parametrize("name", [*SECRETS, "PASSWORD"])
def test_a_secret_is_found_nowhere(heard: Heard, name: str) -> None:
    secret = {**SECRETS, "PASSWORD": PASSWORD, "TRADEWIND_SMTP_URL": "canary-mail-password", "HOOK_URL": "canary-hook-path"}[name]
    assert heard.where(*shapes_of(secret)) == []


def test_a_session_is_kept_as_a_hash_alone(heard: Heard) -> None:
    session = heard.said["the session"]
    assert heard.where(session) == ["the session"]


@pytest.mark.parametrize("name", ["the key of the second factor", "a recovery code that was spent", "a recovery code"])
def test_the_second_factor_is_shown_once_and_kept_sealed(heard: Heard, name: str) -> None:
    assert heard.where(heard.said[name]) == [name]


def test_a_key_for_events_is_sealed_and_shown_to_nobody(heard: Heard) -> None:
    assert heard.where(heard.said["the key for events"]) == ["the key for events"]
    assert any(where.startswith("home/events/default/received/") for where in heard.said)


def test_the_secret_of_the_webhook_is_sealed_and_shown_to_nobody(heard: Heard) -> None:
    assert heard.where(heard.said["the secret of the webhook"]) == ["the secret of the webhook"]
    assert any(where.startswith("home/pushed/default/pushed1/") for where in heard.said)


def test_alerts_are_told_and_name_no_secret_and_nobody(heard: Heard) -> None:
    """What is wrong with accounts, runs and messages, as it goes out to whoever is told."""
    assert b"disputed" in heard.said["messages that were told"]


ROOMS = ("home/events/", "home/runs/", "home/membership/", "home/lists/", "home/pushed/")
SHOWN = "answers that may show identifiers of the command line"


@pytest.mark.parametrize("identifier", [CANARY, SAID_NO])
def test_an_identifier_is_found_only_where_it_belongs(heard: Heard, identifier: uuid.UUID) -> None:
    """In the files of people, which are compressed for the most part, and in answers whose permission is to show it."""
    found = heard.where(*shapes_of_id(identifier))
    assert [where for where in found if not where.startswith(ROOMS) and where != SHOWN] == []
    if identifier is CANARY:
        assert any(where.startswith("home/membership/") for where in found), "otherwise nothing would be shown by this"


def test_a_value_that_was_no_identifier_is_shown_to_nobody(heard: Heard) -> None:
    found = heard.where(UNUSABLE.encode(), UNUSABLE.upper().encode())
    assert [where for where in found if not where.startswith(ROOMS)] == []


def test_the_search_can_find(heard: Heard) -> None:
    assert heard.where(b"ready1")
    assert any(where.startswith("home/tradewind.db") for where in heard.said)
    assert b"send" in heard.said["spans"]
    assert b"request" in heard.said["spans"]
    assert heard.where(hmac.new(b"x", b"y", hashlib.sha256).digest()) == []
