"""`tradewind sandbox`: the emulated The Trade Desk, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(sandbox)


def sandbox(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes any that is free.")] = 8765,
    state: Annotated[Path | None, typer.Option(help="A file that keeps what it holds between starts.")] = None,
    advertisers: Annotated[Path | None, typer.Option(help="A JSON file with more advertisers.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="A file written once it listens: its URL and process id.")] = None,
) -> None:
    """Run The Trade Desk, emulated, until interrupted. Point TRADEWIND_SANDBOX_URL at it and connect with region `sandbox`."""
    from tradewind.sandbox.__main__ import main

    options = {"--state": state, "--advertisers": advertisers, "--ready-file": ready_file}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    raise typer.Exit(main(["--host", "127.0.0.1", "--port", str(port), *given]))
