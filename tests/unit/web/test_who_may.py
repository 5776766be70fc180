"""Every route is open to exactly those whom it names, and nobody learns of another project's objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.testclient import TestClient

from site_of import Site
from tradewind.access.roles import Role, Routes
from tradewind.database import metadata
from tradewind.model.sync import Cadence
from tradewind.web.application import build, need_of, routes_of, tag_of
from tradewind.web.gate import NEEDS, Admin
from tradewind.web.limits import SAFE
from tradewind.worker import Stop, run_once

RANKS = ["viewer", "member", "manager", "admin"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.town.add("daily", Cadence.DAILY)
    for role in Role:
        site.user(role.value, {"default": role})
    site.user("stranger", {"other": Role.ADMIN})
    site.user("root", administrator=True)
    yield site
    site.close()


@pytest.fixture(scope="module")
def people(site: Site) -> dict[str, TestClient]:
    """One of each kind, and nobody."""
    known = {name: site.signed_in(name) for name in (*RANKS, "stranger", "root")}
    return known | {"anybody": site.browser()}


def ask(client: TestClient, route: APIRoute, project: str = "default") -> Any:
    """A request to a route that names objects which are not there, with a body that is wrong: it never does anything."""
    method = next(iter(route.methods or ()))
    places = dict.fromkeys(route.param_convertors, "nothing") | {"project": project}
    body = None if method in {"GET", "DELETE"} else {"no such field": 1}
    return client.request(method, route.path_format.format(**places), json=body)


def routes(site: Site) -> list[APIRoute]:
    """Those that ask who calls; what has neither body nor anything missing would be done."""
    return routes_of(site.app)


def passed(answer: Any) -> bool:
    """Whether the gate let it pass, whatever became of it."""
    return answer.status_code not in {401, 403} and not (answer.status_code == 404 and "open to you" in answer.text)


def expected(need: str, who: str) -> bool:
    """Whether somebody may call a route with a need."""
    if need == "webhook":
        return False
    if need in {"anybody", "api_key"} or who == "root":  # a key is looked for in the body, which is wrong here
        return True
    if who == "anybody":
        return False
    if need in {"signed_in", "entering"}:
        return True
    return need in RANKS and who in RANKS and RANKS.index(who) >= RANKS.index(need)


DOING = {"DELETE /api/v1/session", "POST /api/v1/session", "POST /api/v1/session/code", "GET /metrics"}
"""Ends the session that others here use, answer 401 on their own, and asks for this machine instead of a user."""


def test_there_are_routes_and_each_says_who_may_call_it(site: Site) -> None:
    assert len(routes(site)) > 50
    assert {need_of(route).key for route in routes(site)} == {need.key for need in NEEDS.values()}


def test_every_route_answers_each_role_as_it_says(site: Site, people: dict[str, TestClient]) -> None:
    wrong = []
    for route in routes(site):
        name = f"{next(iter(route.methods or ()))} {route.path}"
        for who, client in people.items():
            if name not in DOING and passed(ask(client, route)) is not expected(need_of(route).key, who):
                wrong.append((name, who, need_of(route).key))
    assert not wrong


def test_a_closed_project_looks_as_if_it_were_not_there(site: Site, people: dict[str, TestClient]) -> None:
    inside = [route for route in routes(site) if need_of(route).role]
    for route in inside:
        closed, missing = ask(people["stranger"], route), ask(people["stranger"], route, project="nowhere")
        assert closed.status_code == missing.status_code == 404
        assert closed.text.replace("default", "nowhere") == missing.text
        assert "other" not in missing.text


def test_an_object_of_another_project_is_not_there(site: Site, people: dict[str, TestClient]) -> None:
    for path in ("cohorts/all", "connections/main", "syncs/daily", "connections/main/stakes", "syncs/daily/stakes"):
        answer = people["stranger"].get(f"/api/v1/projects/other/{path}")
        assert answer.status_code == 404, path
        assert people["admin"].get(f"/api/v1/projects/default/{path}").status_code == 200
    for path in ("syncs/daily/runs", "syncs/daily/pause", "connections/main/test", "cohorts/all/preview"):
        assert people["stranger"].post(f"/api/v1/projects/other/{path}").status_code == 404, path
    for path in ("syncs/daily", "connections/main", "cohorts/all"):
        assert people["stranger"].delete(f"/api/v1/projects/other/{path}").status_code == 404, path


def test_a_token_is_held_to_its_project_and_role(site: Site) -> None:
    program = site.program("admin", "default", Role.VIEWER)
    assert program.get("/api/v1/projects/default/syncs").status_code == 200
    assert program.post("/api/v1/projects/default/syncs/daily/runs").status_code == 403
    elsewhere = site.program("root", "other", Role.ADMIN)
    assert elsewhere.get("/api/v1/projects/default/syncs").status_code == 404
    assert elsewhere.get("/api/v1/users").status_code == 403


@pytest.mark.parametrize("only", Routes)
def test_a_token_is_held_to_the_routes_it_is_for(site: Site, only: Routes) -> None:
    """Every route there is, with the token of who may do everything."""
    program, wrong, opened = site.program("root", "", Role.ADMIN, only), [], 0
    for route in routes(site):
        if need_of(route).key in {"anybody", "webhook", "api_key"}:  # which no token opens, nor closes
            continue
        answer = ask(program, route)
        closed = answer.status_code == 403 and f"this token is for the routes of {only} alone" in answer.text
        if closed is (tag_of(route) is only):
            wrong.append((route.path, tag_of(route), answer.text))
        opened += not closed
    assert not wrong
    assert opened


@pytest.mark.parametrize("origin", ["https://evil.example", "http://tradewind.example:81", "null", ""])
def test_no_other_site_changes_anything_with_a_browser_s_session(site: Site, people: dict[str, TestClient], origin: str) -> None:
    browser = people["root"]
    for route in routes(site):
        method = next(iter(route.methods or ()))
        if method not in SAFE and need_of(route).key not in {"webhook", "api_key"}:  # which no session opens
            places = dict.fromkeys(route.param_convertors, "nothing") | {"project": "default"}
            answer = browser.request(method, route.path_format.format(**places), headers={"Origin": origin}, json={"no such field": 1})
            assert answer.status_code == 403, route.path


def bodies(site: Site) -> dict[type[BaseModel], str]:
    """The model of every body, and those inside of it, with the route where it was met first."""
    models: dict[type[BaseModel], str] = {}

    def walk(kind: Any, path: str) -> None:
        for inside in get_args(kind):
            walk(inside, path)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in models:
            models[kind] = path
            for field in kind.model_fields.values():
                walk(field.annotation, path)

    for route in routes(site):
        for body in route.dependant.body_params:
            walk(body.field_info.annotation, route.path)
    return models


def shown(site: Site) -> set[str]:
    """Every name that an answer has."""
    described = site.app.openapi()["components"]["schemas"].values()
    return {name for schema in described for name in schema.get("properties", ())}


def test_no_body_takes_what_it_does_not_know(site: Site) -> None:
    """Every field of every model, of bodies and of answers, added to every body: a role, a project or an id that nobody asked for is
    refused, not ignored.
    """
    models = bodies(site)
    assert len(models) > 30
    fields = {name for model in models for name in model.model_fields} | shown(site) | {"administers", "sealed", "created_by", "is_admin"}
    assert len(fields) > 200
    for model, path in models.items():
        foreign = fields - {field.alias or name for name, field in model.model_fields.items()} - set(model.model_fields)
        with pytest.raises(ValidationError) as refused:
            model.model_validate(dict.fromkeys(foreign, 1))
        extra = {each["loc"][0] for each in refused.value.errors() if each["type"] == "extra_forbidden"}
        assert foreign - extra == set(), path
    assert not {name for kind in models for name in kind.model_fields} & {"administers", "sealed", "created_by", "owner", "is_admin"}


def test_a_body_that_a_form_of_another_site_could_send_is_refused_everywhere(site: Site, people: dict[str, TestClient]) -> None:
    """Without a script a browser sends these three types alone, to any site."""
    tried = 0
    for route in routes(site):
        if route.body_field is None or need_of(route).key in {"webhook", "api_key"}:
            continue
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            places = dict.fromkeys(route.param_convertors, "nothing") | {"project": "default"}
            method = next(iter(route.methods or ()))
            answer = people["root"].request(method, route.path_format.format(**places), content=b"{}", headers={"Content-Type": kind})
            assert answer.status_code == 415, (route.path, kind)
            tried += 1
    assert tried > 100


def test_what_only_reads_changes_nothing(site: Site, people: dict[str, TestClient]) -> None:
    """Every GET there is, of objects that are there: a link of another site may be followed with the session, and nothing comes of it."""
    run = people["root"].post("/api/v1/projects/default/syncs/daily/runs").json()["id"]
    assert [done.error for done in run_once(site.town.parts, Stop())] == [None]
    there = {"project": "default", "cohort": "all", "connection": "main", "sync": "daily", "run": run, "kind": "fake", "user": "admin"}
    before, answered = rows(site), Counter[int]()
    for route in routes(site):
        if route.methods == {"GET"}:
            path = route.path_format.format(**dict.fromkeys(route.param_convertors, "nothing") | there)
            answered[people["root"].get(path).status_code] += 1
    assert rows(site) == before
    assert answered[200] > 40, answered


def rows(site: Site) -> dict[str, list[Any]]:
    """All that the database holds, but when a session was seen last, and that somebody looked at what is written down of who looks."""
    with site.town.database.transaction() as db:
        return {
            table.name: [tuple(row) for row in db.execute(table.select())]
            for table in metadata.sorted_tables
            if table.name not in {"session", "audit"}
        }


def test_a_request_that_does_not_say_where_it_comes_from_changes_nothing_with_a_session(site: Site) -> None:
    browser = site.signed_in("admin")
    del browser.headers["origin"]
    assert browser.post("/api/v1/projects/default/syncs/daily/runs").status_code == 403
    assert browser.get("/api/v1/projects/default/syncs").status_code == 200
    assert browser.post("/api/v1/projects/default/syncs/nowhere/runs", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404


def test_a_route_that_does_not_say_what_it_is_about_stops_the_server_from_starting(site: Site) -> None:
    from tradewind.errors import Bug
    from tradewind.web.application import declare

    for tags in ([], ["nothing"], ["syncs", "runs"]):
        app = build(site.town.parts, site.town.parts, nudge=lambda: None, ready=lambda: "", metrics=site.metrics)

        @app.get("/about-nothing", tags=[*tags])
        def forgotten(ask: Admin) -> None: ...

        with pytest.raises(Bug, match="/about-nothing does not say what it is about"):
            declare(app)


def test_a_route_that_does_not_say_who_may_call_it_stops_the_server_from_starting(site: Site) -> None:
    from tradewind.errors import Bug
    from tradewind.web.application import declare

    app = build(site.town.parts, site.town.parts, nudge=lambda: None, ready=lambda: "", metrics=site.metrics)

    @app.get("/open-by-accident")
    def forgotten() -> None: ...

    with pytest.raises(Bug, match="/open-by-accident does not say who may call it"):
        declare(app)
