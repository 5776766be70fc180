"""`tradewind events`: what people did, brought in from files and pulled from sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from tradewind.events.importing import ImportSummary
    from tradewind.sources.amplitude.events import Pulled

app = typer.Typer(help="What people did.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """What people did."""


@app.command("import")
def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them: Amplitude exports, HTTP V2 events, CSV, Parquet.")],
    as_json: Json = False,
) -> None:
    """Bring event files into the event store. A file seen before is skipped, and an event is never counted twice."""
    from tradewind.operations import events as operation

    with parts_of(context) as parts, show.bar("importing", in_bytes=True) as move:
        noted(context, parts, "events.import", project_of(context), files=str(len(paths)))
        done = operation.import_files(parts, project_of(context), paths, lambda read, total, count: move(read, total, f"{count:,} events"))
    if as_json:
        show.print_json(done)
    else:
        _print(done)
    if done.refused_files:
        raise typer.Exit(DefinitionError.exit_code)


@app.command()
def pull(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The id of the source.")],
    first: Annotated[
        str | None, typer.Option("--from", metavar="HOUR", help="The first day or hour, such as 2026-01-01 or 2026-01-01T05, in UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="HOUR", help="The day or hour before which to end; else as far as there are events.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Pull the events of Amplitude, by the hour in which they reached it.

    Each hour is pulled once; without --from it goes on where the last pull ended. Amplitude has an hour ready two hours after its end.
    """
    from tradewind.operations import events as operation

    with parts_of(context) as parts, show.bar("pulling hours") as move:
        noted(context, parts, "events.pull", source)
        done = operation.pull(parts, project_of(context), source, first, until, lambda state: move(state.done, state.hours, _so_far(state)))
    if as_json:
        show.print_json(done)
    else:
        _print_pulled(done)


@app.command()
def compact(context: typer.Context, as_json: Json = False) -> None:
    """Put small event files together where a month has more than 16. The worker does so once a day; no event changes.

    Files that were replaced stay for a day, for whoever reads them.
    """
    from tradewind.operations.compaction import compacted

    with parts_of(context) as parts:
        noted(context, parts, "events.compact", project_of(context))
        done = compacted(parts, project_of(context), lambda: None)
    if as_json:
        show.print_json(done)
        return
    show.line(f"Put {done.files:,} files ({done.bytes / 1e6:,.1f} MB) together into {done.into:,}.")
    if done.removed:
        show.line(f"{done.removed:,} files that were replaced earlier are gone.")


@app.command()
def key(context: typer.Context, as_json: Json = False) -> None:
    """Make a new key for programs that send events as to Amplitude. It is shown this once; the one before it stays good until the next."""
    from tradewind.operations import receiving

    project = project_of(context)
    with parts_of(context) as parts:
        noted(context, parts, "events.key", project)
        text = receiving.DOOR.new(parts, project)
    doors = [f"/api/v1/projects/{project}/events/{door}" for door in ("2/httpapi", "batch", "identify")]
    if as_json:
        show.print_json({"paths": doors, "key": text})
        return
    show.line(f"API key: {text}")
    show.line(f"URL: the address of your server, and then {doors[0]}, or .../batch or .../identify in its place")
    show.line("Give both to the programs that send events. The key is not shown again.")


def _so_far(state: Pulled) -> str:
    speed = f", {state.bytes / state.seconds / 1e6:,.1f} MB/s" if state.seconds else ""
    left = f", about {max(1, round(state.left / 60)):,} min left" if state.left else ""
    return f"{state.events_read:,} events{speed}{left}"


def _print_pulled(done: Pulled) -> None:
    """What came in, what did not and why, and what comes later."""
    show.line(f"{done.hours:,} hours, {done.bytes / 1e6:,.1f} MB, {done.events_read:,} events read{_rate(done)}")
    show.table("", ("", "count", ""), [("new", done.events_new, ""), *_others(done)])
    for path in done.rejects_paths:
        show.line(f"Which lines, and why: {path}")
    if done.empty:
        show.line(f"{done.empty:,} of the hours had no event.")
    if done.before:
        show.line(f"{done.before:,} hours were pulled before and are left out.")
    if done.waiting:
        show.line(f"{done.waiting:,} hours are not ready at Amplitude yet; pull again later.")


def _print(done: ImportSummary) -> None:
    """What came in, what did not and why."""
    show.line(f"{done.files:,} files, {done.events_read:,} events read{_rate(done)}")
    new = ("new", done.events_new, f"in {done.months[0]} to {done.months[-1]}" if done.months else "")
    show.table("", ("", "count", ""), [new, *_others(done)])
    if done.rejects_path:
        show.line(f"Which lines, and why: {done.rejects_path}")
    if done.not_applied:
        show.line(f"{done.not_applied:,} property operations ($add and the like) were not carried out; their events are kept.")
    if done.skipped_files:
        show.line(f"{len(done.skipped_files):,} files were imported before and are skipped.")
    for name, why in done.refused_files:
        show.note(f"error: {name}: {why}")


def _rate(done: ImportSummary | Pulled) -> str:
    return f" in {done.seconds:,.1f} s ({done.events_read / done.seconds:,.0f} a second)" if done.seconds else ""


def _others(done: ImportSummary | Pulled) -> list[tuple[str, int, str]]:
    """Rows for the events that were read and are not new."""
    refused = [(f"  {reason}", count, "not taken") for reason, count in done.rejects.items()]
    return [("duplicates", done.duplicates, "the same device and insert id, here or in the store"), *refused]
