"""Two projects and their admins, who ask for anything by any id: nobody reads a word of the other's or changes a row or a file of it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from generative.fuzzing import EXAMPLES, SEED
from site_of import Site
from town import guid
from tradewind.access.roles import Role
from tradewind.database import metadata
from tradewind.operations import webhooks
from tradewind.web.application import need_of, routes_of
from tradewind.worker import Stop, run_once

DEEDS = int(EXAMPLES or 400)
"""Requests in all, unless `./dev fuzz` says otherwise."""

TURN = 20
"""Requests of one side, after which nothing of the other's may have changed."""

OF_RUNS, OF_REQUESTS, OF_TARGETS = "run", "request", "target"
NOBODYS = {
    "amplitude_account", "amplitude_call", "amplitude_download", "app_user", "endpoint", "offer", "one_time_code", "recovery_code", "reply",
    "second_factor", "session", "sign_in_failure", "sign_in_rule", "slot",
}  # fmt: skip
"""Tables of the installation, its users, and hosts that all projects send to."""

SWEPT = {"secret", "platform_reader"}
"""Where whoever removes something sweeps away what a removed connection of anybody left, once nobody has to be taken out with it."""

NOUNS = {
    "cohorts": "cohort", "connections": "connection", "syncs": "sync", "splits": "split", "sources": "source", "contacts": "contact",
    "runs": "run", "dry-runs": "run", "plans": "plan", "privacy": "request", "imports": "upload", "list": "upload",
    "tokens": "token",
}  # fmt: skip
MADE = {"run", "plan", "request", "upload", "token"}
"""Whose ids are not chosen: one of the other side never is one's own."""

OUTSIDE = ("/api/v1/projects", "/api/v1/figures", "/api/v1/tokens")
"""Where one asks for all that is one's own."""

MAKING = (
    "PUT /destinations/{destination}/enablement", "PUT /cohorts/{cohort}", "PUT /connections/{connection}", "POST /syncs",
    "POST /syncs/{sync}/runs", "PUT /sources/{source}", "PUT /contacts/{contact}", "POST /events/imports", "POST /tokens", "POST /syncs",
    "POST /syncs/{sync}/runs", "POST /privacy", "POST /splits", "POST /syncs/{sync}/plans", "PUT /cohorts/{cohort}",
    "POST /definitions/apply", "PUT /connections/{connection}",
)  # fmt: skip
"""What makes the things that the rest is about: done by turns, within one's own project."""

SHARED = "shared "
"""How segments begin whose names both use, some at one advertiser: what is known of such a one there is of whoever fills it at the time."""

SLOW = ("/progress", "/samples", "/model")
"""Streams, and what computes for seconds: asked of the other side alone."""


@dataclass
class Side:
    """A project, its admin, and what is theirs: ids by noun, and the text that an object was given last.

    `said` are words of the other side that this one used itself, ids and no texts: they may be told to it again.
    """

    project: str
    user: str
    mark: str
    client: TestClient
    ids: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    secret: str = ""

    def text(self, chance: random.Random) -> str:
        """A new one, by which an answer that holds it is known."""
        return f"{self.mark}-text-{chance.randrange(10**9)}"

    def new_id(self, chance: random.Random) -> str:
        return f"{self.mark}-{chance.randrange(10**6)}" if chance.random() < 0.4 else f"same-{chance.randrange(6)}"


Make = Callable[["Deeds", Side], dict[str, Any]]


def _json(*whole: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"json": {name: value for each in (*whole, fields) for name, value in each.items()}}


def _pair(deeds: Deeds, side: Side) -> dict[str, Any]:
    return {"cohort": deeds.some(side, "cohort"), "connection": deeds.some(side, "connection")}


def _file(deeds: Deeds, side: Side, kind: str) -> dict[str, Any]:
    event = {"event_type": side.text(deeds.chance), "user_id": side.text(deeds.chance), "time": 1767225600000}
    content = f"ad\n{guid(1)}\n" if kind == ".csv" else json.dumps(event)
    return {"params": {"name": f"{side.text(deeds.chance)}{kind}"}, "content": content, "headers": {"Content-Type": "text/plain"}}


