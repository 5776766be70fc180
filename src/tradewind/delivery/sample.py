"""A request as it would be sent, but for whom it names: to be looked at and measured before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from tradewind.destinations.base import Destination
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.sync import Binding

NOBODY = {IdType.TDID: bytes(16), IdType.DAID: bytes(16), IdType.UID2: bytes(32)}
"""In the place of an identifier: all zeros."""


@dataclass(frozen=True)
class Weight:
    """What so many identifiers come to: requests, bytes, and one of the requests, of two identifiers that are nobody's."""

    identifiers: int
    requests: int
    octets: int
    sample: str


def weigh(destination: Destination, binding: Binding, stamp: datetime, parts: Iterable[tuple[int, int]]) -> Weight:
    """The weight of parts, each so many identifiers and so many of them a request. Bytes are those of adds, which are the longest.

    Raises as `prepare` does.
    """
    one, two = (sample(destination, binding, stamp, rows) for rows in (1, 2))
    each, counts = len(two) - len(one), list(parts)
    identifiers, requests = sum(rows for rows, _ in counts), sum(-(-rows // items) for rows, items in counts)
    return Weight(identifiers, requests, requests * (len(one) - each) + identifiers * each, two.decode())


def sample(destination: Destination, binding: Binding, stamp: datetime, rows: int) -> bytes:
    """The body of a request that adds so many, of the first type that the binding maps. Raises as `prepare` does."""
    id_type = next((each.id_type for each in binding.identity.mappings), IdType.TDID)
    batch = Batch(0, 0, 0, rows, Operation.ADD, id_type, stamp=stamp)
    ids = pa.array([NOBODY[id_type]] * rows, pa.binary())
    return bytes(destination.prepare(binding, batch, ids, Secret("of nobody")).body)
