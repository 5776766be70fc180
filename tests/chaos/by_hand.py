"""A list that a person sends by the command line, again and again, whatever has become of the disk."""

from __future__ import annotations

from typing import Any

from chaos.rig import Rig


def begin(rig: Rig) -> None:
    """A home, and a segment that is as the list is."""
    rig.set_up()
    assert rig.command("syncs", "run", "listed")["code"] == 0


def change(rig: Rig) -> None:
    """Some come, some go: the list is taken in while that is possible."""
    rig.listed.change(rig.chance, rig.clock.now())
    assert rig.command("cohorts", "fill", "listed", str(rig.listed.file))["code"] == 0


def judge(rig: Rig, ended: dict[str, Any]) -> None:
    """It ended by itself, with one sentence if it failed; and what it counts as accepted is there."""
    assert ended["code"] is not None, ended
    assert "Traceback" not in ended["output"], ended["output"]
    if ended["code"] and not settles(ended):
        errors = [line for line in ended["output"].splitlines() if line.startswith("error:")]
        assert len(errors) == 1, ended["output"]
        assert "defect" not in errors[0], errors[0]
    rig.integrity()
    assert not rig.verdict.broken


def settles(ended: dict[str, Any]) -> bool:
    """All was sent and answered; what an unanswered request of before may undo is said once more in five minutes."""
    return ended["code"] == 13 and ", settling\n" in ended["output"]


def counted(ended: dict[str, Any], whole: int, failed: int) -> tuple[int, int]:
    """Whole runs in a row, and failed ones. One that settles is the last there is: its five minutes are not lived here."""
    return (2, failed) if settles(ended) else (whole + 1, failed) if ended["code"] == 0 else (0, failed + 1)


def recover(rig: Rig) -> bool:
    """The disk is as it should be again: this run, or the next, makes the segment equal to the list. Whether it settles still."""
    for _ in range(2):
        ended = rig.command("syncs", "run", "listed")
        assert ended["code"] == 0 or settles(ended), ended["output"]
        if rig.sandbox.members("ready1", rig.listed.segment) == rig.listed.desired():
            return settles(ended)
    raise AssertionError("the segment is not equal to the list")
