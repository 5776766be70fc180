"""The kill rig: lives of the product that end at random or at a named moment, beside a sandbox that outlives them all."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.books import Books
from chaos.places import Listed, Told
from chaos.world import WorldClock
from sandbox_process import SandboxProcess, running_sandbox, wait_until

ROOT = Path(__file__).resolve().parents[2]

FAULTS: list[dict[str, Any]] = [
    {"kind": "error"},
    {"kind": "error", "applied": True},
    {"kind": "throttle", "retry_after": 1},
    {"kind": "lost"},
    {"kind": "unread"},
    {"kind": "deferred", "seconds": 0.2},
    {"kind": "torn"},
    {"kind": "refuse_items", "every": 7},
    {"kind": "too_large", "over_items": 12},
]
"""Refused, applied and refused, told to wait, applied and dropped, dropped, applied late, half an answer, partial, too large."""

OUTAGES: list[dict[str, Any]] = [
    {"kind": "lost", "times": 30},
    {"kind": "error", "times": 30},
    {"kind": "error", "applied": True, "times": 30},
    {"kind": "throttle", "retry_after": 1, "times": 30},
    {"kind": "deferred", "seconds": 0.1, "times": 12},
]
"""A minute in which nothing gets a good answer, so that a run gives up with batches in doubt."""

SLOTS = 4
"""Requests that may be under way at once to one advertiser, and so may have to be sent again after one kill."""

CYCLES = 4
"""Slots within which everything must agree once the faults have stopped."""

TRIES = 3
"""Slots in one of which a moment must come."""

CALM = 10
"""Kills after which the faults stop for a while, so that a loss is seen before a later change hides it."""

HOUR, DAY = 3_660.0, 86_400.0


@dataclass
class Verdict:
    """What the rig found. The first five must be nothing, and `most_sent_again`, after one kill, at most SLOTS."""

    lost: int = 0
    stray: int = 0
    wrong_advertiser: int = 0
    sent_without_intent: int = 0
    broken: list[str] = field(default_factory=list)
    kills: int = 0
    lives: int = 0
    requests: int = 0
    faults: int = 0
    batches_sent_again: int = 0
    most_sent_again: int = 0
    cycles: int = 0

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        wrong = self.lost or self.stray or self.wrong_advertiser or self.sent_without_intent or self.broken
        return not wrong and self.most_sent_again <= SLOTS


class Rig:
    """A home with two syncs of two projects into two advertisers, and the lives that are lived in it."""

    def __init__(
        self,
        folder: Path,
        sandbox: SandboxProcess,
        nursery: subprocess.Popen[str],
        seed: int,
        refresh: str = "every_sync",
        database_url: str = "",
        recency: str = "sync",
        **order: Any,
    ) -> None:
        self.folder, self.sandbox, self.nursery = folder, sandbox, nursery
        self.books = Books(folder / "home", database_url)
        self.chance = random.Random(seed)
        self.clock = WorldClock(folder / "clock")
        (folder / "told").mkdir()
        self.listed = Listed("default", "listed", "ready1", "listed people", 0xA1, folder, refresh)
        self.told = Told("second", "told", "ready2", "told people", 0xB2, folder / "told", "before_expiry", recency)
        self.order = {"folder": str(folder), "home": str(folder / "home"), "clock": str(folder / "clock"), "items": 24, **order}
        self.verdict, self.moments = Verdict(), Counter[str]()
        self.taken: set[Path] = set()
        self.answered: dict[str, int] = {}
        self.came: Counter[str] = Counter()
        self.sent_again: Counter[int] = Counter()
        self.seen = 0
        self.next: dict[str, Any] = {}

    # --- one life

    def live(self, **order: Any) -> dict[str, Any]:
        """Live once, as ordered; the fate as the nursery tells it. A life that fails of itself breaks the rig's verdict."""
        files = self.told.unread(self.taken)
        whole = {
            **self.order,
            "lists": [["default", "listed", str(self.listed.file)]],
            "imports": [["second", str(file)] for file in files],
            **self.next,
            **order,
        }
        self.next = {}
        self._meet_sandbox()
        fate = self._told(whole)
        self.verdict.lives += 1
        self.verdict.kills += fate["killed"]
        self.moments.update(fate["moments"])
        if fate["report"] is not None:
            self.taken |= set(files)
        if fate["code"]:
            self.verdict.broken.append(f"a life ended by itself: {' | '.join(fate['output'].strip().splitlines()[-12:])}")
        self._read_journal()
        return fate

    def go_on(self, fate: dict[str, Any]) -> dict[str, Any]:
        """Wake a life that was stopped, and wait for its end."""
        woken = self._told({"go_on": fate["stopped"]})
        self._read_journal()
        return woken

    def command(self, *words: str, **order: Any) -> dict[str, Any]:
        """A command as a person types it, on the machine's own time; its code is the caller's affair."""
        return self._told({**self.order, "command": list(words), **order})

    def _told(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(order) + "\n")
        self.nursery.stdin.flush()
        line = self.nursery.stdout.readline()
        assert line, f"the nursery ended by itself: {(self.folder / 'nursery-errors.txt').read_text(errors='replace')[-2000:]}"
        fate: dict[str, Any] = json.loads(line)
        return fate

    def set_up(self, **order: Any) -> dict[str, Any]:
        """Make the home and what is in it; can be killed and done again."""
        files = [["default", str(self.listed.defined())], ["second", str(self.told.defined())]]
        return self.live(definitions=files, lists=[], imports=[], **order)

    def change(self) -> None:
        """The truth moves on: a list is written anew, and people come and go."""
        self.listed.change(self.chance, self.clock.now())
        self.told.change(self.chance, self.clock.now())

    def advance(self, seconds: float) -> None:
        """Let time pass, once the platform has carried out what it was late with: it is never later than this."""
        wait_until(lambda: self.sandbox.get("/_sandbox/counts")["under_way"] == 0, "the platform has carried out what it had")
        self.clock.advance(seconds)

    def also_run_once(self) -> None:
        """A One-Time Sync of the same list, which a person runs in the next life."""
        once = self.folder / "once.yaml"
        once.write_text('syncs: [{id: once, cohort: listed, connection: listed, cadence: one_time, segment: "once"}]')
        self.next = {"definitions": [["default", str(once)]], "runs": [["default", "once"]]}

    # --- kills

    def misbehave(self, *first: dict[str, Any], but: Sequence[str] = ()) -> None:
        """A fault on a third of the answers, from now on, after those that are named; none of a kind that is left out."""
        kinds = [each for each in FAULTS if each["kind"] not in but]
        order = {"mode": "random", "rate": 0.34, "seed": self.chance.random(), "kinds": kinds, "faults": list(first)}
        self.sandbox.post("/_sandbox/faults", order)

    def die_at(self, name: str, lead: Callable[[Rig], object] = lambda _: None) -> None:
        """Die at a moment, beside faults, once led to it. Whether a life comes to it depends on what those before it were answered."""
        for _ in range(TRIES):
            self.change()
            self.advance(HOUR)
            self.misbehave()
            lead(self)
            fate = self.live(kill_at=[name, 1])
            if fate["killed"]:
                assert fate["moments"][-1] == name
                return
            self.listed.grow_back()
            self.advance(HOUR)
            self.live(approve=True)  # what a guard held goes on, so that the next slot has something to send
        raise AssertionError(f"{name} was not reached: {fate}")

    def kill_at_random(self, kills: int) -> Iterator[int]:
        """Kill so many times: half at a moment that was reached before, half after a time, short or long beside a whole life.

        Now and then the faults stop and everything must agree; when it does not, or a promise is broken, it ends early.
        """
        self.advance(HOUR)
        usual = float(self.live()["seconds"])
        wanted, calm = self.verdict.kills + kills, self.verdict.kills + CALM
        while self.verdict.kills < wanted and self.verdict.clean:
            if self.chance.random() < 0.7:
                self.change()
            self.misbehave(*self._outage())
            self.advance(self.chance.choice([1.0, HOUR, HOUR, HOUR, DAY + HOUR]))
            if self.chance.random() < 0.5:
                fate = self.live(kill_at=[self._moment(), self.chance.randint(1, 4)])
            else:
                part = self.chance.choice([self.chance.uniform(0.05, 0.5), self.chance.uniform(0.5, 1.2)])
                fate = self.live(kill_after=usual * part)
            if not fate["killed"]:
                usual = (usual + float(fate["seconds"])) / 2
            self.integrity()
            if self.verdict.kills >= calm:
                self.converge()
                calm = self.verdict.kills + CALM
            yield wanted - self.verdict.kills

    def _moment(self) -> str:
        """One that was reached before; half of the time one of a request's life."""
        names = sorted(self.moments)
        if self.chance.random() < 0.5:
            names = [name for name in names if name.startswith(("intent.", "request.", "answer.", "receipt.", "attempt."))]
        return self.chance.choice(names)

    def _outage(self) -> list[dict[str, Any]]:
        """Now and then: some good answers, and then a while of none."""
        if self.chance.random() < 0.6:
            return []
        good = self.chance.randint(0, 4)
        return [*[{"kind": "late", "seconds": 0.0, "times": good}][:good], self.chance.choice(OUTAGES)]

    # --- the end

    def converge(self) -> None:
        """Let the faults stop and time pass until all agrees, for at most CYCLES slots."""
        self.settle(self.change)

    def settle(self, before: Callable[[], object] = lambda: None, cycles: int = CYCLES) -> None:
        """The same within so many slots, doing something before each, or leaving everything as it is wanted now."""
        self.sandbox.send("DELETE", "/_sandbox/faults")
        fate: dict[str, Any] = {}
        for cycle in range(1, cycles + 1):
            before()
            self.advance(HOUR)
            self.live(approve=True)
            self.advance(HOUR / 6)  # what is sent twice is due by now
            fate = self.live(approve=True)
            self.verdict.cycles = max(cycle, self.verdict.cycles)
            if self._compared():
                return
        self.verdict.broken.append(f"no agreement: {fate['report']}")

    def end(self) -> Verdict:
        """Converge once more, if it has so far, look everywhere, and say what was found."""
        if self.verdict.clean:
            self.converge()
        self._examined()
        return self.verdict

    def _compared(self) -> bool:
        """Whether each segment is as it should be."""
        self.verdict.lost = self.verdict.stray = 0
        for place in (self.listed, self.told):
            held = self.sandbox.members(place.advertiser, place.segment)
            self.verdict.lost += len(place.desired() - held)
            self.verdict.stray += len(held - place.desired())
        return not (self.verdict.lost or self.verdict.stray)

    def _examined(self) -> None:
        """Nobody anywhere else, and a record that agrees with itself."""
        belongs = {(place.advertiser, place.segment): place for place in (self.listed, self.told)} | {("ready1", "once"): self.listed}
        for segment in self.sandbox.get("/_sandbox/segments"):
            place = belongs.get((segment["advertiser"], segment["name"]))
            members = self.sandbox.members(segment["advertiser"], segment["name"])
            foreign = [value for _, value in members if place is None or not value.startswith(f"{place.mark:08x}")]
            self.verdict.wrong_advertiser += len(foreign) + (place is None and segment["advertiser"] != "nocreation1")
        self.integrity()
        fate = self.live(verify=True)
        self.verdict.broken += list((fate["report"] or {"findings": ["no report"]})["findings"])

    def integrity(self) -> None:
        """What SQLite says of its file."""
        if found := self.books.fault():
            self.verdict.broken.append(f"the database: {found}")

    # --- what the platform saw

    def _meet_sandbox(self) -> None:
        self.sandbox.post("/_sandbox/clock", {"now": self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "running": True})

    def _read_journal(self) -> None:
        """Count the requests that had a good answer and came once more: only a kill between answer and receipt explains one."""
        new = [entry for entry in self.sandbox.get("/_sandbox/requests?limit=400") if entry["number"] > self.seen and entry["items"]]
        for entry in new:
            self.seen = entry["number"]
            if entry["status"] in {401, 403}:
                self.verdict.wrong_advertiser += entry["fault"] is None
            if entry["fault"] == "deferred":
                continue  # noted when it was carried out, which is later than it was sent
            before = self.answered.pop(entry["sha256"], None)
            if before is not None:
                self.verdict.batches_sent_again += 1
                self.sent_again[min(before, self.verdict.lives - 1)] += 1
            if entry["status"] == 200 and entry["fault"] is None:
                self.answered[entry["sha256"]] = self.verdict.lives
        self._compare_intents(new)
        self.verdict.requests += len(new)
        self.verdict.faults += sum(entry["fault"] is not None for entry in new)
        self.verdict.most_sent_again = max(self.sent_again.values(), default=0)

    def _compare_intents(self, new: list[dict[str, Any]]) -> None:
        """No batch of a binding came more often than the ledger says it was sent: an intent is durable before a byte leaves."""
        self.came.update(entry["trace"] for entry in new if entry["trace"])  # a notice has none
        query = "SELECT run.binding || '-' || batch.number, sum(batch.sends) FROM batch JOIN run ON run.id = batch.run GROUP BY 1"
        sent = dict(self.books.rows(query)) if self.came else {}
        self.verdict.sent_without_intent = sum(max(0, times - sent.get(trace, 0)) for trace, times in self.came.items())


