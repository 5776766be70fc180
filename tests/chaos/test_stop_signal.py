"""SIGTERM at every moment of a worker's run: it ends in order, and what was under way is answered and written."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from chaos.rig import HOUR, SLOTS, running_rig

DEADLINE = 35.0
"""Seconds from the signal to the end, as a container's own patience has it."""

MOMENTS = (
    "run.opened", "claim.taken", "snapshot.written", "identifiers.written", "delta.written", "plan.recorded",
    "batches.laid", "request.signed", "intent.written", "intent.committed", "request.begun", "request.sent", "answer.begun",
    "answer.whole", "receipt.written", "receipt.committed", "membership.written", "membership.named", "run.closing", "run.closed",
    "claim.released",
)  # fmt: skip
"""Those that come in every life that does something."""


@pytest.mark.timeout(900)
def test_a_worker_that_is_told_to_stop_ends_in_order(tmp_path: Path) -> None:
    """Exit code 0 in time, at most what was under way is sent after the signal, and no batch that was answered is sent again."""
    with running_rig(tmp_path / "rig", seed=6) as rig:
        rig.set_up()
        rig.advance(HOUR)
        rig.live()
        for name in MOMENTS:
            rig.change()
            rig.advance(HOUR)
            fate = rig.live(kill_at=[name, 2 if name.startswith(("request", "answer", "receipt")) else 1], signal=signal.SIGTERM)
            assert fate["code"] == 0, (name, fate)
            assert fate["seconds"] < DEADLINE
            assert _requests_after(fate["moments"], name) <= SLOTS, (name, fate["moments"])
        verdict = rig.end()
    assert verdict.batches_sent_again == 0
    assert verdict.clean, verdict


def _requests_after(moments: list[str], name: str) -> int:
    """How many requests began after the signal: those whose intent was written when it came."""
    return moments[moments.index(name) :].count("request.begun")
