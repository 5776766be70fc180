"""When a membership must be renewed so that nobody lapses who should stay; pure."""

from __future__ import annotations

from datetime import timedelta

from tradewind.model.sync import Cadence


def margin(cadence: Cadence, ttl_minutes: int) -> timedelta:
    """How much time left is too little: two periods, so that one run may fail, or a third of the TTL where that is more."""
    return max(2 * cadence.period, timedelta(minutes=ttl_minutes) / 3)
