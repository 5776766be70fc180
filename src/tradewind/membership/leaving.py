"""Who is still in a segment and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tradewind.membership.buckets import Buckets
from tradewind.membership.facts import NEVER, micros, moment
from tradewind.membership.files import believed, readable


@dataclass(frozen=True)
class Left:
    """How many identifiers may be in a segment, and when the last of them lapses; None when there is none."""

    count: int
    until: datetime | None


def left_in(held: Buckets, now: datetime) -> Left:
    """Who has not lapsed by `now`, those in doubt among them. Raises EngineError when a file is gone or damaged."""
    count, last = 0, NEVER
    with readable(held):
        for id_type in held.types:
            for rows in believed(held, id_type):
                live = (rows.facts["expires_until"] > micros(now))[rows.codes]
                count += int(np.count_nonzero(live))
                last = max(last, int(rows.facts["expires_until"].max(initial=NEVER)))
    return Left(count, moment(last) if count else None)
