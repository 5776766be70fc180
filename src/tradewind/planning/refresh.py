"""When a membership must be renewed so that nobody lapses who should stay; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tradewind.crontab import longest_wait
from tradewind.errors import DefinitionError
from tradewind.model.plan import Renewal
from tradewind.model.sync import Cadence, Refresh, Sync

URGENT = timedelta(hours=48)
"""Who has less time left than this is refreshed before anything else is sent."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)

DAY = timedelta(days=1)

LONGEST = timedelta(days=180)
"""No platform lets a member stay longer."""


def period(sync: Sync) -> timedelta:
    """The longest time from one run of a sync to the next, without changes of the clocks; nothing for a One-Time Sync."""
    return longest_wait(sync.cron) if sync.cadence is Cadence.CRON else sync.cadence.period


def margin(every: timedelta, ttl_minutes: int) -> timedelta:
    """How much time left is too little: two periods, so that one run may fail, and a quarter for a run that comes late or takes
    its time, and for the long day of the year; or a third of the TTL where that is more.
    """
    return max(every * 9 / 4, timedelta(minutes=ttl_minutes) / 3)


def renewal(sync: Sync, now: datetime) -> Renewal:
    """Who is sent again by a run that plans now: everyone, or who has too little time left, by the sync's refresh policy."""
    enough = margin(period(sync), sync.ttl_minutes)
    before = END_OF_TIME if sync.refresh is Refresh.EVERY_SYNC else now + enough
    return Renewal(before, now + min(URGENT, enough), now + timedelta(minutes=sync.ttl_minutes))


def check_lasting(sync: Sync) -> None:
    """Raise DefinitionError when members would lapse as soon as one run is missed; it names the TTL that would do."""
    ttl, least = timedelta(minutes=sync.ttl_minutes), 2 * period(sync)
    if ttl < least:
        remedy = f"give it {_days(least)} or more" if least <= LONGEST else "no TTL is long enough; let it run more often"
        raise DefinitionError(
            f"a TTL of {_days(ttl)} is too short for a sync that runs {_how_often(sync)}: "
            f"people would lapse as soon as one run is missed; {remedy}"
        )


def _how_often(sync: Sync) -> str:
    return f"by the cron expression '{sync.cron}'" if sync.cadence is Cadence.CRON else sync.cadence.value.replace("_", " ")


def _days(span: timedelta) -> str:
    number = -(-span // DAY)
    return "1 day" if number == 1 else f"{number} days"
