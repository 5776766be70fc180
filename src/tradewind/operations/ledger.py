"""The record itself: whether ledger, membership and files agree, and a damaged membership made anew from the rest."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tradewind.durable import publish
from tradewind.errors import DefinitionError, EngineError
from tradewind.ledger.base import DELIVERED
from tradewind.membership.compare import rows_in
from tradewind.membership.sql import Version
from tradewind.model.plan import Plan
from tradewind.model.run import Run, RunState
from tradewind.operations.chain import Link, chain, delta_fault, examine
from tradewind.operations.claims import kept, take
from tradewind.operations.doctor import Finding
from tradewind.operations.scratch import scratch
from tradewind.operations.tidy import run_is_spent
from tradewind.parts import Parts
from tradewind.phases import Watch


@dataclass(frozen=True)
class Mended:
    """A version that was made anew: its rows as the record had them (None when it had none), and as they are now."""

    version: int
    run: str
    wrong: str
    before: int | None
    after: int


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: the versions made anew, oldest first, and how many the newest version holds."""

    target: str
    segment: str
    mended: tuple[Mended, ...]
    holds: int


def verify(parts: Parts, watch: Watch) -> tuple[Finding, ...]:
    """Look at every account, every named file and every membership version of all projects; sends and changes nothing."""
    findings = [finding for project in parts.catalog.projects() for finding in _events(parts, project.id)]
    targets, began = _targets(parts), parts.clock.now()  # before the versions: a run that is closed has left its own by then
    known = {run.id for runs in targets.values() for run in runs}
    versions: dict[str, list[Version]] = defaultdict(list)
    for version in parts.versions.chain():
        if version.run in known or version.created_at < began:
            versions[version.target].append(version)
    for done, (target, runs) in enumerate(targets.items()):
        watch("segments", done, len(targets))
        findings += _target(parts, target, runs, versions.pop(target, []))
    findings += [Finding(f"target {target}", False, f"has {len(left)} versions, but no run on record") for target, left in versions.items()]
    return tuple(findings)


def rebuild(parts: Parts, project: str, target: str | None, sync: str | None) -> Rebuilt:
    """Make every damaged or missing membership version of a target anew from the version before it and its run's files.

    The target is named, or is that of a sync's newest run. The new files are named in one transaction; the old ones stay
    where they are. Raises DefinitionError when there is no such target, EngineError when files it takes are gone as well,
    LedgerError when another process is at a run of the target.
    """
    target = _chosen(parts, project, target, sync)
    runs = _targets(parts)[target]
    with _undisturbed(parts, runs), scratch(parts) as folder:
        seen = parts.versions.chain(target)
        if strays := _strays(runs, seen):
            raise EngineError(f"{strays[0].found}; put the database back from a backup")
        links = list(examine(parts, chain(runs, seen), folder))
        if links and links[-1].held is None:
            raise EngineError(f"the membership of target {target} cannot be rebuilt: {links[-1].wrong}; put the files back from a backup")
        new = [_named(parts, link, number) for number, link in enumerate((link for link in links if link.version or link.remade), 1)]
        if any(link.remade for link in links):
            parts.versions.replace(target, seen, new)
    by_run = {version.run: version for version in new}
    mended = tuple(_mended(link, by_run[link.run.id]) for link in links if link.remade)
    return Rebuilt(target, parts.ledger.binding(runs[-1].binding).target.segment, mended, new[-1].rows if new else 0)


