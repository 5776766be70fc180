"""Claims: taken from the dead at once, kept while the work is long, never taken from the living."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from sandbox_process import wait_until
from tradewind.clock import StandingClock
from tradewind.delivery.deliver import CLAIM
from tradewind.errors import LedgerError
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.run import Claim
from tradewind.operations.claims import is_dead, kept, me, take
from tradewind.testing.ledger_suite import BINDING, a_run

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger() -> MemoryLedger:
    """One open run."""
    ledger = MemoryLedger()
    ledger.open(a_run(), BINDING)
    return ledger


def test_this_process_lives_and_one_that_ended_does_not() -> None:
    """A process is told by host, id and beginning: an id used again is another process."""
    assert not is_dead(me())
    host, pid, began, thread = me().split(":")
    assert is_dead(f"{host}:{pid}:{int(began) + 1}:{thread}")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert is_dead(f"{socket.gethostname()}:{gone.pid}:1")
    assert not is_dead(f"another-host:{os.getpid()}:1")
    assert not is_dead("nonsense")


def test_a_claim_is_one_thread_s(ledger: MemoryLedger) -> None:
    """A server answers requests beside its worker: what a request wants to end is left to the worker while it is at it."""
    with ThreadPoolExecutor(1) as worker:
        claim = worker.submit(take, ledger, "r1", StandingClock(NOON)).result()
        assert not is_dead(claim.owner)
        with pytest.raises(LedgerError, match="cannot be taken"):
            take(ledger, "r1", StandingClock(NOON))


def test_a_dead_holder_gives_way_at_once(ledger: MemoryLedger) -> None:
    """After kill -9 nobody waits for the lease to end."""
    ledger.claim("r1", f"{socket.gethostname()}:1:999999999999", NOON, NOON + CLAIM)
    assert take(ledger, "r1", StandingClock(NOON)).owner == me()


def test_a_living_holder_does_not(ledger: MemoryLedger) -> None:
    """Another host's claim is left alone while it lasts."""
    ledger.claim("r1", "another-host:1:1", NOON, NOON + CLAIM)
    with pytest.raises(LedgerError, match="another-host"):
        take(ledger, "r1", StandingClock(NOON))


class Watched(MemoryLedger):
    """Remembers until when each claim was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.until = NOON

    def claim(self, run: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> Claim:
        claim = super().claim(run, owner, now, until, dead)
        self.until = until
        return claim


def test_a_claim_is_kept_while_the_work_is_long() -> None:
    """Half an hour of work in one query: the claim is held all the time, and others wait."""
    ledger, clock = Watched(), StandingClock(NOON)
    ledger.open(a_run(), BINDING)
    claim = take(ledger, "r1", clock)
    with kept(ledger, claim, clock, every=0.001):
        clock.sleep(timedelta(minutes=30).total_seconds())
        wait_until(lambda: ledger.until == clock.now() + CLAIM, "the claim is renewed")
        with pytest.raises(LedgerError, match="is held by"):
            ledger.claim("r1", "you", clock.now(), clock.now() + CLAIM)
    ledger.record(claim, "note", a_run())
