"""`tradewind init` and `tradewind doctor`: the home folder, made and examined."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import home_of
from tradewind.cli.show import Json
from tradewind.errors import ConfigurationError


def add_to(app: typer.Typer) -> None:
    """Hang both commands onto the app."""
    app.command()(init)
    app.command()(doctor)


def init(
    context: typer.Context,
    zone: Annotated[str, typer.Option(help="The time zone whose days cohorts count in, such as America/New_York.")] = "UTC",
    as_json: Json = False,
) -> None:
    """Make a home: a key, a database, and the project `default`. Done twice, it changes nothing."""
    from tradewind.app import make_home

    made = make_home(home_of(context), zone)
    if as_json:
        show.print_json(made)
        return
    show.line(f"{made.home}: made {', '.join(made.made) or 'nothing'}; there already: {', '.join(made.kept) or 'nothing'}.")
    show.line("Back up its file 'key' apart from the rest: without it no secret opens.")


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look whether everything is in order, and say what to do where it is not."""
    from tradewind.app import examine

    findings = examine(home_of(context))
    if as_json:
        show.print_json({"findings": findings})
    else:
        show.table("", ("", "what", "found"), [("ok" if each.ok else "NOT OK", each.what, each.found) for each in findings])
    if not all(each.ok for each in findings):
        raise typer.Exit(ConfigurationError.exit_code)
