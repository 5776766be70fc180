"""The whole product between the emulated Amplitude and the emulated The Trade Desk, on one day that all three agree on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox_process import SandboxProcess
from tradewind.app import make_home, opened
from tradewind.clock import StandingClock
from tradewind.model.run import Run
from tradewind.operations import definitions, syncs
from tradewind.parts import Parts

FIRST_DAY = datetime(2026, 7, 1, 12, tzinfo=UTC)
KEYS = {
    "AMPLITUDE_API_KEY": "sandbox-api-key-100001",
    "AMPLITUDE_SECRET_KEY": "sandbox-secret-key-100001",
    "TTD_SECRET": "sandbox-secret-ready1",
}


class OneClock(StandingClock):
    """The product's clock; the sandbox's goes with it."""

    def __init__(self, start: datetime, sandbox: SandboxProcess) -> None:
        super().__init__(start)
        self._sandbox = sandbox
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._sandbox.post("/_sandbox/clock", {"now": self.now().isoformat(), "running": False})


@dataclass(frozen=True)
class AmplitudeTown:
    """A home with what a YAML file says; `parts` are the product's own, but for the clock."""

    sandbox: SandboxProcess
    parts: Parts

    def next_day(self) -> None:
        """Noon of the day after."""
        now = self.parts.clock.now()
        noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
        self.parts.clock.sleep((noon - now).total_seconds())

    def cohort(self, **order: Any) -> None:
        """Put a cohort in place at Amplitude."""
        self.sandbox.post("/_sandbox/amplitude/cohorts", order)

    def faults(self, *orders: Any) -> None:
        """What Amplitude does wrong from now on."""
        self.sandbox.post("/_sandbox/amplitude/faults", {"faults": list(orders)})

    def run(self, sync: str) -> Run:
        """Run a sync by hand."""
        return syncs.run(self.parts, "default", sync, None, lambda _what, _done, _total: None)

    def downloads(self) -> int:
        """How many downloads Amplitude counts, in all months."""
        months: dict[str, int] = self.sandbox.get("/_sandbox/amplitude/counts")["100001"]["downloads"]
        return sum(months.values())


@contextmanager
def amplitude_town(folder: Path, sandbox: SandboxProcess, yaml: Iterable[Path]) -> Iterator[AmplitudeTown]:
    """A new home in `folder` to which the YAML files are applied."""
    urls = sandbox.get("/_sandbox/amplitude")["urls"]
    named = KEYS | {
        "TRADEWIND_LOOPBACK_ONLY": "true",
        "TRADEWIND_SANDBOX_URL": sandbox.url,
        "TRADEWIND_SANDBOX_AMPLITUDE_URL": urls["us"],
        "TRADEWIND_SANDBOX_AMPLITUDE_EU_URL": urls["eu"],
    }
    with _environment(named):
        make_home(folder, "UTC")
        with opened(folder) as parts:
            town = AmplitudeTown(sandbox, replace(parts, clock=OneClock(FIRST_DAY, sandbox)))
            definitions.apply(town.parts, "default", list(yaml), "ann", prune=False)
            yield town


@contextlib.contextmanager
def _environment(named: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("TRADEWIND_")]:
        del os.environ[name]
    os.environ.update(named)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
