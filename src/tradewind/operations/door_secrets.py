"""Secrets by which programs knock at a door of a project: made here, shown once, and two of them good at a time."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from tradewind.model.destination import Secret
from tradewind.parts import Parts


@dataclass(frozen=True)
class Door:
    """A door's name, which is where the vault has its secrets."""

    name: str

    def new(self, parts: Parts, project: str) -> str:
        """Make a new secret and give it, once. The one before it stays good until the next is made."""
        parts.catalog.project(project)
        text = secrets.token_urlsafe(32)
        parts.vault.seal(project, self.name, Secret(text), self.name)
        return text

    def fingerprint(self, parts: Parts, project: str) -> str | None:
        """Sixteen characters that change with the secret; None when none was made."""
        return parts.vault.fingerprint(project, self.name, self.name)

    def opens(self, parts: Parts, project: str, given: str) -> bool:
        """Whether a text is the secret of a project's door, or the one before it; it takes as long whatever the text."""
        newest, good = parts.vault.latest(project, self.name, self.name), False
        for version in (newest, newest - 1) if newest else ():
            if version:
                kept = parts.vault.open(project, self.name, version, self.name).value
                good |= hmac.compare_digest(kept.encode(), given.encode())
        return good
