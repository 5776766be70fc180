"""Amplitude in memory: the twin for rehearsals, simulations and tests."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.clock import Clock
from tradewind.errors import EngineError, GoneError, RefusedKeyError
from tradewind.sources.amplitude.base import Account, Client, Exported, Fetched, Listed, Pace

Row = Mapping[str, str]
"""A member: `amplitude_id`, `user_id`, and its user properties by name."""


@dataclass
class MemoryAmplitude:
    """Some projects of Amplitude: who knows which key pair at which address, which cohorts there are, and what was asked for."""

    knows: set[tuple[str, str, str]] = field(default_factory=set)
    cohorts: dict[str, tuple[Listed, list[Row]]] = field(default_factory=dict)
    requests: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    polls: int = 0
    polls_until_ready: int = 0
    torn: bool = False
    events: dict[datetime, list[str]] = field(default_factory=dict)
    """Lines of the Export API, by the hour that they came in."""

    def connect(self, account: Account, pace: Pace, _clock: Clock) -> Client:
        """What asks with the account's keys."""
        return _Client(self, account, pace)


@dataclass(frozen=True)
class _Client:
    amplitude: MemoryAmplitude
    account: Account
    pace: Pace

    def cohorts(self) -> tuple[Listed, ...]:
        self._ask()
        return tuple(listed for listed, _ in self.amplitude.cohorts.values())

    def request(self, cohort: str, properties: Sequence[str]) -> str:
        self._ask()
        if cohort not in self.amplitude.cohorts:
            raise GoneError(f"there is no cohort {cohort}")
        name = f"request-{len(self.amplitude.requests) + 1}"
        self.amplitude.requests[name] = (cohort, tuple(properties))
        return name

    def poll(self, request_id: str) -> bool:
        self._ask()
        self._known(request_id)
        self.amplitude.polls += 1
        return self.amplitude.polls > self.amplitude.polls_until_ready

    def fetch(self, request_id: str, columns: Sequence[str], out: Path) -> Fetched:
        self._ask()
        cohort, _ = self._known(request_id)
        if self.amplitude.torn:
            raise EngineError("the download ended early")
        rows = self.amplitude.cohorts[cohort][1]
        table = {name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in columns}
        pq.write_table(pa.table(table | {"_row": pa.array(range(1, len(rows) + 1), pa.int64())}), out)
        return Fetched(len(rows), tuple(columns))

    def export(self, first: datetime, until: datetime, out: Path, moved: Callable[[int], None]) -> Exported:
        self._ask()
        hours = {hour: lines for hour, lines in self.amplitude.events.items() if first <= hour < until}
        if not hours:
            return Exported.NOTHING
        with ZipFile(out, "w") as archive:
            for hour, lines in hours.items():
                archive.writestr(f"1_{hour:%Y-%m-%d_%H}#0.json.gz", gzip.compress("\n".join(lines).encode()))
        moved(out.stat().st_size)
        return Exported.FILE

    def _ask(self) -> None:
        """One request: at the pace of all, and with keys that are known."""
        with self.pace.turn():
            if (self.account.api_key, self.account.secret_key, self.account.host) not in self.amplitude.knows:
                raise RefusedKeyError("the keys are not known there")

    def _known(self, request_id: str) -> tuple[str, tuple[str, ...]]:
        if request_id not in self.amplitude.requests:
            raise GoneError("there is no such download any more")
        return self.amplitude.requests[request_id]
