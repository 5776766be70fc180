"""Runs over events are held when the events cannot be trusted: they stopped, files were left out, or a property is sent no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from product import Called, Product
from sandbox_process import SandboxProcess

SEGMENT = "[Tradewind] Active: active"


def told(first: int, last: int, hours_ago: float, **properties: object) -> str:
    """A line for each person of an event of so many hours ago, as the Export API writes it; each states an advertising id."""
    moment = datetime.now(UTC) - timedelta(hours=hours_ago)
    lines = []
    for number in range(first, last):
        event = {
            "event_type": "Open",
            "event_time": f"{moment:%Y-%m-%d %H:%M:%S.%f}",
            "user_id": f"u{number}",
            "$insert_id": f"{number}/{hours_ago}",
            "event_properties": properties,
            "user_properties": {"adid": f"a0000000-0000-4000-8000-{number:012}"},
        }
        lines.append(json.dumps(event))
    return "\n".join(lines) + "\n"


@pytest.fixture
def product(tmp_path_factory: pytest.TempPathFactory, sandbox: SandboxProcess) -> Product:
    """A home whose daily sync is of everybody who opened the app in some place in the last thirty days."""
    product = Product(tmp_path_factory.mktemp("guards"), sandbox.url, TTD_SECRET="sandbox-secret-ready1")
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "user.adid=DAID")
    product.ok("connections", "add", "main", *words)
    rule = "{did: Open, where: {event.place: {is_not: nowhere}}, in: {last: 30 days}}"
    text = f"cohorts: [{{id: active, name: Active, kind: behavioural, who: {rule}}}]\n"
    product.write("active.yaml", text + "syncs: [{id: active, cohort: active, connection: main, cadence: daily}]\n")
    product.ok("apply", "active.yaml")
    return product


def bring(product: Product, text: str, name: str = "events.json") -> None:
    product.ok("events", "import", str(product.write(name, text)))


def held_by(product: Product) -> tuple[str, dict[str, int]]:
    """Run the sync, which must be held; the run, and what each guard counted."""
    done: Called = product.call("syncs", "run", "active")
    assert done.code == 12, done.error + done.output
    return done.json["run"]["id"], {verdict["guard"]: verdict["count"] for verdict in done.json["plan"]["verdicts"]}


def test_events_that_stopped_are_held_unless_the_instant_was_named(product: Product, sandbox: SandboxProcess) -> None:
    bring(product, told(0, 5, 71.5, place="home"))
    run, guards = held_by(product)
    assert guards == {"stale": 72}
    assert not sandbox.members("ready1", SEGMENT)
    assert "import newer events and run again" in product.text("runs", "show", run).output
    product.ok("runs", "approve", run, "--guard", "stale=72")
    assert len(sandbox.members("ready1", SEGMENT)) == 5
    named = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    assert product.ok("syncs", "run", "active", "--as-of", named)["run"]["outcome"] == "clean"
    bring(product, told(5, 6, 1, place="home"), "newer.json")
    assert product.ok("syncs", "run", "active")["run"]["outcome"] == "clean"


def test_an_import_that_left_a_file_out_is_held_until_a_whole_one(product: Product, sandbox: SandboxProcess) -> None:
    bring(product, told(0, 5, 1, place="home"))
    damaged = product.write("damaged.json.gz", b"\x1f\x8b this is not what gzip writes")
    assert product.call("events", "import", str(damaged)).code != 0
    assert held_by(product)[1] == {"partial": 1}
    bring(product, told(5, 9, 1, place="home"), "mended.json")
    assert product.ok("syncs", "run", "active")["run"]["outcome"] == "clean"
    assert len(sandbox.members("ready1", SEGMENT)) == 9


def test_a_property_of_the_rule_that_is_another_or_is_sent_no_more_is_held(product: Product, sandbox: SandboxProcess) -> None:
    """Twenty numbers where texts were say something. A few events without it say nothing, ten thousand do."""
    bring(product, told(0, 5, 2, place="home"))
    product.ok("syncs", "run", "active")
    bring(product, told(0, 9, 1, spot="home"), "few.json")
    product.ok("syncs", "run", "active")
    bring(product, told(0, 20, 0.7, place=7), "numbers.json")
    run, guards = held_by(product)
    assert guards == {"drift": 1}
    assert "of another type than before in the last imported: event.place" in product.text("runs", "show", run).output
    product.ok("runs", "approve", run, "--guard", "drift=1")
    before = len(sandbox.members("ready1", SEGMENT))
    bring(product, told(0, 10_000, 0.5, spot="home"), "many.json")
    run, guards = held_by(product)
    assert guards.pop("growth", None) is not None
    assert guards == {"drift": 1}
    assert "event.place" in product.text("runs", "show", run).output
    assert len(sandbox.members("ready1", SEGMENT)) == before
    product.ok("runs", "approve", run, "--guard", "drift=1", "--guard", "growth=10000")
    assert product.ok("syncs", "run", "active")["run"]["outcome"] == "clean"
