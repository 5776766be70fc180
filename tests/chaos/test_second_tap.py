"""A change of mind after a lost answer: the older wish arrives after the newer one, and the newer one is said once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.rig import HOUR, running_rig

LATE = 8.0
"""Seconds after which the platform carries out what it gave no answer to; a whole run fits in between."""

MINUTE = 60.0


@pytest.mark.timeout(900)
def test_an_add_that_arrives_after_its_removal_does_not_stay(tmp_path: Path) -> None:
    """Ten come, every answer is lost, and they leave: removed at once, added by what was late, and removed for good by the second tap."""
    with running_rig(tmp_path / "rig", seed=8, refresh="before_expiry") as rig:
        rig.set_up()
        person = {"runs": [["default", "listed"]]}
        rig.live(**person)
        before, newcomers = set(rig.listed.wanted), set(range(200, 210))

        rig.listed.wanted = before | newcomers
        rig.listed.write()
        rig.sandbox.faults({"kind": "deferred", "seconds": LATE, "times": 5})
        rig.clock.advance(MINUTE)
        rig.live(**person)

        rig.listed.wanted = before
        rig.listed.write()
        rig.clock.advance(MINUTE)
        rig.live(**person)
        assert rig.sandbox.get("/_sandbox/counts")["under_way"], "the adds are still to come"
        rig.advance(MINUTE)
        strays = rig.sandbox.members("ready1", rig.listed.segment) - rig.listed.desired()
        assert len(strays) == len(newcomers), "the late adds came after the removals"

        rig.advance(HOUR / 6)
        rig.live()
        assert rig.sandbox.members("ready1", rig.listed.segment) == rig.listed.desired()
        verdict = rig.end()
    assert verdict.clean, verdict
