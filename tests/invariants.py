"""What must hold after every step of a world, whatever was lost, delayed or killed: the product's words against the platform's truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tradewind.membership.parts import read_batch
from tradewind.model.plan import Operation, Plan
from tradewind.model.run import BatchState, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import SyncState
from world import LONG_AGO, Arrival, World

SLACK = timedelta(hours=1)
"""An identifier whose expiry is as near as this is not judged: the product's clock and the platform's may differ by less."""

UNDER_WAY = 4
"""Requests that may be under way to an advertiser at once, so that as many may follow one that was refused."""


@dataclass
class Audit:
    """Looks at a world after each step; `fail` is an AssertionError that begins with the number of the invariant."""

    world: World
    seen: int = 0

    def runs(self) -> tuple[Run, ...]:
        """Every run, in the order in which they were opened, whatever the clock said."""
        return tuple(row.run for row in self.world.ledger._runs.values())

    def step(self, before: frozenset[str], *, crashed: bool) -> None:
        """Everything, after something was done; `before` are the syncs that were paused, `crashed` whether the process died."""
        fresh, self.seen = self.world.desk.arrivals[self.seen :], len(self.world.desk.arrivals)
        self.place(fresh)
        self.intent(fresh)
        self.order(fresh)
        self.pause(fresh, before)
        self.refused_account(fresh, crashed=crashed)
        self.restraint(fresh)
        self.no(fresh)
        self.accounts()
        self.slots()
        self.sound()
        self.clean()

    def place(self, fresh: list[Arrival]) -> None:
        """I8: every request has the secret, and only the people, of the account it goes to."""
        for each in fresh:
            name = each.advertiser.removeprefix("adv-")
            assert each.secret.startswith(f"{name}-secret-"), f"I8: a request to {each.advertiser} has the secret of another account"
            assert set(each.keys) <= self.world.crowd.universe.get(name, set()), f"I8: people of another account were sent to {name}"

    def intent(self, fresh: list[Arrival]) -> None:
        """I2: no byte leaves before its intent is durable, and what is sent again is the same bytes with the same stamp."""
        del fresh
        assert not self.world.desk.unpromised, "I2: a request left before its intent was written"
        for bodies in self.world.ledger.intents.values():
            assert len(bodies) == 1, "I2: a batch was sent again with other bytes"

    def order(self, fresh: list[Arrival]) -> None:
        """I7: no request holds an identifier twice; I5: a run that was planned within a day refreshes nobody who has left long ago."""
        young = {run.sync for run in self.runs() if self.world.clock.now() - run.opened_at < LONG_AGO}
        for each in fresh:
            assert len(set(each.keys)) == len(each.keys), "I7: a request holds an identifier twice"
            assert each.operation is not Operation.REFRESH or not each.absent or each.segment not in young, (
                "I5: somebody was refreshed who had left long ago"
            )

    def pause(self, fresh: list[Arrival], before: frozenset[str]) -> None:
        """I12: a paused sync sends nothing."""
        assert not {each.segment for each in fresh} & before, "I12: a paused sync sent something"

    def refused_account(self, fresh: list[Arrival], *, crashed: bool) -> None:
        """I16: an account that the platform refuses is asked no more until a person has mended it."""
        for name in ("north", "south"):
            mine = [each.fate for each in fresh if each.advertiser == f"adv-{name}"]
            if "forbidden" in mine:
                after = len(mine) - 1 - mine.index("forbidden")
                assert after < UNDER_WAY, f"I16: {after} requests went to an account after it was refused"
                paused = self.world.parts.catalog.connection("default", name).paused
                assert paused or crashed, "I16: an account was refused and is not paused"

    def restraint(self, fresh: list[Arrival]) -> None:
        """I13: while a run is held or its source fails nobody is added and nobody is removed."""
        for segment in {each.segment for each in fresh}:
            mine = [run for run in self.runs() if run.sync == segment and run.kind is RunKind.SYNC]
            waiting = mine and mine[-1].state is RunState.HELD
            failed = mine and mine[-1].outcome is RunOutcome.FAILED
            opened = mine[-1].opened_at if mine else datetime.max.replace(tzinfo=UTC)
            if waiting or failed:
                words = {each.operation for each in fresh if each.segment == segment and each.wall >= opened}
                assert words <= {Operation.REFRESH}, f"I13: {words} while the run is held or failed"

    def no(self, fresh: list[Arrival]) -> None:
        """I14: nobody is sent to a segment by a run that began after they said no."""
        for each in fresh:
            run = next((run for run in reversed(self.runs()) if run.sync == each.segment and run.opened_at <= each.wall), None)
            began = run.opened_at if run else each.wall
            refused = {value for value, since in self.world.refused.items() if since < began}
            assert each.operation is Operation.REMOVE or not refused & set(each.keys), "I14: somebody was sent who had said no"

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
        """I1: who is said to be present is at the platform, who is said to be absent is not, unless somebody is on the way."""
        world = self.world
        world.desk.arrive()
        for sync in world.parts.catalog.syncs("default"):
            advertiser = f"adv-{sync.cohort}"
            target = next((run.target for run in self.runs() if run.sync == sync.id), "")
            held, open_ = world.held(target), self.under_way(target)
            there = {key[2]: ends for key, ends in world.desk.present.items() if key[:2] == (advertiser, sync.segment)}
            for value in (held.keys() | there.keys()) - open_:
                self._sound(sync.id, held.get(value), there.get(value))

    def _sound(self, sync: str, row: dict[str, Any] | None, ends: datetime | None) -> None:
        now, wall = self.world.desk.now(), self.world.clock.now()
        present = ends is not None and ends > now
        if ends is not None and abs(ends - now) < SLACK:
            return
        if row is None or row["expires_until"].replace(tzinfo=UTC) <= wall - SLACK:
            assert not present, f"I1: somebody in segment {sync} is said to be absent and is there"
        elif row["unknown_since"] is None and row["expires_from"].replace(tzinfo=UTC) > wall + SLACK:
            assert present, f"I1: somebody in segment {sync} is said to be present and is not there"

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
            place, now = (f"adv-{sync.cohort}", sync.segment), self.world.desk.now()
            lapsing = {key[2] for key, ends in self.world.desk.present.items() if key[:2] == place and abs(ends - now) < SLACK}
            moving = {key[2] for *_, keys, _ in self.world.desk.delayed for key in keys} | self.world.refused.keys() | lapsing
            there = self.world.desk.inside(*place)
            assert there - moving == wanted - moving, f"I3: after a clean run {len(there ^ wanted)} are wrong in segment {sync.id}"


def paused(world: World) -> frozenset[str]:
    """The segments of paused syncs."""
    return frozenset(sync.segment for sync in world.catalog.syncs("default") if sync.state is SyncState.PAUSED)
