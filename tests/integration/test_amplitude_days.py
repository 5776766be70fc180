"""Real people in the emulated Amplitude, synced by the worker day after day, and hour after hour; both ends are counted by plain Python."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import plain
from amplitude_town import amplitude_town
from sandbox_process import SandboxProcess
from tradewind.model.run import RunOutcome
from tradewind.operations.events import pull
from tradewind.worker import Stop, run_once

MONTHS = ("2026-05", "2026-06", "2026-07")
WINDOW = timedelta(days=30)
DAILY, ONCE, HOURLY = "amplitude: committers", "amplitude: committers once", "events: committers"
SOURCE_AND_CONNECTION = """
sources:
  - id: product
    name: Product
    kind: amplitude
    region: sandbox
    api_key: {env: AMPLITUDE_API_KEY}
    secret_key: {env: AMPLITUDE_SECRET_KEY}
connections:
  - id: main
    name: Main
    destination: thetradedesk
    advertiser: ready1
    region: sandbox
    auth: signature
    secret: {env: TTD_SECRET}
    identity:
      - {from: user.advertising_id, to: DAID}
      - {from: user.uid2, to: UID2}
      - {from: user.tdid, to: TDID}
"""
PULLED_COHORT = f"""
cohorts:
  - {{id: committers, name: Committers, kind: amplitude, source: product, cohort: comm1t}}
syncs:
  - {{id: daily, cohort: committers, connection: main, cadence: daily, segment: "{DAILY}"}}
  - {{id: once, cohort: committers, connection: main, cadence: one_time, segment: "{ONCE}"}}
"""
PULLED_EVENTS = f"""
cohorts:
  - {{id: committers, name: Committers, kind: behavioural, who: {{did: commit, in: {{last: 30 days}}}}}}
syncs:
  - {{id: hourly, cohort: committers, connection: main, cadence: hourly, segment: "{HOURLY}"}}
"""


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A folder with the real events of these months."""
    folder = plain.real_events()
    if folder is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    months = tmp_path / "months"
    months.mkdir()
    for month in MONTHS:
        (months / f"{month}.json.gz").symlink_to(folder / f"20260101_{month}.json.gz")
    return months


def committers(folder: Path, until: datetime) -> dict[int, dict[str, Any]]:
    """Who committed in the window before an instant, by Amplitude id, with the last known value of each user property."""
    rows = []
    for month in MONTHS:
        with gzip.open(folder / f"{month}.json.gz", "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    rows = [row for row in rows if datetime.fromisoformat(row["event_time"]).replace(tzinfo=UTC) < until]
    known: dict[int, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda each: each["event_time"]):
        known[row["amplitude_id"]] = known.get(row["amplitude_id"], {}) | (row["user_properties"] or {})
    since = f"{until - WINDOW:%Y-%m-%d %H:%M:%S}"
    acted = {row["amplitude_id"] for row in rows if row["event_type"] == "commit" and row["event_time"] >= since}
    return {person: known[person] for person in acted}


def identifiers(people: dict[int, dict[str, Any]]) -> set[tuple[str, str]]:
    """Every identifier that can be sent, as the platform writes it."""
    found = set()
    for known in people.values():
        for kind, name in (("DAID", "advertising_id"), ("TDID", "tdid")):
            value = str(known.get(name) or "").lower()
            if plain.GUID.fullmatch(value) and value.strip("0-"):
                found.add((kind, value))
        if is_raw_uid2(value := str(known.get("uid2") or "")):
            found.add(("UID2", value))
    return found


def is_raw_uid2(value: str) -> bool:
    try:
        return len(value) == 44 and len(base64.b64decode(value, validate=True)) in {32, 33}
    except binascii.Error:
        return False


def give(sandbox: SandboxProcess, events: Path) -> None:
    """Let the emulated Amplitude have these months."""
    for month in MONTHS:
        body = (events / f"{month}.json.gz").read_bytes()
        assert sandbox.send("POST", "/_sandbox/amplitude/events", body)[0] == 200


def test_every_day_both_ends_hold_who_plain_counting_says(tmp_path: Path, sandbox: SandboxProcess, events: Path) -> None:
    give(sandbox, events)
    (tmp_path / "town.yaml").write_text(SOURCE_AND_CONNECTION + PULLED_COHORT)
    with amplitude_town(tmp_path / "home", sandbox, [tmp_path / "town.yaml"]) as town:
        segments, sizes = [], []
        for day in range(5):
            town.next_day()
            now = town.parts.clock.now()
            town.cohort(id="comm1t", rule={"event_type": "commit", "from": (now - WINDOW).isoformat(), "to": now.isoformat()})
            people = committers(events, now)
            if day == 0:  # when it is added, each is run by hand; from then on the worker runs the daily one
                runs = [town.run("daily"), town.run("once")]
                once = sandbox.members("ready1", ONCE)
            else:
                runs = [done.run for done in run_once(town.parts, Stop()) if done.run]
                assert [run.sync for run in runs] == ["daily"]
            assert {run.outcome for run in runs} == {RunOutcome.CLEAN}
            assert sandbox.members("ready1", DAILY) == identifiers(people)
            (listed,) = sandbox.get("/_sandbox/amplitude/cohorts")
            assert listed["size"] == len(people) > 30
            accounts = [town.parts.ledger.account(run.id) for run in runs]
            assert all(account.accepted == account.planned for account in accounts)
            segments.append(sandbox.members("ready1", DAILY))
            sizes.append(town.downloads())
        assert sizes == [1, 2, 3, 4, 5], "one download a day, which the one-time sync shared"
        assert sandbox.members("ready1", ONCE) == once == segments[0]
        assert any(before - after for before, after in pairwise(segments)), "nobody went"
        assert any(after - before for before, after in pairwise(segments)), "nobody came"
        budget = town.parts.amplitude.budget(town.parts.sources.one("default", "product"), town.parts.clock.now())
        assert budget.spent == town.downloads()


def test_hourly_works_over_pulled_events(tmp_path: Path, sandbox: SandboxProcess, events: Path) -> None:
    """Each hour: what Amplitude has ready is pulled, and the worker keeps the segment equal to who committed by that."""
    give(sandbox, events)
    (tmp_path / "town.yaml").write_text(SOURCE_AND_CONNECTION + PULLED_EVENTS)
    recorded = plain.load(events)
    with amplitude_town(tmp_path / "home", sandbox, [tmp_path / "town.yaml"]) as town:
        seen = []
        for hours in (0, 1, 23):
            town.parts.clock.sleep(hours * 3600)
            now = town.parts.clock.now()
            pull(town.parts, "default", "product", f"{MONTHS[0]}-01", None, lambda *_: None)
            runs = [done.run for done in run_once(town.parts, Stop())] if hours else [town.run("hourly")]
            assert [run.outcome for run in runs if run] == [RunOutcome.CLEAN]
            ready = f"{now.replace(minute=0, second=0) - timedelta(hours=2):%Y-%m-%d %H:%M:%S}"
            done = plain.acts([event for event in recorded if event["server_upload_time"] < ready], now)
            since = plain.days_before(now, 30, "UTC")
            people = {act.person for act in done if act.what == "commit" and act.at >= since}
            assert sandbox.members("ready1", HOURLY) == plain.identifiers(done, people)
            seen.append(frozenset(people))
        assert len(set(seen)) > 1, "nobody came or went"
        assert town.downloads() == 0