def _targets(parts: Parts) -> dict[str, list[Run]]:
    """Target -> its runs, oldest first, whatever project they are of."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in sorted((run for project in parts.catalog.projects() for run in parts.ledger.history(project.id)), key=_age):
        found[run.target].append(run)
    return dict(found)


def _age(run: Run) -> tuple[datetime, str]:
    return run.opened_at, run.id


def _chosen(parts: Parts, project: str, target: str | None, sync: str | None) -> str:
    if (target is None) == (sync is None):
        raise DefinitionError("name the target, or the sync with --sync; one of the two")
    runs = parts.ledger.history(project, sync)
    if sync is not None and not runs:
        parts.catalog.sync(project, sync)
    found = next((run.target for run in runs if target in {None, run.target}), None)
    if found is None:
        raise DefinitionError(f"sync '{sync}' never ran" if sync else "no run of this project has that target; ledger verify names them")
    return found


@contextmanager
def _undisturbed(parts: Parts, runs: Sequence[Run]) -> Iterator[None]:
    """Nobody goes on with an open run of these meanwhile. Raises LedgerError when somebody is at one already."""
    with ExitStack() as stack:
        for run in runs:
            if run.state is not RunState.CLOSED:
                claim = take(parts.ledger, run.id, parts.clock)
                stack.callback(parts.ledger.release, claim)
                stack.enter_context(kept(parts.ledger, claim, parts.clock))
        yield


def _named(parts: Parts, link: Link, number: int) -> Version:
    """The row of a link: as it was, or of the files made anew, which get their place here."""
    if link.remade is None:
        assert link.version is not None, "a link is asked for only when it has a version or was made anew"
        return replace(link.version, version=number)
    remade, run = link.remade, link.run
    place = Path("membership") / run.target / f"{number:06d}-{run.id}-{secrets.token_hex(3)}"
    publish(remade.held.folder, parts.home / place)
    return Version(run.target, number, run.id, str(place), remade.held.count, remade.held.types, remade.rows, remade.moment)


def _mended(link: Link, version: Version) -> Mended:
    return Mended(version.version, link.run.id, link.wrong, link.version.rows if link.version else None, version.rows)


def _events(parts: Parts, project: str) -> Iterator[Finding]:
    """The event files of a project."""
    files = parts.events.files(project)
    name = f"events of project {project}"
    wrong = 0
    for file in files:
        found = rows_in(file.path)
        if found != file.rows:
            wrong += 1
            yield Finding(
                name, False, f"{file.path} " + ("is gone or damaged" if found is None else f"has {found:,} rows, not {file.rows:,}")
            )
        if file.links and rows_in(file.links) is None:
            wrong += 1
            yield Finding(name, False, f"{file.links} is gone or damaged")
    if not wrong:
        yield Finding(name, True, f"{len(files):,} files with {sum(file.rows for file in files):,} events")


def _target(parts: Parts, target: str, runs: Sequence[Run], versions: Sequence[Version]) -> list[Finding]:
    """Everything about one target; one finding that says so when all of it is in order."""
    segment = parts.ledger.binding(runs[-1].binding).target.segment
    name = f"segment '{segment}' (target {target})"
    notes = [replace(each, what=name) for each in _open(runs)]
    wrong = [*_strays(runs, versions), *(finding for run in runs for finding in _account(parts, run))]
    wrong += _files(parts, runs, versions)
    with scratch(parts) as folder:
        links = list(examine(parts, chain(runs, versions), folder))
    wrong += [Finding("", False, link.wrong) for link in links if link.wrong]
    numbers = [version.version for version in versions]
    if numbers != list(range(1, len(numbers) + 1)) and all(link.version for link in links):
        wrong.append(Finding("", False, f"the versions on record are {', '.join(map(str, numbers))}: one is gone"))
    if any(link.remade for link in links):
        wrong.append(Finding("", False, f"the membership can be mended: tradewind ledger rebuild-membership {target}"))
    if wrong:
        return [*(replace(each, what=name) for each in wrong), *notes]
    compared = sum(link.compared for link in links)
    balance = "1 run balances" if len(runs) == 1 else f"{len(runs):,} runs balance"
    made = "1 version" if len(links) == 1 else f"{len(links):,} versions"
    words = f"{balance}; {made}, {compared:,} worked out anew and equal"
    return [Finding(name, True, f"{words}; {versions[-1].rows if versions else 0:,} held"), *notes]


def _strays(runs: Sequence[Run], versions: Sequence[Version]) -> list[Finding]:
    """Versions of runs that the ledger does not know."""
    known = {run.id for run in runs}
    lost = [version for version in versions if version.run not in known]
    return [Finding("", False, f"version {each.version} is of run {each.run}, which is not on record") for each in lost]


def _open(runs: Sequence[Run]) -> Iterator[Finding]:
    for run in runs:
        if run.state is not RunState.CLOSED:
            yield Finding("", True, f"run {run.id} of sync '{run.sync}' is open ({run.state.value})")


def _account(parts: Parts, run: Run) -> Iterator[Finding]:
    """Whether every identifier of a run is counted once: in its batches, in their outcomes, and as planned."""
    account = parts.ledger.account(run.id)
    if not account.balances():
        yield Finding("", False, f"the account of run {run.id} does not balance: {account}")
    for batch, _, outcome, lines in parts.ledger.settled(run.id):
        if outcome and (outcome.rejected != len(lines) or outcome.accepted + outcome.rejected + outcome.unknown != batch.rows):
            yield Finding(
                "", False, f"batch {batch.number} of run {run.id} does not add up: {outcome}, {len(lines)} refused, of {batch.rows:,}"
            )
    planned = parts.ledger.recall(run.id, RunState.PLANNED, Plan)
    rows = sum(part.rows for part in planned.delta.parts if not part.again) if planned else 0
    if run.outcome in DELIVERED and account.planned != rows:
        yield Finding("", False, f"run {run.id} planned {rows:,} identifiers, but its batches have {account.planned:,}")


def _files(parts: Parts, runs: Sequence[Run], versions: Sequence[Version]) -> Iterator[Finding]:
    """The delta files of runs; of those that nothing depends on any more only what is still there."""
    left, now = {version.run: version for version in versions}, parts.clock.now()
    newest = versions[-1] if versions else None
    for run in runs:
        if parts.ledger.recall(run.id, RunState.PLANNED, Plan) is None:
            continue
        nothing_left = run.closed_at is not None and run.id not in left
        spent = nothing_left or run_is_spent(run, left.get(run.id), newest, now)
        gone = not (parts.home / "runs" / run.id / "delta").exists()
        if not (gone and spent) and (wrong := delta_fault(parts, run)):
            yield Finding("", False, wrong)