@contextmanager
def running_nursery(folder: Path, sandbox_url: str, database_url: str = "") -> Iterator[subprocess.Popen[str]]:
    """The process that forks lives, ready when the block begins and ended by its own handle."""
    secrets = {f"SECRET_{advertiser}": f"sandbox-secret-{advertiser}" for advertiser in ("ready1", "ready2")}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    environment = clean | secrets | {
        "TRADEWIND_SANDBOX_URL": sandbox_url, "TRADEWIND_LOOPBACK_ONLY": "true", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}",
    }  # fmt: skip
    environment |= {"TRADEWIND_DATABASE_URL": database_url} if database_url else {}
    command = [sys.executable, "-m", "chaos.nursery"]
    with (folder / "nursery-errors.txt").open("wb") as errors:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
        process: subprocess.Popen[str] = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
        try:
            yield process
        finally:
            process.communicate(timeout=30)


@contextmanager
def running_rig(folder: Path, seed: int, database_url: str = "", **order: Any) -> Iterator[Rig]:
    """A rig in a folder of its own, with its sandbox and its nursery; `order` as Rig takes it."""
    (folder / "sandbox").mkdir(parents=True)
    with running_sandbox(folder / "sandbox") as url, running_nursery(folder, url, database_url) as nursery:
        yield Rig(folder, SandboxProcess(url), nursery, seed, database_url=database_url, **order)
