"""`tradewind serve`: the API and a worker in one process."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import home_of


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to answer at. Others than this machine's need TLS in front of it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port.")] = 8420,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request and run.")] = False,
) -> None:
    """Answer the JSON API, and run the syncs of every project when they are due, until told to stop."""
    from tradewind.app import opened, with_little_memory
    from tradewind.web.server import serve

    def tell(line: str) -> None:
        if not quiet:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    with opened(home_of(context)) as parts:
        raise typer.Exit(serve(parts, with_little_memory(parts), host, port, tell, show.note))
