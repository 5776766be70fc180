"""What is counted, for Prometheus; no label carries an id of anybody or anything.

- tradewind_requests_total: requests answered, by method, route and status
- tradewind_request_seconds: how long they took, by route
- tradewind_runs_total: runs that the worker of this process ended or left, by outcome or state
- tradewind_failures_total: syncs and privacy requests that failed, by kind of error
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

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

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
