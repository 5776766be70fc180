"""Walks at random: whatever happens, no request that adds or renews leaves a second or more after one it names said no."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from town import Platform, Town, guid
from tradewind.destinations.base import Request, Sheet
from tradewind.errors import ConfigurationError, TakenError
from tradewind.ledger.memory import MemoryLedger
from tradewind.model.destination import Secret
from tradewind.model.plan import Approval, Batch, Operation, Plan
from tradewind.model.privacy import Progress, RequestType
from tradewind.model.run import Answer, Receipt, RunState
from tradewind.model.sync import Binding, Cadence, SyncState
from tradewind.operations import privacy, runs, syncs

LOST = (Receipt(Answer.UNKNOWN, note="lost"), Receipt(Answer.UNREACHED, note="no connection"), Receipt(Answer.FORBIDDEN, note="no"))


class Witness(Platform):
    """The platform, which sees of every request whom it adds or renews, and whether one of them had said no."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.adds: dict[str, set[bytes]] = {}
        self.said_no: dict[bytes, float] = {}
        self.wrongs: list[str] = []

    def prepare(
        self,
        binding: Binding,
        batch: Batch,
        ids: pa.Array[Any],
        secret: Secret,
        sheet: Sheet | None = None,
        events: pa.Array[Any] | None = None,
    ) -> Request:
        """As it is; and whom it is for."""
        request = super().prepare(binding, batch, ids, secret, sheet, events)
        self.adds[request.fingerprint] = set() if batch.operation is Operation.REMOVE else {value for value in ids.to_pylist() if value}
        return request

    def send(self, request: Request) -> Receipt:
        """As it is; and whether it may."""
        for value in self.adds.get(request.fingerprint, set()):
            if self.clock.monotonic() - self.said_no.get(value, float("inf")) >= 1.0:
                self.wrongs.append(f"{value.hex()} at {self.clock.now()}")
        return super().send(request)


class Walk:
    """One town, walked through at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance, self.town = random.Random(seed), Town(folder, MemoryLedger())
        self.witness = self.town.platform = Witness(self.town.clock, items=10, applied_anyway=frozenset({Answer.UNKNOWN}))
        self.witness.on_send = self.meanwhile
        self.names = [self.town.add(name, Cadence.DAILY).id for name in ("one", "two")]

    def step(self) -> None:
        """Anything."""
        self.town.clock.sleep(self.chance.choice([0.5, 2, 700, 40_000]))
        acts = (self.run, self.no, self.change, self.trouble, self.approve, self.mend)
        self.chance.choices(acts, (6, 2, 3, 1, 3, 2))[0]()

    def run(self) -> None:
        """A run, which may be held, refused or cut short."""
        with suppress(ConfigurationError, TakenError):
            syncs.run(self.town.parts, "default", self.chance.choice(self.names), None, quietly)

    def no(self) -> None:
        """Some people say no; what can be done at once is not always done at once."""
        numbers = self.chance.sample(range(1, 130), self.chance.randint(1, 3))
        request = privacy.ask(
            self.town.parts, "default", RequestType.OPT_OUT, privacy.words(str(guid(number)) for number in numbers), quietly
        )
        for number in numbers:
            self.witness.said_no.setdefault(guid(number).bytes, self.town.clock.monotonic())
        if self.chance.random() < 0.5:
            privacy.work(self.town.parts, request, quietly)
        else:
            self.town.parts.privacy.release(request.id, self.town.parts.privacy.holder(request.id) or "")

    def meanwhile(self) -> None:
        """While a request is under way somebody may say no."""
        if self.chance.random() < 0.06:
            self.no()
        if self.chance.random() < 0.5:
            self.town.clock.sleep(1.5)

    def change(self) -> None:
        """The same events are imported again, and others with them; now and then nearly all are lost."""
        people = range(1, self.chance.choice([130, 130, 110, 20]))
        self.town.people.numbers = set(self.chance.sample(people, self.chance.randint(len(people) // 2, len(people))))

    def trouble(self) -> None:
        """The next answers are lost or refuse."""
        self.witness.answers.extend(self.chance.choices(LOST, (4, 4, 1), k=self.chance.randint(1, 6)))

    def approve(self) -> None:
        """A person lets a held run go on."""
        for run in self.town.parts.ledger.unclosed():
            plan = self.town.parts.ledger.recall(run.id, RunState.PLANNED, Plan)
            if run.state is RunState.HELD and plan:
                with suppress(ConfigurationError, TakenError):
                    runs.approve(self.town.parts, "default", run.id, tuple(Approval(v.guard, v.count) for v in plan.verdicts), quietly)

    def mend(self) -> None:
        """The account works again."""
        self.witness.answers.clear()
        self.town.parts.catalog.resume_connection("default", "main")

    def end(self) -> None:
        """All is well for a while: every request must come to its end."""
        self.witness.on_send = lambda: None
        self.mend()
        for name in self.names:
            self.town.parts.catalog.set_sync_state("default", name, SyncState.ACTIVE)
        for _ in range(4):
            self.town.clock.sleep(7_200)
            for name in self.names:
                syncs.run(self.town.parts, "default", name, None, quietly)
            for request in self.town.parts.privacy.due(self.town.clock.now()):
                privacy.work(self.town.parts, request, quietly)


def quietly(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("seed", range(3))
def test_nobody_is_sent_after_saying_no(tmp_path: Path, seed: int) -> None:
    """And in the end everybody is out of every segment, and was told of; no run's account is off by one."""
    walk = Walk(tmp_path, seed)
    for _ in range(30):
        walk.step()
    walk.end()
    town = walk.town
    assert not walk.witness.wrongs
    assert walk.witness.said_no
    assert {each.progress for each in town.parts.privacy.listed("default")} == {Progress.DONE}
    gone = {int.from_bytes(value, "big") & (2**64 - 1) for value in walk.witness.said_no}
    for name in walk.names:
        assert town.held(town.parts.catalog.sync("default", name)).isdisjoint(gone)
    assert {value for *_, value in walk.witness.told} >= set(walk.witness.said_no)
    assert all(town.parts.ledger.account(run.id).balances() for run in town.parts.ledger.history("default"))
    town.close()
