"""Segments with a known truth: a list and a stream of events that change at random, and who should be in the segment now."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path


@dataclass
class Place:
    """One sync of one project into one segment of one advertiser; its identifiers are nobody else's."""

    project: str
    sync: str
    advertiser: str
    segment: str
    mark: int
    folder: Path
    refresh: str
    recency: str = "sync"
    wanted: set[int] = field(default_factory=set)

    def guid(self, number: int) -> str:
        """A device that belongs here."""
        return f"{self.mark:08x}-0000-4000-8000-{number:012x}"

    def desired(self) -> set[tuple[str, str]]:
        """What the platform should hold of this segment, as the sandbox says it."""
        return {("DAID", self.guid(number)) for number in self.wanted}

    def definition(self, cohort: str) -> Path:
        """The file that defines connection, cohort and sync."""
        account = f"id: {self.sync}, name: {self.sync}, destination: thetradedesk, advertiser: {self.advertiser}, region: sandbox"
        signed = f"auth: signature, secret: {{env: SECRET_{self.advertiser}}}, identity: [{{from: user.ad, to: DAID}}]"
        sync = f"id: {self.sync}, cohort: {self.sync}, connection: {self.sync}, cadence: hourly"
        sent = f'segment: "{self.segment}", at: "06:30", refresh: {self.refresh}, recency: {self.recency}'
        lines = [
            f"connections: [{{{account}, {signed}}}]",
            f"cohorts: [{{id: {self.sync}, name: {self.sync}, {cohort}}}]",
            f"syncs: [{{{sync}, {sent}}}]",
        ]
        return _written(self.folder / f"{self.sync}.yaml", "\n".join(lines))


class Listed(Place):
    """A list that is written anew with every change: some come, some go, some come back."""

    pool = 240

    @property
    def file(self) -> Path:
        return self.folder / f"{self.sync}.csv"

    def change(self, chance: random.Random, _now: datetime, share: float = 0.06) -> None:
        """Turn a share of all that may be in the list."""
        self.wanted ^= set(chance.sample(range(1, self.pool + 1), int(self.pool * share)))
        self.write()

    def keep_only(self, count: int) -> None:
        """All but a few leave."""
        self.wanted = set(sorted(self.wanted)[:count])
        self.write()

    def grow_back(self) -> None:
        """Half of the pool is in the list again."""
        self.wanted |= set(range(1, self.pool // 2))
        self.write()

    def write(self) -> None:
        """The list's file, as it should be read."""
        _written(self.file, "\n".join(["ad", *map(self.guid, sorted(self.wanted)), ""]))

    def defined(self) -> Path:
        """Begins with half of the pool."""
        self.wanted = set(range(1, self.pool // 2 + 1))
        self.write()
        return self.definition(f"kind: static, file: {self.file.name}, identifiers: {{ad: DAID}}")


class Told(Place):
    """People who join and some of whom leave, told in event files; the cohort is who joined and did not leave."""

    joined = 0
    files: int = 0

    def change(self, chance: random.Random, now: datetime) -> None:
        """Some join, some who are in leave; some of them at once."""
        new = range(self.joined + 1, self.joined + 1 + chance.randint(4, 12))
        self.joined = new[-1]
        self.wanted |= set(new)
        gone = (
            set(chance.sample(sorted(self.wanted), min(len(self.wanted) - 60, chance.randint(3, 10)))) if len(self.wanted) > 70 else set()
        )
        self.wanted -= gone
        self._write([("Join", number) for number in new] + [("Leave", number) for number in sorted(gone)], now)

    def _write(self, events: list[tuple[str, int]], now: datetime) -> None:
        self.files += 1
        lines = [
            json.dumps({
                "event_type": kind, "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": f"{kind}-{number}",
                "time": int((now - timedelta(seconds=1)).timestamp() * 1000), "user_properties": {"ad": self.guid(number)},
            })
            for kind, number in events
        ]  # fmt: skip
        _written(self.folder / f"events-{self.files:04}.json", "\n".join(lines) + "\n")

    def unread(self, seen: set[Path]) -> list[Path]:
        """Event files that no life has taken in for certain."""
        return [path for path in sorted(self.folder.glob("events-*.json")) if path not in seen]

    def defined(self) -> Path:
        """Nobody has joined yet."""
        who = "{all: [{did: Join}, {did_not: Leave}]}"
        return self.definition(f"kind: behavioural, who: {who}")


def _written(path: Path, text: str) -> Path:
    """A file that is replaced whole."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    return draft.replace(path)
