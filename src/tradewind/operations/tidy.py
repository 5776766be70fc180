"""Files that nothing depends on any more: which they are, and taking them away; the rows stay for ever."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tradewind.membership.compare import fault
from tradewind.membership.sql import Version
from tradewind.model.run import Run
from tradewind.operations.webhooks import forget_parked
from tradewind.parts import Parts

KEPT = timedelta(days=7)
"""How long files stay at least: those of a run since it was closed, those of a membership version since it was written."""

YOUNGER_OF_RUN, YOUNGER_OF_VERSION = 2, 3
"""So many younger versions there must be. A version stays longer than its run, so that the runs that stay have one to begin from."""

AT_ONCE = 1_000
"""Runs asked for in one question."""

EVERY = timedelta(days=1)
"""How often the worker tidies."""

MARK = ".tidied"
"""The file whose time says when it did so last; and how the names of folders begin that are on their way out."""


@dataclass(frozen=True)
class Tidied:
    """What was taken away, or would be: folders of runs, of membership versions and of no row, and their bytes together.

    `kept` names targets of which nothing was taken, since the versions that would stay are damaged.
    """

    runs: int = 0
    versions: int = 0
    nameless: int = 0
    size: int = 0
    kept: tuple[str, ...] = ()


@dataclass
class _Work:
    """One pass: what it saw of each target, so that it is looked at once."""

    parts: Parts
    now: datetime
    heads: dict[str, Version]
    sound: dict[str, bool] = field(default_factory=dict)

    def may_lose(self, target: str) -> bool:
        """Whether the versions that stay are whole, so that older files are needed by nothing."""
        if target not in self.sound:
            staying = self.parts.versions.recent(target, YOUNGER_OF_VERSION)
            self.sound[target] = not any(fault(each.held(self.parts.home), each.rows) for each in staying)
        return self.sound[target]


def run_is_spent(run: Run, left: Version | None, newest: Version | None, now: datetime) -> bool:
    """Whether nothing depends on the files of a run any more; `left` is the version it left behind, `newest` the target's newest."""
    if run.closed_at is None or now - run.closed_at <= KEPT:
        return False
    return left is None or newest is None or newest.version - left.version >= YOUNGER_OF_RUN


def version_is_spent(version: Version, newest: Version, now: datetime) -> bool:
    """Whether nothing depends on the files of a version any more."""
    return now - version.created_at > KEPT and newest.version - version.version >= YOUNGER_OF_VERSION


def tidy(parts: Parts, *, plan_only: bool = False) -> Tidied:
    """Take away the files that nothing depends on, or with `plan_only` only say which they are.

    A folder gets another name first and is emptied then: killed in between, the next time takes away the rest. No row is
    changed, because the same rule tells from the rows which files may be gone.
    """
    work = _Work(parts, parts.clock.now(), parts.versions.heads())
    spent = {"runs": list(_spent_runs(work)), "versions": list(_spent_versions(work)), "nameless": list(_nameless(work))}
    size = sum(_size(folder) for folders in spent.values() for folder in folders)
    if not plan_only:
        for folders in spent.values():
            for folder in folders:
                _take_away(folder)
        _forget_trials(work)
        forget_parked(parts)
        parts.pushed.sweep()
        _sweep(parts.home)
    counts = {name: len(folders) for name, folders in spent.items()}
    return Tidied(**counts, size=size, kept=tuple(sorted(target for target, sound in work.sound.items() if not sound)))


def tidy_daily(parts: Parts) -> bool:
    """The same for the worker, when a day has passed since the last time; whether it has."""
    mark, now = parts.home / "runs" / MARK, parts.clock.now()
    if was_done(mark, now):
        return False
    tidy(parts)
    note_done(mark, now)
    return True


def was_done(mark: Path, now: datetime) -> bool:
    """Whether what is done once a day was done in the last, as the time of a file says."""
    return mark.exists() and timedelta() <= now - datetime.fromtimestamp(mark.stat().st_mtime, UTC) < EVERY


def note_done(mark: Path, now: datetime) -> None:
    """Let a file say that it is done."""
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    os.utime(mark, (now.timestamp(), now.timestamp()))


def _spent_runs(work: _Work) -> Iterator[Path]:
    folders = _folders(work.parts.home / "runs")
    for start in range(0, len(folders), AT_ONCE):
        some = {folder.name: folder for folder in folders[start : start + AT_ONCE]}
        runs, left = work.parts.ledger.named(some), work.parts.versions.of_runs(some)
        for name, run in sorted(runs.items()):
            if run_is_spent(run, left.get(name), work.heads.get(run.target), work.now) and work.may_lose(run.target):
                yield some[name]


def _spent_versions(work: _Work) -> Iterator[Path]:
    for target, newest in sorted(work.heads.items()):
        named = {work.parts.home / version.path: version for version in work.parts.versions.chain(target)}
        for folder in _folders(work.parts.home / "membership" / target):
            version = named.get(folder)
            if version and version_is_spent(version, newest, work.now) and work.may_lose(target):
                yield folder


def _nameless(work: _Work) -> Iterator[Path]:
    """Folders of memberships that no row names: left by a kill before the row, or replaced by a rebuild."""
    for target in _folders(work.parts.home / "membership"):
        named = {work.parts.home / version.path for version in work.parts.versions.chain(target.name)}
        for folder in _folders(target):
            if folder not in named and work.now.timestamp() - folder.stat().st_mtime > KEPT.total_seconds():
                yield folder


def _forget_trials(work: _Work) -> None:
    """Files of people in arms that a newer one took the place of."""
    newest = {work.parts.home / path for path in work.parts.trials.paths()}
    for file in (work.parts.home / "trials").glob("*/*/*.parquet"):
        if file not in newest and work.now.timestamp() - file.stat().st_mtime > KEPT.total_seconds():
            file.unlink(missing_ok=True)


def _folders(place: Path) -> list[Path]:
    return sorted(each for each in place.iterdir() if each.is_dir() and not each.name.startswith(".")) if place.is_dir() else []


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _take_away(folder: Path) -> None:
    out = folder.with_name(f"{MARK}-{folder.name}")
    with suppress(OSError):
        folder.rename(out)
        shutil.rmtree(out, ignore_errors=True)


def _sweep(home: Path) -> None:
    """What was on its way out when a process was killed."""
    for place in (home / "runs", *_folders(home / "membership")):
        for left in place.glob(f"{MARK}-*"):
            shutil.rmtree(left, ignore_errors=True)
