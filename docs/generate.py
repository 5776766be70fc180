"""Writes the pages of docs/reference that follow from the code; with --check only says which are out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

REFERENCE = Path(__file__).resolve().parent / "reference"

Command = TyperCommand | TyperGroup


def program() -> Command:
    """The whole command line."""
    from tradewind.cli.main import app

    return typed(get_command(app))


def typed(command: object) -> Command:
    """The command, known to be one of the two kinds there are."""
    assert isinstance(command, TyperCommand | TyperGroup)
    return command


def children(command: Command) -> dict[str, Command]:
    """The visible commands right below one, by name."""
    below = command.commands if isinstance(command, TyperGroup) else {}
    return {name: typed(child) for name, child in sorted(below.items()) if not child.hidden}


def walk(command: Command, path: str = "tradewind") -> Iterator[tuple[str, Command]]:
    """A command and every visible one below it, each with the words that call it."""
    yield path, command
    for name, child in children(command).items():
        yield from walk(child, f"{path} {name}")


def commands_page() -> str:
    """The page of all commands, from their own help."""
    opening = "# Commands\n\nWritten from the program's own help by `./dev docs`. `--help` after any command prints its part.\n"
    return "\n".join([opening, *(section(path, command) for path, command in walk(program()))])


def section(path: str, command: Command) -> str:
    """Sentence, usage, arguments, options and commands below of one command, as Markdown."""
    context = typer.Context(command, info_name=path)
    sentence = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\f")[0].split("\n\n"))
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    listed = [f"- `{path} {name}`: {child.get_short_help_str(200)}" for name, child in children(command).items()]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and "--help" not in record[0]:
            listed.append(f"- `{record[0]}`: {' '.join(record[1].split())}".removesuffix(": "))
    return "\n".join([f"## {path}", "", sentence, "", f"    {usage}", "", *listed, *([""] if listed else [])])


def api_page() -> str:
    """The page of all routes, from the description that the server gives of itself."""
    from tradewind.web.application import describe

    described = describe()
    opening = (
        "# The JSON API\n\nWritten from the server's own description by `./dev docs`; `GET /api/v1/openapi.json` gives all of it,"
        " with every field, as OpenAPI 3.1. How to start a server, and what all routes have in common: [Serve](../how-to/serve.md).\n"
        "*Who* is the least role in the project of the path that may call it.\n"
    )
    rows = ["| who | route | does |", "|---|---|---|"]
    for path, methods in described["paths"].items():
        for method, call in methods.items():
            sentence = " ".join(call["description"].split("\f")[0].split())
            rows.append(f"| {call['x-needs'].replace('_', ' ')} | `{method.upper()} {path}` | {sentence} |")
    return "\n".join([opening, *rows, ""])


def api_description() -> str:
    """The description itself, of which the console's client is made."""
    from tradewind.web.application import describe

    return json.dumps(describe(), indent=1, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {"commands.md": commands_page, "api.md": api_page, "openapi.json": api_description}


def main(arguments: list[str]) -> int:
    """Write or compare; 1 when a compared page is out of date."""
    current = {REFERENCE / name: page() for name, page in PAGES.items()}
    late = {file: text for file, text in current.items() if not file.exists() or file.read_text("utf-8") != text}
    for file, text in late.items():
        if "--check" in arguments:
            print(f"docs/reference/{file.name} is out of date; run ./dev docs")
        else:
            file.write_text(text, "utf-8")
            print(f"wrote docs/reference/{file.name}")
    return 1 if late and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
