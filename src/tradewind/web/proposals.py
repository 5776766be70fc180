"""Plans made for somebody to look at: one after another, nothing is sent, and none outlives the server."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum

from tradewind.errors import MissingError, TradewindError
from tradewind.operations import syncs
from tradewind.operations.costs import Costs, costs
from tradewind.parts import Parts
from tradewind.web.problems import Refusal

WAITING, KEPT = 6, 50
"""Plans that may wait or be worked on at once, and those that are kept to be looked at."""


class State(StrEnum):
    """How far a plan has come."""

    WAITING = "waiting"
    WORKING = "working"
    READY = "ready"
    FAILED = "failed"


UNDER_WAY = {State.WAITING, State.WORKING}


@dataclass(frozen=True)
class Planning:
    """A plan that was asked for. `doing` is the verb that is worked on; `proposal` and `costs` are there when it is ready."""

    id: str
    project: str
    sync: str
    as_of: str | None
    state: State = State.WAITING
    doing: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    proposal: syncs.Proposal | None = None
    costs: Costs | None = None


class Proposals:
    """Makes plans in the background with the parts it is given, one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._lock, self._turn = parts, threading.Lock(), threading.Lock()
        self._kept: OrderedDict[str, Planning] = OrderedDict()

    def ask(self, project: str, sync: str, as_of: str | None) -> Planning:
        """Begin a plan, or give the one that is under way for the same sync and instant.

        Raises Refusal (503) when too many wait, and what forbids a run of the sync.
        """
        syncs.permitted(self._parts, project, sync)
        with self._lock:
            under_way = [each for each in self._kept.values() if each.state in UNDER_WAY]
            for each in under_way:
                if (each.project, each.sync, each.as_of) == (project, sync, as_of):
                    return each
            if len(under_way) >= WAITING:
                raise Refusal(503, "too many plans are being made; ask again when one is ready", {"Retry-After": "10"})
            asked = Planning(secrets.token_hex(8), project, sync, as_of)
            self._kept[asked.id] = asked
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        threading.Thread(target=self._make, args=(asked,), name="plan", daemon=True).start()
        return asked

    def find(self, project: str, sync: str, plan: str) -> Planning:
        """One that was asked for. Raises MissingError for one that is not kept any more."""
        found = self._kept.get(plan)
        if found is None or (found.project, found.sync) != (project, sync):
            raise MissingError("there is no such plan; plans are kept until the server stops, and only the last: ask for it anew", plan)
        return found

    def _make(self, asked: Planning) -> None:
        def watch(doing: str, done: int, total: int) -> None:
            self._tell(asked.id, state=State.WORKING, doing=doing, done=done, total=total)

        with self._turn:
            try:
                made = syncs.plan(self._parts, asked.project, asked.sync, asked.as_of, watch)
                self._tell(asked.id, state=State.READY, proposal=made, costs=costs(self._parts, made))
            except TradewindError as error:
                self._tell(asked.id, state=State.FAILED, error=str(error))
            except Exception as error:  # nobody waits for this thread: who looks must be told that it ended
                self._tell(asked.id, state=State.FAILED, error=f"a defect of tradewind: {type(error).__name__}")

    def _tell(self, plan: str, **changes: object) -> None:
        with self._lock:
            if plan in self._kept:
                self._kept[plan] = replace(self._kept[plan], **changes)  # type: ignore[arg-type]
