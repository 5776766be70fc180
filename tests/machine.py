"""The machine: whatever may happen to syncs, people, platform, clock and process, in any order; the audit looks after each step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import time, timedelta
from typing import ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from desk import FATES
from invariants import Audit, Place, paused
from tradewind.delivery.deliver import CLAIM
from tradewind.errors import TradewindError
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Did
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.plan import Approval, Plan
from tradewind.model.run import RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Leaving, Recency, Refresh, Sync, SyncState
from tradewind.operations import connections, definitions, endings, ledger, runs, syncs
from tradewind.schedule import next_fire
from tradewind.targets import place_of
from tradewind.worker import Stop, run_once
from world import HONEST, MAPS, Another, Killed, Substitutes, World

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
AT, ZONE = time(6), "America/New_York"
SYNCS = {"north": (3, Refresh.EVERY_SYNC), "south": (6, Refresh.BEFORE_EXPIRY)}
"""The two syncs, each with its TTL in days and when it renews."""

MOST = 5
"""People of a cohort are numbered up to this."""

sync_names = st.sampled_from(sorted(SYNCS))
leavings = st.sampled_from([Leaving.EMPTY, Leaving.EMPTY, Leaving.LET_EXPIRE])
persons = st.integers(0, MOST)
crowds = st.sets(persons, min_size=1, max_size=4)
fates = st.lists(st.sampled_from([*FATES, "ok", "ok", "ok"]), min_size=1, max_size=4).map(tuple)
crashes = st.sampled_from([None, None]) | st.integers(1, 45)


Call = tuple[int, Callable[[], object]]


class Machine(RuleBasedStateMachine):
    """Two accounts with a daily sync each. A subclass may name other parts."""

    substitutes: ClassVar[Substitutes] = HONEST

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.substitutes)
        self.audit = Audit(self.world, {f"{name}-secret-0": f"adv-{name}" for name in SYNCS})
        self.secrets = 0

    @initialize(north=crowds, south=crowds)
    def begin(self, north: set[int], south: set[int]) -> None:
        """A first crowd for each account, and a first day on which all goes well."""
        for name, first in (("north", north), ("south", south)):
            self.world.crowd.members[name] = set(first)
            self.add(name)
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
        self.audit.step({}, self.world.clock.now(), crashed=False)

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
        before, there = self.world.crowd.members[name], self.inside(name)
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

    @rule(name=sync_names, on=st.booleans(), how=leavings, plan=fates, crash=crashes)
    def pause(self, name: str, on: bool, how: Leaving, plan: tuple[str, ...], crash: int | None) -> None:
        """A sync is paused, and its people lapse or are taken out; or it goes on."""
        parts = self.world.parts
        if on:
            self.give_up(name, how, lambda: endings.pause(parts, "default", name, how, lambda *_: None), plan, crash, "I12")
        else:
            self.do(lambda: endings.resume(parts, "default", name), plan, crash)

    @rule(name=sync_names)
    def new_secret(self, name: str) -> None:
        """The account has another secret from now on."""
        if connection := self.connection(name):
            self.world.parts.vault.seal("default", name, self.secret(connection.advertiser))
            self.world.parts.catalog.resume_connection("default", name)

    @rule(name=sync_names, how=leavings, plan=fates, crash=crashes)
    def other_account(self, name: str, how: Leaving, plan: tuple[str, ...], crash: int | None) -> None:
        """The connection is another account of the platform from now on; perhaps one that it was before."""
        if connection := self.connection(name):
            other = f"adv-{name}" if connection.advertiser != f"adv-{name}" else f"other-{name}"
            saved, secret = replace(connection, advertiser=other), self.secret(other)
            self.give_up(name, how, lambda: connections.add(self.world.parts, saved, secret, how), plan, crash)

    @rule(name=sync_names, number=st.integers(1, 2), days=st.sampled_from([3, 6]), how=leavings, crash=crashes)
    def redefine(self, name: str, number: int, days: int, how: Leaving, crash: int | None) -> None:
        """The sync's definition names another segment, or another TTL."""
        if sync := self.sync(name):
            words = {"id": name, "cohort": name, "connection": name, "cadence": "daily", "segment": f"{name} {number}", "ttl_days": days}
            words |= {"refresh": sync.refresh.value, "recency": sync.recency.value}
            file = self.world.folder / "syncs.yaml"
            file.write_text("syncs: [{" + ", ".join(f"{field}: {value}" for field, value in words.items()) + "}]")
            told = lambda: definitions.apply(self.world.parts, "default", [file], "ann", prune=False, leaving=lambda _staked: how)  # noqa: E731
            self.give_up(name, how, told, ("ok",), crash)

    @rule(name=sync_names, spare=st.booleans())
    def other_map(self, name: str, spare: bool) -> None:
        """The connection takes the spare identifiers too, or no longer."""
        if connection := self.connection(name):
            (self.world.crowd.spare.add if spare else self.world.crowd.spare.discard)(name)
            self.world.parts.catalog.save_connection(replace(connection, identity=MAPS[spare]))

    @rule(name=sync_names, what=st.sampled_from(["sync", "cohort", "connection"]), how=leavings, plan=fates, crash=crashes)
    def remove(self, name: str, what: str, how: Leaving, plan: tuple[str, ...], crash: int | None) -> None:
        """A sync is removed, alone or with its cohort or connection."""
        order = {"sync": endings.remove_sync, "cohort": endings.remove_cohort, "connection": endings.remove_connection}
        removed = lambda: order[what](self.world.parts, "default", name, how, lambda *_: None)  # noqa: E731
        self.give_up(name, how, removed, plan, crash, "I11")

    @rule(name=sync_names, plan=fates)
    def come_back(self, name: str, plan: tuple[str, ...]) -> None:
        """What was removed is added again, and the sync is run."""
        self.add(name)
        self.do(lambda: self.run(name), plan, None)

    @rule(name=sync_names, person=persons, plan=fates)
    def opt_out(self, name: str, person: int, plan: tuple[str, ...]) -> None:
        """A member says no: to the identifier that is theirs alone; the worker sees to it, and the sync is run."""
        self.world.say_no(self.member(name, person))
        self.do(self.work, plan, None)
        self.do(lambda: self.run(name), plan, None)

    @rule(name=sync_names, person=persons, people=crowds, moment=st.integers(1, 9), plan=fates)
    def opt_out_under_way(self, name: str, person: int, people: set[int], moment: int, plan: tuple[str, ...]) -> None:
        """A member says no while a run is under way."""

        def say_no() -> None:
            self.world.say_no(self.member(name, person))
            self.world.clock.sleep(2)

        self.move(name, people, True)
        self.do(lambda: self.run(name), plan, None, (moment, say_no))

    @rule(name=sync_names, people=crowds, come=st.booleans(), moment=st.integers(1, 9), plan=fates)
    def stand_still(self, name: str, people: set[int], come: bool, moment: int, plan: tuple[str, ...]) -> None:
        """A worker stands still for so long that another takes its runs; then it wakes and goes on as if nothing had been."""
        rows, taken, since = self.world.ledger._runs, set[str](), 0

        def another_works() -> None:
            nonlocal since
            self.audit.unheard = True
            before = {run: row.fence for run, row in rows.items() if row.owner}
            self.world.clock.sleep(2.5 * CLAIM.total_seconds())
            another = replace(self.world.parts, ledger=Another(self.world.parts.ledger))
            with suppress(TradewindError):
                list(run_once(another, Stop()))
            taken.update(run for run, fence in before.items() if rows[run].fence != fence)
            since = len(self.world.desk.arrivals)

        self.move(name, people, come)
        self.next_slot()
        self.do(self.work, plan, None, (moment, another_works))
        late = [each for each in self.world.desk.arrivals[since:] if self.world.ledger.run_of[each.fingerprint] in taken]
        assert not late, f"I15: {len(late)} requests were sent by one whose run another had taken"

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
                lost = values & alive[name] - self.inside(name)
                assert not lost, f"I5: {len(lost)} lapsed in segment {name} while the schedule ran"
            self.do(self.work, ("ok",), None)
            alive = {name: self.inside(name) for name in SYNCS}
        self.world.crowd.broken = False

    @rule()
    def calm(self) -> None:
        """Everything is well again: some runs later segment and cohort are the same, nobody lapses soon, and what was given up is empty."""
        self.heal()
        for name in SYNCS:
            self.add(name)
            with suppress(TradewindError):
                endings.resume(self.world.parts, "default", name)
            self.world.crowd.members[name] = self.world.crowd.members[name] or {0}
        self.do(lambda: None, ("ok",), None)  # what is wanted again is given up no more
        for _ in range(4):  # what was left, what is sent again, and then all that changed
            self.do(self.work, ("ok",), None)
            for name in SYNCS:
                self.do(lambda name=name: self.run(name), ("ok",), None)  # type: ignore[misc]
            self.world.clock.sleep(600)
        for name in SYNCS:
            wanted, there = self.world.crowd.identifiers(name) - self.world.refused.keys(), self.inside(name)
            assert there == wanted, f"L1: {len(there ^ wanted)} are wrong in segment {name} after everything was well"
            soon = self.world.desk.now() + 2 * DAY - timedelta(hours=1)
            place = self.place(name)
            assert place
            assert all(self.world.desk.present[*place, value] > soon for value in wanted), "I5: somebody lapses within two days"
        self.audit.emptied()

    # --- how

    def do(self, what: Callable[[], object], plan: tuple[str, ...], crash: int | None, call: Call | None = None) -> None:
        """Do something while the platform behaves as planned, perhaps until the process dies; then look at everything.

        `call` is what happens meanwhile, and at which moment.
        """
        before, began = paused(self.world), self.world.clock.now()
        self.world.desk.plan = plan
        self.world.wire.arm(crash)
        if call:
            self.world.wire.call(*call)
        crashed = False
        try:
            what()
        except TradewindError as error:
            self.audit.said.append(f"{error} {error!r}")
        except Killed:
            crashed = True
        except Exception as error:
            raise AssertionError(f"L1: the product stumbled: {error!r}") from error
        self.world.wire.arm(None)
        self.world.desk.plan = ("ok",)
        if crashed:
            event(f"killed at {self.world.wire.last}")
        for place in filter(None, map(self.place, SYNCS)):
            self.audit.gone.pop(place, None)
        self.audit.step(before, began, crashed=crashed)
        self.world.clock.sleep(1)

    def give_up(
        self, name: str, how: Leaving, what: Callable[[], object], plan: tuple[str, ...], crash: int | None, law: str = "I9"
    ) -> None:
        """Do something by which a sync may leave its place; `how` is what was said of the people there."""
        place = self.place(name)

        def given_up() -> None:
            try:
                what()
            finally:
                if place and self.place(name) != place:
                    self.audit.gone[place] = how, law

        self.do(given_up, plan, crash)

    def work(self) -> None:
        """One pass of the worker."""
        for done in run_once(self.world.parts, Stop()):
            self.audit.said += [f"{done.error} {done!r}"] if done.error else []

    def run(self, name: str) -> None:
        """A person runs a sync."""
        syncs.run(self.world.parts, "default", name, None, lambda *_: None)

    def move(self, name: str, people: set[int], come: bool) -> None:
        """People come or go; the last ones stay."""
        members = self.world.crowd.members[name]
        self.world.crowd.members[name] = (members | people if come else members - people) or members

    def next_slot(self) -> None:
        """Time passes until both syncs are due."""
        now = self.world.clock.now()
        due = next_fire(Cadence.DAILY, ZONE, AT, now)
        assert due is not None
        self.world.clock.sleep((due - now).total_seconds() + 1)

    def add(self, name: str) -> None:
        """Cohort, connection and sync, where they are not there."""
        catalog, (days, refresh) = self.world.parts.catalog, SYNCS[name]
        catalog.save_cohort(Cohort("default", name, name.title(), CohortKind.BEHAVIOURAL, Behaviour(Did("Open"))))
        if not self.connection(name):
            maps = MAPS[name in self.world.crowd.spare]
            new = Connection("default", name, name.title(), "fake", f"adv-{name}", "here", Auth.SIGNATURE, maps)
            connections.add(self.world.parts, new, self.secret(new.advertiser))
        if not self.sync(name):
            recency = Recency.LAST_EVENT if refresh is Refresh.BEFORE_EXPIRY else Recency.SYNC
            wish = syncs.Wish(name, name, name, f"{name} 1", days, Cadence.DAILY, AT, refresh, recency=recency)
            syncs.add(self.world.parts, "default", wish)

    def secret(self, advertiser: str) -> Secret:
        """A new one of an account."""
        self.secrets += 1
        secret = f"{advertiser}-secret-{self.secrets}"
        self.audit.keys[secret] = advertiser
        return Secret(secret)

    def member(self, name: str, person: int) -> str:
        """The name that only one member has; anything where there is no member."""
        members = sorted(self.world.crowd.members[name])
        return f"{name} {members[person % len(members)]}" if members else name

    def sync(self, name: str) -> Sync | None:
        """A sync as the catalog has it."""
        return next((sync for sync in self.world.catalog.syncs("default") if sync.id == name), None)

    def connection(self, name: str) -> Connection | None:
        """A connection as the catalog has it."""
        return next((each for each in self.world.catalog.connections("default") if each.id == name), None)

    def place(self, name: str) -> Place | None:
        """Where a sync wants its people; None where it wants none."""
        sync = self.sync(name)
        if sync is None:
            return None
        target = place_of(self.world.parts, sync)
        place = target.advertiser, target.segment
        return None if paused(self.world).get(place) is Leaving.EMPTY else place

    def inside(self, name: str) -> set[bytes]:
        """Who is where a sync wants its people."""
        place = self.place(name)
        return self.world.desk.inside(*place) if place else set()

    def heal(self) -> None:
        """Accounts that were refused are mended."""
        for connection in self.world.catalog.connections("default"):
            self.world.parts.catalog.resume_connection("default", connection.id)

    def sure(self) -> dict[str, set[bytes]]:
        """Who is in a segment for certain and should stay there, by sync, where a run may keep them."""
        found = {}
        for name in SYNCS:
            sync = self.sync(name)
            if sync and sync.state is SyncState.ACTIVE:
                rows = self.world.held(place_of(self.world.parts, sync).id)
                wanted = self.world.crowd.identifiers(name) if not self.world.crowd.broken else set(rows)
                wanted = wanted - self.world.refused.keys()
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
