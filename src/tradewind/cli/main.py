"""The command line's front door: options for all commands, and one sentence with an exit code for every error."""

from __future__ import annotations

import io
import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tradewind import __version__
from tradewind.cli import show
from tradewind.cli.place import Place
from tradewind.errors import Bug, TradewindError, of_system

USAGE, INTERRUPTED = 2, 130

app = typer.Typer(
    name="tradewind",
    help="Turns what people did into audiences on The Trade Desk, on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        show.line(f"tradewind {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The folder that holds everything (default: TRADEWIND_HOME, or .tradewind).")] = None,
    project: Annotated[str, typer.Option(help="The project to work in.")] = "default",
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Take the options that stand before the command."""
    _ = version
    context.obj = Place(home, project)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code; every error becomes one sentence on standard error."""
    words = sys.argv[1:] if arguments is None else arguments
    os.umask(0o077)  # whatever is written holds people or secrets, and is for this account alone
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    try:
        return int(_command_tree()(args=words, prog_name="tradewind", standalone_mode=False) or 0)
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        return 0
    except (Exception, KeyboardInterrupt) as error:  # the last net: a defect of ours must not show a person a traceback
        if os.environ.get("TRADEWIND_DEBUG"):
            raise
        return _fail(error, words)


@cache
def _command_tree() -> TyperGroup:
    """The commands, put together once a process: a program that calls `main` often need not wait for it each time."""
    tree = get_command(app)
    assert isinstance(tree, TyperGroup)
    return tree


def _fail(error: BaseException, words: list[str]) -> int:
    kind, sentence, code = _judge(error, words)
    if not sentence.startswith("Usage:"):
        sentence = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(sentence.split()))
    if "--json" in words:
        show.print_json({"error": {"kind": kind, "message": sentence, "exit_code": code}})
    show.note(sentence if sentence.startswith("Usage:") else f"error: {sentence}")
    return code


def _judge(error: BaseException, words: list[str]) -> tuple[str, str, int]:
    """What kind of error it is, the sentence a person reads, and the exit code."""
    match error:
        case typer.TyperException():
            return "usage", _usage(error), USAGE
        case typer.Abort() | KeyboardInterrupt():
            return "interrupted", "interrupted; what was done so far is kept", INTERRUPTED
        case TradewindError():
            return type(error).__name__, str(error), error.exit_code
        case OSError(strerror=str()):
            mend = of_system(error)
            return type(mend).__name__, str(mend), mend.exit_code
    where = f"{type(error).__name__} in {' '.join(_command(words))}"
    return "Bug", f"this is a defect of tradewind ({where}); set TRADEWIND_DEBUG=1, repeat, and report what it prints", Bug.exit_code


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the words, and where their help is; the help itself when a group was named alone."""
    message = error.format_message().replace(": Value error, ", ": ", 1)  # which is how the library marks a word that is not possible
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "tradewind"
    return message if message.startswith("Usage:") else f"{message if message.endswith(('.', '?')) else f'{message}.'} See: {where} --help"


def _command(words: list[str]) -> list[str]:
    """The words of the command line that name the command; never its values."""
    return [word for word in words if word.isalpha()][:2]


def _commands() -> None:
    """Hang every noun's commands onto the app."""
    from tradewind.cli import (
        alerts,
        apply,
        audit,
        backup,
        cohorts,
        connections,
        demo,
        destinations,
        events,
        figures,
        home,
        ledger,
        lift,
        privacy,
        projects,
        quickstart,
        runs,
        sandbox,
        segments,
        serve,
        sources,
        syncs,
        tokens,
        trace,
        users,
        vault,
        webhook,
        worker,
    )

    for single in (home, demo, quickstart, apply, trace, sandbox, serve, worker, audit, backup, figures, lift):
        single.add_to(app)
    for noun in (
        projects,
        destinations,
        users,
        tokens,
        events,
        sources,
        cohorts,
        connections,
        syncs,
        runs,
        segments,
        privacy,
        alerts,
        ledger,
        vault,
        webhook,
    ):
        app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])


_commands()
