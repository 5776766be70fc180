"""`tradewind vault`: the key by which secrets are sealed."""

from __future__ import annotations

import typer

from tradewind.cli import show
from tradewind.cli.place import me, parts_of
from tradewind.cli.show import Json

app = typer.Typer(help="The key by which secrets are sealed.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The key by which secrets are sealed."""


@app.command()
def rotate(context: typer.Context, as_json: Json = False) -> None:
    """Exchange the home's key for a new one, and seal every secret with it; a server at work goes on."""
    from tradewind.operations import vault

    with parts_of(context) as parts:
        done = vault.rotate(parts, me())
    if as_json:
        show.print_json(done)
        return
    show.line(f"The home has a new key; {done.secrets:,} secrets and {done.blocks:,} blocks of privacy requests are sealed with it.")
    show.line(
        f"The key before is in {done.before}: backups from before need it. Move it to where you keep them, and keep a copy of the new one."
    )
