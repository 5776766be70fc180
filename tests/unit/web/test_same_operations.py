"""What the command line does, the API does, and the other way round; where not, here stands why."""

from __future__ import annotations

import json
import re
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
P = "/projects/{project}"

SAME = {
    "alerts add": f"PUT {P}/contacts/{{contact}}",
    "alerts list": f"GET {P}/contacts, GET {P}/incidents",
    "alerts remove": f"DELETE {P}/contacts/{{contact}}",
    "alerts test": f"POST {P}/contacts/{{contact}}/test",
    "apply": f"POST {P}/definitions/apply, POST {P}/definitions/plan",
    "audit": f"GET {P}/audit, GET /audit",
    "cohorts add": f"PUT {P}/cohorts/{{cohort}}",
    "cohorts check": f"POST {P}/definitions/plan",
    "cohorts compare": f"POST {P}/previews/comparison",
    "cohorts explain": f"GET {P}/cohorts/{{cohort}}, POST {P}/previews/sql",
    "cohorts fill": f"POST {P}/cohorts/{{cohort}}/list",
    "cohorts list": f"GET {P}/cohorts, GET {P}/names, GET {P}/sources/{{source}}/cohorts",
    "cohorts preview": f"POST {P}/cohorts/{{cohort}}/preview, POST {P}/previews/sizes, POST {P}/previews/overlap, POST {P}/previews/why, "
    f"POST {P}/previews/identifiers, POST {P}/previews/sample",
    "cohorts remove": f"DELETE {P}/cohorts/{{cohort}}",
    "cohorts show": f"GET {P}/cohorts/{{cohort}}, GET {P}/cohorts/{{cohort}}/model",
    "cohorts train": f"POST {P}/cohorts/{{cohort}}/model",
    "connections add": f"PUT {P}/connections/{{connection}}",
    "connections list": f"GET {P}/connections, GET {P}/connections/{{connection}}",
    "connections platform": f"PUT {P}/connections/{{connection}}/platform, DELETE {P}/connections/{{connection}}/platform, "
    f"GET {P}/connections/{{connection}}/platform",
    "connections remove": f"DELETE {P}/connections/{{connection}}, GET {P}/connections/{{connection}}/stakes",
    "connections test": f"POST {P}/connections/{{connection}}/test",
    "destinations admit": "PUT /destinations/{destination}/admissions/{admitted}, DELETE /destinations/{destination}/admissions/{admitted}",
    "destinations contact": "PATCH /destinations/{destination}",
    "destinations list": f"GET {P}/destinations",
    "destinations show": f"GET {P}/destinations",
    "destinations stage": "PATCH /destinations/{destination}",
    "doctor": "GET /doctor",
    "events import": f"POST {P}/events/imports",
    "events key": f"POST {P}/events/key",
    "export": f"GET {P}/definitions",
    "figures": "GET /figures",
    "ledger verify": "POST /ledger/verification",
    "lift": f"GET {P}/syncs/{{sync}}/lift",
    "privacy forget": f"POST {P}/privacy",
    "privacy list": f"GET {P}/privacy",
    "privacy opt-out": f"POST {P}/privacy",
    "privacy show": f"GET {P}/privacy/{{request}}",
    "projects add": "POST /projects",
    "projects answer": f"PUT {P}/source",
    "projects disable": f"DELETE {P}/destinations/{{destination}}/enablement, GET {P}/stakes",
    "projects enable": f"PUT {P}/destinations/{{destination}}/enablement",
    "projects list": "GET /projects, GET /projects/{project}",
    "projects plan": f"PUT {P}/plan",
    "runs approve": f"POST {P}/runs/{{run}}/approve",
    "runs batches": f"GET {P}/runs/{{run}}/batches, GET {P}/runs/{{run}}/refusals",
    "runs cancel": f"POST {P}/runs/{{run}}/cancel",
    "runs discard": f"POST {P}/runs/{{run}}/discard",
    "runs list": f"GET {P}/runs",
    "runs rejects": f"GET {P}/runs/{{run}}/refused",
    "runs show": f"GET {P}/runs/{{run}}, GET {P}/runs/{{run}}/progress",
    "segments attach": f"POST {P}/segments/{{sync}}/attach, POST {P}/segments/{{sync}}/attach/plan",
    "segments list": f"GET {P}/segments",
    "segments read": f"POST {P}/connections/{{connection}}/platform/read",
    "segments seed": f"POST {P}/seeds, POST {P}/seeds/plan",
    "segments show": f"GET {P}/segments/{{sync}}",
    "sources add": f"PUT {P}/sources/{{source}}",
    "sources change": f"PUT {P}/sources/{{source}}",
    "sources list": f"GET {P}/sources",
    "sources remove": f"DELETE {P}/sources/{{source}}",
    "sources show": f"GET {P}/sources/{{source}}",
    "sources test": f"POST {P}/sources/{{source}}/test",
    "sources verify": f"POST {P}/sources/{{source}}/verify",
    "statement": f"GET {P}/connections/{{connection}}/statement, GET {P}/connections/{{connection}}/statement.csv",
    "syncs add": f"POST {P}/syncs, POST {P}/splits",
    "syncs change": f"PATCH {P}/syncs/{{sync}}",
    "syncs dry-run": f"POST {P}/syncs/{{sync}}/dry-runs",
    "syncs list": f"GET {P}/syncs, GET {P}/syncs/{{sync}}",
    "syncs pause": f"POST {P}/syncs/{{sync}}/pause, GET {P}/syncs/{{sync}}/stakes",
    "syncs plan": f"POST {P}/syncs/{{sync}}/plans, GET {P}/syncs/{{sync}}/plans/{{plan}}, GET {P}/syncs/{{sync}}/plans/{{plan}}/progress, "
    f"POST {P}/syncs/draft/forecast",
    "syncs remove": f"DELETE {P}/syncs/{{sync}}",
    "syncs resume": f"POST {P}/syncs/{{sync}}/resume",
    "syncs run": f"POST {P}/syncs/{{sync}}/runs, POST {P}/splits/{{split}}/runs",
    "tokens issue": "POST /tokens",
    "tokens list": "GET /tokens",
    "tokens revoke": "DELETE /tokens/{token}",
    "trace": f"POST {P}/trace",
    "users add": "POST /users",
    "users code": "POST /users/{user}/code",
    "users disable": "PUT /users/{user}/state",
    "users enable": "PUT /users/{user}/state",
    "users list": f"GET /users, GET {P}/people",
    "users require-factor": "PUT /second-factor",
    "users reset-factor": "DELETE /users/{user}/second-factor",
    "users role": f"PUT {P}/people/{{user}}",
    "webhook secret": f"POST {P}/webhook/secret",
    "webhook show": f"GET {P}/webhook",
}
"""Command: the routes that do the same."""

