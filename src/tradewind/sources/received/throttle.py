"""How often a user or a device may send: as at Amplitude so many events a second, over half a minute, and so many a day."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tradewind.sources.received.request import Unfit

A_SECOND = {"events": 30, "identify": 30, "batch": 1_000}
"""Events a second of one user or device, by the door they come through."""

A_DAY = {"batch": 500_000}
"""Events in a day of one user or device, at the doors that have such a limit."""

WINDOW, DAY = 30.0, 86_400.0
"""Seconds; the first is also how long Amplitude's clients wait."""

MOST = 200_000
"""Users and devices remembered."""

LIGHT = 0.01
"""Who sent less than this share of a limit is forgotten first where there are too many."""

_Id = tuple[str, str, str, str]
"""Project, door, and `user_id` or `device_id` with its value."""


class Throttle:
    """What users and devices have sent to this process lately."""

    def __init__(self, a_second: Mapping[str, int] = A_SECOND, a_day: Mapping[str, int] = A_DAY, most: int = MOST) -> None:
        self._a_second, self._a_day = a_second, a_day
        self._lately, self._of_day = _Window(WINDOW, most, 0), _Window(DAY, most, int(LIGHT * min(a_day.values(), default=0)))
        self._turn = threading.Lock()

    def pass_(self, project: str, door: str, events: Sequence[Mapping[str, Any]], now: float) -> None:
        """Count the events of a request; `now` is in seconds of a clock that only goes forward.

        Raises Unfit, and counts none, while somebody in it sends too often already: a request alone is never too much.
        """
        ids = [tuple(_ids(project, door, event)) for event in events]
        each_once = {each for of_one in ids for each in of_one}
        a_second, a_day = self._a_second[door], self._a_day.get(door)
        with self._turn:
            often = _above(self._lately.counts(each_once, now), a_second * WINDOW)
            spent = _above(self._of_day.counts(each_once, now), a_day) if a_day else {}
            if not (often or spent):
                for window in (self._lately, self._of_day) if a_day else (self._lately,):
                    window.add(each for of_one in ids for each in of_one)
                return
        told = _told("throttled", {id_: math.ceil(count / WINDOW) for id_, count in often.items()})
        if a_day:
            told |= _told("exceeded_daily_quota", {id_: math.ceil(count) for id_, count in spent.items()})
        places = [place for place, of_one in enumerate(ids) if not (often.keys() | spent).isdisjoint(of_one)]
        raise Unfit("Too many requests for some devices and users", 429, eps_threshold=a_second, throttled_events=places, **told)


class _Window:
    """Counts by id, in this stretch of time and the one before, which counts the less the older it is.

    With more ids than `most` those with counts up to `light` are forgotten, and then all; nobody is refused for it.
    """

    def __init__(self, seconds: float, most: int, light: int) -> None:
        self._seconds, self._most, self._light = seconds, most, light
        self._number, self._now, self._before = 0, Counter[_Id](), Counter[_Id]()

    def counts(self, ids: Collection[_Id], now: float) -> dict[_Id, float]:
        """How many in the last `seconds`."""
        number = int(now // self._seconds)
        if number != self._number:
            self._before = self._now if number == self._number + 1 else Counter()
            self._number, self._now = number, Counter()
        share = 1 - now % self._seconds / self._seconds
        return {id_: self._now[id_] + self._before[id_] * share for id_ in ids}

    def add(self, ids: Iterator[_Id]) -> None:
        """Count each."""
        if len(self._now) > self._most:
            self._now = Counter({id_: count for id_, count in self._now.items() if count > self._light})
        if len(self._now) > self._most:
            self._now = Counter()
        self._now.update(ids)


def _above(counts: Mapping[_Id, float], limit: float) -> dict[_Id, float]:
    return {id_: count for id_, count in counts.items() if count >= limit}


def _told(word: str, figures: Mapping[_Id, int]) -> dict[str, dict[str, int]]:
    """As Amplitude has it: users and devices apart."""
    told: dict[str, dict[str, int]] = {f"{word}_users": {}, f"{word}_devices": {}}
    for (_, _, kind, value), figure in figures.items():
        told[f"{word}_{'users' if kind == 'user_id' else 'devices'}"][value] = figure
    return told


def _ids(project: str, door: str, event: Mapping[str, Any]) -> Iterator[_Id]:
    for kind in ("user_id", "device_id"):
        if event.get(kind):
            yield project, door, kind, str(event[kind])
