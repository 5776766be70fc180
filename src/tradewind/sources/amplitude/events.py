"""Events pulled from Amplitude: some hours at a time, each zip into the event store, each hour once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tradewind.clock import Clock
from tradewind.errors import DefinitionError, EngineError
from tradewind.events.importing import ImportSummary, alone, import_events
from tradewind.events.manifest import HourRow, utc
from tradewind.events.store import EventStore
from tradewind.sources.amplitude.base import Exported, Exporter

HOUR = timedelta(hours=1)

DELAY = timedelta(hours=2)
"""How long after it received them Amplitude has the events of an hour ready."""

FIRST_HOURS, MOST_HOURS = 24, 31 * 24
"""Hours asked for at once: at first, and at most."""

LIKED = 256 << 20
"""Bytes of a zip that are neither many requests nor much to lose when a transfer breaks off."""


@dataclass(frozen=True)
class Pulled:
    """How far a pull is, and at its end what it did.

    `hours` were to be pulled, `done` were; `empty` of these had no event. `before` had been pulled earlier, and `waiting` are not
    ready at Amplitude yet. `bytes` came over the wire. events_read = events_new + duplicates + the sum of `rejects` (by reason).
    """

    source: str
    hours: int
    before: int
    waiting: int
    done: int = 0
    empty: int = 0
    bytes: int = 0
    events_read: int = 0
    events_new: int = 0
    duplicates: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    rejects_paths: tuple[Path, ...] = ()
    not_applied: int = 0
    seconds: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the end, if it goes on as it has; None before the first hour is there."""
        return self.seconds / self.done * (self.hours - self.done) if self.done else None


OnPull = Callable[[Pulled], None]
"""Told now and then how far the pull is."""


@dataclass(frozen=True)
class Place:
    """Where events go: the store, the project in it, and the id of the source they come from."""

    store: EventStore
    project: str
    source: str


