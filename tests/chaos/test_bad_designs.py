"""Designs that are known to lose: each is led to where it loses, and ours is led there as well and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.designs import DESIGNS
from chaos.rig import HOUR, Rig, Verdict, running_rig


def _outage(rig: Rig, fault: dict[str, object]) -> None:
    """People come and go while no request gets a good answer, and the slot of that run is over."""
    rig.change()
    rig.advance(HOUR)
    rig.sandbox.post("/_sandbox/faults", {"faults": [{**fault, "times": 200}]})
    rig.live()
    rig.sandbox.send("DELETE", "/_sandbox/faults")


def _applied_unheard(rig: Rig) -> None:
    """Adds are carried out and never answered; then the same people leave."""
    before = set(rig.listed.wanted)
    _outage(rig, {"kind": "error", "applied": True})
    rig.listed.wanted = before
    rig.listed.write()


def _killed(moment: str) -> Callable[[Rig], None]:
    def lead(rig: Rig) -> None:
        rig.change()
        rig.advance(HOUR)
        assert rig.live(kill_at=[moment, 1])["killed"], f"{moment} was not reached"

    return lead


LEADS_TO: dict[str, Callable[[Rig], None]] = {
    "watermark-after-the-run": lambda rig: _outage(rig, {"kind": "lost"}),
    "status-before-the-answer": _killed("request.begun"),
    "unknown-is-failed": _applied_unheard,
    "refused-is-done": lambda rig: _outage(rig, {"kind": "refuse_items", "every": 7}),
    "intent-after-send": _killed("answer.whole"),
}
"""Design -> what happens to it. Afterwards everything goes well for two slots, and the same people are wanted."""


@pytest.mark.parametrize("design", sorted(LEADS_TO))
def test_a_bad_design_is_found(tmp_path: Path, design: str) -> None:
    """It loses somebody, keeps somebody, or sends what it has no record of."""
    verdict = _led(tmp_path / "rig", design, [design])
    assert verdict.lost or verdict.stray or verdict.sent_without_intent, verdict


def test_ours_goes_through_all_of_it(tmp_path: Path) -> None:
    verdict = _led(tmp_path / "rig", "ours", sorted(LEADS_TO))
    assert verdict.clean, verdict


def test_every_design_is_led_somewhere() -> None:
    assert set(LEADS_TO) == set(DESIGNS) - {"ours"}


def _led(folder: Path, design: str, ways: list[str]) -> Verdict:
    """What the rig sees of a design that is led one way after another."""
    with running_rig(folder, seed=3, refresh="before_expiry", design=design) as rig:
        rig.set_up()
        rig.advance(HOUR)
        rig.live()
        for way in ways:
            LEADS_TO[way](rig)
            rig.settle(cycles=2)
        print(design, rig.verdict)
        return rig.verdict
