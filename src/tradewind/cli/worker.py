"""`tradewind worker`: runs syncs when they are due, until it is told to stop."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of
from tradewind.cli.report import exit_code
from tradewind.cli.show import Json
from tradewind.operations.plain import plain

if TYPE_CHECKING:
    from tradewind.worker import Done, Stop

PATIENCE = 30
"""Seconds from the signal to stop until work is broken off: the request under way has ended by then."""


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(worker)


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end; for a scheduler of your own.")] = False,
    as_json: Json = False,
) -> None:
    """Run the syncs of every project when they are due, and finish runs that were cut short."""
    from tradewind.operations.alerting import Watchman, watching
    from tradewind.operations.doctor import cramped
    from tradewind.operations.platform import asking, read_due
    from tradewind.worker import Stop, housekeeping, run_due, run_once, work

    stop, news = Stop(), _News(as_json=as_json)
    with parts_of(context) as parts, signals(stop):
        if not once:
            stop.room = lambda: cramped(parts.home)
            if why := stop.room():
                show.note(why)
            news.say("The worker runs syncs when they are due; stop it with Ctrl-C or SIGTERM.")
            with watching(parts, show.note), asking(parts, show.note), housekeeping(parts, stop, news.tell):
                work(parts, stop, news.tell, run_due)
            return
        done = tuple(run_once(parts, stop))
        read_due(parts)
        Watchman(parts).round()
    if as_json:
        show.print_json({"done": [_plain(each) for each in done]})
    else:
        for each in done:
            news.tell(each)
        if not done:
            news.say("Nothing is due.")
    raise typer.Exit(max((_gravity(each) for each in done), default=(False, 0))[1])


class _News:
    """Tells what became of each sync; what fails the same way again and again is told once."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._last: dict[tuple[str, str], str] = {}

    def say(self, text: str) -> None:
        """A line for a person."""
        if not self.as_json:
            show.note(text)

    def tell(self, done: Done) -> None:
        """A sentence, or one JSON object on one line."""
        sentence = _sentence(done)
        if self._last.get((done.project, done.sync)) == sentence:
            return
        self._last[done.project, done.sync] = sentence
        if self.as_json:
            print(json.dumps(plain(_plain(done)), ensure_ascii=False), flush=True)
        else:
            show.line(sentence)


def _sentence(done: Done) -> str:
    where = f"{done.project}/{done.sync}"
    if done.run is None:
        return f"{where}: failed: {done.error}" if done.error else f"{where}: done"
    run = done.run
    state = run.outcome.value if run.outcome else run.state.value
    missed = f"; {run.missed:,} slots before it were missed" if run.missed else ""
    return f"{where}: run {run.id} {state}{f': {run.reason}' if run.reason else ''}{missed}"


def _plain(done: Done) -> dict[str, object]:
    error = done.error and {"kind": type(done.error).__name__, "message": str(done.error), "exit_code": done.error.exit_code}
    return {"project": done.project, "sync": done.sync, "run": done.run, "error": error}


def _gravity(done: Done) -> tuple[bool, int]:
    """Whether it is an error, and its exit code: errors are graver than answers."""
    return (True, done.error.exit_code) if done.error else (False, exit_code(done.run) if done.run else 0)


@contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """The first signal asks to stop; a second one, or patience at its end, breaks off as a power cut would, which loses nothing."""

    def ask(_number: int, _frame: object) -> None:
        if stop.requested:
            sys.stdout.flush()
            os._exit(0)
        stop.requested = True
        signal.alarm(PATIENCE)

    before = {kind: signal.signal(kind, ask) for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.alarm(0)
        for kind, handler in before.items():
            signal.signal(kind, handler)
