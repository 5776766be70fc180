"""When each item of a request is stamped and how long it lives, where its stamp is what the person did last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.errors import Bug

Minutes = npt.NDArray[np.int64]

_MINUTE = 60_000_000


@dataclass(frozen=True)
class Lives:
    """For each item its stamp, in minutes since 1970 (UTC), and its TTL in minutes; together they give the same expiry for all."""

    since: Minutes
    ttl: Minutes


def lives(events: pa.Array[Any], stamp: datetime, ttl_minutes: int, longest: int) -> Lives:
    """The lives of items whose persons did what `events` (timestamps in microseconds, without nulls) say last.

    Each lapses `ttl_minutes` after `stamp`, a whole minute, as if it had been stamped then. No stamp is later than that, and
    none so early that the TTL would be over `longest`: an event before that is given the earliest stamp there can be.
    """
    if stamp.second or stamp.microsecond or events.null_count or events.type != pa.timestamp("us"):
        raise Bug("items with stamps of their own have a batch stamped to the minute, and each an event")
    sent = int(stamp.astimezone(UTC).timestamp()) // 60
    happened = np.asarray(events.cast(pa.int64()).to_numpy()) // _MINUTE
    since: Minutes = np.clip(happened, sent - (longest - ttl_minutes), sent)
    return Lives(since, sent + ttl_minutes - since)
