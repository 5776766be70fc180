"""`tradewind trace`: a receipt for one identifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.model.run import Attempt
    from tradewind.operations.trace import Belief, Entry, Suppressed, Trace


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(trace)


def trace(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(help="A device id or TDID (a GUID), or a raw UID2; `-` reads it from standard input.")],
    as_json: Json = False,
) -> None:
    """Say in which segments an identifier is believed to be, by which request, and all that was ever done with it."""
    from tradewind.operations import trace as operation

    text = typer.get_text_stream("stdin").readline().strip() if identifier == "-" else identifier
    with parts_of(context) as parts:
        noted(context, parts, "identifier.trace", "an identifier")
        found = operation.trace(parts, project_of(context), text)
    if as_json:
        show.print_json(found)
    else:
        _print(found)


def _print(found: Trace) -> None:
    for no in found.suppressed:
        for text in _suppressed(no):
            show.line(text)
    types = " or ".join(id_type.value for id_type in found.id_types)
    if not found.beliefs:
        show.line(f"In no segment of this project, as far as is known, as {types}.")
    for belief in found.beliefs:
        for text in _belief(belief):
            show.line(text)
    if found.history:
        rows = [
            (_at(entry.opened_at), entry.run, entry.segment, entry.operation.value, _ending(entry), _answer(entry))
            for entry in found.history
        ]
        show.table("What was done", ("run opened (UTC)", "run", "segment", "wish", "outcome", "the platform's answer"), rows)
    else:
        show.line("No run whose files are still here has it.")
    if found.unread:
        show.line(f"Not looked at: {len(found.unread):,} runs whose files are gone by now.")


def _suppressed(no: Suppressed) -> Iterator[str]:
    yield f"Suppressed since {_at(no.since)} UTC by request {no.request}: sent nowhere any more."
    for each in no.told:
        last = each.notice
        answer = f" {_at(last.answered_at)} UTC" if last.answered_at else ""
        status = f" (status {last.status})" if last.status else ""
        name = f", request {last.request_id}" if last.request_id else ""
        code = f": {each.code}" if each.code else ""
        to = f"advertiser {each.recipient.advertiser} at {each.recipient.url}"
        yield f"  {no.type.value} to {to}, as {each.id_type.value}: {each.state}{code}{answer}{status}{name}"


def _belief(belief: Belief) -> Iterator[str]:
    yield f"Segment '{belief.segment}' of advertiser {belief.advertiser} at {belief.url} (sync '{belief.sync}'), {belief.id_type.value}:"
    exact = belief.expires_from == belief.expires_until
    ends = _at(belief.expires_until) if exact else f"between {_at(belief.expires_from)} and {_at(belief.expires_until)}"
    yield f"  {belief.standing.value} since {_at(belief.since)} UTC, expires {ends} UTC"
    if belief.unknown_since:
        yield f"  unknown since {_at(belief.unknown_since)} UTC: it was sent and no answer settled it"
    if belief.left_to_expire:
        yield f"  nobody keeps it there any more, and it is left to expire: {belief.left_to_expire.reason}"
    if belief.by:
        yield f"  by {belief.by.operation.value} in run {belief.by.run}, batch {belief.by.batch}: {_answer(belief.by)}"


def _ending(entry: Entry) -> str:
    return f"{entry.ending.value.replace('_', ' ')}{f': {entry.code}' if entry.code else ''}"


def _answer(entry: Entry) -> str:
    return "; ".join(_attempt(attempt) for attempt in entry.attempts) or "never asked"


def _attempt(attempt: Attempt) -> str:
    status = f" (status {attempt.status})" if attempt.status else ""
    name = f", request {attempt.request_id}" if attempt.request_id else ""
    return f"{_at(attempt.answered_at)} {attempt.answer.value}{status}{name}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
