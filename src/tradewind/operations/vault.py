"""The key of the vault: exchanged for a new one, with everything that is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradewind.access.trail import Deed
from tradewind.parts import Parts


@dataclass(frozen=True)
class Rotated:
    """A rotation: how many secrets and how many blocks of privacy requests were sealed anew, and where the key before is kept."""

    secrets: int
    blocks: int
    before: Path


def rotate(parts: Parts, who: str) -> Rotated:
    """Make a new key, and seal everything with it in one transaction; whoever is at work goes on with the new key.

    Interrupted at any point, either key is whole in the home and the next opening finds the one that fits. Raises
    ConfigurationError when the key is not a file, or when something does not open with the old one; then nothing is changed.
    """
    with parts.catalog.database.transaction() as db:
        turn = parts.vault.turn(db)
        blocks = parts.suppressions.reseal(db, turn.again)
        parts.trail.within(db).write(Deed(who, "vault.rotate", "key"), parts.clock.now())
    return Rotated(turn.secrets, blocks, parts.vault.settle())
