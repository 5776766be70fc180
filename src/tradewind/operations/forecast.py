"""What a sync would do and cost before it is added: when it runs, when people expire, how many requests, and one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from tradewind.crontab import a_month
from tradewind.delivery.sample import weigh
from tradewind.model.run import Run
from tradewind.model.sync import Cadence, Refresh, Sync
from tradewind.operations.costs import pace_of
from tradewind.operations.syncs import Wish, sync_from
from tradewind.parts import Parts
from tradewind.phases import binding_of
from tradewind.planning.refresh import margin, period
from tradewind.schedule import next_fire

MONTH = timedelta(days=30)

SUPPOSED = 1.0
"""Seconds that a request takes of which nothing is known yet."""


@dataclass(frozen=True)
class Cost:
    """Of so many identifiers: requests and bytes of the first run, and requests to renew them all for 30 days.

    `seconds` is how long the first run's requests take, by the last run through the connection where `measured`, else supposed.
    """

    identifiers: int
    requests: int
    octets: int
    requests_a_month: int
    seconds: float
    measured: bool


@dataclass(frozen=True)
class Forecast:
    """A sync as it would be added now. `fires` are its next slots, `expires_at` when who is added now expires if nothing renews them.

    `holds` counts who is in its segment already. `sample` is a request of two identifiers, both all zeros.
    """

    sync: Sync
    advertiser: str
    expires_at: datetime
    fires: tuple[datetime, ...]
    items_per_request: int
    holds: int
    sample: str
    cost: Cost | None


def forecast(parts: Parts, project: str, wish: Wish, identifiers: Sequence[int] | None = None) -> Forecast:
    """What a sync that is not there yet would do and cost; nothing is written.

    `identifiers` counts them, one number for each type, since a request is of one type.

    Raises DefinitionError as adding it would.
    """
    sync, now = sync_from(parts, project, wish), parts.clock.now()
    binding = binding_of(parts, sync)
    destination = parts.destination(binding.destination)
    items = destination.items_per_request(binding)
    weight = weigh(destination, binding, now, [(count, items) for count in identifiers or ()])
    version = parts.versions.newest(binding.target.id)
    cost = None
    if identifiers is not None:
        pace = pace_of(parts, _through(parts, sync))
        seconds = weight.requests * (SUPPOSED / destination.spec.limits.at_once if pace is None else pace)
        monthly = round(weight.requests * renewals(sync))
        cost = Cost(weight.identifiers, weight.requests, weight.octets, monthly, seconds, pace is not None)
    fires = tuple(islice(_slots(parts, sync, now), 3))
    expires = now + timedelta(minutes=sync.ttl_minutes)
    return Forecast(sync, binding.target.advertiser, expires, fires, items, version.rows if version else 0, weight.sample, cost)


def renewals(sync: Sync) -> float:
    """How often each member is sent again in 30 days."""
    if sync.cadence is Cadence.ONE_TIME:
        return 0.0
    if sync.refresh is Refresh.EVERY_SYNC:
        return float(a_month(sync.cron)) if sync.cadence is Cadence.CRON else MONTH / period(sync)
    return MONTH / max(timedelta(minutes=sync.ttl_minutes) - margin(period(sync), sync.ttl_minutes), period(sync))


def _through(parts: Parts, sync: Sync) -> Iterator[Run]:
    """The project's youngest runs through the same connection, the newest first."""
    beside = {each.id for each in parts.catalog.syncs(sync.project) if each.connection == sync.connection}
    return (run for run in parts.ledger.history(sync.project, None, 50) if run.sync in beside)


def _slots(parts: Parts, sync: Sync, after: datetime) -> Iterator[datetime]:
    zone = parts.catalog.project(sync.project).zone
    slot = next_fire(sync.cadence, zone, sync.at, after, sync.cron)
    while slot:
        yield slot
        slot = next_fire(sync.cadence, zone, sync.at, slot, sync.cron)
