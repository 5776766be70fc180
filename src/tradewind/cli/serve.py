"""`tradewind serve`: the API and a worker in one process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import home_of
from tradewind.errors import ConfigurationError, DefinitionError


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to answer at. Others than this machine's need TLS in front of it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port.")] = 8420,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name by which it is asked, such as that of the proxy before it; others are refused. Again for more."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request and run.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Run the sandbox beside it, to try everything without an account.")] = False,
    sandbox_port: Annotated[int, typer.Option(min=0, max=65_533, help="The sandbox's port, as of 'tradewind sandbox'.")] = 8765,
) -> None:
    """Answer the JSON API, and run the syncs of every project when they are due, until told to stop."""
    from tradewind.app import opened, with_little_memory
    from tradewind.door import is_loopback
    from tradewind.operations.doctor import exposed
    from tradewind.web.server import serve

    if os.environ.get("TRADEWIND_DEBUG") and not is_loopback(host):
        raise ConfigurationError(f"TRADEWIND_DEBUG is set, and {host} is not this machine alone; unset it, or leave out --host")

    def tell(line: str) -> None:
        if not quiet:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    if seen := exposed(os.environ):
        show.note(seen)
    with _beside(home_of(context), sandbox_port) if sandbox else nullcontext(), opened(home_of(context)) as parts:
        raise typer.Exit(serve(parts, with_little_memory(parts), host, port, tell, show.note, _names(name or [])))


def _names(given: list[str]) -> list[str]:
    """Host names. Raises DefinitionError for what is none, such as a URL."""
    for name in given:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name):
            raise DefinitionError(f"'{name[:80]}' is not the name of a host; expected one such as tradewind.shop.example, without https://")
    return given


@contextmanager
def _beside(home: Path | None, port: int) -> Iterator[None]:
    """The sandbox for as long as the block lasts, where this process finds it; what it holds is kept in the home."""
    from tradewind.app import home_at
    from tradewind.sandbox.beside import running
    from tradewind.sandbox.unusable import Unusable

    if os.environ.get("TRADEWIND_SANDBOX_URL"):
        raise ConfigurationError("TRADEWIND_SANDBOX_URL names a sandbox already; unset it, or leave out --sandbox")
    folder, ports = home_at(home), [str(port and port + place) for place in range(3)]
    options = ["--port", ports[0], "--amplitude-port", ports[1], "--amplitude-eu-port", ports[2], "--state", str(folder / "sandbox.json")]
    try:
        with running(folder, *options) as there:
            os.environ["TRADEWIND_SANDBOX_URL"] = there.url
            os.environ["TRADEWIND_SANDBOX_AMPLITUDE_URL"] = there.amplitude["us"]
            os.environ["TRADEWIND_SANDBOX_AMPLITUDE_EU_URL"] = there.amplitude["eu"]
            show.note(f"The sandbox, an emulated The Trade Desk, answers at {there.url}, for commands beside the server with:")
            show.note(f"export TRADEWIND_SANDBOX_URL={there.url}")
            yield
    except Unusable as error:
        raise ConfigurationError(str(error)) from None
