"""What the sandbox holds: for each advertiser and segment, identifiers, when they lapse and how they were stamped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from tradewind.sandbox.advertisers import Advertiser
from tradewind.sandbox.clock import iso
from tradewind.sandbox.rules import Change, Stay

BLOCK_ROWS = 2_000

Members = defaultdict[str, dict[str, Stay]]  # id type -> identifier -> its stay


class Segments:
    """Memberships by advertiser and segment name. Names are told apart by case. Not locked: its owner is."""

    def __init__(self, advertisers: Iterable[Advertiser]) -> None:
        self._held: defaultdict[str, dict[str, Members]] = defaultdict(dict)
        for advertiser in advertisers:
            for name in advertiser.segments:
                self._held[advertiser.id][name] = defaultdict(dict)

    def new_names(self, advertiser: str, changes: Iterable[Change]) -> set[str]:
        """The segments that these changes would create. A removal creates none."""
        held = self._held[advertiser]
        return {change.segment for change in changes if change.stay is not None and change.segment not in held}

    def apply(self, advertiser: str, changes: Iterable[Change]) -> None:
        """Put in, refresh and take out, in order; what comes last stands."""
        held = self._held[advertiser]
        for name, id_type, value, stay in changes:
            if stay is not None:
                if name not in held:
                    held[name] = defaultdict(dict)
                held[name][id_type][value] = stay
            elif name in held:
                held[name][id_type].pop(value, None)

    def forget(self, advertiser: str, id_type: str, value: str) -> list[str]:
        """Take an identifier out of all segments of the advertiser; the names of those it was in."""
        return [name for name, members in self._held[advertiser].items() if members[id_type].pop(value, None) is not None]

    def has(self, advertiser: str, name: str) -> bool:
        return name in self._held.get(advertiser, ())

    def count(self) -> int:
        return sum(len(named) for named in self._held.values())

    def summaries(self, now: int, only: str | None = None) -> list[dict[str, Any]]:
        """One row a segment, of all advertisers or of one: live members, by type too, lapsed ones, first and last expiry of the live."""
        return [
            {"advertiser": advertiser, "name": name, **_summary(members, now)}
            for advertiser, named in sorted(self._held.items())
            if only in (None, advertiser)
            for name, members in sorted(named.items())
        ]

    def live(self, now: int) -> int:
        """How many memberships are live, over all segments."""
        return sum(
            sum(expires > now for expires, _ in ids.values())
            for named in self._held.values()
            for members in named.values()
            for ids in members.values()
        )

    def live_by_type(self, advertiser: str, name: str, now: int) -> dict[str, int]:
        """How many identifiers of each type are live in a segment; none where it is not there."""
        members = self._held[advertiser].get(name)
        return {id_type: sum(expires > now for expires, _ in ids.values()) for id_type, ids in members.items()} if members else {}

    def columns(self, advertiser: str, name: str) -> list[tuple[str, list[str], list[Stay]]]:
        """A segment's members at this moment, lapsed ones too: per type the identifiers and their stays."""
        return [(id_type, list(ids), list(ids.values())) for id_type, ids in sorted(self._held[advertiser][name].items())]

    def saved(self) -> dict[str, Any]:
        return {advertiser: dict(named) for advertiser, named in self._held.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        for advertiser, named in saved.items():
            for name, members in named.items():
                self._held[advertiser][name] = defaultdict(dict, members)


def _summary(members: Members, now: int) -> dict[str, Any]:
    by_type: dict[str, int] = {}
    held, first, last = 0, None, None
    for id_type, ids in sorted(members.items()):
        live = [expires for expires, _ in ids.values() if expires > now]
        held += len(ids)
        if live:
            by_type[id_type] = len(live)
            earliest, latest = min(live), max(live)
            first = earliest if first is None else min(first, earliest)
            last = latest if last is None else max(last, latest)
    total = sum(by_type.values())
    return {
        "members": total,
        "by_type": by_type,
        "lapsed": held - total,
        "first_expiry": None if first is None else iso(first),
        "last_expiry": None if last is None else iso(last),
    }


def lines(columns: list[tuple[str, list[str], list[Stay]]], now: int, *, lapsed: bool) -> Iterator[bytes]:
    """Members as JSON lines `{id_type, id, expires_at, stamp}`, in blocks; with `lapsed`, also those that are over."""
    written: dict[int, str] = {}
    block: list[bytes] = []
    for id_type, ids, stays in columns:
        for value, stay in zip(ids, stays, strict=True):
            if stay[0] <= now and not lapsed:
                continue
            for moment in stay:
                if moment not in written:
                    written[moment] = iso(moment)
            expires, stamp = (written[moment] for moment in stay)
            block.append(orjson.dumps({"id_type": id_type, "id": value, "expires_at": expires, "stamp": stamp}))
            if len(block) == BLOCK_ROWS:
                yield b"\n".join(block) + b"\n"
                block.clear()
    if block:
        yield b"\n".join(block) + b"\n"
