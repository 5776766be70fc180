"""Whatever Amplitude does wrong, through the whole product: the run goes on, is held or fails, and nobody is removed for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from amplitude_town import AmplitudeTown, amplitude_town
from sandbox_process import SandboxProcess, running_sandbox
from tradewind.errors import ConfigurationError, EngineError, GoneError, RetryableError, TradewindError, UncertainError
from tradewind.model.run import RunOutcome, RunState

SEGMENT = "amplitude: people"
COUNT = 200
PEOPLE = {"count": COUNT, "seed": 1, "properties": ["advertising_id"]}
YAML = """
sources:
  - id: product
    name: Product
    kind: amplitude
    region: sandbox
    api_key: {env: AMPLITUDE_API_KEY}
    secret_key: {env: AMPLITUDE_SECRET_KEY}
cohorts:
  - {id: people, name: People, kind: amplitude, source: product, cohort: c1}
connections:
  - id: main
    name: Main
    destination: thetradedesk
    advertiser: ready1
    region: sandbox
    auth: signature
    secret: {env: TTD_SECRET}
    identity: [{from: user.advertising_id, to: DAID}]
syncs:
  - {cohort: people, connection: main, cadence: daily, segment: "amplitude: people"}
"""


@pytest.fixture(scope="module")
def _town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmplitudeTown]:
    folder = tmp_path_factory.mktemp("amplitude-faults")
    (folder / "town.yaml").write_text(YAML)
    with running_sandbox(folder) as url, amplitude_town(folder / "home", SandboxProcess(url), [folder / "town.yaml"]) as town:
        town.cohort(id="c1", generated=PEOPLE)
        assert town.run("people-main").outcome is RunOutcome.CLEAN
        yield town


@pytest.fixture
def town(_town: AmplitudeTown) -> AmplitudeTown:
    """The day after: everybody who is in the cohort is in the segment, and Amplitude counts from nothing."""
    _town.sandbox.post("/_sandbox/amplitude/reset")
    _town.cohort(id="c1", generated=PEOPLE)
    _town.next_day()
    assert len(held(_town)) == COUNT
    return _town


def held(town: AmplitudeTown) -> set[tuple[str, str]]:
    """Who is in the segment at The Trade Desk."""
    return town.sandbox.members("ready1", SEGMENT)


def removals(town: AmplitudeTown) -> int:
    """How many identifiers The Trade Desk was ever asked to remove."""
    return int(town.sandbox.get("/_sandbox/counts")["removals"])


def always(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "times": None, **more}


# --- what passes by itself: the run ends as if nothing had been, and one download is charged

PASSES: dict[str, list[Any]] = {
    "a slow download": [{"kind": "slow", "polls": 12}],
    "a list that is lost once": [{"kind": "lost", "at": "list"}],
    "a poll that is lost once": [{"kind": "lost", "at": "status"}],
    "a file that is lost once": [{"kind": "lost", "at": "file"}],
    "a file whose transfer breaks off": [{"kind": "torn", "at": "file"}],
    "a link whose transfer breaks off": [{"kind": "torn", "at": "link"}],
    "a link that expired before it was followed": ["expired_link"],
    "a server in trouble for a moment": [{"kind": "error", "status": 502, "at": "list", "times": 2}, {"kind": "error", "at": "status"}],
    "too many requests, with how long to wait": [{"kind": "throttle", "retry_after": 30, "at": "list"}],
    "too many requests, without": [{"kind": "throttle", "at": "status", "times": 2}],
    "too many requests at the request of a download": [{"kind": "throttle", "retry_after": 5, "at": "request"}],
    "columns in another order": ["reordered_columns"],
    "a column more than was asked for": ["extra_column"],
    "a packed file": ["gzip"],
    "answers that come late": [{"kind": "late", "seconds": 0.2, "at": "file"}],
}


@pytest.mark.parametrize("what", PASSES)
def test_what_passes_by_itself(town: AmplitudeTown, what: str) -> None:
    if "link" in what:
        town.sandbox.post("/_sandbox/amplitude/limits", {"direct_bytes": 0})
    before = town.downloads()
    town.faults(*PASSES[what])
    assert town.run("people-main").outcome is RunOutcome.CLEAN
    assert town.sandbox.get("/_sandbox/amplitude/faults") == {"faults": []}, "the fault was not met"
    assert (len(held(town)), removals(town), town.downloads() - before) == (COUNT, 0, 1)


# --- what does not: the run fails, says why, and nobody is removed


@dataclass(frozen=True)
class Failure:
    """What is wrong, the error that a run by hand ends with, and words of its sentence; `charged` downloads were spent."""

    faults: tuple[Any, ...]
    error: type[TradewindError]
    says: str
    charged: int = 1


FAILS: dict[str, Failure] = {
    "a download that fails": Failure((always("failed"),), GoneError, "failed"),
    "a file that ends within a row": Failure((always("mid_row"),), EngineError, ""),
    "a file that ends within a quoted value": Failure((always("mid_quote"),), EngineError, ""),
    "a row with a value too few": Failure((always("short_row"),), EngineError, ""),
    "a file that is not UTF-8": Failure((always("bad_utf8"),), EngineError, "UTF-8"),
    "an empty file": Failure((always("no_bytes"),), EngineError, ""),
    "another column than was asked for": Failure((always("renamed_column"),), EngineError, "advertising_id"),
    "a column too few": Failure((always("missing_column"),), EngineError, "advertising_id"),
    "a transfer that always breaks off": Failure((always("torn", at="file"),), RetryableError, ""),
    "a request of a download whose answer is lost": Failure(({"kind": "lost", "at": "request"},), UncertainError, "counted as spent"),
    "a server that stays in trouble": Failure((always("error", status=503, at="list"),), RetryableError, "503", 0),
    "a proxy's page in place of the list": Failure((always("html", at="list"),), EngineError, "", 0),
    "keys that were revoked": Failure((always("wrong_keys"),), ConfigurationError, "sources test product", 0),
}


def test_the_page_names_each_of_them() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "amplitude.md").read_text("utf-8")
    named = {
        each.strip() for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for each in re.split("[,;] (?=an? |col|answers|too)", row)
    }
    assert set(PASSES) | set(FAILS) <= named


@pytest.mark.parametrize("what", FAILS)
def test_what_fails_a_run_removes_nobody(town: AmplitudeTown, what: str) -> None:
    failure, before = FAILS[what], town.downloads()
    town.faults(*failure.faults)
    with pytest.raises(failure.error) as raised:
        town.run("people-main")
    assert failure.says in str(raised.value)
    assert "\n" not in str(raised.value)
    last = town.parts.ledger.newest("default", "people-main", town.parts.clock.now())
    assert last is not None
    assert (last.outcome, removals(town), len(held(town))) == (RunOutcome.FAILED, 0, COUNT)
    assert town.downloads() - before == failure.charged


def test_a_cohort_that_is_deleted_archived_or_hidden_fails_the_run_and_removes_nobody(town: AmplitudeTown) -> None:
    orders: list[tuple[dict[str, Any], str]] = [
        ({"archived": True}, "is archived"),
        ({"published": False}, "not discoverable"),
    ]
    for order, says in orders:
        town.cohort(id="c1", generated=PEOPLE, **order)
        with pytest.raises(GoneError, match=says):
            town.run("people-main")
    assert town.sandbox.send("DELETE", "/_sandbox/amplitude/cohorts?id=c1")[0] == 200
    with pytest.raises(GoneError, match="was deleted"):
        town.run("people-main")
    assert (len(held(town)), removals(town)) == (COUNT, 0)


# --- what looks whole and is not: the run is held


def test_a_file_with_half_of_the_members_holds_the_run(town: AmplitudeTown) -> None:
    town.faults(always("fewer_rows"))
    run = town.run("people-main")
    assert (run.state, len(held(town)), removals(town)) == (RunState.HELD, COUNT, 0)
    town.faults()
    town.next_day()
    assert town.run("people-main").outcome is RunOutcome.CLEAN


def test_a_cohort_that_shrinks_at_once_holds_the_run(town: AmplitudeTown) -> None:
    town.cohort(id="c1", generated=PEOPLE | {"count": 20})
    run = town.run("people-main")
    assert (run.state, len(held(town)), removals(town)) == (RunState.HELD, COUNT, 0)


# --- limits


def test_amplitudes_own_count_of_the_month_is_obeyed(town: AmplitudeTown) -> None:
    town.sandbox.post("/_sandbox/amplitude/limits", {"downloads_per_month": town.downloads()})
    with pytest.raises(RetryableError):
        town.run("people-main")
    assert (len(held(town)), removals(town)) == (COUNT, 0)


def test_whatever_is_wrong_those_who_would_lapse_are_renewed(town: AmplitudeTown) -> None:
    """Memberships last 30 days; the source fails for 50, and everybody is there still."""
    town.run("people-main")
    first = town.sandbox.get("/_sandbox/segments")
    town.sandbox.post("/_sandbox/amplitude/cohorts", {"id": "c1", "generated": PEOPLE, "archived": True})
    for days in (10, 18.5, 21.5):
        town.parts.clock.sleep(days * 86_400)
        with pytest.raises(GoneError):
            town.run("people-main")
    last = town.sandbox.get("/_sandbox/segments")
    expiry = [next(each["last_expiry"] for each in found if each["name"] == SEGMENT) for found in (first, last)]
    assert expiry[0] < expiry[1]
    assert (len(held(town)), removals(town)) == (COUNT, 0)


# --- last, since the segment is another one afterwards


def test_a_cohort_that_grows_while_a_download_is_shared_holds_nothing(town: AmplitudeTown) -> None:
    """The file is compared with what was listed when it was asked for; who came since comes with the next download."""
    assert town.run("people-main").outcome is RunOutcome.CLEAN
    town.cohort(id="c1", generated=PEOPLE | {"count": 2 * COUNT})
    assert town.run("people-main").outcome is RunOutcome.CLEAN
    assert (len(held(town)), town.downloads()) == (COUNT, 1)
    town.next_day()
    assert town.run("people-main").outcome is RunOutcome.CLEAN
    assert len(held(town)) == 2 * COUNT
