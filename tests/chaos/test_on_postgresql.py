"""kill -9 while the books are in a PostgreSQL: as nothing is lost with SQLite, so here; `./dev chaos --database postgresql` is longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.rig import running_rig
from postgres_process import postgres

MOMENTS = ("schema.written", "intent.written", "intent.committed", "receipt.written", "receipt.committed", "run.closing")
"""Those on either side of a commit; the others do not differ."""

KILLS = 6


@pytest.mark.timeout(900)
def test_killed_with_its_books_in_postgresql_nothing_is_lost(tmp_path: Path) -> None:
    """A kill at each of these moments, and some at random, with a fault on a third of the answers."""
    with postgres() as server, running_rig(tmp_path / "rig", 12, server.admin, refresh="before_expiry") as rig:
        assert rig.set_up(kill_at=[MOMENTS[0], 1])["killed"]
        rig.set_up()
        for name in MOMENTS[1:]:
            rig.die_at(name)
        for _ in rig.kill_at_random(KILLS):
            pass
        verdict = rig.end()
    print(verdict)
    assert verdict.kills >= len(MOMENTS) + KILLS
    assert verdict.faults > 0
    assert verdict.clean, verdict
