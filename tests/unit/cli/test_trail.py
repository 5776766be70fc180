"""Every command that changes something, or shows who somebody is, writes a line into the audit trail, as the routes of the API do."""

from __future__ import annotations

import ast
from pathlib import Path

CLI = Path(__file__).resolve().parents[3] / "src" / "tradewind" / "cli"

READS = {
    "alerts list", "audit audit", "cohorts check", "cohorts compare", "cohorts explain", "cohorts list",
    "cohorts show", "connections list", "destinations list", "destinations show", "figures figures", "figures statement",
    "home doctor", "ledger verify", "lift lift", "privacy list", "privacy show", "projects list",
    "runs batches", "runs list", "runs show", "segments list", "segments show", "sources list",
    "sources show", "syncs list", "syncs plan", "tokens list", "users list", "webhook show",
    "apply export",
}  # fmt: skip
"""Commands that change nothing and name nobody."""

ELSEWHERE = {"demo demo", "home init", "sandbox sandbox", "serve serve", "worker worker"}
"""Those that have a home of their own, make one, or are the machine itself; what they do is written where it is done."""


def commands() -> dict[str, str]:
    """The text of every command, with that of the helpers of its file that it calls."""
    found = {}
    for path in sorted(set(CLI.glob("*.py")) - {CLI / "main.py", CLI / "place.py"}):
        functions = {each.name: each for each in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(each, ast.FunctionDef)}
        helpers = {name: ast.unparse(each) for name, each in functions.items() if name.startswith("_")}
        for name, function in functions.items():
            if name in helpers or "context: typer.Context" not in ast.unparse(function.args):
                continue
            body = ast.unparse(function)
            called = [text for helper, text in helpers.items() if f"{helper}(" in body]
            found[f"{path.stem} {name.strip('_').replace('_', '-')}"] = "\n".join([body, *called])
    return found


def test_every_command_that_changes_something_is_in_the_trail() -> None:
    silent = {name for name, text in commands().items() if "noted(" not in text and "me()" not in text}
    assert silent <= READS | ELSEWHERE, silent - READS - ELSEWHERE
    assert silent >= READS, READS - silent
