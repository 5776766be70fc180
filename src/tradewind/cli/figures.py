"""`tradewind figures` and `tradewind statement`: how all accounts are, and what an account was sent in a month."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError


def add_to(app: typer.Typer) -> None:
    """Hang both commands onto the app."""
    app.command()(figures)
    app.command()(statement)


def figures(context: typer.Context, as_json: Json = False) -> None:
    """Show every account of all projects: what is late, held or failing there, and when its first members lapse."""
    from tradewind.operations import figures as operation

    with parts_of(context) as parts:
        found = operation.figures(parts, [project.id for project in parts.catalog.projects()])
    if as_json:
        show.print_json({"accounts": found})
        return
    rows = [
        (f"{each.project}/{each.account}", each.syncs, each.active, each.late, each.held, each.failing, each.members,
         f"{each.next_expiry:%Y-%m-%d %H:%M}" if each.next_expiry else "", each.paused)
        for each in found
    ]  # fmt: skip
    show.table("", ("account", "syncs", "active", "late", "held", "failing", "identifiers", "first lapse (UTC)", "paused"), rows)


def statement(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection, also one that was removed.")],
    month: Annotated[str, typer.Option(help="The month, such as 2026-11, in the days of the project's zone.")],
    out: Annotated[Path | None, typer.Option(help="Write it to this new file instead of standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Print as CSV what was sent to an account in a month: adds, removals and refreshes by segment, what was answered, and requests."""
    from tradewind.operations import statements

    with parts_of(context) as parts:
        found = statements.statement(parts, project_of(context), connection, month)
    if out:
        if out.exists():
            raise DefinitionError(f"{out} exists already; give another name")
        out.write_text(statements.as_csv(found), "utf-8")
    if as_json:
        show.print_json(found)
    elif not out:
        typer.echo(statements.as_csv(found), nl=False)
