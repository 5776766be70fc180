"""kill -9 while a split runs whose people change sides, beside a platform that misbehaves: nobody is in two segments, nobody is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chaos.rig import CYCLES, HOUR, SLOTS, Rig, running_rig

MOMENTS = (("snapshot.written", 2), ("request.sent", 1), ("membership.named", 1), ("run.closed", 2))
"""When the second part takes the snapshot of the first; while people are taken out; before it is known that they are out; and when
they are out of the one and not let into the other."""

SIDES = ("left", "right")
PEOPLE = range(1, 61)
TEXT = """
connections: [{id: acme, name: Acme, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature,
  secret: {env: SECRET_ready1}, identity: [{from: user.ad, to: DAID}]}]
cohorts: [{id: open, name: Open, kind: behavioural, who: {did: Open}}]
syncs: [{id: open, cohort: open, connection: acme, cadence: hourly, at: "06:30", split_by: side, values: [left, right], segment: "{value}"}]
"""


@pytest.mark.timeout(600)
def test_a_split_that_is_killed_anywhere_ends_with_everybody_on_their_side(tmp_path: Path) -> None:
    with running_rig(tmp_path / "rig", seed=12) as rig:
        (rig.folder / "split.yaml").write_text(TEXT)
        sides = {number: SIDES[number % 2] for number in PEOPLE}
        rig.live(definitions=[["default", str(rig.folder / "split.yaml")]], **_said(rig, 0, sides))
        _until(rig, sides)
        for turn, moment in enumerate(MOMENTS, 1):
            movers = rig.chance.sample(PEOPLE, 12)
            sides |= {number: SIDES[sides[number] == "left"] for number in movers}
            rig.advance(HOUR)
            rig.misbehave(but=("refuse_items",))
            fate = rig.live(kill_at=list(moment), **_said(rig, turn, {number: sides[number] for number in movers}))
            assert fate["killed"], f"{moment} was not reached: {fate}"
            _held(rig)
            _until(rig, sides)
        assert rig.live(lists=[], imports=[], verify=True)["report"]["findings"] == []
        assert not rig.verdict.broken, rig.verdict
        assert (rig.verdict.sent_without_intent, rig.verdict.wrong_advertiser) == (0, 0)
        assert rig.verdict.most_sent_again <= SLOTS


def _said(rig: Rig, turn: int, sides: dict[int, str]) -> dict[str, Any]:
    """A life that takes in on which side people are now."""
    at = int((rig.clock.now() - timedelta(seconds=1)).timestamp() * 1000)
    lines = [
        {"event_type": "Open", "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"{turn}-{number}", "time": at,
         "user_properties": {"ad": rig.listed.guid(number), "side": side}}
        for number, side in sides.items()
    ]  # fmt: skip
    path = rig.folder / f"said-{turn}.json"
    path.write_text("\n".join(map(json.dumps, lines)))
    return {"lists": [], "imports": [["default", str(path)]]}


def _held(rig: Rig) -> list[set[tuple[str, str]]]:
    """Who is in each segment; nobody in both."""
    held = [rig.sandbox.members("ready1", side) for side in SIDES]
    assert not held[0] & held[1]
    return held


def _until(rig: Rig, sides: dict[int, str]) -> None:
    """The platform behaves; within so many slots everybody is where they belong."""
    rig.sandbox.send("DELETE", "/_sandbox/faults")
    expected = [{("DAID", rig.listed.guid(number)) for number, mine in sides.items() if mine == side} for side in SIDES]
    for _ in range(CYCLES):
        rig.advance(HOUR)
        rig.live(lists=[], imports=[], approve=True)
        if _held(rig) == expected:
            return
    pytest.fail(f"the segments hold {[len(each) for each in _held(rig)]}, not the {[len(each) for each in expected]} they should")
