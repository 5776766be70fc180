"""A disk that is full, at every write of a run in turn: one sentence, nothing counted on hope, and with room again all agrees."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from chaos.rig import Rig, running_rig
from small_disk import small_disk

FIRST, LAST, STEP = 4_096, 4_000_000, 1.6
"""Bytes a file may have: from one page of the database to more than any file of such a run has, each limit so many times the last."""


@pytest.mark.timeout(900)
def test_a_run_survives_a_limit_at_every_size_of_its_files(tmp_path: Path) -> None:
    """The system refuses to let any file grow beyond a limit, which rises from one page until whole runs fit."""
    with running_rig(tmp_path / "rig", seed=4) as rig:
        _begin(rig)
        limit, whole, failed = float(FIRST), 0, 0
        while whole < 2 and limit < LAST:
            _change(rig)
            ended = rig.command("syncs", "run", "listed", largest_file=int(limit))
            _judge(rig, ended)
            whole, failed = _counted(ended, whole, failed)
            limit *= STEP
            if (limit > FIRST * STEP**4 or ended["code"] == 0) and _recover(rig):
                whole = 2
        _recover(rig)
        assert whole == 2, "the limit never let a run through"
        assert failed > 2
        rig.end()


@pytest.mark.timeout(900)
def test_a_run_survives_a_disk_without_room(tmp_path: Path) -> None:
    """The home lies on a small disk of its own, which is filled up but for a little more each time."""
    small = tmp_path / "disk"
    small.mkdir()
    with small_disk(small, 24), running_rig(tmp_path / "rig", seed=5) as rig:
        rig.order["home"] = str(small / "home")
        (rig.folder / "home").symlink_to(small / "home")
        _begin(rig)
        whole, failed, room = 0, 0, 4_096.0
        while whole < 2 and room < LAST:
            _change(rig)
            ballast = small / "ballast"
            with ballast.open("wb") as file:
                file.write(bytes(max(0, shutil.disk_usage(small).free - int(room))))
            ended = rig.command("syncs", "run", "listed")
            ballast.unlink()
            _judge(rig, ended)
            whole, failed = _counted(ended, whole, failed)
            room *= STEP
            if _recover(rig):
                whole = 2
        assert whole == 2, "there was never room for a run"
        assert failed > 2


def _begin(rig: Rig) -> None:
    rig.set_up()
    assert rig.command("syncs", "run", "listed")["code"] == 0


def _change(rig: Rig) -> None:
    """Some come, some go: the list is taken in while there is room."""
    rig.listed.change(rig.chance, rig.clock.now())
    assert rig.command("cohorts", "fill", "listed", str(rig.listed.file))["code"] == 0


def _judge(rig: Rig, ended: dict[str, Any]) -> None:
    """It ended by itself, with one sentence if it failed; and what it counts as accepted is there."""
    assert ended["code"] is not None, ended
    assert "Traceback" not in ended["output"], ended["output"]
    if ended["code"] and not _settles(ended):
        errors = [line for line in ended["output"].splitlines() if line.startswith("error:")]
        assert len(errors) == 1, ended["output"]
        assert "defect" not in errors[0], errors[0]
    rig.integrity()
    assert not rig.verdict.broken


def _settles(ended: dict[str, Any]) -> bool:
    """All was sent and answered; what an unanswered request of before may undo is said once more in five minutes."""
    return ended["code"] == 13 and ", settling\n" in ended["output"]


def _counted(ended: dict[str, Any], whole: int, failed: int) -> tuple[int, int]:
    """Whole runs in a row, and failed ones. One that settles is the last there is: its five minutes are not lived here."""
    return (2, failed) if _settles(ended) else (whole + 1, failed) if ended["code"] == 0 else (0, failed + 1)


def _recover(rig: Rig) -> bool:
    """There is room again: the next run, or the one after, makes the segment equal to the list. Whether that run settles still."""
    for _ in range(2):
        ended = rig.command("syncs", "run", "listed")
        assert ended["code"] == 0 or _settles(ended), ended["output"]
        if rig.sandbox.members("ready1", rig.listed.segment) == rig.listed.desired():
            return _settles(ended)
    raise AssertionError("the segment is not equal to the list")
