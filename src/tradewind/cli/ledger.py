"""`tradewind ledger`: whether the record is whole, and a damaged membership made anew."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import LedgerError

app = typer.Typer(help="The record of all that happened: is it whole?", no_args_is_help=True)


@app.command()
def verify(context: typer.Context, as_json: Json = False) -> None:
    """Check every account, file and membership version of all projects. Sends and changes nothing."""
    from tradewind.operations import ledger

    with parts_of(context) as parts, show.bar("verifying") as move:
        findings = ledger.verify(parts, lambda what, done, total: move(done, total, what))
    if as_json:
        show.print_json({"findings": findings})
    else:
        for each in findings:
            show.line(f"{'ok' if each.ok else 'NOT OK'}: {each.what}: {each.found}")
    if not all(each.ok for each in findings):
        raise typer.Exit(LedgerError.exit_code)


@app.command("rebuild-membership")
def rebuild_membership(
    context: typer.Context,
    target: Annotated[str | None, typer.Argument(help="The target, as `ledger verify` names it.")] = None,
    sync: Annotated[str | None, typer.Option(help="Instead: the sync whose segment it is.")] = None,
    as_json: Json = False,
) -> None:
    """Make damaged or missing membership versions of a segment anew, from earlier ones and the files and receipts of their runs."""
    from tradewind.operations import ledger

    with parts_of(context) as parts:
        done = ledger.rebuild(parts, project_of(context), target, sync)
    if as_json:
        show.print_json(done)
        return
    if not done.mended:
        show.line(f"Segment '{done.segment}': nothing to rebuild; {done.holds:,} held.")
        return
    for each in done.mended:
        show.line(f"Version {each.version}, of run {each.run}: {each.wrong}.")
    rows = [(str(each.version), "none" if each.before is None else f"{each.before:,}", f"{each.after:,}") for each in done.mended]
    show.table("", ("version", "rows before", "rows now"), rows)
    show.line(f"Segment '{done.segment}': {done.holds:,} held. The damaged files were left where they are.")