def pull_events(client: Exporter, place: Place, first: datetime | None, until: datetime | None, clock: Clock, told: OnPull) -> Pulled:
    """Bring the events that reached Amplitude from `first` to before `until` (whole hours, naive, UTC) into the store.

    Hours already there are left out. Without `first` it goes on after the last of them; it ends with what Amplitude has ready.
    An hour is written down with its events, in one transaction, so that whatever ends a pull loses and doubles nothing:
    the next goes on. Raises DefinitionError for hours that cannot be, EngineError for an hour that Amplitude cannot export,
    and what client and import raise.
    """
    known = place.store.hours(place.project, place.source)
    asked, waiting = _asked(first, until, known, utc(clock.now()))
    left = [hour for hour in asked if hour not in known]
    state = Pulled(place.source, len(left), len(asked) - len(left), waiting)
    with alone(
        place.store.home / "pulls" / place.project / place.source, ".pulling", f"another pull from source '{place.source}' is going on"
    ) as folder:
        work = _Pull(client, place, folder, clock, told, state)
        at_once, most = FIRST_HOURS, MOST_HOURS
        while left:
            part = _together(left, at_once)
            size = work.take(part)
            if size is None:
                at_once = most = max(1, len(part) // 2)
            else:
                left, at_once = left[len(part) :], next_span(len(part), size, most)
        return work.state


def next_span(hours: int, size: int, most: int) -> int:
    """Hours to ask for, `most` or fewer, after so many gave a zip of `size` bytes."""
    return max(1, min(most, 4 * hours, hours * LIKED // max(1, size)))


def _asked(first: datetime | None, until: datetime | None, known: set[datetime], now: datetime) -> tuple[list[datetime], int]:
    """The hours from first to before until that Amplitude has ready, and how many it will have later."""
    ready = (now - DELAY).replace(minute=0, second=0, microsecond=0)
    begin, end = first or (max(known) + HOUR if known else None), until or ready
    if begin is None:
        raise DefinitionError("nothing was pulled from this source yet: say from which day on with --from, such as --from 2026-01-01")
    if first and until and until <= first:
        raise DefinitionError(f"there is no hour from {first:%Y-%m-%d %H:%M} to before {until:%Y-%m-%d %H:%M} UTC")
    if first and first >= ready:
        raise DefinitionError(f"Amplitude has no events from {first:%Y-%m-%d %H:%M} on yet; it is ready up to {ready:%Y-%m-%d %H:%M} UTC")
    hours = [begin + number * HOUR for number in range((end - begin) // HOUR)]
    there = [hour for hour in hours if hour < ready]
    return there, len(hours) - len(there)


def _together(hours: Sequence[datetime], most: int) -> list[datetime]:
    """The first of the hours that follow one another without a gap."""
    count = 1
    while count < min(most, len(hours)) and hours[count] - hours[count - 1] == HOUR:
        count += 1
    return list(hours[:count])


class _Pull:
    """One pull under way."""

    def __init__(self, client: Exporter, place: Place, folder: Path, clock: Clock, told: OnPull, state: Pulled) -> None:
        self._client, self._place, self._folder, self._clock, self._told = client, place, folder, clock, told
        self._begun = clock.monotonic()
        self.state = state

    def take(self, hours: Sequence[datetime]) -> int | None:
        """Bring hours that follow one another into the store; the bytes of their zip, or None where they are too many at once."""
        first, until = (each.replace(tzinfo=UTC) for each in (hours[0], hours[-1] + HOUR))
        file = self._folder / f"{first:%Y-%m-%dT%H}--{until:%Y-%m-%dT%H}.zip"
        rows = [HourRow(self._place.source, hour) for hour in hours]
        before = self.state
        try:
            found = self._client.export(first, until, file, lambda moved: self._tell(replace(before, bytes=before.bytes + moved)))
            if found is Exported.FILE:
                size = file.stat().st_size
                self._import(file, rows, replace(before, bytes=before.bytes + size))
                return size
        finally:
            file.unlink(missing_ok=True)
        if found is Exported.NOTHING:
            self._place.store.without_events(self._place.project, rows)
            self._tell(replace(before, done=before.done + len(rows), empty=before.empty + len(rows)))
            return 0
        if len(hours) == 1:
            raise EngineError(
                f"the hour {first:%Y-%m-%d %H:%M} UTC is too much for Amplitude's Export API, which gives 4 GB at most; the hours before "
                "it are in. Let Amplitude export it to S3, and bring it in with: tradewind events import"
            )
        return None

    def _import(self, file: Path, hours: list[HourRow], before: Pulled) -> None:
        place = self._place
        done = import_events(
            place.store,
            place.project,
            [file],
            on_progress=lambda _read, _total, lines: self._tell(replace(before, events_read=before.events_read + lines)),
            clock=self._clock,
            hours=hours,
        )
        if done.refused_files:
            raise EngineError(
                f"the events from {hours[0].hour:%Y-%m-%d %H:%M} UTC on: the zip that Amplitude sent {done.refused_files[0][1]}"
            )
        self._tell(_with(before, done, len(hours)))

    def _tell(self, state: Pulled) -> None:
        self.state = replace(state, seconds=self._clock.monotonic() - self._begun)
        self._told(self.state)


def _with(before: Pulled, done: ImportSummary, hours: int) -> Pulled:
    reasons = {*before.rejects, *done.rejects}
    return replace(
        before,
        done=before.done + hours,
        events_read=before.events_read + done.events_read,
        events_new=before.events_new + done.events_new,
        duplicates=before.duplicates + done.duplicates,
        rejects={reason: before.rejects.get(reason, 0) + done.rejects.get(reason, 0) for reason in sorted(reasons)},
        rejects_paths=(*before.rejects_paths, *([done.rejects_path] if done.rejects_path else [])),
        not_applied=before.not_applied + done.not_applied,
    )
