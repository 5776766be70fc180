"""Uploads: files that were sent over the API, received by the server and taken in by the worker."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tradewind.errors import BusyError, DefinitionError, LedgerError, MissingError, TradewindError, of_system
from tradewind.events.inputs import SUFFIXES
from tradewind.model.cohort import StaticList
from tradewind.operations import events, lists
from tradewind.operations.claims import me
from tradewind.parts import Parts
from tradewind.sources.lists import Change
from tradewind.sources.uploads.sql import Upload, UploadKind, UploadState

LEASE = timedelta(minutes=2)
"""How long a claim lasts; renewed while a file is taken in."""

EVERY = 1.0
"""Seconds between two notes of how much of a file is read."""

LEFT = timedelta(days=1)
"""A folder without a row is of a request that broke off, once it is so old."""

ENDINGS = {UploadKind.EVENTS: SUFFIXES, UploadKind.LIST: (".csv", ".parquet")}
"""How the names of files end that can be taken in."""

Check = Callable[[], None]
"""Raises when the work shall end; nothing of a file is then taken in, and another worker begins anew."""


def new_id() -> str:
    """The id of a file that is about to be sent, and the name of its folder."""
    return secrets.token_hex(8)


def folder(parts: Parts, upload: str) -> Path:
    """Where the file of an upload lies until it is taken in."""
    return parts.home / "uploads" / upload


def expect(parts: Parts, project: str, name: str, kind: UploadKind, cohort: str = "") -> None:
    """Raise DefinitionError, before a byte is read, for a file that cannot be taken in by its name, or a cohort that has no list."""
    parts.catalog.project(project)
    if not name.lower().endswith(ENDINGS[kind]):
        raise DefinitionError(f"'{name[:100]}' cannot be taken in; its ending says its kind: {', '.join(ENDINGS[kind])}", path="name")
    if kind is UploadKind.LIST:
        found = parts.catalog.cohort(project, cohort)
        if not isinstance(found.definition, StaticList):
            raise DefinitionError(f"cohort '{cohort}' is of kind {found.kind.value}; only a static one has a list", path="cohort")


def received(parts: Parts, upload: Upload) -> Upload:
    """Write that a file is whole; the worker takes it in."""
    parts.uploads.add(upload)
    return upload


def found(parts: Parts, project: str, upload: str) -> Upload:
    """An upload. Raises MissingError when there is none."""
    known = parts.uploads.find(project, upload)
    if known is None:
        raise MissingError(f"there is no upload '{upload}' in project '{project}'", upload)
    return known


def work(parts: Parts, waiting: Upload, check: Check) -> Upload | None:
    """Take a file in, and remove it; None when another worker has it, or another import goes on.

    What is wrong with the file is written down, and is no error. Whatever `check` raises gives it back. Raises LedgerError when the store
    is gone.
    """
    owner, now = me(), parts.clock.now()
    if not parts.uploads.take(waiting.id, owner, now, now + LEASE):
        return None
    try:
        with _kept(parts, waiting.id, owner):
            done = _taken_in(parts, waiting, owner, check)
    except LedgerError:
        raise
    except BusyError:
        parts.uploads.give_back(waiting.id, owner)
        return None
    except TradewindError as error:
        done = replace(waiting, state=UploadState.REFUSED, message=_without_path(parts, waiting, error))
    except OSError as error:
        done = replace(waiting, state=UploadState.REFUSED, message=str(of_system(error)))
    except BaseException:
        parts.uploads.give_back(waiting.id, owner)
        raise
    done = replace(done, finished_at=parts.clock.now())
    if not parts.uploads.finish(done, owner):
        return None
    shutil.rmtree(folder(parts, waiting.id), ignore_errors=True)
    return done


def sweep(parts: Parts) -> None:
    """Remove folders that no upload to be done names: of requests that broke off long ago, and of uploads that are done."""
    known, now = parts.uploads.known(), parts.clock.now().timestamp()
    for each in (parts.home / "uploads").glob("*"):
        if each.name not in known and now - each.stat().st_mtime > LEFT.total_seconds():
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def _kept(parts: Parts, upload: str, owner: str, every: float = LEASE.total_seconds() / 4) -> Iterator[None]:
    """Renew a claim beside the work, also while one step of it takes longer than the claim would last."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(every):
            with suppress(LedgerError):
                if not parts.uploads.keep(upload, owner, parts.clock.now() + LEASE):
                    return

    keeper = threading.Thread(target=renew, name=f"upload-{upload}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _taken_in(parts: Parts, waiting: Upload, owner: str, check: Check) -> Upload:
    path = folder(parts, waiting.id) / waiting.name
    if not path.is_file():
        raise DefinitionError("the file is gone; send it again")
    check()
    if waiting.kind is UploadKind.LIST:
        return _filled(parts, waiting, path)
    noted = parts.clock.monotonic()

    def told(read: int, _total: int, _count: int) -> None:
        nonlocal noted
        check()
        if parts.clock.monotonic() - noted >= EVERY:
            noted = parts.clock.monotonic()
            parts.uploads.go_on(waiting.id, owner, read)

    done = events.import_files(parts, waiting.project, [path], told, waiting.received_at)
    if done.skipped_files:  # of a worker that died when all was in, and could not say so
        done = events.imported(parts, waiting.project, path) or done
    if done.refused_files:
        return replace(waiting, state=UploadState.REFUSED, message=done.refused_files[0][1])
    counts = {name: getattr(done, name) for name in ("events_read", "events_new", "duplicates")}
    counts["imported_before"] = len(done.skipped_files)
    return replace(waiting, state=UploadState.DONE, read=waiting.bytes, counts=counts, rejects=dict(done.rejects))


def _filled(parts: Parts, waiting: Upload, path: Path) -> Upload:
    done = lists.fill(parts, waiting.project, waiting.cohort, str(path), Change(waiting.how))
    counts = {name: getattr(done, name) for name in ("rows", "distinct", "duplicates", "added", "removed", "kept")}
    rejects = {each.reason: each.rows for each in done.refused}
    return replace(waiting, state=UploadState.DONE, read=waiting.bytes, counts=counts, rejects=rejects)


def _without_path(parts: Parts, waiting: Upload, error: TradewindError) -> str:
    """The sentence of an error with the file's own name where it says where the file lies on the server."""
    return str(error).replace(f"{folder(parts, waiting.id)}/", "")
