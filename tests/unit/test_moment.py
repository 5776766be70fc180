"""The moments at which tests kill the product: each stands in the code and in the table, and nobody watches by default."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tradewind.moment import MOMENTS

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tradewind"


def named_in_code() -> list[str]:
    """The argument of every call of `reached`."""
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno}: a moment is named by a literal"
                found.append(str(name.value))
    return found


def test_the_table_of_moments_is_what_the_code_says() -> None:
    """A moment that is renamed, added or taken out in one of the two is found."""
    assert set(named_in_code()) == set(MOMENTS)
    assert len(MOMENTS) >= 25


def test_nobody_watches_unless_this_process_asks() -> None:
    """Neither a setting nor a variable leads to a watcher: only a call of `watch` in the same process."""
    program = (
        "import tradewind.cli.main, tradewind.app, tradewind.moment as m\n"
        "m.reached('run.opened')\nassert m._watchers == []\n"
        "seen = []\nm.watch(seen.append)\nm.reached('run.opened')\nassert seen == ['run.opened']"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"TRADEWIND_KILL_AT": "run.opened", "PATH": "/usr/bin:/bin"})
    callers = [path for path in SOURCE.rglob("*.py") if "moment import watch" in path.read_text("utf-8")]
    assert callers == []
