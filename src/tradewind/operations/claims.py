"""Who works on a run: this process by name, and how to tell that another one is dead."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewind.clock import Clock
from tradewind.delivery.deliver import CLAIM
from tradewind.errors import LedgerError
from tradewind.ledger.base import Ledger
from tradewind.model.run import Claim
from tradewind.moment import reached


def me() -> str:
    """This thread: host, process id, when the process began, so that a reused id is not mistaken for it, and the thread's number:
    beside the worker of a server others of its threads answer requests, and a claim is one thread's."""
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}:{threading.get_ident()}"


def take(ledger: Ledger, run: str, clock: Clock) -> Claim:
    """Claim a run; at once when its holder was a process of this host that is gone. Raises LedgerError when it is not free."""
    holder, now = ledger.holder(run), clock.now()
    dead = [holder] if holder and is_dead(holder) else []
    claim = ledger.claim(run, me(), now, now + CLAIM, dead)
    reached("claim.taken")
    return claim


@contextmanager
def kept(ledger: Ledger, claim: Claim, clock: Clock, every: float = CLAIM.total_seconds() / 4) -> Iterator[None]:
    """Renew a claim beside the work (`every` so many seconds), also while a query takes longer than the claim would last.

    When the claim is lost meanwhile, the renewing ends and the work's next write to the ledger says so.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(every):
            now = clock.now()
            try:
                ledger.claim(claim.run, claim.owner, now, now + CLAIM)
            except LedgerError:
                return
            reached("claim.renewed")

    keeper = threading.Thread(target=renew, name=f"claim-{claim.run}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def is_dead(owner: str) -> bool:
    """True only for a process of this host that surely no longer lives."""
    host, _, rest = owner.partition(":")
    pid, began, *_ = [*rest.split(":"), ""]
    return host == socket.gethostname() and pid.isdecimal() and _began(int(pid)) != began


def _began(pid: int) -> str:
    """When a process began, as the system counts it; empty when there is no such process."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _alive(pid)
    return "" if words[0] in {"Z", "X"} else words[19]


def _alive(pid: int) -> str:
    """Where the system has no /proc: whether the process is there at all."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
