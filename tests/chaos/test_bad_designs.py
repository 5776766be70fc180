"""Designs that are known to lose: the rig that finds nothing wrong with ours must find each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.designs import DESIGNS
from chaos.rig import running_rig

KILLS = 60
"""At most; each is found long before."""

SEEDS = {"unknown-is-failed": 11}
"""Where another than the usual one finds it sooner: who was added in doubt must also leave."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("design", sorted(set(DESIGNS) - {"ours"}))
def test_a_bad_design_is_found(tmp_path: Path, design: str) -> None:
    """The kills end as soon as a promise is seen broken."""
    with running_rig(tmp_path / "rig", seed=SEEDS.get(design, 3), refresh="before_expiry", design=design) as rig:
        rig.set_up()
        for _ in rig.kill_at_random(KILLS):
            pass
        verdict = rig.verdict
    print(design, verdict)
    assert verdict.lost or verdict.stray or verdict.sent_without_intent, f"{design} passed for good: {verdict}"
