"""What is counted, for Prometheus; no label carries an id of anybody or anything.

- tradewind_requests_total: requests answered, by method, route and status
- tradewind_request_seconds: how long they took, by route
- tradewind_runs_total: runs that the worker of this process ended or left, by outcome or state
- tradewind_failures_total: syncs and privacy requests that failed, by kind of error
- tradewind_wrong: what is wrong now over all projects, by alert; the machine counts once
- tradewind_expiry_seconds: how soon the first member lapses whom a sync at work keeps; absent where there is none
- tradewind_unknown_seconds: how old the oldest doubt about what a platform holds is; 0 where there is none
- tradewind_disk_free_bytes: what is free on the disk of the home
- tradewind_look_age_seconds: how long ago this process looked whether anything is wrong
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tradewind.model.alert import AlertKind
from tradewind.operations.alerting import Noticed
from tradewind.web.limits import METHODS, Seen
from tradewind.worker import Done

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """One process's counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("tradewind_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry)
        self._seconds = Histogram("tradewind_request_seconds", "How long they took.", ["route"], registry=self.registry, buckets=BUCKETS)
        self._runs = Counter("tradewind_runs", "Runs ended or left by this process.", ["outcome"], registry=self.registry)
        self._failures = Counter("tradewind_failures", "Work that failed.", ["kind"], registry=self.registry)

    def answered(self, seen: Seen) -> None:
        """Count a request."""
        method = seen.method if seen.method in METHODS else "other"
        self._requests.labels(method, seen.route, str(seen.status)).inc()
        self._seconds.labels(seen.route).observe(seen.seconds)

    def done(self, done: Done) -> None:
        """Count what became of a piece of work."""
        if done.error:
            self._failures.labels(type(done.error).__name__).inc()
        if done.run:
            self._runs.labels(done.run.outcome.value if done.run.outcome else done.run.state.value).inc()

    def text(self, noticed: Noticed | None = None, now: datetime | None = None) -> bytes:
        """All of it, as Prometheus reads it, with what was noticed last as it stands now."""
        return generate_latest(self.registry) + (generate_latest(_gauges(noticed, now)) if noticed and now else b"")


def _gauges(noticed: Noticed, now: datetime) -> CollectorRegistry:
    registry = CollectorRegistry()
    wrong = Gauge("tradewind_wrong", "What is wrong now.", ["alert"], registry=registry)
    for kind in AlertKind:
        wrong.labels(kind.value).set(noticed.wrong.get(kind, 0))
    told = {
        "tradewind_expiry_seconds": (
            "Until the first member lapses.",
            (noticed.expires - now).total_seconds() if noticed.expires else None,
        ),
        "tradewind_unknown_seconds": (
            "Age of the oldest doubt.",
            (now - noticed.unknown_since).total_seconds() if noticed.unknown_since else 0,
        ),
        "tradewind_disk_free_bytes": ("Free on the disk of the home.", noticed.machine.free),
        "tradewind_look_age_seconds": ("Since the last look.", (now - noticed.at).total_seconds()),
    }
    for name, (meaning, value) in told.items():
        if value is not None:
            Gauge(name, meaning, registry=registry).set(value)
    return registry
