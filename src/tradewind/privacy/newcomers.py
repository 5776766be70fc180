"""Who came on the list since a run was opened: looked up at most once a second while it sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tradewind.clock import Clock
from tradewind.privacy.sieve import Sieve
from tradewind.privacy.sql import Suppressions

LOOK = 1.0
"""Seconds for which an answer counts."""

SKEW = timedelta(minutes=10)
"""By how much the clocks of two machines may differ; to look a little further back costs nothing."""


class Newcomers:
    """The people of a project who said no since an instant, when those before were left out of a plan. For one thread."""

    def __init__(self, suppressions: Suppressions, project: str, since: datetime, clock: Clock) -> None:
        self._suppressions, self._project, self._since, self._clock = suppressions, project, since - SKEW, clock
        self._sieve: Sieve | None = None
        self._blocks, self._looked = 0, float("-inf")

    def among(self, read: Callable[[], Any]) -> bool:
        """Whether one of them is among these identifiers, which are read only when there is anybody at all."""
        if self._clock.monotonic() - self._looked >= LOOK:
            self._looked = self._clock.monotonic()
            blocks = self._suppressions.blocks_since(self._project, self._since)
            if blocks != self._blocks:
                self._blocks, self._sieve = blocks, self._suppressions.sieve(self._project, self._since)
        return self._sieve is not None and bool(self._sieve.hits(read()).any())
