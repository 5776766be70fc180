"""The machine: whatever may happen to syncs, people, platform, clock and process, in any order; the audit looks after each step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from invariants import Audit, paused
from tradewind.errors import TradewindError
from tradewind.model.destination import Secret
from tradewind.model.plan import Approval, Plan
from tradewind.model.run import RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Leaving, Recency, Refresh, Sync, SyncState
from tradewind.operations import endings, ledger, runs, syncs
from tradewind.schedule import next_fire
from tradewind.worker import Stop, run_once
from world import FATES, HONEST, Killed, Substitutes, World

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SYNCS = ("north", "south")
MOST = 5
"""People of a cohort are numbered up to this."""

sync_names = st.sampled_from(SYNCS)
persons = st.integers(0, MOST)
crowds = st.sets(persons, min_size=1, max_size=4)
fates = st.lists(st.sampled_from([*FATES, "ok", "ok", "ok"]), min_size=1, max_size=4).map(tuple)
crashes = st.sampled_from([None, None]) | st.integers(1, 45)


class Machine(RuleBasedStateMachine):
    """Two accounts with a daily sync each. A subclass may name other parts."""

    substitutes: ClassVar[Substitutes] = HONEST

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.substitutes)
        self.audit = Audit(self.world)
        self.secrets = 1

    @initialize(north=crowds, south=crowds)
    def begin(self, north: set[int], south: set[int]) -> None:
        """A first crowd for each account, and a first day on which all goes well."""
        every, before = Refresh.EVERY_SYNC, Refresh.BEFORE_EXPIRY
        for name, first, days, refresh in (("north", north, 3, every), ("south", south, 6, before)):
            self.world.crowd.members[name] = set(first)
            recency = Recency.LAST_EVENT if refresh is before else Recency.SYNC
            wish = syncs.Wish(name, name, name, name, days, Cadence.DAILY, refresh=refresh, recency=recency)
            syncs.add(self.world.parts, "default", wish)
        self.next_slot()
        self.do(self.work, ("ok",), None)

    # --- what people do

    @rule(name=sync_names, person=persons, other=persons)
    def share(self, name: str, person: int, other: int) -> None:
        """A person's identifiers are others now; one of them may be another person's too."""
        self.world.crowd.names[name, person] = (f"{name} {person}", f"{name} of {min(other, 2)}")

    @rule(name=sync_names, person=persons)
    def renew_device(self, name: str, person: int) -> None:
        """A person has one new identifier instead of all others."""
        self.world.crowd.names[name, person] = (f"{name} {person} new",)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        """Time passes, and nobody works."""
        self.world.clock.sleep(hours * 3600)
        self.audit.step(frozenset(), crashed=False)

    @rule(minutes=st.sampled_from([-9, -1, 1, 9]))
    def set_clock(self, minutes: int) -> None:
        """Somebody sets the clock of this machine."""
        if abs(self.world.clock.off + minutes * MINUTE) < 30 * MINUTE:
            self.world.clock.jump(minutes * MINUTE)

    # --- runs

    @rule(name=sync_names, people=crowds, come=st.booleans(), plan=fates, crash=crashes)
    def slot(self, name: str, people: set[int], come: bool, plan: tuple[str, ...], crash: int | None) -> None:
        """People come or go, and the worker does the next slot."""
        self.move(name, people, come)
        self.next_slot()
        self.do(self.work, plan, crash)

    @rule(name=sync_names, people=crowds, come=st.booleans(), plan=fates, crash=crashes)
    def by_hand(self, name: str, people: set[int], come: bool, plan: tuple[str, ...], crash: int | None) -> None:
        """People come or go, and a person runs the sync at once."""
        self.move(name, people, come)
        self.do(lambda: self.run(name), plan, crash)

    @rule(name=sync_names, person=persons, first=fates, second=fates)
    def change_of_mind(self, name: str, person: int, first: tuple[str, ...], second: tuple[str, ...]) -> None:
        """Somebody comes and goes within minutes."""
        for come, plan in ((True, first), (False, second)):
            self.move(name, {person}, come)
            self.do(lambda: self.run(name), plan, None)

    @rule(crash=crashes)
    def pass_again(self, crash: int | None) -> None:
        """The worker looks again, and all goes well."""
        self.do(self.work, ("ok",), crash)

    @rule(name=sync_names, approve=st.booleans(), plan=fates, crash=crashes)
    def nobody_left(self, name: str, approve: bool, plan: tuple[str, ...], crash: int | None) -> None:
        """The cohort gives nobody: the run is held, and later approved or discarded."""
        before, there = self.world.crowd.members[name], self.world.desk.inside(f"adv-{name}", name)
        self.world.crowd.members[name] = set()
        self.next_slot()
        began = self.world.clock.now()
        self.do(self.work, plan, None)
        new = [run for run in self.audit.runs() if run.sync == name and run.opened_at >= began and run.kind is RunKind.SYNC]
        if there and new and not self.world.crowd.asked.get(new[-1].id, {b""}):
            removed = new[-1].outcome is RunOutcome.CLEAN and self.world.ledger.account(new[-1].id).planned
            assert not removed, "I13: all were removed and nobody was asked"
        held = [run for run in self.audit.runs() if run.state is RunState.HELD and run.sync == name]
        if held and approve:
            planned = self.world.ledger.recall(held[-1].id, RunState.HELD, Plan)
            given = tuple(Approval(each.guard, each.count) for each in planned.verdicts) if planned else ()
            self.do(lambda: runs.approve(self.world.parts, "default", held[-1].id, given, lambda *_: None), plan, crash)
        elif held:
            self.do(lambda: runs.discard(self.world.parts, "default", held[-1].id, "no"), plan, crash)
            self.world.crowd.members[name] = before

    # --- the wishes of operators

    @rule(name=sync_names, on=st.booleans())
    def pause(self, name: str, on: bool) -> None:
        """A sync is paused, or goes on."""
        if on and self.sync(name).state is SyncState.ACTIVE:
            endings.pause(self.world.parts, "default", name, Leaving.LET_EXPIRE, lambda *_: None)
        elif not on and self.sync(name).state is SyncState.PAUSED:
            endings.resume(self.world.parts, "default", name)

    @rule(name=sync_names)
    def new_secret(self, name: str) -> None:
        """The account has another secret from now on."""
        self.secrets += 1
        self.world.parts.vault.seal("default", name, Secret(f"{name}-secret-{self.secrets}"))
        self.world.parts.catalog.resume_connection("default", name)

    @rule(name=sync_names, person=persons, plan=fates)
    def opt_out(self, name: str, person: int, plan: tuple[str, ...]) -> None:
        """A member says no: to the identifier that is theirs alone; the sync is run at once."""
        members = sorted(self.world.crowd.members[name])
        self.world.say_no(f"{name} {members[person % len(members)]}" if members else name)
        self.do(lambda: self.run(name), plan, None)

    @rule(days=st.integers(2, 5))
    def away(self, days: int) -> None:
        """Nobody works for days, so that many lapse; then the worker does what is due."""
        self.world.clock.sleep(days * 86400)
        self.do(self.work, ("ok",), None)

    @rule(broken=st.booleans(), days=st.integers(1, 4))
    def quiet(self, broken: bool, days: int) -> None:
        """Days on which the platform is well and nobody comes or goes; whoever is in, stays in."""
        self.world.crowd.broken = broken
        self.heal()
        alive: dict[str, set[bytes]] = {}
        for _ in range(days):
            self.next_slot()
            kept = self.sure() if alive else {}
            for name, values in kept.items():
                lost = values & alive[name] - self.world.desk.inside(f"adv-{name}", name)
                assert not lost, f"I5: {len(lost)} lapsed in segment {name} while the schedule ran"
            self.do(self.work, ("ok",), None)
            alive = {name: self.world.desk.inside(f"adv-{name}", name) for name in SYNCS}
        self.world.crowd.broken = False

    @rule()
    def calm(self) -> None:
        """Everything is well again: two runs and some minutes later segment and cohort are the same, and nobody lapses soon."""
        self.heal()
        for name in SYNCS:
            self.pause(name, False)
            self.world.crowd.members[name] = self.world.crowd.members[name] or {0}
        for _ in range(4):  # what was left, what is sent again, and then all that changed
            for name in SYNCS:
                self.do(lambda name=name: self.run(name), ("ok",), None)  # type: ignore[misc]
            self.world.clock.sleep(360)
        for name in SYNCS:
            wanted, there = self.world.crowd.identifiers(name) - self.world.refused.keys(), self.world.desk.inside(f"adv-{name}", name)
            assert there == wanted, f"L1: {len(there ^ wanted)} are wrong in segment {name} after everything was well"
            soon = self.world.desk.now() + 2 * DAY - timedelta(hours=1)
            assert all(self.world.desk.present[f"adv-{name}", name, value] > soon for value in wanted), (
                "I5: somebody lapses within two days"
            )

    # --- how

    def do(self, what: Callable[[], object], plan: tuple[str, ...], crash: int | None) -> None:
        """Do something while the platform behaves as planned, perhaps until the process dies; then look at everything."""
        before = paused(self.world)
        self.world.desk.plan = plan
        self.world.wire.arm(crash)
        crashed = False
        try:
            with suppress(TradewindError):
                what()
        except Killed:
            crashed = True
        except Exception as error:
            raise AssertionError(f"L1: the product stumbled: {error!r}") from error
        self.world.wire.arm(None)
        self.world.desk.plan = ("ok",)
        if crashed:
            event(f"killed at {self.world.wire.last}")
        self.audit.step(before, crashed=crashed)
        self.world.clock.sleep(1)

    def work(self) -> None:
        """One pass of the worker."""
        list(run_once(self.world.parts, Stop()))

    def run(self, name: str) -> None:
        """A person runs a sync."""
        syncs.run(self.world.parts, "default", name, None, lambda *_: None)

    def move(self, name: str, people: set[int], come: bool) -> None:
        """People come or go; the last ones stay."""
        members = self.world.crowd.members[name]
        self.world.crowd.members[name] = (members | people if come else members - people) or members

    def next_slot(self) -> None:
        """Time passes until both syncs are due."""
        now, zone = self.world.clock.now(), "America/New_York"
        due = next_fire(Cadence.DAILY, zone, self.sync("north").at, now)
        assert due is not None
        self.world.clock.sleep((due - now).total_seconds() + 1)

    def sync(self, name: str) -> Sync:
        """A sync as the catalog has it."""
        return self.world.parts.catalog.sync("default", name)

    def heal(self) -> None:
        """Accounts that were refused are mended."""
        for name in SYNCS:
            self.world.parts.catalog.resume_connection("default", name)

    def sure(self) -> dict[str, set[bytes]]:
        """Who is in a segment for certain and should stay there, by sync, where a run may keep them."""
        found = {}
        for name in SYNCS:
            newest = next((run for run in reversed(self.audit.runs()) if run.sync == name), None)
            if newest and self.sync(name).state is SyncState.ACTIVE:
                rows = self.world.held(newest.target)
                wanted = self.world.crowd.identifiers(name) if not self.world.crowd.broken else set(rows)
                found[name] = {value for value, row in rows.items() if row["unknown_since"] is None and value in wanted}
        return found

    def teardown(self) -> None:
        """The record agrees with itself, and a membership worked out anew is the membership; nothing is left behind."""
        try:
            if len(self.world.desk.arrivals) % 4 == 0:
                wrong = [finding for finding in ledger.verify(self.world.parts, lambda *_: None) if not finding.ok]
                assert not wrong, f"I4: the record does not agree with itself: {wrong[0].found}"
        finally:
            self.world.close()
