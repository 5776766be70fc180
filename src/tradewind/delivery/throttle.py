"""How many requests at once a platform bears: one more as long as it takes them, half when it says too many; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewind.model.run import Answer

TROUBLE = frozenset({Answer.UNKNOWN, Answer.UNREACHED})
"""Answers of a platform that is not well: no reason to send it more at once."""


@dataclass(frozen=True)
class Width:
    """So many requests may be under way: 1 to `limit`. The first goes alone, so that a refused account is asked but once."""

    limit: int
    value: float = 1.0

    @property
    def whole(self) -> int:
        """The requests."""
        return int(self.value)

    def after(self, answer: Answer) -> Width:
        """Wider by one after as many good answers as requests go at once; half as wide after a 429; one at a time in trouble."""
        if answer is Answer.THROTTLED:
            return replace(self, value=max(1.0, self.value / 2))
        if answer in TROUBLE:
            return replace(self, value=1.0)
        return self if self.value >= self.limit else replace(self, value=min(float(self.limit), self.value + 1 / self.value))