HERE_ALONE = {
    "backup": "writes a file of the server, sealed by a passphrase that goes over no network",
    "cohorts export": "writes everybody to a file; over the API people are shown few at a time",
    "demo": "has a home of its own",
    "events compact": "the worker does it once a day",
    "events pull": "runs for hours, and again after any end; the command is for a timer of the machine",
    "init": "there is no server yet",
    "ledger rebuild-membership": "mends files of the server while nobody works on them",
    "ledger tidy": "the worker does it once a day",
    "privacy resume": "the worker does it in its time",
    "quickstart": "reads a file where it lies; the console has the same steps",
    "restore": "makes another home",
    "sandbox": "is a process",
    "serve": "is a process",
    "vault rotate": "exchanges the key file of the home",
    "worker": "is a process",
}
"""Commands without a route, and why."""

BY_BROWSER_OR_PROGRAM = ("/session", "/setup", "/welcome", "/second-factor", "/events/", "/webhook/messages", "/uploads", "/samples",
                         "/openapi.json", "/livez", "/readyz", "/metrics", "/draft/test", "/examples")  # fmt: skip
"""Parts of routes without a command: of who signs in, of programs that send or watch, and of a form that is not saved yet."""


def commands() -> set[str]:
    text = (REFERENCE / "commands.md").read_text("utf-8")
    found = set(re.findall(r"^## tradewind ([a-z -]+)$", text, re.MULTILINE))
    return {each for each in found if not any(other.startswith(f"{each} ") for other in found)}


def routes() -> set[str]:
    paths = json.loads((REFERENCE / "openapi.json").read_text("utf-8"))["paths"]
    return {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in paths.items() for method in methods}


def test_every_command_has_its_route_or_a_reason() -> None:
    assert commands() == set(SAME) | set(HERE_ALONE)
    assert not set(SAME) & set(HERE_ALONE)
    told = {route for each in SAME.values() for route in each.split(", ")}
    assert told <= routes(), told - routes()


def test_every_route_has_its_command_or_is_of_a_browser_or_a_program() -> None:
    told = {route for each in SAME.values() for route in each.split(", ")}
    assert not {each for each in routes() - told if not any(part in each for part in BY_BROWSER_OR_PROGRAM)}
