"""Cron expressions of five fields: checked, unrolled in a time zone, and the longest wait between two slots; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from tradewind.errors import DefinitionError

LONGEST = 100
"""Characters of an expression."""

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

_FIRST, _DAYS = date(2024, 1, 1), 28 * 1461 // 4
"""The calendar repeats after 28 years: the same days of the month fall on the same days of the week."""


def checked(text: str) -> str:
    """The expression with single spaces. Raises DefinitionError when it is none, has seconds, or names no day that ever comes."""
    expression = " ".join(text.split())
    if len(expression.split(" ")) != 5 or len(expression) > LONGEST:
        raise DefinitionError(
            f"'{text[:60]}' is not a cron expression; expected five fields (minute, hour, day of month, month, day of week), "
            "such as 15 6 * * 1-5"
        )
    try:
        comes = any(_days(expression))
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        raise DefinitionError(f"'{expression}' is not a cron expression: its {wrong} is wrong; expected such as 15 6 * * 1-5") from error
    if not comes:
        raise DefinitionError(f"'{expression}' names a day that never comes")
    return expression


def slots(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Every slot later than an instant, in UTC, in order.

    With minutes and hours given as numbers: once a local day for each, where the clocks skip it the first instant after the gap, where
    it comes twice the first. Where one of the two begins with a star: by the instants that pass, through any change of the clocks.
    """
    for found in CronSim(expression, after.astimezone(ZoneInfo(zone))):
        slot = found.astimezone(UTC)
        if slot > after:  # in the second of two equal hours, what the first one had is over
            yield slot


@lru_cache(maxsize=1024)
def longest_wait(expression: str) -> timedelta:
    """The longest time between two slots that follow one another, without changes of the clocks."""
    times = _times(expression)
    within = [later - earlier for earlier, later in pairwise(times)]
    between = max((later - earlier for earlier, later in pairwise(_days(expression))), default=_DAYS)
    return max([*within, between * DAY + times[0] - times[-1]])


@lru_cache(maxsize=1024)
def a_month(expression: str) -> int:
    """How often it comes in a month of thirty days, of those in which it comes most often."""
    days = set(_days(expression))
    return len(_times(expression)) * max(sum(first + more in days for more in range(30)) for first in sorted(days)[:400])


def explained(expression: str) -> str:
    """What an expression says, in words."""
    return str(_parsed(expression).explain())


def _parsed(expression: str) -> CronSim:
    return CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC))


@lru_cache(maxsize=1024)
def _days(expression: str) -> tuple[int, ...]:
    """The days it names in 28 years, counted from the first. Raises CronSimError."""
    parsed = _parsed(expression)
    every = ((number, _FIRST + number * DAY) for number in range(_DAYS))
    return tuple(number for number, day in every if day.month in parsed.months and parsed.match_day(day))


def _times(expression: str) -> list[timedelta]:
    """The times of a day it names, in order."""
    parsed = _parsed(expression)
    return sorted(timedelta(hours=hour, minutes=minute) for hour in parsed.hours for minute in parsed.minutes)
