"""One life of the product: takes in what has changed, runs what is due, and dies where the order says."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from chaos.broken_disk import break_disk
from chaos.designs import DESIGNS
from chaos.world import WorldClock
from tradewind import moment
from tradewind.app import make_home, opened
from tradewind.cli.main import main
from tradewind.cli.worker import signals
from tradewind.compute import Bounds
from tradewind.destinations.base import Destination
from tradewind.model.plan import Approval, Plan
from tradewind.model.privacy import RequestType
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.run import Run, RunState
from tradewind.model.sync import Binding, Leaving
from tradewind.operations import connections, definitions, endings, entitlement, privacy, runs, syncs, uploads
from tradewind.operations.events import import_files
from tradewind.operations.ledger import verify
from tradewind.operations.lists import digest, fill
from tradewind.parts import Parts
from tradewind.sources.lists import Change
from tradewind.sources.uploads.sql import Upload, UploadKind
from tradewind.worker import Done, Stop, run_once


class SmallRequests:
    """A destination of which a request takes few identifiers, so that a small segment needs many; all else is as it was."""

    def __init__(self, inner: Destination, items: int) -> None:
        self._inner, self._items = inner, items

    def items_per_request(self, binding: Binding) -> int:
        """At most so many."""
        return min(self._items, self._inner.items_per_request(binding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def live(order: dict[str, Any], log: Path, report: Path) -> int:
    """Do what the order says, and write to `report` what the worker told."""
    if "break_at" in order:
        _watch(log, order["break_at"], lambda: break_disk(order["calls"]))
    else:
        _watch(log, order.get("kill_at"), lambda: os.kill(os.getpid(), order.get("signal", signal.SIGKILL)))
    if "command" in order:
        return _command(order)
    home, told = Path(order["home"]), []
    with _home_of(home, order) as parts:
        for name, file in order.get("definitions", []):
            _define(parts, name, Path(file))
        for project in parts.catalog.projects():
            for connection in parts.catalog.connections(project.id):
                if connection.paused:  # a person has mended it
                    connections.test(parts, project.id, connection.id)
        for project_id, cohort, file in order.get("lists", []):
            newest = parts.list_versions.newest(project_id, cohort)
            if newest is None or newest.sha256 != digest(Path(file)):
                fill(parts, project_id, cohort, file, Change.REPLACE)
        for project_id, file in order.get("imports", []):
            import_files(parts, project_id, [Path(file)], lambda *_: None)
        _sent(parts, order)
        _asked(parts, order)
        stop = Stop()
        with signals(stop):
            told = [] if order.get("verify") else [_plain(done) for done in run_once(parts, stop)]
        if order.get("approve"):
            told += [_plain(Done(run.project, run.sync, _approved(parts, run))) for run in _held(parts)]
        wrong = [f"{each.what}: {each.found}" for each in verify(parts, lambda *_: None) if not each.ok] if order.get("verify") else []
    growing = report.with_suffix(".new")
    growing.write_text(json.dumps({"done": told, "findings": wrong}))
    growing.rename(report)  # whole or not at all, whenever this life ends
    return 0


def _sent(parts: Parts, order: dict[str, Any]) -> None:
    """Files that came whole, as the server names them."""
    for name, kind, cohort, file in order.get("sent", []):
        uploads.folder(parts, name).mkdir(parents=True)
        place = uploads.folder(parts, name) / Path(file).name
        place.write_bytes(Path(file).read_bytes())
        size, how = place.stat().st_size, Change.ADD.value if cohort else ""
        uploads.received(parts, Upload(name, "default", UploadKind(kind), place.name, size, "rig", parts.clock.now(), cohort, how))


def _asked(parts: Parts, order: dict[str, Any]) -> None:
    """What a person does by hand in this life."""
    for project_id, sync in order.get("runs", []):
        syncs.run(parts, project_id, sync, None, lambda *_: None)
    for project_id, sync in order.get("removes", []):
        if sync in {each.id for each in parts.catalog.syncs(project_id)}:  # asked again after a kill, it may be gone
            endings.remove_sync(parts, project_id, sync, Leaving.EMPTY, lambda *_: None)
    for project_id, people in order.get("opt_outs", []):
        asked = privacy.ask(parts, project_id, RequestType.OPT_OUT, privacy.words(people), lambda *_: None)
        privacy.work(parts, asked, lambda *_: None)


@contextmanager
def _home_of(home: Path, order: dict[str, Any]) -> Iterator[Parts]:
    """The product's own parts, but for the clock, the size of a request, and the bad design that the order asks for."""
    if "definitions" in order:
        make_home(home, "UTC")
    with opened(home) as parts:
        inner = parts.destination
        world = replace(
            parts,
            clock=WorldClock(Path(order["clock"])),
            chance=lambda: 0.01,
            bounds=Bounds("256MiB", 1, parts.bounds.spill),
            destination=lambda kind: cast(Destination, SmallRequests(inner(kind), order["items"])),
        )
        yield DESIGNS[order.get("design", "ours")](world)


def _define(parts: Parts, name: str, file: Path) -> None:
    """A project that is as its definition file says."""
    if name not in {project.id for project in parts.catalog.projects()}:
        parts.catalog.add_project(Project(name, name, ProjectPlan.PAID, "UTC", ("thetradedesk",)), "rig")
    entitlement.admit(parts, "rig", "thetradedesk", name)
    definitions.apply(parts, name, [file], "ann", prune=False)


def _held(parts: Parts) -> list[Run]:
    """The runs that wait for a person."""
    return [run for project in parts.catalog.projects() for run in parts.ledger.history(project.id) if run.state is RunState.HELD]


def _approved(parts: Parts, run: Run) -> Run:
    """A person looked, and lets it go on."""
    planned = parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    assert planned is not None, "a held run has a plan"
    approvals = tuple(Approval(verdict.guard, verdict.count) for verdict in planned.verdicts)
    return runs.approve(parts, run.project, run.id, approvals, lambda *_: None)


def _command(order: dict[str, Any]) -> int:
    """A command as a person types it, in the rig's home; no file may grow beyond `largest_file` bytes."""
    os.environ["TRADEWIND_HOME"] = order["home"]
    if "largest_file" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    return main(order["command"])


def _watch(log: Path, blow_at: tuple[str, int] | None, blow: Callable[[], None]) -> None:
    """Note each moment in the log; at the n-th time of the one that is named comes the blow."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    times = dict([blow_at]) if blow_at else {}

    def come(name: str) -> None:
        os.write(file, f"{name}\n".encode())
        if name in times:
            times[name] -= 1
            if times[name] == 0:
                blow()

    moment.watch(come)


def _plain(done: Done) -> dict[str, Any]:
    run = done.run
    end = (run.outcome or run.state).value if run else None
    return {"sync": done.sync, "end": end, "error": str(done.error) if done.error else None}
