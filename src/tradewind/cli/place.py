"""Where a command works: the home folder asked for, and the project."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tradewind.parts import Parts


THERE = "The server at work in this home does it; Ctrl-C leaves it to that."
HERE = "This command did it itself."
"""Who does what takes a while."""


@dataclass(frozen=True)
class Place:
    """The options that stand before a command."""

    home: Path | None
    project: str


@contextmanager
def parts_of(context: typer.Context) -> Iterator[Parts]:
    """The parts of the home folder, opened for one command. Raises DefinitionError for a project that is not there."""
    from tradewind.app import opened

    place: Place = context.find_root().obj
    with opened(place.home) as parts:
        parts.catalog.project(place.project)
        yield parts


def project_of(context: typer.Context) -> str:
    """The project asked for."""
    place: Place = context.find_root().obj
    return place.project


def home_of(context: typer.Context) -> Path | None:
    """The home folder asked for, or None for the usual one."""
    place: Place = context.find_root().obj
    return place.home


def noted(context: typer.Context, parts: Parts, what: str, object_: str, **details: str) -> None:
    """Write into the audit trail what is about to be done, in the words that the API has for it; when that fails nothing is done."""
    from tradewind.access.trail import Deed

    parts.trail.write(Deed(me(), what, object_, project_of(context), details), parts.clock.now())


def me() -> str:
    """Who acts, as the audit trail names a person at the command line; whoever may read the home administers the installation."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "somebody (command line)"
