"""A disk that fails at each step of a run in turn (EIO): one sentence, nothing leaves without a certain intent, and it goes on later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.by_hand import begin, change, judge, recover
from chaos.rig import ROOT, running_rig

FILES, ALL = ["fsync"], ["pwrite64", "fsync", "fdatasync"]
"""Waiting until a file is there for certain; and with it every write of the database."""

STEPS = {
    "claim.taken": FILES, "snapshot.written": FILES, "identifiers.written": FILES, "delta.written": ALL, "plan.recorded": ALL,
    "batches.laid": ALL, "intent.written": ALL, "request.sent": ALL, "receipt.written": ALL, "receipt.committed": FILES,
    "membership.written": ALL, "run.closing": ALL,
}  # fmt: skip
"""Each life goes on where the one before could no more."""


@pytest.fixture
def _breakable() -> None:
    """Skips where no call of a process can be made to fail."""
    tried = [sys.executable, "-c", "from chaos.broken_disk import break_disk; break_disk(['fsync'])"]
    if subprocess.run(tried, env=os.environ | {"PYTHONPATH": str(ROOT / "tests")}, capture_output=True, check=False).returncode:
        pytest.skip("system calls cannot be made to fail here")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_breakable")
def test_a_run_survives_a_disk_that_fails_at_each_step(tmp_path: Path) -> None:
    """Who waits for the disk in vain has no intent, so no request may follow: as with a power cut, what was not certain was not done."""
    with running_rig(tmp_path / "rig", seed=14) as rig:
        begin(rig)
        change(rig)
        for step, calls in STEPS.items():
            ended = rig.command("syncs", "run", "listed", break_at=[step, 1], calls=calls)
            place = ended["moments"].index(step)
            before, after = ended["moments"][:place], ended["moments"][place:]
            assert ended["code"], (step, ended["output"])
            if calls is ALL:
                assert "intent.committed" not in after, (step, after)
                assert after.count("request.begun") <= before.count("intent.committed") - before.count("request.begun"), (step, after)
            judge(rig, ended)
        recover(rig)
        assert rig.end().clean, rig.verdict
