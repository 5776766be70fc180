"""Designs that are known to lose something, as wrappers around the ledger of the product: the rig must find each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from tradewind.ledger.base import Ledger
from tradewind.model.plan import Batch
from tradewind.model.run import Answer, Attempt, BatchState, Claim, Line, Outcome
from tradewind.parts import Parts


class _Wrapped:
    """A ledger that is another's but for what a design does its own way."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Watermark(_Wrapped):
    """Moves its cursor after the run: whatever was planned counts as carried out, the lost and the unsent as well."""

    def settled(self, run: str) -> tuple[tuple[Batch, BatchState, Outcome | None, tuple[Line, ...]], ...]:
        """Every batch accepted."""
        return tuple(
            (replace(batch, stamp=batch.stamp or self._any_stamp(run)), BatchState.SETTLED, Outcome(batch.rows, 0, 0), ())
            for batch, _, _, _ in self.inner.settled(run)
        )

    def _any_stamp(self, run: str) -> Any:
        return next((batch.stamp for batch, _, _, _ in self.inner.settled(run) if batch.stamp), None)


class UnknownIsFailed(_Wrapped):
    """Takes a lost answer for a refusal: what was not heard of was not applied."""

    def answered(self, claim: Claim, batch: Batch, attempt: Attempt, replaced_by: Sequence[Batch] = ()) -> None:
        """As if it had never left."""
        self.inner.answered(claim, batch, replace(attempt, answer=Answer.UNREACHED), replaced_by)


class RefusedIsDone(_Wrapped):
    """Counts a request that was answered as good, its refused items included, and so never comes back to them."""

    def settle(
        self, claim: Claim, batch: Batch, attempt: Attempt, outcome: Outcome, lines: Sequence[Line], following: Batch | None = None
    ) -> None:
        """All accepted."""
        self.inner.settle(claim, batch, attempt, Outcome(batch.rows, 0, 0), (), following)


class StatusBeforeAnswer(_Wrapped):
    """Writes the outcome first and sends then: a crash, a refusal or a lost answer in between is never looked at again."""

    def sent(self, claim: Claim, batch: Batch) -> None:
        """Accepted, before a byte has left."""
        self.inner.sent(claim, batch)
        now = batch.stamp
        assert now is not None, "a batch is stamped before it is sent"
        attempt = Attempt(batch.number, batch.sends, now, now, Answer.APPLIED, 200, "", None)
        self.inner.settle(claim, batch, attempt, Outcome(batch.rows, 0, 0), ())

    def settle(
        self, claim: Claim, batch: Batch, attempt: Attempt, outcome: Outcome, lines: Sequence[Line], following: Batch | None = None
    ) -> None:
        """Nothing is left to say."""
        if following:
            self.sent(claim, following)

    def answered(self, claim: Claim, batch: Batch, attempt: Attempt, replaced_by: Iterable[Batch] = ()) -> None:
        """Nothing is left to say."""


class IntentAfterSend(_Wrapped):
    """Writes that a batch was sent when its answer has come: a crash in between leaves no trace of it."""

    def sent(self, claim: Claim, batch: Batch) -> None:
        """Nothing yet."""

    def settle(
        self, claim: Claim, batch: Batch, attempt: Attempt, outcome: Outcome, lines: Sequence[Line], following: Batch | None = None
    ) -> None:
        """Both at once."""
        self.inner.sent(claim, batch)
        self.inner.settle(claim, batch, attempt, outcome, lines)

    def answered(self, claim: Claim, batch: Batch, attempt: Attempt, replaced_by: Sequence[Batch] = ()) -> None:
        """Both at once."""
        self.inner.sent(claim, batch)
        self.inner.answered(claim, batch, attempt, replaced_by)


def _with(design: Callable[[Ledger], _Wrapped]) -> Callable[[Parts], Parts]:
    return lambda parts: replace(parts, ledger=cast(Ledger, design(parts.ledger)))


DESIGNS: dict[str, Callable[[Parts], Parts]] = {
    "ours": lambda parts: parts,
    "watermark-after-the-run": _with(Watermark),
    "status-before-the-answer": _with(StatusBeforeAnswer),
    "unknown-is-failed": _with(UnknownIsFailed),
    "refused-is-done": _with(RefusedIsDone),
    "intent-after-send": _with(IntentAfterSend),
}
"""Name -> what it makes of the product's parts."""