def _kind(deeds: Deeds, side: Side) -> dict[str, Any]:
    if deeds.chance.random() < 0.2:
        return {"kind": "static", "definition": {"identifiers": {"ad": "DAID"}}}
    return {"kind": "behavioural", "definition": {"who": _rule(deeds, side)}}


def _rule(deeds: Deeds, side: Side) -> dict[str, Any]:
    nested = {"in_cohort": deeds.some(side, "cohort")}
    return {"all": [{"did": "Open"}, nested]} if deeds.chance.random() < 0.4 else {"did": side.text(deeds.chance)}


def _definitions(deeds: Deeds, side: Side) -> dict[str, Any]:
    cohort = {"id": side.new_id(deeds.chance), "name": side.text(deeds.chance), "kind": "behavioural", "who": _rule(deeds, side)}
    return {"json": {"text": json.dumps({"cohorts": [cohort]}), "secrets": {}, "prune": deeds.chance.random() < 0.05}}


KEY = "k3y" * 11
ACCOUNT = {"destination": "fake", "region": "here", "identity": ["user.ad=DAID"]}
BODIES: dict[str, Make] = {
    "PUT /cohorts/{cohort}": lambda d, s: _json(_kind(d, s), name=s.text(d.chance)),
    "POST /cohorts/{cohort}/list": lambda d, s: _file(d, s, ".csv"),
    "PUT /connections/{connection}": lambda d, s: _json(
        ACCOUNT, name=s.text(d.chance), advertiser=f"adv{d.chance.randrange(4)}", secret=KEY
    ),
    "POST /connections/{connection}/draft/test": lambda d, s: _json(ACCOUNT, name=s.text(d.chance), advertiser="adv1", secret=KEY),
    "PUT /connections/{connection}/platform": lambda d, s: _json(token=s.text(d.chance)),
    "POST /syncs": lambda d, s: _json(
        _pair(d, s), id=s.new_id(d.chance), segment=s.text(d.chance) if d.chance.random() < 0.7 else f"{SHARED}{d.chance.randrange(9)}"
    ),
    "POST /syncs/draft/forecast": lambda d, s: _json(_pair(d, s)),
    "PATCH /syncs/{sync}": lambda d, _: _json(ttl_days=d.chance.randrange(20, 31)),
    "POST /syncs/{sync}/plans": lambda _, __: _json(),
    "POST /splits": lambda d, s: _json(_pair(d, s), id=s.new_id(d.chance), split_by="plan", values=[s.text(d.chance)], cadence="daily"),
    "POST /runs/{run}/discard": lambda d, s: _json(reason=s.text(d.chance)),
    "POST /runs/{run}/cancel": lambda d, s: _json(reason=s.text(d.chance)),
    "POST /runs/{run}/approve": lambda _, __: _json(approvals=[{"guard": "shrink", "count": 1}]),
    "POST /segments/{sync}/attach/plan": lambda d, s: _json(audience=s.text(d.chance)),
    "POST /segments/{sync}/attach": lambda d, s: _json(audience=s.text(d.chance), mark=s.text(d.chance)),
    "POST /seeds/plan": lambda d, s: _json(name=s.text(d.chance), syncs=[d.some(s, "sync")]),
    "POST /seeds": lambda d, s: _json(name=s.text(d.chance), syncs=[d.some(s, "sync")], mark=s.text(d.chance)),
    "POST /trace": lambda d, _: _json(identifier=str(guid(d.chance.randrange(1, 100)))),
    "POST /privacy": lambda d, _: _json(type="OptOut", identifiers=[str(guid(d.chance.randrange(101, 999)))]),
    "PUT /sources/{source}": lambda d, s: _json(name=s.text(d.chance), region="us", api_key=KEY, secret_key=KEY),
    "PUT /source": lambda d, s: _json(source=d.some(s, "source")),
    "PUT /contacts/{contact}": lambda d, s: _json(kind="email", address=f"{s.text(d.chance)}@shop.example"),
    "POST /definitions/plan": _definitions,
    "POST /definitions/apply": _definitions,
    "PUT /people/{user}": lambda d, _: _json(role=d.chance.choice(["viewer", "member", None])),
    "PUT /destinations/{destination}/enablement": lambda _, __: _json(paid_plan=True),
    "POST /previews/sizes": lambda d, s: _json(cohort=d.some(s, "cohort")),
    "POST /previews/sql": lambda d, s: _json(cohort=d.some(s, "cohort")),
    "POST /previews/comparison": lambda d, s: _json(cohort=d.some(s, "cohort"), who=_rule(d, s)),
    "POST /previews/sample": lambda d, s: _json(cohort=d.some(s, "cohort")),
    "POST /previews/overlap": lambda d, s: _json(cohort=d.some(s, "cohort"), other=d.some(s, "cohort")),
    "POST /previews/identifiers": lambda d, s: _json(_pair(d, s)),
    "POST /previews/examples": lambda d, s: _json(cohort=d.some(s, "cohort"), identity=["user.ad=DAID"]),
    "POST /previews/why": lambda d, s: _json(cohort=d.some(s, "cohort"), person="user:u1"),
    "POST /events/imports": lambda d, s: _file(d, s, ".ndjson"),
    "POST /tokens": lambda d, s: _json(
        name=s.text(d.chance), project=d.chance.choice([s.project, s.project, d.other(s).project]), role="admin"
    ),
    "POST /webhook/messages": lambda d, s: (
        _json(cohort_id="p1", in_cohort=True, computed_time="1772366400", message_id=s.text(d.chance), users=[])
        | {"headers": {webhooks.HEADER: s.secret}}
    ),
}
"""What is sent, by method and route; nothing where nothing is there."""

