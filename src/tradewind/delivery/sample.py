"""A request as it would be sent, but for whom it names: to be looked at and measured before anything is sent."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from tradewind.destinations.base import Destination
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.sync import Binding

NOBODY = {IdType.TDID: bytes(16), IdType.DAID: bytes(16), IdType.UID2: bytes(32)}
"""In the place of an identifier: all zeros."""


def sample(destination: Destination, binding: Binding, stamp: datetime, rows: int) -> bytes:
    """The body of a request that adds so many, of the first type that the binding maps. Raises as `prepare` does."""
    id_type = next((each.id_type for each in binding.identity.mappings), IdType.TDID)
    batch = Batch(0, 0, 0, rows, Operation.ADD, id_type, stamp=stamp)
    ids = pa.array([NOBODY[id_type]] * rows, pa.binary())
    return bytes(destination.prepare(binding, batch, ids, Secret("of nobody")).body)
