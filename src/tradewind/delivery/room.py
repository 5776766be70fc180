"""Room at an endpoint for one more request: the slots of this run, the width that is borne, the wait that was asked for."""

from __future__ import annotations

from datetime import timedelta

from tradewind.clock import Clock
from tradewind.delivery.retry import THROTTLED_WAIT
from tradewind.delivery.throttle import Width
from tradewind.ledger.slots.base import Share, Slots, Wish
from tradewind.model.run import Answer, Receipt

LASTS = timedelta(minutes=2)
"""How long slots are held; longer than a request may take after the last renewal before it."""

RENEW, ASK = 10.0, 1.0
"""Seconds after which slots are renewed, and after which one who has fewer than it wants asks again."""

GLANCE = 0.2
"""Seconds for which "nobody was told to wait" is taken to be still true."""

LONGEST_WAIT = timedelta(minutes=15)
"""A wait that was written by a clock far ahead of this one is no longer than the longest there is."""


class Room:
    """What one run may have under way at one endpoint; everything it knows of others comes from the ledger."""

    def __init__(self, slots: Slots, clock: Clock, endpoint: str, owner: str, limit: int) -> None:
        self._slots, self._clock, self._endpoint, self._owner = slots, clock, endpoint, owner
        self.width = Width(limit)
        self._share = Share(0, None)
        self._asked = self._glanced = float("-inf")

    def allowed(self, wanted: int, using: int) -> int:
        """How many requests may be under way now, of so many there are to send; nothing while everybody waits."""
        self._look(min(wanted, self.width.limit), using)
        return 0 if self.wait() else min(self.width.whole, self._share.slots)

    def wait(self) -> float:
        """The seconds for which nobody sends to the endpoint."""
        if self._share.not_before is None:
            return 0.0
        return max(0.0, min(self._share.not_before - self._clock.now(), LONGEST_WAIT).total_seconds())

    def told(self, receipt: Receipt) -> None:
        """What an answer means for those that follow; a 429 makes everybody wait, in other processes too."""
        self.width = self.width.after(receipt.answer)
        if receipt.answer is Answer.THROTTLED:
            seconds = THROTTLED_WAIT if receipt.wait is None else receipt.wait
            self._slots.hold_off(self._endpoint, self._clock.now() + timedelta(seconds=seconds))
            self._glanced = float("-inf")

    def give_back(self) -> None:
        """Let others have the slots."""
        if self._asked > float("-inf"):
            self._slots.give_back(self._endpoint, self._owner)

    def _look(self, wanted: int, using: int) -> None:
        moment, now = self._clock.monotonic(), self._clock.now()
        if moment - self._asked >= (RENEW if self._share.slots == wanted else ASK):
            wish = Wish(wanted, using, self.width.limit)
            self._share = self._slots.hold(self._endpoint, self._owner, wish, now, now + LASTS)
            self._asked = self._glanced = moment
        elif moment - self._glanced >= GLANCE:
            self._share = Share(self._share.slots, self._slots.not_before(self._endpoint))
            self._glanced = moment


def endpoint(url: str, advertiser: str) -> str:
    """The name of an endpoint: an address, and an account there."""
    return f"{url} {advertiser}"
