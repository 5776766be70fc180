"""The two endpoints of the platform: a request goes in, an answer comes out, and what is held has changed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tradewind.sandbox.advertisers import Advertiser, State
from tradewind.sandbox.call import DELETION, UPLOAD, Call
from tradewind.sandbox.clock import Clock, iso
from tradewind.sandbox.faults import Fault, Faults
from tradewind.sandbox.journal import Entry, Journal
from tradewind.sandbox.platform.directory import Directory
from tradewind.sandbox.refusal import FailedLine, Refused
from tradewind.sandbox.rules import Change, judge_deletion, judge_upload
from tradewind.sandbox.segments import Segments
from tradewind.sandbox.server import Closed
from tradewind.sandbox.wire import Answer, Request


@dataclass(slots=True)
class _Outcome:
    """What a request comes to: its answer, and what is to be changed and kept."""

    answer: Answer
    changes: list[Change] = field(default_factory=list)
    people: list[tuple[str, str]] = field(default_factory=list)
    failed: list[FailedLine] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read, and the fault it meets."""

    desk: Desk
    call: Call
    fault: Fault | None

    def answer(self) -> Answer:
        """Judge and apply it. Raises Closed."""
        return self.desk.receive(self.call, self.fault)


class Desk:
    """Holds the parts of the emulated platform and one lock over them."""

    def __init__(self, advertisers: Mapping[str, Advertiser]) -> None:
        self.advertisers = advertisers
        self.clock = Clock()
        self.lock = threading.Lock()
        self.version = 0
        self.closed = False
        self.reset()

    def reset(self) -> None:
        """Forget everything but the advertisers; the clock shows the machine's time again."""
        with self.lock:
            self.segments = Segments(self.advertisers.values())
            self.directory = Directory(self.segments)
            for each in self.advertisers.values():
                self.directory.note(each.id, each.segments, self.clock.now())
            self.journal = Journal()
            self.faults = Faults()
            self.integrations: set[tuple[str, str]] = set()
            self.clock.reset()
            self.version += 1

    def close(self) -> None:
        """Apply nothing from now on."""
        with self.lock:
            self.closed = True

    def next_fault(self) -> Fault | None:
        with self.lock:
            return self.faults.take()

    def missing(self, request: Request) -> Answer | None:
        """The answer where there is no such endpoint; None where there is."""
        if request.path not in (UPLOAD, DELETION):
            return Answer(404, b'{"ErrorCode":"EndpointNotConfigured","Message":"There is no such endpoint"}')
        if request.method != "POST":
            return Answer(405, b'{"Message":"This endpoint takes POST"}', headers={"Allow": "POST"})
        return None

    @contextmanager
    def asked(self, request: Request) -> Iterator[Asked]:
        """A request to one of the two endpoints, open until its answer is sent."""
        call, fault = Call(request), self.next_fault()
        with self.under_way(call):
            yield Asked(self, call, fault)

    @contextmanager
    def under_way(self, call: Call) -> Iterator[None]:
        """Counts the requests that an advertiser has open at the same time."""
        key = call.advertiser if call.advertiser and call.advertiser in self.advertisers else "unknown"
        with self.lock:
            journal = self.journal
            journal.begin(key)
        try:
            yield
        finally:
            with self.lock:
                journal.end(key)

    def receive(self, call: Call, fault: Fault | None = None) -> Answer:
        """Judge a request, apply what stands and keep a record. The answer carries `x-ttd-request-id`. Raises Closed."""
        outcome = self._judged(call, fault)
        with self.lock:
            if self.closed:
                raise Closed
            outcome = self._checked(call, outcome)
            self._apply(call, outcome)
            self._keep(call, outcome, fault)
            self.version += 1
        answer = outcome.answer
        if fault and fault.applied:
            answer = fault.answer() or answer
        return replace(answer, headers={"x-ttd-request-id": str(uuid.uuid4()), **answer.headers})

    def _judged(self, call: Call, fault: Fault | None) -> _Outcome:
        if fault and fault.prevents(len(call.items)):
            return _Outcome(fault.answer() or Answer(503))
        try:
            advertiser = call.admitted(self.advertisers)
        except Refused as refused:
            return _Outcome(refused.answer(), error=refused.message)
        forced = fault.forced() if fault else None
        if call.path == UPLOAD:
            changes, failed = judge_upload(call.items, self.clock.now(), forced)
            outcome = _Outcome(_partial([line.upload_line() for line in failed]), changes=changes, failed=failed)
        else:
            people, failed = judge_deletion(call.items, forced)
            outcome = _Outcome(_partial([line.deletion_line(advertiser.id) for line in failed]), people=people, failed=failed)
        if fault and forced:
            outcome.answer = replace(outcome.answer, status=fault.status or 200)
        return outcome

    def _checked(self, call: Call, outcome: _Outcome) -> _Outcome:
        """Refuses new segments to an advertiser that may not create them; whether one is new is known under the lock."""
        advertiser = self.advertisers.get(call.advertiser or "")
        if not advertiser or advertiser.state is not State.NO_CREATION or not self.segments.new_names(advertiser.id, outcome.changes):
            return outcome
        refused = Refused(403, "TargetingDataLimitReached", "Cannot create new targeting data for this advertiser")
        return _Outcome(refused.answer(), error=refused.message)

    def _apply(self, call: Call, outcome: _Outcome) -> None:
        advertiser = str(call.advertiser)
        self.journal.refuse(advertiser, outcome.failed)
        self.segments.apply(advertiser, outcome.changes)
        self.directory.note(advertiser, dict.fromkeys(each.segment for each in outcome.changes if each.stay is not None), self.clock.now())
        for id_type, value in outcome.people:
            left = self.segments.forget(advertiser, id_type, value)
            self.journal.forget(iso(self.clock.now()), advertiser, call.request_type, id_type, value, left)

    def _keep(self, call: Call, outcome: _Outcome, fault: Fault | None) -> None:
        self.journal.add(
            Entry(
                time=iso(self.clock.now()),
                path=call.path,
                bytes=call.bytes,
                sha256=call.sha256,
                auth=call.auth,
                advertiser=call.advertiser,
                trace=call.trace,
                items=len(call.items),
                accepted=len(outcome.changes) + len(outcome.people),
                removals=sum(change.stay is None for change in outcome.changes),
                refused=len(outcome.failed),
                status=_status(outcome, fault),
                error=outcome.error,
                fault=fault.kind if fault else None,
            )
        )


def _partial(lines: list[dict[str, Any]]) -> Answer:
    return Answer(200, orjson.dumps({"FailedLines": lines} if lines else {}))


def _status(outcome: _Outcome, fault: Fault | None) -> int | None:
    if fault and fault.silent:
        return None
    forged = fault.answer() if fault and fault.applied else None
    return (forged or outcome.answer).status
