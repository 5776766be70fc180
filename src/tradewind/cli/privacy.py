"""`tradewind privacy`: people who said no, and the proof of what was done for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError, DeliveryError
from tradewind.model.privacy import Progress, RequestType

if TYPE_CHECKING:
    from datetime import datetime

    from tradewind.model.privacy import Notice
    from tradewind.operations.privacy import Report

app = typer.Typer(help="People who said no: send them nowhere any more, and prove it.", no_args_is_help=True)

Named = Annotated[
    list[str] | None,
    typer.Argument(metavar="IDENTIFIER...", help="Device ids or TDIDs (GUIDs), raw UID2s; `-` reads them from standard input, one a line."),
]
File = Annotated[Path | None, typer.Option(help="Read them from this text file, one a line.")]

WORDS = {RequestType.OPT_OUT: "opt-out", RequestType.DELETION: "deletion"}


@app.command("opt-out")
def opt_out(context: typer.Context, identifiers: Named = None, file: File = None, as_json: Json = False) -> None:
    """Send somebody nowhere any more: out of every segment, and every advertiser ever sent to is told to address them no more."""
    _ask(context, RequestType.OPT_OUT, identifiers, file, as_json=as_json)


@app.command()
def forget(context: typer.Context, identifiers: Named = None, file: File = None, as_json: Json = False) -> None:
    """The same, and every advertiser ever sent to is told to delete what it has of them. Events that were imported stay as they are."""
    _ask(context, RequestType.DELETION, identifiers, file, as_json=as_json)


@app.command()
def resume(
    context: typer.Context,
    request: Annotated[str | None, typer.Argument(help="The request's id (default: every one that is not done).")] = None,
    as_json: Json = False,
) -> None:
    """Go on with what is not done, at once; the worker does the same in its time."""
    from tradewind.operations import privacy

    project = project_of(context)
    with parts_of(context) as parts, show.steps("going on") as watch:
        wanted = [privacy.found(parts, project, request)] if request else parts.privacy.listed(project)
        left = [each for each in wanted if each.progress is not Progress.DONE]
        noted(context, parts, "privacy.resume", request or "all that is not done")
        for each in left:
            privacy.work(parts, each, watch, at_once=True)
        reports = [privacy.report(parts, project, each.id) for each in left]
    if as_json:
        show.print_json({"requests": reports})
    elif not reports:
        show.line("Every request is done.")
    else:
        for report in reports:
            _print(report)
    raise typer.Exit(max(map(_exit_code, reports), default=0))


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the requests, newest first."""
    with parts_of(context) as parts:
        requests = parts.privacy.listed(project_of(context))
    if as_json:
        show.print_json({"requests": requests})
    elif not requests:
        show.line("Nobody has said no. When somebody does: tradewind privacy opt-out IDENTIFIER")
    else:
        rows = [(each.id, WORDS[each.type], _at(each.asked_at), each.identifiers, each.progress.value) for each in requests]
        show.table("", ("request", "kind", "asked (UTC)", "identifiers", "progress"), rows)


@app.command("show")
def show_(context: typer.Context, request: Annotated[str, typer.Argument(help="The request's id.")], as_json: Json = False) -> None:
    """Show what became of a request: the proof, for each segment and each recipient. No identifier is shown."""
    from tradewind.operations import privacy

    with parts_of(context) as parts:
        report = privacy.report(parts, project_of(context), request)
    if as_json:
        show.print_json(report)
    else:
        _print(report)


def _ask(context: typer.Context, kind: RequestType, identifiers: list[str] | None, file: Path | None, *, as_json: bool) -> None:
    from tradewind.operations import privacy

    if bool(identifiers) == bool(file):
        raise DefinitionError("name identifiers, or a file with --file; one of the two")
    if identifiers == ["-"]:
        identifiers = list(typer.get_text_stream("stdin"))
    texts = privacy.lines(file) if file else privacy.words(identifiers or [])
    project = project_of(context)
    with parts_of(context) as parts:
        with show.bar("writing down") as move:

            def watch(what: str, done: int, total: int) -> None:
                move(done, total, what)

            noted(context, parts, "privacy.ask", kind.value)
            request = privacy.ask(parts, project, kind, texts, watch)
            privacy.work(parts, request, watch)
        report = privacy.report(parts, project, request.id)
    if as_json:
        show.print_json(report)
    else:
        _print(report)
    raise typer.Exit(_exit_code(report))


def _exit_code(report: Report) -> int:
    """What is not done everywhere must not look like success to a program."""
    return 0 if report.request.progress is Progress.DONE else DeliveryError.exit_code


def _print(report: Report) -> None:
    request = report.request
    show.line(f"Request {request.id}: {WORDS[request.type]} of {request.identifiers:,} identifiers, asked {_at(request.asked_at)} UTC.")
    if not request.whole and request.progress is not Progress.TAKING:
        show.line("It was cut short while they were written down: give the same identifiers again, which harms nothing.")
    show.line("They are sent nowhere from that moment on.")
    segments = [
        (place.segment, place.advertiser, "done" if removal.done_at else "waits", removal.removed, removal.note or removal.run or "")
        for place, removal in report.removals
    ]
    if segments:
        show.table("Out of segments", ("segment", "advertiser", "state", "removed", ""), segments)
    from tradewind.operations.privacy import told

    recipients = [(each.advertiser, each.url, each.told, each.refused, each.waiting, _last(each.last)) for each in told(report)]
    if recipients:
        show.table("Told", ("advertiser", "at", "told", "refused", "waiting", "last answer"), recipients)
    else:
        show.line("Nothing was ever sent to anybody, so nobody needs to be told.")
    if request.progress is Progress.DONE:
        show.line(f"Done {_at(request.closed_at)} UTC; the identifiers themselves are erased from the request.")
    else:
        show.line(f"What waits is tried again by the worker, or at once by: tradewind privacy resume {request.id}")


def _last(notice: Notice | None) -> str:
    if notice is None or notice.answered_at is None:
        return notice.note if notice else ""
    said = f" (status {notice.status})" if notice.status else ""
    name = f", request {notice.request_id}" if notice.request_id else ""
    answer = notice.answer.value if notice.answer else ""
    return f"{_at(notice.answered_at)} {answer}{said}{name}{f': {notice.note}' if notice.note else ''}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
