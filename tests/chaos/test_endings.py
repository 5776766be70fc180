"""kill -9 while a sync is removed, while people who said no are taken out, and while a wish is said twice: each ends as it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos.rig import CYCLES, HOUR, SLOTS, Rig, running_rig

REMOVAL = ("sync.removed", "batches.laid", "request.sent", "membership.named")
"""Moments of the run that empties a segment, and the one before it."""

OPT_OUT = ("suppressions.written", "privacy.spread", "intent.committed", "run.closed", "notice.written", "notice.answered")
"""Moments of taking in who said no, of the run that takes them out, and of telling the platform."""

SETTLING = ("settling.recorded", "batches.laid", "request.sent")
"""When a run is put aside that must say something twice, and moments of what it sends then."""

REFUSALS = ("refuse_items",)
"""Who is refused as a leaver is left to lapse, and that is written down: not what is looked at here."""

REMOVES = {"removes": [["default", "listed"]]}
PERSON = {"runs": [["default", "listed"]]}
"""What a person does, in a life that then does what is due."""

MINUTE = 60.0


@pytest.mark.timeout(900)
def test_a_removal_that_is_killed_anywhere_ends_with_an_empty_segment(tmp_path: Path) -> None:
    """Who removes a sync with its people may have to ask again; in the end nobody is in the segment, and others are as they were."""
    with running_rig(tmp_path / "rig", seed=9) as rig:
        for name in REMOVAL:
            rig.set_up()
            _until(rig, rig.listed.desired)
            rig.misbehave(but=REFUSALS)
            _die(rig, name, **REMOVES)
            _until(rig, set, **REMOVES)
        _judge(rig)


@pytest.mark.timeout(900)
def test_an_opt_out_that_is_killed_anywhere_leaves_nobody_in(tmp_path: Path) -> None:
    """Asked again, it is carried out: who said no is in no segment though the list still names them, and the advertiser was told."""
    with running_rig(tmp_path / "rig", seed=10) as rig:
        rig.set_up()
        _until(rig, rig.listed.desired)
        people, gone = iter(sorted(rig.listed.wanted)), set[str]()
        for name in OPT_OUT:
            two = [rig.listed.guid(next(people)) for _ in range(2)]
            gone |= set(two)
            asked = {"opt_outs": [["default", two]]}
            rig.advance(HOUR)
            rig.misbehave(but=REFUSALS)
            _die(rig, name, **asked)
            _still(rig)
            rig.live(**asked)
            _until(rig, lambda: {each for each in rig.listed.desired() if each[1] not in gone})  # noqa: B023
        rig.advance(HOUR)
        rig.live()
        heard = {(each["advertiser"], each["id"]) for each in rig.sandbox.get("/_sandbox/deletions")}
        assert heard == {("ready1", each) for each in gone}
        _judge(rig)


@pytest.mark.timeout(900)
def test_a_second_tap_that_is_killed_anywhere_is_made(tmp_path: Path) -> None:
    """Some come, every answer is lost, and they leave: whatever is cut short, their removal is said twice, and they are out."""
    with running_rig(tmp_path / "rig", seed=11, refresh="before_expiry") as rig:
        rig.set_up()
        _until(rig, rig.listed.desired)
        for newcomer, name in enumerate(SETTLING, 200):
            _come(rig, newcomer)
            rig.listed.wanted -= {newcomer}
            rig.listed.write()
            rig.advance(MINUTE)
            if name == "settling.recorded":
                _die(rig, name, **PERSON)
            else:
                assert "settling.recorded" in rig.live(**PERSON)["moments"]
                rig.advance(HOUR / 6)
                _die(rig, name)
            _until(rig, rig.listed.desired)
        _judge(rig)


def _come(rig: Rig, newcomer: int) -> None:
    """Somebody is added, and the platform never says so."""
    rig.listed.wanted |= {newcomer}
    rig.listed.write()
    rig.advance(MINUTE)
    rig.sandbox.faults({"kind": "lost", "times": 40})
    rig.live(**PERSON)
    _still(rig)


def _die(rig: Rig, name: str, **order: Any) -> None:
    """A life that ends at a moment."""
    fate = rig.live(kill_at=[name, 1], **order)
    assert fate["killed"], f"{name} was not reached: {fate}"


def _still(rig: Rig) -> None:
    """The platform behaves from now on."""
    rig.sandbox.send("DELETE", "/_sandbox/faults")


def _until(rig: Rig, expected: Any, **order: Any) -> None:
    """Live on until the segment is as expected, for at most CYCLES slots."""
    _still(rig)
    for _ in range(CYCLES):
        rig.advance(HOUR)
        rig.live(approve=True, **order)
        held = rig.sandbox.members(rig.listed.advertiser, rig.listed.segment)
        if held == expected():
            return
    pytest.fail(f"the segment holds {len(held)}, not the {len(expected())} it should")


def _judge(rig: Rig) -> None:
    """No promise was broken on the way, the other sync's segment is as it should be, and the record agrees with itself."""
    fate = rig.live(verify=True)
    assert fate["report"]["findings"] == []
    assert rig.sandbox.members(rig.told.advertiser, rig.told.segment) == rig.told.desired()
    assert not rig.verdict.broken, rig.verdict
    assert (rig.verdict.sent_without_intent, rig.verdict.wrong_advertiser) == (0, 0)
    assert rig.verdict.most_sent_again <= SLOTS
