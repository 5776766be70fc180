"""Events that live in Amplitude, by the commands a user types: over the wire into the store, hour by hour, also when killed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from product import Product
from sandbox_process import SandboxProcess, wait_until

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
HOURS = 60
PULL = ("events", "pull", "amp", "--from", "2026-05-01", "--to", "2026-05-03T12")


def event(hour: int, number: int) -> dict[str, Any]:
    """An event that reached Amplitude in this hour after BEGIN, and happened a day before."""
    came = BEGIN + timedelta(hours=hour, minutes=number)
    times = ("client_event_time", "client_upload_time", "server_received_time", "server_upload_time", "processed_time")
    return dict.fromkeys(times, f"{came:%Y-%m-%d %H:%M:%S.%f}") | {
        "event_type": "Play" if number % 2 else "Stop",
        "event_time": f"{came - timedelta(days=1):%Y-%m-%d %H:%M:%S.%f}",
        "user_id": f"u{number}",
        "device_id": f"d{number}",
        "uuid": f"{hour}/{number}",
        "$insert_id": f"{hour}/{number}" if number else None,
        "event_properties": {"hour": hour},
        "user_properties": {},
    }


EVENTS = [event(hour, number) for hour in range(HOURS) if hour % 7 for number in range(5)]


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with a source whose emulated Amplitude has events in six of seven hours."""
    url = sandbox.get("/_sandbox/amplitude")["urls"]["us"]
    keys = {"AMP_KEY": "sandbox-api-key-100001", "AMP_SECRET": "sandbox-secret-key-100001"}
    product = Product(tmp_path, sandbox.url, TRADEWIND_SANDBOX_AMPLITUDE_URL=url, **keys)
    product.ok("init")
    product.ok("sources", "add", "amplitude", "amp", "--region", "sandbox", "--api-key-env", "AMP_KEY", "--secret-key-env", "AMP_SECRET")
    status, _, answer = sandbox.send("POST", "/_sandbox/amplitude/events", "\n".join(map(json.dumps, EVENTS)).encode())
    assert status == 200, answer
    return product


def size(product: Product, event_type: str) -> int:
    """How many people did this in spring: an independent count is made with it."""
    who = f"{{did: {event_type}, in: {{since: 2026-04-01}}}}"
    product.write("c.yaml", f"cohorts: [{{id: who, name: Who, kind: behavioural, who: {who}}}]\n")
    product.ok("apply", "c.yaml")
    return int(product.ok("cohorts", "preview", "who")["members"])


def faults(sandbox: SandboxProcess, *orders: dict[str, Any]) -> None:
    sandbox.post("/_sandbox/amplitude/faults", {"faults": [{"at": "export"} | order for order in orders]})


def exports(sandbox: SandboxProcess) -> list[dict[str, str]]:
    """What was asked for: the hours of each export."""
    return [dict(each["query"]) for each in sandbox.get("/_sandbox/amplitude/requests") if each["place"] == "export"]


def test_hours_are_pulled_once_and_cohorts_are_over_their_events(product: Product, sandbox: SandboxProcess) -> None:
    told = product.text(*PULL)
    assert told.code == 0, told.error
    assert f"60 hours, 0.0 MB, {len(EVENTS)} events read" in told.output
    done = product.ok(*PULL)
    assert (done["hours"], done["before"], done["events_read"]) == (0, 60, 0)
    assert len(exports(sandbox)) == 2
    assert exports(sandbox)[0] == {"start": "20260501T00", "end": "20260501T23"}
    counts = Counter(each["event_type"] for each in {each["user_id"]: each for each in EVENTS}.values())
    assert (size(product, "Play"), size(product, "Stop")) == (counts["Play"], counts["Stop"]) == (2, 3)
    goes_on = product.ok("events", "pull", "amp", "--to", "2026-05-03T14")
    assert (goes_on["hours"], goes_on["empty"]) == (2, 2)


