"""Designs that are known to lose something, as wrappers around the ledger of the product: the rig must find each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from tradewind.ledger.base import Ledger
from tradewind.model.plan import Batch
from tradewind.model.run import Answer, Attempt, BatchState, Claim, Entry, Line, Outcome
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

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """As if it had never left."""
        heard = [replace(each, attempt=replace(each.attempt, answer=_heard(each.attempt.answer))) for each in entries]
        self.inner.advance(claim, heard, sent)


class RefusedIsDone(_Wrapped):
    """Counts a request that was answered as good, its refused items included, and so never comes back to them."""

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """All accepted."""
        self.inner.advance(claim, [_good(each) if each.outcome else each for each in entries], sent)


class StatusBeforeAnswer(_Wrapped):
    """Writes the outcome first and sends then: a crash, a refusal or a lost answer in between is never looked at again."""

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """Accepted, before a byte has left; whatever is answered then has nothing left to say."""
        self.inner.advance(claim, [], sent)
        self.inner.advance(claim, [_good(Entry(batch, _attempt(batch))) for batch in sent])


class IntentAfterSend(_Wrapped):
    """Writes that a batch was sent when its answer has come: a crash in between leaves no trace of it."""

    def advance(self, claim: Claim, entries: Sequence[Entry], sent: Sequence[Batch] = ()) -> None:
        """Both at once."""
        self.inner.advance(claim, [], [each.batch for each in entries])
        self.inner.advance(claim, entries)


def _heard(answer: Answer) -> Answer:
    return Answer.UNREACHED if answer is Answer.UNKNOWN else answer


def _good(entry: Entry) -> Entry:
    return replace(entry, outcome=Outcome(entry.batch.rows, 0, 0), lines=())


def _attempt(batch: Batch) -> Attempt:
    assert batch.stamp is not None, "a batch is stamped before it is sent"
    return Attempt(batch.number, batch.sends, batch.stamp, batch.stamp, Answer.APPLIED, 200, "", None)


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
