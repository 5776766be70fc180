"""How often a user or a device may send: as at Amplitude so many events a second, on average over half a minute."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tradewind.sources.received.request import Unfit

A_SECOND = {"events": 30, "identify": 30, "batch": 1_000}
"""Events a second of one user or device, by the door they come through."""

WINDOW = 30.0
"""Seconds; also how long Amplitude's clients wait."""

MOST = 200_000
"""Users and devices remembered; beyond that all are forgotten, and nobody is refused for it."""

_Id = tuple[str, str, str, str]
"""Project, door, and `user_id` or `device_id` with its value."""


class Throttle:
    """What users and devices have sent to this process lately, in this window and the one before, which counts the less the older it is."""

    def __init__(self, a_second: Mapping[str, int] = A_SECOND) -> None:
        self._a_second = a_second
        self._window, self._now, self._before = 0, Counter[_Id](), Counter[_Id]()
        self._turn = threading.Lock()

    def pass_(self, project: str, door: str, events: Sequence[Mapping[str, Any]], now: float) -> None:
        """Count the events of a request; `now` is in seconds of a clock that only goes forward.

        Raises Unfit, and counts none, while somebody in it sends too often already: a request alone is never too much.
        """
        ids = [tuple(_ids(project, door, event)) for event in events]
        with self._turn:
            self._turn_over(now)
            often = {
                id_: rate for id_ in {each for of_one in ids for each in of_one} if (rate := self._rate(id_, now)) >= self._a_second[door]
            }
            if not often:
                self._now.update(each for of_one in ids for each in of_one)
                return
        told: dict[str, dict[str, int]] = {"user_id": {}, "device_id": {}}
        for (_, _, kind, value), rate in often.items():
            told[kind][value] = math.ceil(rate)
        places = [place for place, of_one in enumerate(ids) if not often.keys().isdisjoint(of_one)]
        raise Unfit(
            "Too many requests for some devices and users", 429, eps_threshold=self._a_second[door],
            throttled_users=told["user_id"], throttled_devices=told["device_id"], throttled_events=places,
        )  # fmt: skip

    def _turn_over(self, now: float) -> None:
        window = int(now // WINDOW)
        if window != self._window or len(self._now) > MOST:
            self._before = self._now if window == self._window + 1 else Counter()
            self._window, self._now = window, Counter()

    def _rate(self, id_: _Id, now: float) -> float:
        """Events a second."""
        return (self._now[id_] + self._before[id_] * (1 - now % WINDOW / WINDOW)) / WINDOW


def _ids(project: str, door: str, event: Mapping[str, Any]) -> Iterator[_Id]:
    for kind in ("user_id", "device_id"):
        if event.get(kind):
            yield project, door, kind, str(event[kind])
