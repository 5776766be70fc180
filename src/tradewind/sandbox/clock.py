"""The sandbox's own clock, and instants as whole microseconds since 1970 in UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


def iso(instant: int) -> str:
    """An instant in microseconds as `2026-01-02T03:04:05Z`, with a fraction only where there is one."""
    text = (_EPOCH + timedelta(microseconds=instant)).isoformat()
    return text.removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> int | None:
    """Microseconds of an ISO 8601 date and time, UTC where no zone is written; None if it is not one."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


class Clock:
    """Runs with the machine's clock until it is set, moved on, or stopped."""

    def __init__(self) -> None:
        self._ahead = 0
        self._standing: int | None = None

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000 + self._ahead if self._standing is None else self._standing

    @property
    def running(self) -> bool:
        return self._standing is None

    def set(self, instant: int, *, running: bool = True) -> None:
        """Show `instant` from now on; a clock that is not running shows it until it is set again."""
        self._ahead = instant - time.time_ns() // 1000
        self._standing = None if running else instant

    def advance(self, microseconds: int) -> None:
        """Move on (or back) from what is shown now."""
        self.set(self.now() + microseconds, running=self.running)

    def reset(self) -> None:
        """Show the machine's time again."""
        self._ahead, self._standing = 0, None

    def saved(self) -> dict[str, int | None]:
        return {"ahead": self._ahead, "standing": self._standing}

    def restore(self, saved: dict[str, int | None]) -> None:
        self._ahead, self._standing = saved["ahead"] or 0, saved["standing"]
