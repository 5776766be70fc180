"""kill -9 at random, with mixed intervals and a fault on a third of the answers: nothing is lost, whatever people are stamped by."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.rig import running_rig

KILLS = 60


@pytest.mark.timeout(900)
def test_killed_at_random_nothing_is_lost(tmp_path: Path) -> None:
    """The longer one is `./dev chaos`."""
    with running_rig(tmp_path / "rig", seed=60, refresh="before_expiry", recency="last_event") as rig:
        rig.set_up()
        for _ in rig.kill_at_random(KILLS):
            pass
        verdict = rig.end()
    print(verdict)
    assert verdict.kills >= KILLS
    assert verdict.faults > verdict.requests / 5, "the platform did misbehave"
    assert verdict.clean, verdict
