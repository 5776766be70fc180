"""Whose event it is, found when a query runs: late events and merges rewrite nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradewind.compute import quoted
from tradewind.events.links import link_relation
from tradewind.events.manifest import EventFile
from tradewind.events.relation import WHOLE, Part, Share, event_relation, text_of
from tradewind.events.shape import person_key

_ALONE = "user_id IS NULL"
"""An event without a user: its person is its device, unless that is known by a user."""

_SIGNED_IN = "who <> device_key"
"""An event with a user and a device, told without reading ids as text: the two keys are of different persons only then."""


@dataclass(frozen=True)
class EventView:
    """What happened before an instant, in the files there were when it was asked for, with the properties named.

    Each answer is a SELECT for DuckDB of `person` (`user:<id>` or `device:<id>`), `who` (its key, a UUID), and the columns of
    `event_relation`.
    """

    files: tuple[EventFile, ...]
    event_properties: tuple[str, ...]
    user_properties: tuple[str, ...]
    before: datetime | None
    parts: tuple[Part, ...] | None = None

    @property
    def rows(self) -> int:
        """How many events there are, about: all those of the files."""
        return sum(file.rows for file in self.files)

    def stored(self, share: Share = WHOLE) -> str:
        """Those of a share as the files have them: without `person`, and `who` is the user, else the device."""
        if self.parts is None:
            return event_relation(self.files, self.event_properties, self.user_properties, self.before, share)
        return " UNION ALL BY NAME ".join(self._of(part, share) for part in self.parts) or event_relation(())

    def _of(self, part: Part, share: Share) -> str:
        events = event_relation(self.files, part.event_properties, (), part.end, share, part.first)
        return f"SELECT * FROM ({events}) AS events WHERE {part.condition}"

    def text(self, name: str) -> str:
        """The column `user.<name>` of these answers as the text that it stands for."""
        return text_of(self.files, "user", name, self.before)

    def relation(self) -> str:
        """All of them."""
        return person_relation(self.files, self.event_properties, self.user_properties, self.before)

    def of(self, parts: Sequence[Part]) -> EventView:
        """The same, but only what happened in one of these parts of the events, of which none overlaps another, and no user properties."""
        properties = {name for part in parts for name in part.event_properties}
        return EventView(self.files, tuple(sorted(properties)), (), self.before, tuple(parts))

    def devices(self, share: Share = WHOLE, *, named: bool) -> str:
        """What `lent` needs to know of a share of the devices: see `device_relation`."""
        return device_relation(self, share, named=named)

    def lent(self, *, named: bool, devices: str | None = None) -> str:
        """Those that must be laid aside before `own` is asked: see `lent_relation`."""
        return lent_relation(self, named=named, devices=devices)

    def own(self, share: Share, lent: str | None) -> str:
        """Those of a share of the people; `lent` names a relation of all rows of `lent`, None when it has none."""
        return own_relation(self, share, lent)


def person_relation(
    files: Sequence[EventFile], event_properties: Iterable[str] = (), user_properties: Iterable[str] = (), before: datetime | None = None
) -> str:
    """A SELECT for DuckDB: `person` (`user:<id>` or `device:<id>`), `who` (its key, a UUID), and the columns of `event_relation`.

    The person of an event is its user; else the last user seen on its device at or before its time; else the first
    seen after; else the device. Of several users at one instant the greatest id counts. Two users are never merged,
    and only events before the instant say who is who. Only devices that acted without a user are looked into; those
    with one user are a plain join, and those with several go through windows.
    """
    events = event_relation(files, event_properties, user_properties, before)
    everything = EventView(tuple(files), (), (), before)
    return f"""{_owners(everything, named=True)}
        SELECT COALESCE(keeper.who, owner.who, event.who) AS who,
            COALESCE(keeper.person, owner.person, 'user:' || event.user_id, 'device:' || event.device_id) AS person,
            event.* EXCLUDE (who, alone)
        FROM (SELECT *, CASE WHEN {_ALONE} THEN device_key END AS alone FROM ({events})) AS event
        LEFT JOIN owner ON owner.device_key = event.alone
        LEFT JOIN keeper ON keeper.device_key = event.alone AND keeper.time = event.time"""


def device_relation(view: EventView, share: Share = WHOLE, *, named: bool) -> str:
    """The devices of a share that acted without a user and also with one: `device_key`, `who` (the key of a user), and if of `several`.

    When `named` also `user_id`, of any of its users. With parts, only the devices that acted without a user in one of them.
    """
    alone = f"link WHERE {_ALONE}" if view.parts is None else f"({view.stored(share)}) WHERE {_ALONE}"
    user = ", any_value(user_id) AS user_id" if named else ""
    return f"""WITH link AS NOT MATERIALIZED ({link_relation(view.files, view.before, share)}),
        alone AS (SELECT DISTINCT device_key FROM {alone})
        SELECT device_key, min(who) AS who, min(who) <> max(who) AS several{user}
        FROM link WHERE {_SIGNED_IN} AND device_key IN (FROM alone) GROUP BY device_key"""


def lent_relation(view: EventView, *, named: bool, devices: str | None = None) -> str:
    """The rows of `person_relation` whose person is not where its files have it: events without a user, of devices that have one.

    Of the view's events only. Without what `own_relation` puts beside them again: the texts of properties, and `person` and
    `device_id` unless `named`. `devices` is a table of `device_relation` for all shares, which is else found in the same statement.
    """
    alone = f"SELECT * FROM ({view.stored()}) WHERE {_ALONE}"
    names = "COALESCE(keeper.person, owner.person) AS person, event.device_id," if named else ""
    left = ", ".join(("who", "user_id", "device_id", *(column for column, _ in _texts(view))))
    return f"""{_owners(view, devices, named=named)}
        SELECT COALESCE(keeper.who, owner.who) AS who, {names} event.* EXCLUDE ({left})
        FROM ({alone}) AS event
        JOIN owner ON owner.device_key = event.device_key
        LEFT JOIN keeper ON keeper.device_key = event.device_key AND keeper.time = event.time"""


def own_relation(view: EventView, share: Share, lent: str | None) -> str:
    """The rows of `person_relation` for a share of the people, of the view's events only.

    `lent` is a relation of all rows of `lent_relation`, None without any.
    """
    events, person = view.stored(share), "COALESCE('user:' || user_id, 'device:' || device_id) AS person"
    if lent is None:
        return f"SELECT *, {person} FROM ({events})"
    gone = f"SELECT device_key FROM {lent} WHERE {share.holds('device_key')}"
    texts = "".join(f", {text} AS {column}" for column, text in _texts(view))
    return f"""SELECT *, {person} FROM ({events}) AS event ANTI JOIN ({gone}) AS gone ON gone.device_key = event.who
        UNION ALL BY NAME SELECT *{texts} FROM {lent} WHERE {share.holds("who")}"""


def _texts(view: EventView) -> Iterator[tuple[str, str]]:
    """The columns of `event_relation` that are texts of other ones, with the expressions that give them."""
    for side, names in (("event", view.event_properties), ("user", view.user_properties)):
        for name in dict.fromkeys(names):
            yield quoted(f"{side[0]}:{name}"), text_of(view.files, side, name, view.before)


def _owners(view: EventView, devices: str | None = None, *, named: bool) -> str:
    """Tables of a WITH: `owner`, the one user of a device (any, of several), and `keeper`, who it was at a time, of several.

    Of the devices that acted without a user in the view's events. `owner` has no `person` unless `named`.
    """
    seen, key = event_relation(view.files, (), (), view.before), person_key("person")
    person = "'user:' || user_id AS person," if named else ""
    found = "" if devices else f"device AS ({device_relation(view, named=named)}),"
    return f"""WITH {found} instant AS (
            SELECT device_key, time, max(user_id) AS user_id
            FROM ({seen}) WHERE device_key IN (SELECT device_key FROM {devices or "device"} WHERE several) GROUP BY device_key, time
        ),
        holder AS (
            SELECT device_key, time, COALESCE(
                LAST_VALUE(user_id IGNORE NULLS) OVER (PARTITION BY device_key ORDER BY time
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                FIRST_VALUE(user_id IGNORE NULLS) OVER (PARTITION BY device_key ORDER BY time
                    ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS user_id
            FROM instant
        ),
        owner AS (SELECT device_key, {person} who FROM {devices or "device"}),
        keeper AS (SELECT device_key, time, 'user:' || user_id AS person, {key} AS who FROM holder)"""
