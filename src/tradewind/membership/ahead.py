"""When the first of a segment lapses, and since when something is in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tradewind.membership.buckets import Buckets, bucket_name
from tradewind.membership.facts import NEVER, moment
from tradewind.membership.files import read_facts, readable


@dataclass(frozen=True)
class Ahead:
    """`expires` is when the first lapses of whom all is known, `unknown_since` the oldest doubt; None where there is none."""

    expires: datetime | None = None
    unknown_since: datetime | None = None


def ahead_of(held: Buckets) -> Ahead:
    """What is ahead of a membership. Raises EngineError when a file is gone or damaged."""
    expires, doubts = [], []
    with readable(held):
        for id_type in held.types:
            for number in range(held.count):
                facts, many = read_facts(held.place(id_type) / bucket_name(number, "arrow"))
                facts = facts[many > 0]
                unsure = facts["unknown_since"] != NEVER
                expires += facts["expires_from"][~unsure & ~facts["leaving"]].tolist()
                doubts += facts["unknown_since"][unsure].tolist()
    return Ahead(moment(min(expires)) if expires else None, moment(min(doubts)) if doubts else None)
