"""Every wrong message that can come to the webhook and what is answered, as the reliability plan of the house numbers them."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pushes import AD, DOOR, inside, message
from site_of import Site, detail
from tests_of import functions
from tradewind.model.alert import AlertKind
from tradewind.model.cohort import Cohort, CohortKind, Pushed
from tradewind.model.sync import Cadence
from tradewind.operations import webhooks
from tradewind.operations.alerting import Watchman
from tradewind.planning.guards import Evidence, gap
from tradewind.sources.webhook.message import lacking
from tradewind.worker import Stop, run_once

TESTS = Path(__file__).resolve().parents[2]

BROKEN = '{"cohort_id": "k8dup3vx", "in_cohort": true,\n "users": [{"user_id": "u1"},]}'

ROWS: list[tuple[str, Any, int, str]] = [
    ("I8 missing", {"in_cohort": None}, 422, "'in_cohort'"),
    ("I8 a text", {"in_cohort": "true"}, 422, "'in_cohort'"),
    ("I8 a number", {"in_cohort": 1}, 422, "'in_cohort'"),
    ("I9 nobody", {"users": []}, 200, ""),
    ("I9 a million", " " * ((4 << 20) + 1), 413, "bytes"),
    ("I13 not JSON", "cohort is {input.cohort_name}", 422, "line 1, column 1"),
    ("I13 a comma too many", BROKEN, 422, "line 2, column"),
    ("I13 half of it", BROKEN[:40], 422, "line 1, column"),
]

ELSEWHERE = {
    "I1": "unit/web/test_webhook.py::test_only_who_has_the_secret_may_push",
    "I3": "unit/web/test_webhook.py::test_a_message_is_stored_before_it_is_answered_and_counts_once",
    "I6": "unit/web/test_webhook.py::test_only_who_has_the_secret_may_push",
    "I7": "unit/web/test_webhook.py::test_the_message_that_was_computed_last_counts_in_whatever_order_they_come",
}

NOT_HERE = {"I2", "I5"}
"""Amplitude signs nothing and says no time of sending: a secret header is all there is, as the decision about pushed cohorts says."""


@pytest.mark.parametrize(("row", "wrong", "status", "says"), ROWS, ids=[row[0] for row in ROWS])
def test_a_wrong_message_is_answered_as_listed(
    site: Site, amplitude: TestClient, tmp_path: Path, row: str, wrong: Any, status: int, says: str
) -> None:
    answer = amplitude.post(DOOR, content=wrong if isinstance(wrong, str) else json.dumps(message([1]) | wrong))
    assert answer.status_code == status, f"{row}: {answer.text}"
    assert status == 200 or says in detail(answer)
    assert len(list((tmp_path / "pushed").rglob("*.parquet"))) == (status == 200)


def test_i4_another_message_under_an_id_that_was_taken_is_refused_and_told(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    amplitude.post(DOOR, json=message([1, 2]))
    other = amplitude.post(DOOR, json=message([3]))
    assert (other.status_code, inside(site, tmp_path)) == (409, 2)
    watchman = Watchman(site.town.parts)
    (begun,) = [each for each in watchman.look() if each.alert.kind is AlertKind.DISPUTED]
    assert (begun.alert.object, "sync the cohort there anew" in begun.alert.sentence) == ("k8dup3vx", True)
    site.town.clock.sleep(86401)
    assert begun.id in {each.id for each in watchman.look()}, "it is over"
    assert begun.id not in {each.id for each in watchman.look()}


def test_i9_who_has_no_id_is_counted(amplitude: TestClient) -> None:
    body = message([1]) | {"users": [{"user_id": "u1"}, {"user_properties": {}}]}
    told = amplitude.post(DOOR, json=body).json()
    assert (told["users"], told["nameless"]) == (1, 1)


def test_i10_what_nobody_waits_for_yet_waits_a_week(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """Defined meanwhile the cohort has it all; else it is taken away. The name that Amplitude shows may change, the id does not."""
    parts = site.town.parts
    for cohort in ("early", "never"):
        answer = amplitude.post(DOOR, json=message([1, 2]) | {"cohort_id": cohort})
        assert (answer.status_code, answer.json()["parked"]) == (202, True)
    parts.catalog.save_cohort(Cohort("default", "early", "Early", CohortKind.WEBHOOK, Pushed("early")))
    again = amplitude.post(DOOR, json=message([3], "b::enter::0") | {"cohort_id": "early", "cohort_name": "Renamed"})
    assert (again.status_code, again.json()["parked"]) == (200, False)
    site.town.clock.sleep(8 * 86400)
    webhooks.forget_parked(parts)
    found = parts.pushed.evaluate(Pushed("early"), "default", AD, parts.clock.now(), tmp_path / "out" / "members.parquet")
    assert found.members == 3
    assert parts.pushed.messages.cohorts("default") == ("early",)
    assert not list((tmp_path / "pushed" / "default" / "never").iterdir())


def test_i10_a_cohort_that_was_removed_takes_nothing_more(site: Site, amplitude: TestClient) -> None:
    site.town.parts.catalog.remove_cohort("default", "payers")
    answer = amplitude.post(DOOR, json=message([1]))
    assert (answer.status_code, "end its sync in Amplitude" in detail(answer)) == (410, True)


def test_i11_more_at_once_than_can_be_stored_are_told_to_come_again(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """Nothing that was answered with 200 is lacking afterwards."""
    site.app.state.pushes = threading.BoundedSemaphore(2)
    gate = threading.Barrier(12)

    def push(number: int) -> int:
        gate.wait(20)
        return amplitude.post(DOOR, json=message([number], f"{number}::enter::0")).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(push, range(12)))
    assert set(answers) <= {200, 429}
    assert answers.count(200) >= 2
    assert inside(site, tmp_path) == answers.count(200)
    site.app.state.pushes = threading.BoundedSemaphore(1)
    with site.app.state.pushes:
        full = amplitude.post(DOOR, json=message([99], "99::enter::0"))
    assert (full.status_code, full.headers["retry-after"]) == (429, "1")


def test_i12_what_was_stored_and_never_answered_is_known_when_it_comes_again(site: Site, amplitude: TestClient, tmp_path: Path) -> None:
    """The process dies after the row is written and before the answer: the sender sends again."""
    webhooks.receive(site.town.parts, "default", json.dumps(message([1, 2])).encode())
    assert amplitude.post(DOOR, json=message([1, 2])).json()["new"] is False
    assert inside(site, tmp_path) == 2


def test_i14_while_a_part_of_a_list_lacks_nobody_is_removed(site: Site, amplitude: TestClient) -> None:
    """Five parts of a list of which the third did not come: the run is held, which is told, and goes on when it has come."""
    town = site.town
    amplitude.post(DOOR, json=message(range(1, 41)))
    sync = town.add("pushed", Cadence.ON_CHANGE, cohort="payers")
    list(run_once(town.parts, Stop()))
    assert len(town.held(sync)) == 40
    for part in (0, 1, 3, 4):
        amplitude.post(DOOR, json=message([part + 1], f"job::exit::{part}", entering=False, computed=1_772_366_500))
    town.clock.sleep(60)
    (done,) = run_once(town.parts, Stop())
    assert (done.run and done.run.state, len(town.held(sync))) == ("held", 40)
    told = {each.alert.kind for each in Watchman(town.parts).look()}
    assert AlertKind.HELD in told
    amplitude.post(DOOR, json=message([3], "job::exit::2", entering=False, computed=1_772_366_500))
    town.clock.sleep(61)
    (done,) = run_once(town.parts, Stop())
    assert (done.run and done.run.outcome, len(town.held(sync))) == ("clean", 35)


@pytest.mark.parametrize(
    ("came", "lost"),
    [
        ([], 0),
        (["a::enter::0"], 0),
        (["a::enter::0", "a::enter::2"], 1),
        (["a::enter::1"], 1),
        (["a::enter::0", "a::exit::1"], 1),
        (["a::enter::0", "b::enter::0", "a::enter::3", "a::enter::1"], 1),
        (["a::enter::0", "a::enter::1000", "a::enter::2000"], 0),
        (["9baaa88f", "x::y", "m1"], 0),
    ],
)
def test_i14_which_parts_lack(came: list[str], lost: int) -> None:
    """Numbers that count by thousands are no parts."""
    assert lacking(came) == lost
    assert bool(gap(Evidence(lost=lost).lost)) == bool(lost)


def test_every_row_is_answered() -> None:
    here = {name.split("_")[1].upper() for name in functions("unit/web/test_webhook_corpus.py") if name.startswith("test_i")}
    missing = [place for place in ELSEWHERE.values() if place.partition("::")[2] not in functions(place.partition("::")[0])]
    assert missing == []
    assert {f"I{number}" for number in range(1, 15)} == {row[0].split()[0] for row in ROWS} | set(ELSEWHERE) | here | NOT_HERE
