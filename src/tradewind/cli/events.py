"""`tradewind events`: what people did, brought in from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError

if TYPE_CHECKING:
    from tradewind.events.importing import ImportSummary

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
        done = operation.import_files(parts, project_of(context), paths, lambda read, total, count: move(read, total, f"{count:,} events"))
    if as_json:
        show.print_json(done)
    else:
        _print(done)
    if done.refused_files:
        raise typer.Exit(DefinitionError.exit_code)


def _print(done: ImportSummary) -> None:
    """What came in, what did not and why."""
    rate = f" in {done.seconds:,.1f} s ({done.events_read / done.seconds:,.0f} a second)" if done.seconds else ""
    show.line(f"{done.files:,} files, {done.events_read:,} events read{rate}")
    rows = [
        ("new", done.events_new, f"in {done.months[0]} to {done.months[-1]}" if done.months else ""),
        ("duplicates", done.duplicates, "the same device and insert id, here or in the store"),
        *((f"  {reason}", count, "not taken") for reason, count in done.rejects.items()),
    ]
    show.table("", ("", "count", ""), rows)
    if done.rejects_path:
        show.line(f"Which lines, and why: {done.rejects_path}")
    if done.not_applied:
        show.line(f"{done.not_applied:,} property operations ($add and the like) were not carried out; their events are kept.")
    if done.skipped_files:
        show.line(f"{len(done.skipped_files):,} files were imported before and are skipped.")
    for name, why in done.refused_files:
        show.note(f"error: {name}: {why}")
