"""`tradewind ledger`: whether the record is whole, and a damaged membership made anew."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import LedgerError

app = typer.Typer(help="The record of all that happened: is it whole?", no_args_is_help=True)


@app.command()
def verify(context: typer.Context, as_json: Json = False) -> None:
    """Check every account, file and membership version of all projects. Sends and changes nothing."""
    from tradewind.operations import ledger

    with parts_of(context) as parts, show.steps("verifying") as watch:
        findings = ledger.verify(parts, watch)
    if as_json:
        show.print_json({"findings": findings})
    else:
        for each in findings:
            show.line(f"{'ok' if each.ok else 'NOT OK'}: {each.what}: {each.found}")
    if not all(each.ok for each in findings):
        raise typer.Exit(LedgerError.exit_code)


@app.command()
def tidy(
    context: typer.Context,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be taken away, and take nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Take away files of old runs and membership versions on which nothing depends any more. The worker does so once a day; rows stay."""
    from tradewind.operations import tidy as operation

    with parts_of(context) as parts:
        noted(context, parts, "ledger.tidy", "the files of old runs", plan_only=str(plan).lower())
        done = operation.tidy(parts, plan_only=plan)
    if as_json:
        show.print_json({"planned_only": plan, "tidied": done})
        return
    found = f"the files of {done.runs:,} runs and {done.versions:,} membership versions, and {done.nameless:,} folders that no row names"
    show.line(f"{'Would take' if plan else 'Took'} away {found}: {done.size / 1e6:,.1f} MB.")
    for target in done.kept:
        show.line(f"Nothing of target {target}: the versions that would stay are damaged; see: tradewind ledger verify")


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
        noted(context, parts, "ledger.rebuild", sync or target or "")
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
