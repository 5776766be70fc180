"""A disk that is full, at every write of a run in turn: one sentence, nothing counted on hope, and with room again all agrees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chaos.by_hand import begin, change, counted, judge, recover
from chaos.rig import running_rig
from small_disk import small_disk

FIRST, LAST, STEP = 4_096, 4_000_000, 1.6
"""Bytes a file may have: from one page of the database to more than any file of such a run has, each limit so many times the last."""


@pytest.mark.timeout(900)
def test_a_run_survives_a_limit_at_every_size_of_its_files(tmp_path: Path) -> None:
    """The system refuses to let any file grow beyond a limit, which rises from one page until whole runs fit."""
    with running_rig(tmp_path / "rig", seed=4) as rig:
        begin(rig)
        limit, whole, failed = float(FIRST), 0, 0
        while whole < 2 and limit < LAST:
            change(rig)
            ended = rig.command("syncs", "run", "listed", largest_file=int(limit))
            judge(rig, ended)
            whole, failed = counted(ended, whole, failed)
            limit *= STEP
            if (limit > FIRST * STEP**4 or ended["code"] == 0) and recover(rig):
                whole = 2
        recover(rig)
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
        begin(rig)
        whole, failed, room = 0, 0, 4_096.0
        while whole < 2 and room < LAST:
            change(rig)
            ballast = small / "ballast"
            with ballast.open("wb") as file:
                file.write(bytes(max(0, shutil.disk_usage(small).free - int(room))))
            ended = rig.command("syncs", "run", "listed")
            ballast.unlink()
            judge(rig, ended)
            whole, failed = counted(ended, whole, failed)
            room *= STEP
            if recover(rig):
                whole = 2
        assert whole == 2, "there was never room for a run"
        assert failed > 2