def test_whatever_amplitude_does_each_event_is_there_once(product: Product, sandbox: SandboxProcess) -> None:
    faults(
        sandbox,
        {"kind": "throttle", "retry_after": 1},
        {"kind": "error", "status": 504},
        {"kind": "error", "status": 400},
        {"kind": "torn"},
        {"kind": "damaged_zip"},
        {"kind": "error", "status": 503},
    )
    done = product.ok(*PULL)
    assert (done["done"], done["events_new"], done["duplicates"], done["rejects"]) == (60, len(EVENTS), 0, {})


def test_an_hour_beyond_the_limit_is_named_and_the_next_pull_goes_on(product: Product, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"export_bytes": 10})
    refused = product.text("events", "pull", "amp", "--from", "2026-05-01", "--to", "2026-05-01T03")
    assert refused.code == 14
    assert "the hour 2026-05-01 01:00 UTC is too much for Amplitude's Export API" in refused.error
    sandbox.post("/_sandbox/amplitude/limits", {"export_bytes": 5000})
    assert product.ok(*PULL)["events_new"] == len(EVENTS)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("amp",), 10, "say from which day on with --from"),
        (("amp", "--from", "yesterday"), 10, "at --from: 'yesterday' is not a day or an hour; expected one such as 2026-01-01"),
        (("amp", "--from", "2026-05-01", "--to", "2026-02-30"), 10, "at --to: '2026-02-30' is not a day or an hour"),
        (("amp", "--from", "2026-05-01", "--to", "2026-05-01"), 10, "there is no hour from 2026-05-01 00:00"),
        (("amp", "--from", "2190-05-01"), 10, "Amplitude has no events from 2190-05-01 00:00 on yet"),
        (("nowhere", "--from", "2026-05-01"), 10, "nowhere"),
    ],
)
def test_what_cannot_be_pulled_is_one_sentence(product: Product, words: tuple[str, ...], code: int, sentence: str) -> None:
    done = product.text("events", "pull", *words)
    assert done.code == code
    assert sentence in " ".join(done.error.split())


def test_keys_that_are_refused_are_one_sentence_without_the_keys(product: Product, sandbox: SandboxProcess) -> None:
    faults(sandbox, {"kind": "wrong_keys"})
    done = product.text(*PULL)
    assert done.code == 11
    assert "Amplitude refuses the keys (403)" in done.error
    assert "sandbox-secret" not in done.error


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_pull_that_is_killed_loses_and_doubles_nothing(product: Product, sandbox: SandboxProcess, how: signal.Signals) -> None:
    sandbox.post("/_sandbox/amplitude/limits", {"export_bytes": 5000})
    for some in (3, 4):
        before = len(exports(sandbox))
        process = product.start(*PULL)
        try:
            wait_until(lambda before=before, some=some: len(exports(sandbox)) >= before + some, "it has asked for some hours")  # type: ignore[misc]
            process.send_signal(how)
        finally:
            process.wait()
    done = product.ok(*PULL)
    assert done["before"] > 0
    assert done["duplicates"] == 0
    assert product.ok("events", "pull", "amp", "--from", "2026-05-01", "--to", "2026-05-03T12")["before"] == 60
    assert total(product) == len(EVENTS)
    assert list((product.folder / "home" / "pulls").rglob("*.zip")) == []


KILLING = (
    "import os, signal, sys\nfrom tradewind import moment\nfrom tradewind.cli.main import main\n"
    "moment.watch(lambda name: name == sys.argv[1] and os.kill(os.getpid(), signal.SIGKILL))\nmain(sys.argv[2:])"
)


@pytest.mark.parametrize(("moment", "there"), [("import.written", 0), ("import.named", 24)])
def test_events_are_there_from_the_moment_that_their_hours_are(product: Product, moment: str, there: int) -> None:
    command = [sys.executable, "-c", KILLING, moment, *PULL]
    killed = subprocess.run(command, cwd=product.folder, env=product.environment, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = product.ok(*PULL)
    assert (done["before"], done["done"], done["duplicates"], total(product)) == (there, 60 - there, 0, len(EVENTS))


def total(product: Product) -> int:
    """The events that the store names."""
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as database:
        (found,) = database.execute("SELECT sum(rows) FROM event_file").fetchone()
    return int(found)
