"""Backups: a sealed file of everything that rows name, made beside a running server; and a home that was made from one."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from tradewind import __version__
from tradewind.access.trail import Deed
from tradewind.durable import publish
from tradewind.errors import ConfigurationError, DefinitionError, EngineError
from tradewind.keeping.archive import About, files_below, pack, unpack
from tradewind.keeping.sealing import COST, Opener, Sealer
from tradewind.keeping.sql import Copied, copy_out, set_free
from tradewind.migrations import latest
from tradewind.model.run import Run, RunKind, RunState
from tradewind.model.sync import Leaving, SyncState
from tradewind.operations.endings import pause_all
from tradewind.operations.finishing import finish, wind_up
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts
from tradewind.phases import Watch

TRIES = 3
"""How often a copy is begun anew when files it names were tidied away meanwhile."""

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


@dataclass(frozen=True)
class Made:
    """A backup: where it is, its size, how many files are in it, and of which instant it is."""

    path: Path
    bytes: int
    files: int
    made_at: datetime


@dataclass(frozen=True)
class Restored:
    """What became of a restored home: when its backup was made, how many files it has, and the syncs (`project/sync`) paused now.

    `doubted` counts the segments of which nothing is sure any more; `left` says why a run could not be ended.
    """

    made_at: str
    files: int
    paused: tuple[str, ...]
    doubted: int
    left: tuple[str, ...] = ()


def make(parts: Parts, place: Path, passphrase: str, who: str, progress: Progress, cost: int = COST) -> Made:
    """Write a backup of the home to a new file, or to one with a name of its own in a folder; everybody may go on working meanwhile.

    `cost` is that of a guess at the passphrase. The key of the home and its settings are not in it. Raises DefinitionError when the
    place is taken or its folder is not there, EngineError when a file that rows name is gone.
    """
    now = parts.clock.now()
    path = place / f"tradewind-{now:%Y%m%d-%H%M%S}.backup" if place.is_dir() else place
    if path.exists():
        raise DefinitionError(f"{path} exists already, and a backup never replaces anything; give another name")
    if not path.parent.is_dir():
        raise DefinitionError(f"the folder {path.parent} does not exist; make it first")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with scratch(parts) as folder:
            staged, copied = _staged(parts, folder)
            files = list(files_below(staged))
            about = _about(parts, copied, sum(file.stat().st_size for file in files), now)
            _write(partial, about, staged, files, lambda file: Sealer(file, passphrase, cost), progress)
        parts.trail.write(Deed(who, "backup.make", path.name, details={"files": str(len(files))}), parts.clock.now())
        publish(partial, path, new=True)
    finally:
        partial.unlink(missing_ok=True)
    return Made(path, path.stat().st_size, len(files), now)


def take_out(source: Path, passphrase: str, into: Path, database: str, progress: Progress) -> tuple[About, int]:
    """Write what is in a backup into an empty folder; what it is, and how many files. `database` is the kind that is there to take it.

    Raises DefinitionError when the file is no backup, ConfigurationError when it is damaged, opens with another passphrase, or cannot
    be used by this program or with this database.
    """
    seen: list[About] = []
    done = 0

    def moved(some: int) -> None:
        nonlocal done
        done += some
        progress(done, seen[0].bytes if seen else 0)

    def ready(about: About) -> None:
        _refuse_foreign(about, database)
        seen.append(about)

    with source.open("rb") as file:
        stream = Opener(file, passphrase)
        kept = unpack(stream, into, ready, moved)
        stream.drain()
    return seen[0], len(kept)


def settle_in(parts: Parts, about: About, files: int, who: str, watch: Watch) -> Restored:
    """Make of restored rows a home that knows of its age: nobody is signed in, what was under way is ended, every sync is paused, and
    nothing is sure of any segment, since anything may have been sent after the backup. Sends nothing.
    """
    set_free(parts.catalog.database)
    reason = f"the record was put back from a backup of {about.made_at[:16].replace('T', ' ')} UTC"
    active = [sync for project in parts.catalog.projects() for sync in parts.catalog.syncs(project.id) if sync.state is SyncState.ACTIVE]
    left = list(pause_all(parts, active, Leaving.LET_EXPIRE, reason, None).later)
    for run in parts.ledger.unclosed():
        wind_up(parts, run, reason, watch)
    heads = parts.versions.heads()
    for target in sorted(heads):
        last = parts.ledger.latest(target)
        if last is None:
            left.append(f"target {target} has a membership, but no run on record")
            continue
        opened = _doubt(parts, last)
        parts.ledger.open(opened, parts.ledger.binding(opened.binding))
        finish(parts, opened, watch)
    parts.trail.write(Deed(who, "backup.restore", "home", details={"made_at": about.made_at}), parts.clock.now())
    return Restored(about.made_at, files, tuple(f"{sync.project}/{sync.id}" for sync in active), len(heads), tuple(left))


def _refuse_foreign(about: About, database: str) -> None:
    if about.schema > latest():
        raise ConfigurationError(
            f"the backup has schema {about.schema} and this program knows schemas up to {latest()}; use the newer program that wrote it"
        )
    if about.database != database:
        how = "set TRADEWIND_DATABASE_URL to an empty one" if about.database == "postgresql" else "unset TRADEWIND_DATABASE_URL"
        raise ConfigurationError(f"the backup is of a home whose database is {about.database}; {how}")
    if about.database == "postgresql" and about.schema != latest():
        raise ConfigurationError(f"the backup has schema {about.schema}; restore it with the program that wrote it, and upgrade then")


def _staged(parts: Parts, folder: Path) -> tuple[Path, Copied]:
    """A copy of the database in a folder, and beside it all files that its rows name: they are written once, so links to them will do."""
    gone: FileNotFoundError | None = None
    for number in range(TRIES):
        staged = folder / str(number)
        staged.mkdir()
        copied = copy_out(parts.catalog.database, staged)
        try:
            for name in copied.files:
                _link(parts.home / name, staged / name)
            for name in copied.folders:
                for file in files_below(parts.home / name):
                    _link(file, staged / file.relative_to(parts.home))
        except FileNotFoundError as error:
            gone = error
            continue
        return staged, copied
    assert gone is not None, "only a file that is gone begins anew"
    raise EngineError(f"{gone.filename} is gone, though the record names it; tradewind ledger verify says what can be mended") from gone


def _link(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(file, place)


def _about(parts: Parts, copied: Copied, size: int, now: datetime) -> About:
    kind = "sqlite" if parts.catalog.database.is_file else "postgresql"
    return About(now.isoformat(), __version__, latest(), kind, size, copied.tables)


def _write(path: Path, about: About, staged: Path, files: list[Path], seal: Callable[[BinaryIO], Sealer], progress: Progress) -> None:
    done = 0

    def moved(some: int) -> None:
        nonlocal done
        done += some
        progress(done, about.bytes)

    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        sealer = seal(file)
        pack(sealer, about, staged, files, moved)
        sealer.close()


def _doubt(parts: Parts, last: Run) -> Run:
    now = parts.clock.now()
    name = f"r{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    where = (last.project, last.sync, last.target, last.binding, last.cohort_version)
    return Run(name, *where, as_of=now, opened_at=now, state=RunState.OPEN, kind=RunKind.RESTORE, cohort=last.cohort)
