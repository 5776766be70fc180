"""Nobody who looks at the console is told to type a command; only what is done at the server itself names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.web.words import spoken

SOURCE = Path(__file__).resolve().parents[3] / "src" / "tradewind"
ROOMS = ("cli", "sandbox", "testing", "demo")
COMMAND = re.compile(r"\btradewind (?!is |answers |\{)[a-z-]+( [a-z-]+)?\b")

OPTION = re.compile(r"(?<![\w-])--[a-z]")

TYPED = (
    "migrations/",
    "operations/doctor.py",
    "operations/events.py",
    "operations/ledger.py",
    "operations/quickstart.py",
    "operations/syncs.py",
    "sources/amplitude/events.py",
)
"""Files with sentences about an option that only the command line has, told to who gave it or left it out."""

AT_THE_SERVER = frozenset(
    {
        "serve --name",
        "tradewind backup",
        "tradewind init",
        "tradewind ledger verify",
        "tradewind live test",
        "tradewind apply",
        "home of tradewind",
        "operations/doctor.py",
        "operations/ledger.py",
        "tradewind privacy show says why",
    }
)
"""What only whoever runs the server does, or reads: parts of sentences, and files."""


def sentences() -> Iterator[tuple[str, str]]:
    """Every text of the code that is no docstring, with a word in each hole."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(ROOMS):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        alone = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        inside = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
        for each in ast.walk(tree):
            if id(each) in alone or id(each) in inside:
                continue
            if isinstance(each, ast.JoinedStr):
                yield name, "".join(str(part.value) if isinstance(part, ast.Constant) else "hole" for part in each.values)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield name, each.value


def test_no_sentence_for_the_console_names_an_option() -> None:
    found = [f"{name}: {text}" for name, text in sentences() if OPTION.search(spoken(text)) and not name.startswith(TYPED)]
    assert not found, "\n".join(found)


def test_no_sentence_for_the_console_names_a_command() -> None:
    found = [
        f"{name}: {text}"
        for name, text in sentences()
        if COMMAND.search(spoken(text)) and not any(each in text or each == name for each in AT_THE_SERVER)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (
            "it is on the free plan; an administrator of this installation sets it with: tradewind projects plan shop paid (support: x)",
            "it is on the free plan; an administrator of this installation sets it (support: x)",
        ),
        ("sync 's' is paused; let it run again with: tradewind syncs resume s", "sync 's' is paused; let it run again"),
        ("there is no run 'r'; tradewind runs list shows them", "there is no run 'r'"),
        ("send a file by POST to its /list, or with: tradewind cohorts fill c FILE", "send a file by POST to its /list"),
        ("give it one with 'tradewind connections platform c'", "give it one"),
        ("over events pulled (tradewind events pull), or pushed", "over events pulled, or pushed"),
        (
            "say --empty to take them out, or --let-expire to leave them until then",
            "say leaving=empty to take them out, or leaving=let_expire to leave them until then",
        ),
        ("nothing of the kind; with tradewind all is well", "nothing of the kind; with tradewind all is well"),
    ],
)
def test_what_is_to_be_done_is_said_without_the_command(told: str, heard: str) -> None:
    assert spoken(told) == heard
