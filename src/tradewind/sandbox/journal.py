"""What the sandbox was sent, what it refused and whom it was told to forget; bodies are never kept."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tradewind.sandbox.refusal import FailedLine

KEPT = 10_000


@dataclass(slots=True)
class Entry:
    """One request to the platform. `accepted` and `refused` count lines; `status` is None when no answer was sent."""

    time: str
    path: str
    bytes: int
    sha256: str
    auth: str
    advertiser: str | None = None
    trace: str | None = None
    items: int = 0
    accepted: int = 0
    removals: int = 0
    refused: int = 0
    status: int | None = None
    error: str | None = None
    fault: str | None = None


class Journal:
    """The youngest requests, refusals and deletions, and counts of all. Not locked: its owner is."""

    def __init__(self) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.refusals: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.deletions: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._sums: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._most_at_once: Counter[str] = Counter()

    @property
    def next_number(self) -> int:
        return self._sums["requests"] + 1

    def add(self, entry: Entry) -> None:
        """Number a request and keep it."""
        self._sums["requests"] += 1
        for name in ("items", "accepted", "removals", "refused"):
            self._sums[name] += getattr(entry, name)
        self._statuses[str(entry.status) if entry.status else "none"] += 1
        if entry.fault:
            self._sums["faults"] += 1
        self.requests.append({"number": self._sums["requests"], **asdict(entry)})

    def refuse(self, advertiser: str, failed: Iterable[FailedLine]) -> None:
        """Keep the failed lines of the request that is numbered next. Identifiers are not kept."""
        for line in failed:
            self._codes[line.code] += 1
            self.refusals.append(
                {
                    "request": self.next_number,
                    "advertiser": advertiser,
                    "segment": line.data_name,
                    "code": line.code,
                    "message": line.message,
                    "item_number": line.item,
                    "data_number": line.data,
                }
            )

    def forget(self, time: str, advertiser: str, request_type: str, id_type: str, value: str, segments: list[str]) -> None:
        """Keep that somebody was to be forgotten, and which segments they were taken out of."""
        self._sums["deletions"] += 1
        self.deletions.append(
            {
                "request": self.next_number,
                "time": time,
                "advertiser": advertiser,
                "request_type": request_type,
                "id_type": id_type,
                "id": value,
                "segments": segments,
            }
        )

    def begin(self, advertiser: str) -> None:
        """A request of this advertiser is under way; the most at once are counted."""
        self._busy[advertiser] += 1
        self._most_at_once[advertiser] = max(self._most_at_once[advertiser], self._busy[advertiser])

    def end(self, advertiser: str) -> None:
        self._busy[advertiser] -= 1

    def counts(self) -> dict[str, Any]:
        names = ("requests", "items", "accepted", "removals", "refused", "deletions", "faults")
        return {
            **{name: self._sums[name] for name in names},
            "by_status": dict(sorted(self._statuses.items())),
            "refused_by_code": dict(sorted(self._codes.items())),
            "most_at_once": dict(sorted(self._most_at_once.items())),
            "under_way": sum(self._busy.values()),
        }

    def saved(self) -> dict[str, Any]:
        return {
            "requests": list(self.requests),
            "refusals": list(self.refusals),
            "deletions": list(self.deletions),
            "sums": dict(self._sums),
            "statuses": dict(self._statuses),
            "codes": dict(self._codes),
            "most_at_once": dict(self._most_at_once),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        for name in ("requests", "refusals", "deletions"):
            getattr(self, name).extend(saved[name])
        for name in ("sums", "statuses", "codes", "most_at_once"):
            getattr(self, f"_{name}").update(saved[name])
