"""Printing: a table or sentence for a person, one JSON object for a program, and bars for long work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleDimensions
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from tradewind.operations.plain import plain

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Answer for this instant (a date or RFC 3339 time) instead of now.")]

WIDE = ConsoleDimensions(10_000, 25)
"""Where no terminal ends a line, nothing is wrapped: a sentence or a row of a table that goes into a pipe or a file is one line."""


class _Output(Console):
    """Standard output."""

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """Columns and rows."""
        return super().size if self.is_terminal else WIDE


out = _Output(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; columns whose cells are numbers stand to the right."""
    cells = [list(row) for row in rows]
    shown = Table(title=title or None, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for number, name in enumerate(columns):
        numeric = bool(cells) and isinstance(cells[0][number], int)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=number == 0)
    for row in cells:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell) for cell in row))
    out.print(shown)


def line(text: str = "") -> None:
    """A line of text for a person."""
    out.print(text, markup=False)


def note(text: str) -> None:
    """A remark on standard error, so that it never mixes with what a program reads."""
    err.print(text, markup=False)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def bar(what: str, *, in_bytes: bool = False) -> Iterator[Any]:
    """A progress bar with rate and time left; gives a function `(done, total, note)`. Silent where nobody looks."""
    rate = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), _Rate())
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        *rate,
        TextColumn("{task.fields[extra]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=0, extra="")

        def move(done: float, total: float, extra: str = "") -> None:
            progress.update(task, completed=done, total=total, extra=extra)

        yield move


@contextmanager
def steps(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """The same for work in several steps; gives a function `(step, done, total)`."""
    with bar(what) as move:
        yield lambda step, done, total: move(done, total, step)
