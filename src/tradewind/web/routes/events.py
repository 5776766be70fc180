"""Events: what they name, and files that are sent to be imported."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from tradewind.operations import events
from tradewind.web.bodies import API, Id
from tradewind.web.gate import Asked, Manager, Viewer
from tradewind.web.limits import LARGEST_FILE, TooLarge
from tradewind.web.problems import Refusal

router = APIRouter(prefix=f"{API}/projects/{{project}}/events", tags=["events"])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ImportView(BaseModel):
    """What came in: events_read = events_new + duplicates + the sum of `rejects`, by reason."""

    id: str
    events_read: int
    events_new: int
    duplicates: int
    rejects: dict[str, int]
    imported_before: bool
    refused: str | None
    seconds: float


class HappenedView(BaseModel):
    """A kind of event and how many of it the newest files hold."""

    name: str
    count: int


class WordsView(BaseModel):
    """What rules can speak of: kinds of event, the most frequent first, and properties by name. `newest` is when the last event was."""

    events: list[HappenedView]
    event_properties: list[str]
    user_properties: list[str]
    newest: datetime | None


@router.get("/words")
def words(ask: Viewer, project: Id) -> WordsView:
    """What the project's events name, for whoever writes a rule; rare names may be absent."""
    return WordsView.model_validate(events.words(ask.request.app.state.small, project), from_attributes=True)


@router.post("/imports", status_code=201, openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}})
async def import_file(
    ask: Manager, project: Id, name: Annotated[str, Query(max_length=100, description="The file's name; its ending says its kind.")]
) -> ImportView:
    """Bring a file into the event store: the body is the file. A file seen before is skipped, and an event is never counted twice."""
    if not NAME.fullmatch(name):
        raise Refusal(422, "a file's name has letters, digits, dots, hyphens and underscores, at most 100")
    folder = ask.parts.home / "uploads" / secrets.token_hex(8)
    folder.mkdir(parents=True, mode=0o700)
    try:
        await _receive(ask, folder / name)
        return await run_in_threadpool(_bring_in, ask, project, folder / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _receive(ask: Asked, path: Path) -> None:
    """Write the body to the disk as it comes. Raises Refusal when it is larger than a file may be."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            async for part in ask.request.stream():
                await run_in_threadpool(file.write, part)
        except TooLarge:
            raise Refusal(413, f"a file may have {LARGEST_FILE:,} bytes; import a larger one on the server itself") from None


def _bring_in(ask: Asked, project: str, path: Path) -> ImportView:
    ask.note("events.import", path.name, project)
    done = events.import_files(ask.parts, project, [path], lambda _read, _total, _count: None)
    refused = done.refused_files[0][1] if done.refused_files else None
    counts = {name: getattr(done, name) for name in ("id", "events_read", "events_new", "duplicates", "rejects", "seconds")}
    return ImportView(**counts, imported_before=bool(done.skipped_files), refused=refused)