ASKED: dict[str, dict[str, str]] = {
    "GET /syncs/{sync}/lift": {"event": "Open"},
    "GET /connections/{connection}/statement": {"month": "2026-03"},
    "GET /connections/{connection}/statement.csv": {"month": "2026-03"},
}
"""What stands behind the address."""


class Deeds:
    """Any route, any id, by either of two sides."""

    chance: random.Random
    makes = False

    def __init__(self, site: Site, sides: tuple[Side, Side], seed: int) -> None:
        self.site, self.sides, self.chance = site, sides, random.Random(seed)
        asked = [route for route in routes_of(site.app) if need_of(route).key not in {"administrator", "anybody", "entering"}]
        inside = [route for route in asked if "{project}" in route.path or route.path.startswith(OUTSIDE)]
        self.routes = {_key(route): route for route in inside}
        self.making = cycle(MAKING)
        self.answers: Counter[str] = Counter()

    def other(self, side: Side) -> Side:
        return self.sides[self.sides[0] is side]

    def some(self, side: Side, noun: str) -> str:
        """The id of one's own, of the other's, or of one that both may have."""
        shares = (4, 6, 0) if noun in MADE else (5, 3, 2)
        whose = self.chance.choices(("mine", "theirs", "same"), (8, 1, 1) if self.makes else shares)[0]
        known = {"mine": side, "theirs": self.other(side)}.get(whose, side).ids.get(noun, [])
        return self.chance.choice(known) if known and whose != "same" else f"same-{self.chance.randrange(6)}"

    def deed(self, side: Side, *, makes: bool) -> None:
        """One request, and what must hold of its answer."""
        self.makes = makes
        route = self.routes[next(self.making) if makes else self.chance.choice(list(self.routes))]
        method, other = next(iter(route.methods or ())), self.other(side)
        own = makes or "{project}" not in route.path or (self.chance.random() < 0.8 and not route.path.endswith(SLOW))
        project = side.project if own else self.chance.choice((other.project, other.project, "nowhere"))
        places = {name: self.place(side, name, method) for name in route.param_convertors if name != "project"}
        sent = BODIES[_key(route)](self, side) if _key(route) in BODIES else {}
        if method == "DELETE" or route.path.endswith("pause"):
            sent = {"params": {"leaving": "let_expire"}}
        sent |= {"params": ASKED[_key(route)]} if _key(route) in ASKED else {}
        answer = side.client.request(method, route.path_format.format(project=project, **places), **sent)
        self.answers[f"{'own' if own else 'other'} {answer.status_code // 100}xx"] += 1
        told = f"{side.user}: {method} {answer.request.url} {sent}: {answer.status_code} {answer.text[:600]}"
        assert answer.status_code < 500 or answer.status_code == 503, told
        side.said |= _words(other, str(answer.request.url) + answer.request.content.decode())
        assert not _words(other, answer.text + str(answer.headers)) - side.said, f"a word of the other project\n{told}"
        if need_of(route).key in {"webhook", "api_key"}:
            assert own or answer.status_code in {400, 401}, told
        elif not own:
            assert answer.status_code == 404, f"a project that is closed\n{told}"
            assert project == "nowhere" or "there is no project" in answer.text, told
        else:
            self.holds(side, other, method, places, sent, answer, told)

    def place(self, side: Side, noun: str, method: str) -> str:
        """What stands in an address for a noun."""
        fixed = {"destination": "fake", "admitted": side.project, "user": "carol"}
        if noun in fixed:
            return fixed[noun]
        new = method == "PUT" and noun not in MADE and self.chance.random() < 0.7
        return side.new_id(self.chance) if new else self.some(side, noun)

    def holds(self, side: Side, other: Side, method: str, places: dict[str, str], sent: Any, answer: httpx2.Response, told: str) -> None:
        """What must hold within one's own project; and what was made there is one's own from now on."""
        for noun, id_ in places.items():
            if noun in MADE and id_ in other.ids.get(noun, ()):
                assert answer.status_code in {404, 422}, f"an object of the other project\n{told}"
        if answer.status_code >= 300:
            return
        path = str(answer.request.url.path)
        words = path.removeprefix(f"/api/v1/projects/{side.project}").removeprefix("/api/v1").split("/")[1:] or [""]
        noun, id_ = NOUNS.get(words[-1] if method == "POST" else words[0], ""), words[-1]
        if method == "PUT" and len(words) == 2 and noun in places:
            side.ids.setdefault(noun, []).append(id_)
            side.texts[noun, id_] = sent["json"].get("name", "")
        elif method == "DELETE" and len(words) == 2:
            side.texts.pop((noun, id_), None)
        elif method == "GET" and len(words) == 2:
            assert side.texts.get((noun, id_), "") in answer.text, f"what the other side wrote over\n{told}"
        elif "definitions" in words:
            side.texts.clear()
        elif method == "POST" and (noun or id_ == "secret"):
            made = answer.json()
            side.secret = made.get("secret", side.secret)
            made |= made.get("token", {})
            if id_ := made.get("id") or sent.get("json", {}).get("id"):
                side.ids.setdefault(noun, []).append(id_)
            for plural in ("syncs", "runs"):
                side.ids.setdefault(NOUNS[plural], []).extend(part["id"] for part in made.get(plural, ()))


