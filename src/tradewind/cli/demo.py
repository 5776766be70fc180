"""`tradewind demo`: the main road on made-up people, proven at the other end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli.show import Json
from tradewind.errors import DefinitionError


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(demo)


def demo(
    people: Annotated[int, typer.Option(min=100, help="How many people the shop has.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed makes other people.")] = 7,
    keep: Annotated[Path | None, typer.Option(help="Do it in this folder and keep what it leaves.")] = None,
    as_json: Json = False,
) -> None:
    """Make a shop's events, turn them into segments at an emulated The Trade Desk, and compare with the answer key."""
    from tradewind.demo.tour import tour

    if keep is not None and keep.exists() and not keep.is_dir():
        raise DefinitionError(f"{keep} is not a folder; name one for the demo to work in")
    raise typer.Exit(tour(people, seed, keep, as_json=as_json))
