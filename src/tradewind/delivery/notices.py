"""Telling a recipient of people who said no: one request after another, each until it is answered or put off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from tradewind.clock import Clock
from tradewind.delivery.retry import Step, decide
from tradewind.delivery.room import ASK, Room
from tradewind.destinations.base import Request
from tradewind.errors import RetryableError
from tradewind.model.privacy import Notice
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.moment import reached

FINAL = frozenset({LineClass.ROW, LineClass.UNMATCHED})
"""Refusals of an item that another try would meet again: the platform has no such person."""

PATIENCE = 60.0
"""Seconds for which room at a recipient is waited for."""

SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)
"""Bounds of the time after which a notice that was put off is tried again; it doubles with every send."""


class Book(Protocol):
    """Where notices are kept."""

    def tell(self, notice: Notice, lines: tuple[Line, ...] = (), instead: tuple[Notice, ...] = ()) -> None:
        """What is being sent, or what was answered; `lines` are the refused items, and `instead` the halves that take its place."""


@dataclass(frozen=True)
class Telling:
    """What is needed to tell one recipient: the book, the clock, and how a notice becomes a request and is sent.

    `ids` are the identifiers of a notice; `mark` is the fingerprint of a body under a key, for the proof; `room` is shared with the
    runs that send to the same recipient.
    """

    book: Book
    clock: Clock
    chance: Callable[[], float]
    ids: Callable[[Notice], pa.Array[Any]]
    prepare: Callable[[Notice, pa.Array[Any]], Request]
    send: Callable[[Request], Receipt]
    mark: Callable[[bytes | memoryview], str]
    room: Room


def tell(telling: Telling, notice: Notice) -> tuple[Notice, ...]:
    """Send one notice until it is settled or put off. Returns it as it now stands, or the halves that took its place.

    Whatever is unclear is sent again: the platform does not mind being told twice. Raises what `prepare`
    raises, and RetryableError when there is no room for a minute.
    """
    request = telling.prepare(notice, telling.ids(notice))
    mark, tries = telling.mark(request.body), 0
    while True:
        tries += 1
        _wait_for_room(telling)
        notice = replace(notice, sends=notice.sends + 1, sent_at=telling.clock.now(), fingerprint=mark)
        telling.book.tell(notice)
        reached("notice.written")
        receipt = telling.send(request)
        telling.room.told(receipt)
        following = decide(receipt, tries, notice.rows, telling.chance())
        if following.step is Step.SPLIT:
            halves = split(notice)
            telling.book.tell(notice, instead=halves)
            return halves
        notice = answered(notice, receipt, telling.clock.now())
        if following.step is not Step.RESEND:
            telling.book.tell(notice, receipt.lines if receipt.answer is Answer.APPLIED else ())
            reached("notice.answered")
            return (notice,)
        telling.book.tell(notice)
        telling.clock.sleep(following.wait)


def _wait_for_room(telling: Telling) -> None:
    """Until one more request may be under way there. Raises RetryableError when others take all the room for long."""
    until = telling.clock.monotonic() + PATIENCE
    while telling.room.allowed(1, 0) < 1:
        if telling.clock.monotonic() > until:
            raise RetryableError("runs to the same advertiser take all the room there is, or it told everybody to wait; tried again later")
        telling.clock.sleep(telling.room.wait() or ASK)


def answered(notice: Notice, receipt: Receipt, now: datetime) -> Notice:
    """A notice with its answer: settled when every item was taken or refused for good, else put off; pure."""
    settled = receipt.answer is Answer.APPLIED and all(line.line_class in FINAL for line in receipt.lines)
    put_off = now + max(again_after(notice.sends), timedelta(seconds=receipt.wait or 0))
    unclear = sum(line.line_class not in FINAL for line in receipt.lines)
    note = receipt.note or (f"{unclear:,} items were refused for now" if unclear else "")
    return replace(
        notice,
        settled=settled,
        due_at=notice.due_at if settled else put_off,
        answered_at=now,
        answer=receipt.answer,
        status=receipt.status,
        rejected=len(receipt.lines) if settled else 0,
        note=note,
        request_id=receipt.request_id,
    )


def again_after(sends: int) -> timedelta:
    """How long a notice is put off after so many sends."""
    return min(LATEST, SOONEST * (1 << min(sends, 10)))


def ends_the_rest(notice: Notice) -> bool:
    """Whether the other notices to the same recipient would fare no better now."""
    return not notice.settled and notice.answer is not Answer.APPLIED


def split(notice: Notice) -> tuple[Notice, Notice]:
    """The two that take the place of one that was too large, or that hides an item which spoils it; they get their numbers when written."""
    middle = notice.rows // 2
    first = replace(notice, rows=middle)
    return first, replace(notice, offset=notice.offset + middle, rows=notice.rows - middle)