def _key(route: APIRoute) -> str:
    return f"{next(iter(route.methods or ()))} {route.path.split('{project}')[-1].removeprefix('/api/v1')}"


def _words(of: Side, text: str) -> set[str]:
    """The words in a text that one side alone has written, or that it is called by."""
    return set(re.findall(rf"{of.mark}(?:-[a-z]+)?-\d+|{of.user}", text))


def rows(site: Site, project: str) -> dict[str, list[str]]:
    """Every row of a project, by table; a table of which nobody knows whose it is fails."""
    found: dict[str, list[str]] = {}
    with site.town.database.transaction() as db:

        def of(table: sa.Table, column: str, values: list[Any]) -> list[Any]:
            return list(db.execute(sa.select(table).where(table.c[column].in_(values))).all())

        tables = metadata.tables
        runs = [row.id for row in of(tables["run"], "project", [project])]
        requests = [row.id for row in of(tables["privacy_request"], "project", [project])]
        bound = {row.target for row in of(tables["binding"], "project", [project])}
        targets = [row.id for row in of(tables["target"], "id", list(bound)) if not row.segment.startswith(SHARED)]
        there = {row.id for name in ("connection", "source", "contact") for row in of(tables[name], "project", [project])}
        keys: dict[str, list[Any]] = {"project": [project], OF_RUNS: runs, OF_REQUESTS: requests, OF_TARGETS: targets}
        for name, table in tables.items():
            column = next((each for each in keys if each in table.c), "id" if name in {"project", "target"} else "")
            assert column or name in NOBODYS, f"whose are the rows of {name}?"
            if column:
                wanted = {"project": [project], "target": targets}[name] if column == "id" else keys[column]
                found[name] = sorted(str(row) for row in of(table, column, wanted) if name not in SWEPT or row.connection in there)
    return found


