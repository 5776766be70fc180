"""Uploads: files of events, and of lists, that are sent to be taken in by the worker."""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from tradewind.durable import sync
from tradewind.operations import uploads
from tradewind.sources.lists import Change
from tradewind.sources.uploads.sql import Upload, UploadKind, UploadState
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Asked, Manager, Viewer
from tradewind.web.limits import LARGEST_FILE, TooLarge
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.problems import Refusal
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}", tags=["uploads"])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

FILE: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/octet-stream": {}}}}

Name = Annotated[str, Query(max_length=100, description="The file's name; its ending says its kind.")]


class UploadView(BaseModel):
    """A file that was sent. `read` of its `bytes` are done; `counts` and `rejects` (by reason) say what came of it."""

    id: str
    kind: UploadKind
    name: str
    bytes: int
    sent_by: str
    received_at: datetime
    cohort: str
    how: str
    state: UploadState
    read: int
    counts: dict[str, int]
    rejects: dict[str, int]
    message: Said
    finished_at: datetime | None


@router.post("/events/imports", status_code=202, openapi_extra=FILE)
async def import_file(ask: Manager, project: Id, name: Name) -> UploadView:
    """Send a file of events: the body is the file. The worker takes it in; a file seen before is skipped, and no event counts twice."""
    await run_in_threadpool(_expect, ask, project, name, UploadKind.EVENTS)
    return await _received(ask, Upload(uploads.new_id(), project, UploadKind.EVENTS, name, 0, ask.who, ask.parts.clock.now()))


@router.post("/cohorts/{cohort}/list", status_code=202, openapi_extra=FILE)
async def fill_list(ask: Manager, project: Id, cohort: Id, name: Name, how: Change = Change.REPLACE) -> UploadView:
    """Send a file with rows for the list of a static cohort: they replace it, are added, or are taken out. The worker does it."""
    await run_in_threadpool(_expect, ask, project, name, UploadKind.LIST, cohort)
    now = ask.parts.clock.now()
    return await _received(ask, Upload(uploads.new_id(), project, UploadKind.LIST, name, 0, ask.who, now, cohort, how.value))


@router.get("/uploads")
def list_uploads(ask: Viewer, project: Id, kind: UploadKind | None = None, cursor: Cursor = None, limit: Limit = 50) -> Page[UploadView]:
    """The files that were sent, the newest first."""
    return page(ask.parts.uploads.listed(project, kind), lambda each: each.id, _view, cursor, limit)


@router.get("/uploads/{upload}")
def show_upload(ask: Viewer, project: Id, upload: Id) -> UploadView:
    """How far a file has come, and what came of it."""
    return _view(uploads.found(ask.parts, project, upload))


def _expect(ask: Asked, project: str, name: str, kind: UploadKind, cohort: str = "") -> None:
    if not NAME.fullmatch(name):
        raise Refusal(422, "a file's name has letters, digits, dots, hyphens and underscores, at most 100")
    uploads.expect(ask.parts, project, name, kind, cohort)


async def _received(ask: Asked, upload: Upload) -> UploadView:
    """Write the body to the disk as it comes, and then its row; what breaks off leaves nothing."""
    folder = uploads.folder(ask.parts, upload.id)
    folder.mkdir(parents=True, mode=0o700)
    try:
        size = await _receive(ask, folder / upload.name)
        return await run_in_threadpool(_named, ask, Upload(**vars(upload) | {"bytes": size}))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def _receive(ask: Asked, path: Path) -> int:
    """The bytes that were written. Raises Refusal when it is larger than a file may be."""
    size, descriptor = 0, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            async for part in ask.request.stream():
                size += await run_in_threadpool(file.write, part)
        except TooLarge:
            raise Refusal(413, f"a file may have {LARGEST_FILE:,} bytes; import a larger one on the server itself") from None
    return size


def _named(ask: Asked, upload: Upload) -> UploadView:
    folder = uploads.folder(ask.parts, upload.id)
    for path in (folder / upload.name, folder, folder.parent):
        sync(path)
    ask.note("upload.receive", upload.name, upload.project, kind=upload.kind.value, **({"cohort": upload.cohort} if upload.cohort else {}))
    shown = _view(uploads.received(ask.parts, upload))
    ask.request.app.state.nudge()
    return shown


def _view(upload: Upload) -> UploadView:
    return UploadView(**{name: getattr(upload, name) for name in UploadView.model_fields})
