"""`tradewind audit`: who did what, from the audit trail."""

from __future__ import annotations

from textwrap import shorten
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of
from tradewind.cli.show import Json
from tradewind.errors import LedgerError

LONGEST = 300
"""Letters of what is told of one entry in a table; `--json` has all of it."""


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(audit)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many entries, the newest first.")] = 50,
    verify: Annotated[bool, typer.Option("--verify", help="Only see whether the whole trail is as it was written.")] = False,
    as_json: Json = False,
) -> None:
    """Show who did what, over all projects, the newest first. What is too long for the table is whole in `--json`."""
    with parts_of(context) as parts:
        damage = parts.trail.damage() if verify else ""
        entries = () if verify else parts.trail.entries(limit=limit)
    if damage:
        raise LedgerError(damage)
    if as_json:
        show.print_json({"whole": True} if verify else {"entries": entries})
    elif verify:
        show.line("The audit trail is as it was written.")
    else:
        rows = [
            (each.number, f"{each.at:%Y-%m-%d %H:%M:%S}", each.deed.actor, each.deed.what, each.deed.object, each.deed.project,
             shorten(", ".join(f"{name} {value}" for name, value in each.deed.details.items()), LONGEST, placeholder=" ..."))
            for each in entries
        ]  # fmt: skip
        show.table("", ("entry", "at (UTC)", "who", "what", "of", "project", "details"), rows)