def files(site: Site, project: str) -> set[tuple[str, int, int]]:
    """Every file that lies in a folder of the project, with size and time."""
    home: Path = site.town.parts.home
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in home.rglob(f"*/{project}/**/*") if path.is_file()}


@pytest.fixture(scope="module")
def deeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deeds]:
    """Two projects that hold the same kinds of things under the same ids."""
    site = Site(tmp_path_factory.mktemp("two"))
    with ExitStack() as stack:
        sides = []
        for project, user, mark in (("default", "alice", "alpha"), ("other", "bertram", "bravo")):
            site.user(user, {project: Role.ADMIN})
            client = stack.enter_context(site.signed_in(user))
            side = Side(project, user, mark, client, secret=webhooks.new_secret(site.town.parts, project))
            for noun, id_ in (("cohort", "all"), ("connection", "main")):
                side.ids[noun] = [id_]
            sides.append(side)
        site.user("carol")
        deeds = Deeds(site, (sides[0], sides[1]), SEED)
        base = "/api/v1/projects/other"
        bertram = sides[1].client
        assert bertram.put(
            f"{base}/cohorts/all", json={"name": "A", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}
        ).is_success
        assert bertram.put(f"{base}/connections/main", json=ACCOUNT | {"name": "B", "advertiser": "adv2", "secret": "s3cret-2"}).is_success
        yield deeds
    site.close()


@pytest.mark.timeout(3600)
def test_nobody_reads_or_changes_what_is_another_project_s(deeds: Deeds) -> None:
    site = deeds.site
    for turn in range(DEEDS // TURN):
        side, other = deeds.sides[turn % 2], deeds.sides[(turn + 1) % 2]
        before = rows(site, other.project), files(site, other.project)
        for number in range(TURN):
            deeds.deed(side, makes=number < TURN // 2)
        after = rows(site, other.project)
        changed = {name: [sorted(set(each) ^ set(after[name]))] for name, each in before[0].items() if each != after[name]}
        assert not changed, f"{side.user} changed rows of {other.project}"
        assert files(site, other.project) == before[1], f"{side.user} changed files of {other.project}"
        if turn % 6 == 5:
            list(run_once(site.town.parts, Stop()))
    assert deeds.answers["own 2xx"] > DEEDS // 4
    assert deeds.answers["other 4xx"] > DEEDS // 20


def test_what_cannot_be_written_into_the_audit_trail_is_not_done(deeds: Deeds) -> None:
    """Each route by somebody who may: with a trail that takes no entry nothing of the project is changed, but for messages that come in."""
    site, side = deeds.site, deeds.sides[0]
    with site.town.database.transaction() as db:
        db.execute(sa.text("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END"))
    deeds.makes, refused = True, 0
    for key, route in deeds.routes.items():
        method = next(iter(route.methods or ()))
        if method == "GET" or "{project}" not in route.path or key == "POST /webhook/messages":
            continue
        before = rows(site, side.project), files(site, side.project)
        for _ in range(2):
            places = {name: deeds.place(side, name, method) for name in route.param_convertors if name != "project"}
            sent = BODIES[key](deeds, side) if key in BODIES else {}
            answer = side.client.request(method, route.path_format.format(project=side.project, **places), **sent)
            refused += answer.status_code >= 500
        assert (rows(site, side.project), files(site, side.project)) == before, key
    assert refused > 20
    with site.town.database.transaction() as db:
        db.execute(sa.text("DROP TRIGGER full"))
