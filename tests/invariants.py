"""What must hold after every step of a world, whatever was lost, delayed or killed: the product's words against the platform's truth."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from desk import LONG_AGO, Arrival
from tradewind.membership.parts import read_batch
from tradewind.model.plan import Operation, Plan
from tradewind.model.run import BatchState, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Leaving, SyncState
from tradewind.phases import APPROVED, Approvals
from tradewind.schedule import slots_due
from tradewind.targets import place_of
from world import World

SLACK = timedelta(hours=1)
"""An identifier whose expiry is as near as this is not judged: the product's clock and the platform's may differ by less."""

UNDER_WAY = 4
"""Requests that may be under way to an advertiser at once, so that as many may follow one that was refused."""


LOOK = timedelta(seconds=1)
"""Who said no is left out by a run that is under way within this time."""

IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
"""How an identifier looks that slipped into words."""

Place = tuple[str, str]
"""Advertiser and segment."""


@dataclass
class Audit:
    """Looks at a world after each step; what is wrong is an AssertionError that begins with the number of the invariant.

    `keys` are the secrets that were given, each with its advertiser; `gone` the places that were given up, with how people leave
    and the invariant that speaks of it; `said` what was told to people; `unheard` that a worker may have had an answer that it
    could not write down, as one that dies.
    """

    world: World
    keys: dict[str, str] = field(default_factory=dict)
    gone: dict[Place, tuple[Leaving, str]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    unheard: bool = False
    seen: int = 0

    def runs(self) -> tuple[Run, ...]:
        """Every run, in the order in which they were opened, whatever the clock said."""
        return tuple(row.run for row in self.world.ledger._runs.values())

    def step(self, before: dict[Place, Leaving], began: datetime, *, crashed: bool) -> None:
        """Everything, after something was done that began then; `before` are the paused places, `crashed` whether the process died."""
        fresh, self.seen = self.world.desk.arrivals[self.seen :], len(self.world.desk.arrivals)
        self.intent()
        came = [(each, self.run_of(each)) for each in fresh]
        self.place(came)
        self.order(came)
        self.pause(came, before)
        self.refused_account(came, crashed=crashed)
        self.restraint(came)
        self.no(came)
        self.leaving(came)
        self.overtaken(came, began)
        self.accounts()
        self.slots()
        self.sound()
        self.clean()
        self.secrecy()

    def run_of(self, arrival: Arrival) -> Run:
        """The run that a request belongs to."""
        return self.world.ledger._runs[self.world.ledger.run_of[arrival.fingerprint]].run

    def place_of(self, run: Run) -> Place:
        """Where a run sends to."""
        target = self.world.ledger.binding(run.binding).target
        return target.advertiser, target.segment

    def place(self, came: list[tuple[Arrival, Run]]) -> None:
        """I8: every request has the secret, and only the people, of the account it goes to."""
        for each, run in came:
            assert self.keys.get(each.secret) == each.advertiser, f"I8: a request to {each.advertiser} has the secret of another account"
            assert self.place_of(run) == (each.advertiser, each.segment), "I8: a request went to another place than its run's"
            assert set(each.keys) <= self.world.crowd.universe.get(run.cohort, set()), f"I8: people of another cohort than {run.cohort}"

    def intent(self) -> None:
        """I2: no byte leaves before its intent is durable, and what is sent again is the same bytes with the same stamp."""
        assert not self.world.desk.unpromised, "I2: a request left before its intent was written"
        for bodies in self.world.ledger.intents.values():
            assert len(bodies) == 1, "I2: a batch was sent again with other bytes"

    def order(self, came: list[tuple[Arrival, Run]]) -> None:
        """I7: no request holds an identifier twice; I5: a run that was planned within a day refreshes nobody who has left long ago."""
        for each, run in came:
            assert len(set(each.keys)) == len(each.keys), "I7: a request holds an identifier twice"
            old = each.wall - run.opened_at >= LONG_AGO or run.kind is RunKind.KEEP  # which renews who may be there, also in doubt
            assert each.operation is not Operation.REFRESH or not each.absent or old, "I5: somebody was refreshed who had left long ago"

    def pause(self, came: list[tuple[Arrival, Run]], before: dict[Place, Leaving]) -> None:
        """I12: a paused sync sends nothing but the removals that were asked for."""
        for each, run in came:
            how = before.get((each.advertiser, each.segment))
            asked = run.kind is RunKind.OPT_OUT or (run.kind is RunKind.DRAIN and how is Leaving.EMPTY)
            assert how is None or asked, "I12: a paused sync sent something"

    def refused_account(self, came: list[tuple[Arrival, Run]], *, crashed: bool) -> None:
        """I16: an account that the platform refuses is asked no more until a person has mended it."""
        unheard, self.unheard = self.unheard, False
        for connection in self.world.catalog.connections("default") if not unheard else ():
            mine = [each.fate for each, run in came if each.advertiser == connection.advertiser and run.kind is not RunKind.OPT_OUT]
            if "forbidden" in mine:
                after = len(mine) - 1 - mine.index("forbidden")
                assert after < UNDER_WAY, f"I16: {after} requests went to an account after it was refused"
                assert connection.paused or crashed, "I16: an account was refused and is not paused"

    def restraint(self, came: list[tuple[Arrival, Run]]) -> None:
        """I13: while a run is held or its source fails nobody is added and nobody is removed."""
        for name in {run.sync for _, run in came}:
            mine = [run for run in self.runs() if run.sync == name and run.kind is RunKind.SYNC]
            if mine and (mine[-1].state is RunState.HELD or mine[-1].outcome is RunOutcome.FAILED):
                words = {
                    each.operation
                    for each, run in came
                    if run.sync == name and run.kind in {RunKind.SYNC, RunKind.KEEP} and each.wall >= mine[-1].opened_at
                }
                assert words <= {Operation.REFRESH}, f"I13: {words} while the run is held or failed"

    def no(self, came: list[tuple[Arrival, Run]]) -> None:
        """I14: who has said no is in no request that adds or renews, also of a run that was under way by then."""
        for each, _ in came:
            if each.time <= self.world.leaving.get(each.fingerprint, 0):
                continue  # its intent was written by then
            refused = {value for value, since in self.world.refused.items() if since + LOOK < each.at}
            assert each.operation is Operation.REMOVE or not refused & set(each.keys), "I14: somebody was sent who had said no"

    def leaving(self, came: list[tuple[Arrival, Run]]) -> None:
        """I9, I11: a place that was given up gets the removals that were asked for, and nothing else."""
        for each, run in came:
            how, law = self.gone.get((each.advertiser, each.segment), (None, ""))
            if how:
                asked = run.kind is RunKind.OPT_OUT or (run.kind is RunKind.DRAIN and how is Leaving.EMPTY)
                assert asked, f"{law}: {each.operation} in a {run.kind} run went to a place that was given up to {how}"
                assert each.operation is Operation.REMOVE, f"{law}: somebody was sent to a place that was given up"

    def emptied(self) -> None:
        """I9, I11: once all is well nobody is left in a place that was to be emptied, or it is on record that they leave by expiry."""
        partings = self.world.catalog.partings()
        for place, (how, law) in self.gone.items():
            left = self.world.desk.inside(*place)
            targets = {run.target for run in self.runs() if self.place_of(run) == place}
            let_go = any(partings[target].how is Leaving.LET_EXPIRE for target in targets & partings.keys())
            assert not left or let_go, f"{law}: {len(left)} are left in a place that was given up, and nothing says why"
            if how is Leaving.EMPTY and left:
                spoke = [each.fate for each in self.world.desk.arrivals if (each.advertiser, each.segment) == place]
                assert {"forbidden", "partial", "poisoned"} & set(spoke), f"{law}: people were left to lapse, and no removal was refused"

    def overtaken(self, came: list[tuple[Arrival, Run]], began: datetime) -> None:
        """I17: a plan that was cut short is not gone on with after the next slot has come."""
        syncs = {sync.id: sync for sync in self.world.catalog.syncs("default")}
        for _, run in came:
            settling = self.world.ledger.recall(run.id, RunState.SETTLING, Plan)  # it has its own time
            if run.kind not in {RunKind.SYNC, RunKind.KEEP} or settling or run.opened_at > began or run.sync not in syncs:
                continue
            sync, approved = syncs[run.sync], self.world.ledger.recall(run.id, APPROVED, Approvals)
            passed = slots_due(sync.cadence, "America/New_York", sync.at, run.slot or run.opened_at, began, sync.cron)
            assert approved or not passed, "I17: an old plan was gone on with after the next slot had come"

    def secrecy(self) -> None:
        """I20: what is told to people, or kept as a reason, holds no secret and no identifier."""
        world = self.world
        words, self.said = [*self.said], []
        for row in world.ledger._runs.values():
            words += [row.run.reason or "", *(attempt.note for attempt in row.attempts)]
        words += [parting.reason for parting in world.catalog.partings().values()]
        for request in world.parts.privacy.listed("default") if world.refused else ():
            words += [each.note for each in world.parts.privacy.removals(request.id)]
            words += [each.note for each in world.parts.privacy.notices(request.id)]
        words += [connection.paused or "" for connection in world.catalog.connections("default")]
        for word in set(words):
            assert not IDENTIFIER.search(word), "I20: an identifier was told"
            assert "-secret-" not in word, "I20: a secret was told"

    def accounts(self) -> None:
        """I4: every planned identifier has one outcome, and what counts as accepted was accepted by the platform."""
        ledger, desk = self.world.ledger, self.world.desk
        for run in self.runs():
            account, planned = self.world.parts.ledger.account(run.id), ledger.recall(run.id, RunState.PLANNED, Plan)
            rows = sum(part.rows for part in planned.delta.parts if not part.again) if planned else 0
            laid = [each for each in ledger.settled(run.id) if not each[0].again]
            assert account.balances(), f"I4: {account}"
            assert account.planned == (rows if laid else 0), f"I4: {account.planned} counted of {rows} planned"
            assert sum(batch.rows for batch, *_ in laid) == account.planned, "I4: the batches are not the plan"
            accepted = 0
            for batch, _, outcome, _ in laid:
                if outcome and outcome.accepted:
                    accepted += outcome.accepted
                    bodies = ledger.intents.get((run.id, batch.number), set())
                    said = sum(desk.accepted.get(body, 0) for body in bodies)
                    assert said == outcome.accepted, f"I4: the ledger counts {outcome.accepted} as accepted, the platform said {said}"
            assert accepted == account.accepted, "I4: the account is not the sum of its batches"

    def slots(self) -> None:
        """I17: a slot of a sync has one run at most."""
        counts = Counter((run.sync, run.slot) for run in self.runs() if run.slot)
        assert all(count == 1 for count in counts.values()), "I17: a slot was run twice"

    def sound(self) -> None:
        """I1: who is said to be present is at the platform, who is said to be absent is not, unless somebody is on the way.

        That is so for every place that anything was ever sent to, also after it was given up (I9).
        """
        world = self.world
        world.desk.arrive()
        for target, place in {run.target: self.place_of(run) for run in self.runs()}.items():
            held, open_ = world.held(target), self.under_way(target)
            there = {key[2]: ends for key, ends in world.desk.present.items() if key[:2] == place}
            for value in (held.keys() | there.keys()) - open_:
                self._sound(place[1], held.get(value), there.get(value))

    def _sound(self, segment: str, row: dict[str, Any] | None, ends: datetime | None) -> None:
        now, wall = self.world.desk.now(), self.world.clock.now()
        present = ends is not None and ends > now
        if ends is not None and abs(ends - now) < SLACK:
            return
        if row is None or row["expires_until"].replace(tzinfo=UTC) <= wall - SLACK:
            assert not present, f"I1: somebody in segment {segment} is said to be absent and is there"
        elif row["unknown_since"] is None and row["expires_from"].replace(tzinfo=UTC) > wall + SLACK:
            assert present, f"I1: somebody in segment {segment} is said to be present and is not there"

    def under_way(self, target: str) -> set[bytes]:
        """Identifiers in batches of runs that have not written the membership yet, and that may have been sent."""
        found: set[bytes] = set()
        for run in self.runs():
            if run.target != target or run.state is RunState.CLOSED or self.world.parts.versions.of_run(run.id):
                continue
            planned = self.world.ledger.recall(run.id, RunState.PLANNED, Plan)
            for batch, state, outcome, _ in self.world.ledger.settled(run.id):
                if planned and (outcome or state is not BatchState.PLANNED):
                    part = next(part for part in planned.delta.parts if part.number == batch.part)
                    try:
                        ids = read_batch(self.world.folder / "runs" / run.id / "delta", part, batch)
                    except pa.ArrowInvalid as error:
                        raise AssertionError("I2: a batch was sent, and its file no longer holds what was sent") from error
                    found |= {bytes(each) for each in ids.to_pylist() if each is not None}
        return found

    def clean(self) -> None:
        """I3, L1: after a clean run the segment is the cohort as it was asked for, and nothing is wrong and idle."""
        for sync in self.world.parts.catalog.syncs("default"):
            runs = [run for run in self.runs() if run.sync == sync.id and run.state is not RunState.HELD]
            if not runs or any(run.state is not RunState.CLOSED for run in runs):
                continue
            runs.sort(key=lambda run: self.world.ledger.ended.index(run.id))
            if runs[-1].kind is not RunKind.SYNC or runs[-1].outcome is not RunOutcome.CLEAN:
                continue
            age = self.world.clock.now() - (runs[-1].closed_at or runs[-1].opened_at)
            if age < timedelta() or age > SLACK or self.world.clock.now() - runs[-1].opened_at > LONG_AGO:
                continue
            wanted = self.world.crowd.asked[runs[-1].id]
            place, now = self.place_of(runs[-1]), self.world.desk.now()
            lapsing = {key[2] for key, ends in self.world.desk.present.items() if key[:2] == place and abs(ends - now) < SLACK}
            moving = {key[2] for *_, keys, _ in self.world.desk.delayed for key in keys} | self.world.refused.keys() | lapsing
            there = self.world.desk.inside(*place)
            assert there - moving == wanted - moving, f"I3: after a clean run {len(there ^ wanted)} are wrong in segment {sync.id}"


def paused(world: World) -> dict[Place, Leaving]:
    """The places of paused syncs, and how people leave them."""
    parts, partings = world.parts, world.catalog.partings()
    idle = [sync for sync in world.catalog.syncs("default") if sync.state is SyncState.PAUSED]
    targets = [place_of(parts, sync) for sync in idle]
    return {
        (target.advertiser, target.segment): partings[target.id].how if target.id in partings else Leaving.LET_EXPIRE for target in targets
    }
