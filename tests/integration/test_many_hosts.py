"""Three worker processes on one PostgreSQL: each sync that is due is run once, also what a killed worker had in hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.hosts import run
from postgres_process import postgres
from sandbox_process import SandboxProcess

SYNCS = 60
"""Each takes a third of a second of a processor; `./dev chaos --hosts` takes two hundred."""


@pytest.mark.timeout(600)
def test_none_is_run_twice_and_none_is_left_when_a_worker_is_killed(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """The run that the killed one had in hand is finished by another at once: its process is seen to be gone.

    `./dev chaos --hosts` waits for claims to end, too.
    """
    with postgres() as server:
        found = run(tmp_path, sandbox, server, SYNCS, stop=False)
    assert found.clean, found
    assert found.sent_again <= 1, "at most what the killed one had under way"
    assert found.killed_s is not None
