"""kill -9 at every named moment, once: afterwards the platform holds what it should, and nothing was sent twice without need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.rig import HOUR, Rig, running_rig
from tradewind.moment import MOMENTS

FAILS = {"kind": "error", "times": 1}
REFUSED = {"kind": "answer", "status": 401, "body": '{"ErrorCode":"AuthenticationFailed","Message":"no"}', "times": 1}


def _shrink(rig: Rig) -> None:
    """Whatever was cut short is finished; then so many leave that a person has to look."""
    rig.live()
    rig.listed.keep_only(10)
    rig.advance(HOUR)


def _hold(rig: Rig) -> None:
    """A run is held, and then the list is whole again."""
    _shrink(rig)
    rig.live()
    rig.listed.grow_back()
    rig.advance(HOUR)


LEADS_TO: dict[str, Callable[[Rig], object]] = {
    "attempt.written": lambda rig: rig.misbehave(FAILS),
    "attempt.committed": lambda rig: rig.misbehave(FAILS),
    "delivery.waiting": lambda rig: rig.misbehave(FAILS),
    "connection.paused": lambda rig: rig.misbehave(REFUSED),
    "hold.recorded": _shrink,
    "run.superseded": _hold,
    "sync.ended": lambda rig: rig.also_run_once(),
}
"""What has to happen for a moment to come, where it does not come in every run."""

ELSEWHERE = ("compaction.", "download.", "settling.", "sync.removed", "suppressions.", "privacy.", "notice.")
"""Moments of a pulled cohort, at which `tests/integration/test_amplitude_source.py` kills, of endings: `test_endings.py`, and of event
files that are put together: `test_event_files.py`."""

HERE = [name for name in MOMENTS if not name.startswith(ELSEWHERE)]


@pytest.mark.timeout(900)
def test_killed_at_every_moment_nothing_is_lost(tmp_path: Path) -> None:
    """One home, one kill at each moment of the table, a fault on a third of the answers meanwhile."""
    of_making = [name for name in HERE if name.startswith("schema.")]
    with running_rig(tmp_path / "rig", seed=1) as rig:
        for name in of_making:
            assert rig.set_up(kill_at=[name, 1])["moments"][-1] == name
        rig.set_up()
        for place, name in enumerate(name for name in HERE if name not in of_making):
            if place % 4 == 0:  # else hardly anything would ever be delivered
                rig.advance(HOUR)
                rig.live()
            rig.die_at(name, LEADS_TO.get(name, lambda _: None))
            rig.integrity()
        verdict = rig.end()
    print(verdict)
    assert set(rig.moments) >= set(HERE)
    assert verdict.kills == len(HERE)
    assert verdict.clean, verdict
