"""`tradewind sandbox`: the emulated The Trade Desk and Amplitude, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(sandbox)


def sandbox(
    port: Annotated[
        int, typer.Option(help="The Trade Desk's port on 127.0.0.1; Amplitude has the two after it (US, EU). 0 takes any that are free.")
    ] = 8765,
    state: Annotated[Path | None, typer.Option(help="A file that keeps what it holds between starts.")] = None,
    advertisers: Annotated[Path | None, typer.Option(help="A JSON file with more advertisers.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="A file written once it listens: its URLs and process id.")] = None,
) -> None:
    """Run The Trade Desk and Amplitude, emulated, until interrupted.

    Point TRADEWIND_SANDBOX_URL and TRADEWIND_SANDBOX_AMPLITUDE_URL at them, and use the region `sandbox`.
    """
    from tradewind.sandbox.__main__ import main

    options = {"--state": state, "--advertisers": advertisers, "--ready-file": ready_file}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    ports = [str(port and port + place) for place in range(3)]
    raise typer.Exit(
        main(["--host", "127.0.0.1", "--port", ports[0], "--amplitude-port", ports[1], "--amplitude-eu-port", ports[2], *given])
    )
