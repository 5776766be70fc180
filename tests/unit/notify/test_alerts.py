"""Each alert begins where it should and not before; a sync in good health has none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradewind.model.alert import AlertKind
from tradewind.model.destination import Auth, Connection
from tradewind.model.identifier import IdentityMap
from tradewind.model.platform import Activity, Listing, Reader, Reading
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.model.sync import Cadence, Sync, SyncState
from tradewind.notify.alerts import Machine, SyncFacts, of_connection, of_machine, of_pushed, of_reader, of_sync

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SYNC = Sync("default", "s", "all", "main", "segment s", 30 * 1440, Cadence.DAILY)
RUN = Run("r1", "default", "s", "t", "b", 1, NOW, NOW, RunState.CLOSED, RunOutcome.CLEAN, closed_at=NOW)
WELL = SyncFacts(SYNC, NOW - 90 * DAY, RUN, NOW - HOUR, expires=NOW + 29 * DAY, shares=((0, 1000), (1, 1000)))
GB = 10**9
UNLISTED = Reading("t", NOW, None, 100, NOW - 49 * HOUR)
UNREAD = Reader("default", "main", NOW - 90 * DAY, NOW, NOW - 37 * HOUR, "refused")


def kinds(now: datetime = NOW, **changes: Any) -> list[AlertKind]:
    return [alert.kind for alert in of_sync(replace(WELL, **changes), now)]


def test_a_sync_in_good_health_gives_no_alert_in_all_of_a_day() -> None:
    assert [kinds(NOW + hour * HOUR) for hour in range(25)] == [[]] * 25
    assert kinds(last=None, success_at=None, since=NOW, expires=None, shares=()) == []


@pytest.mark.parametrize(
    ("kind", "quiet", "loud"),
    [
        (AlertKind.STALE, {"success_at": NOW - 60 * HOUR}, {"success_at": NOW - 60 * HOUR - timedelta(seconds=1)}),
        (AlertKind.STALE, {"success_at": None, "since": NOW - 2 * DAY}, {"success_at": None, "since": NOW - 3 * DAY}),
        (AlertKind.EXPIRY, {"expires": NOW + 72 * HOUR}, {"expires": NOW + 72 * HOUR - timedelta(seconds=1)}),
        (AlertKind.EXPIRY, {"expires": NOW + 7 * DAY, "paused": True}, {"expires": NOW + 6 * DAY, "paused": True}),
        (AlertKind.UNKNOWN, {"unknown_since": NOW - DAY - HOUR / 6}, {"unknown_since": NOW - DAY - HOUR / 5}),
        (AlertKind.HELD, {"guards": ()}, {"guards": ("stale", "shrink")}),
        (AlertKind.MASS_REMOVAL, {"guards": ("growth",)}, {"guards": ("growth", "shrink")}),
        (AlertKind.MASS_REMOVAL, {"guards": ("stale",)}, {"guards": ("empty",)}),
        (AlertKind.REJECTS, {"shares": ((10, 1000),)}, {"shares": ((11, 1000),)}),
        (AlertKind.REJECTS, {"shares": ((50, 10_000), (10, 10_000))}, {"shares": ((51, 10_000), (10, 10_000))}),
        (AlertKind.REJECTS, {"shares": ((19, 10_000), (1, 10_000))}, {"shares": ((20, 10_000), (1, 10_000))}),
        (AlertKind.STALLED, {"progress_at": NOW - HOUR / 4}, {"progress_at": NOW - HOUR / 3}),
        (AlertKind.MISSED, {"last": RUN}, {"last": replace(RUN, missed=2)}),
        (AlertKind.FAILED, {"last": replace(RUN, outcome=RunOutcome.WITH_REJECTS)}, {"last": replace(RUN, outcome=RunOutcome.FAILED)}),
        (AlertKind.FAILED, {"last": replace(RUN, outcome=RunOutcome.SUPERSEDED)}, {"last": replace(RUN, outcome=RunOutcome.INCOMPLETE)}),
    ],
)
def test_an_alert_begins_at_its_threshold(kind: AlertKind, quiet: dict[str, Any], loud: dict[str, Any]) -> None:
    assert kind not in kinds(**quiet)
    assert kind in kinds(**loud)


@pytest.mark.parametrize("state", [SyncState.PAUSED, SyncState.ENDED])
def test_nobody_is_woken_for_a_sync_that_is_not_meant_to_run(state: SyncState) -> None:
    assert kinds(NOW + 29 * DAY, sync=replace(SYNC, state=state), unknown_since=NOW - 9 * DAY) == []


def test_a_one_time_sync_is_never_stale_and_lets_its_people_lapse() -> None:
    assert kinds(NOW + 29 * DAY, sync=replace(SYNC, cadence=Cadence.ONE_TIME)) == []


def test_a_short_ttl_is_near_its_end_only_when_a_third_of_it_is_left() -> None:
    short = replace(SYNC, ttl_minutes=2 * 1440)
    assert kinds(sync=short, expires=NOW + DAY) == []
    assert kinds(sync=short, expires=NOW + 15 * HOUR) == [AlertKind.EXPIRY]


def test_a_paused_connection_says_why() -> None:
    connection = Connection("default", "main", "Main", "fake", "adv1", "here", Auth.SIGNATURE, IdentityMap(()))
    assert list(of_connection(connection)) == []
    (alert,) = of_connection(replace(connection, paused="the platform refuses the secret"))
    assert (alert.kind, alert.object) == (AlertKind.REFUSED, "main")
    assert "the platform refuses the secret" in alert.sentence


@pytest.mark.parametrize(
    ("machine", "found"),
    [
        (Machine(50 * GB, 100 * GB), []),
        (Machine(19 * GB, 100 * GB), [AlertKind.DISK]),
        (Machine(GB, 2 * GB), [AlertKind.DISK]),
        (Machine(50 * GB, 100 * GB, 120.0), []),
        (Machine(50 * GB, 100 * GB, 121.0), [AlertKind.CLOCK]),
        (Machine(50 * GB, 100 * GB, -121.0), [AlertKind.CLOCK]),
    ],
)
def test_the_machine_is_looked_after(machine: Machine, found: list[AlertKind]) -> None:
    assert [alert.kind for alert in of_machine(machine)] == found


def test_every_kind_has_an_alert_that_was_seen_here() -> None:
    """A kind that nothing gives would be a promise that is not kept."""
    loud = replace(
        WELL, success_at=NOW - 9 * DAY, expires=NOW, unknown_since=NOW - 9 * DAY, guards=("stale", "empty"), shares=((1, 2),),
        progress_at=NOW - DAY, last=replace(RUN, missed=1, outcome=RunOutcome.FAILED), reading=UNLISTED,
    )  # fmt: skip
    seen = {alert.kind for alert in of_sync(loud, NOW)} | {alert.kind for alert in of_machine(Machine(0, 1, 999.0))}
    seen |= {alert.kind for alert in [*of_reader(UNREAD, "Main account", NOW), *of_pushed("payers", NOW)]}
    assert seen | {AlertKind.REFUSED} == set(AlertKind)


def test_a_segment_is_unlisted_48_hours_after_its_first_accepted_batch_until_the_platform_lists_it() -> None:
    assert kinds(reading=UNLISTED) == [AlertKind.UNLISTED]
    assert kinds(reading=replace(UNLISTED, sent_since=NOW - 48 * HOUR)) == []
    assert kinds(reading=replace(UNLISTED, sent_since=None)) == []
    few, many = (next(of_sync(replace(WELL, reading=replace(UNLISTED, held=held)), NOW)).sentence for held in (999, 1_000))
    assert (few.endswith("; it may not list so few as 999"), "so few" in many) == (True, False)
    assert kinds(reading=replace(UNLISTED, listing=Listing(1, "segment s", Activity(0)))) == []


def test_a_platform_that_was_not_read_for_a_day_and_a_half_is_told_with_the_reason() -> None:
    (alert,) = of_reader(UNREAD, "Main account", NOW)
    assert (alert.object, alert.sentence.endswith(": refused")) == ("main", True)
    assert list(of_reader(replace(UNREAD, read_at=NOW - 36 * HOUR), "Main account", NOW)) == []
    assert list(of_reader(replace(UNREAD, problem=""), "Main account", NOW)) == []
    assert list(of_reader(replace(UNREAD, read_at=None), "Main account", NOW)) != []
