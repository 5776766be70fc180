"""A live test: one identifier into a throw-away segment, and out of it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa

from tradewind.destinations.base import Destination
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Answer, Receipt
from tradewind.model.sync import Binding

TTL_MINUTES = 1440
"""A day: if the removal should fail, the identifier leaves by itself."""


@dataclass(frozen=True)
class Trial:
    """The answer to the add, the answer to the removal (None when it was not tried), and why either was refused."""

    segment: str
    added: Answer
    removed: Answer | None
    refused: str
    expires_at: datetime

    @property
    def passed(self) -> bool:
        """Both were applied."""
        return self.removed is Answer.APPLIED and not self.refused


def try_one(destination: Destination, binding: Binding, id_type: IdType, value: bytes, now: datetime, secret: Secret) -> Trial:
    """Add one identifier, and if that was applied remove it; `now` stamps both."""
    added = _send(destination, binding, Batch(0, 0, 0, 1, Operation.ADD, id_type, stamp=now), value, secret)
    removed = None
    if added.answer is Answer.APPLIED and not added.lines:
        removed = _send(destination, binding, Batch(1, 0, 0, 1, Operation.REMOVE, id_type, stamp=now), value, secret)
    refused = "; ".join(_words(receipt) for receipt in (added, removed) if receipt and _words(receipt))
    expires = now + timedelta(minutes=binding.ttl_minutes)
    return Trial(binding.target.segment, added.answer, removed.answer if removed else None, refused, expires)


def _send(destination: Destination, binding: Binding, batch: Batch, value: bytes, secret: Secret) -> Receipt:
    receipt = destination.send(destination.prepare(binding, batch, pa.array([value], pa.binary()), secret))
    return replace(receipt, note=secret.struck_from(receipt.note))


def _words(receipt: Receipt) -> str:
    """Why an answer is no full success; empty when it is."""
    if receipt.lines:
        return ", ".join(line.code for line in receipt.lines)
    return "" if receipt.answer is Answer.APPLIED else receipt.note or receipt.answer.value
