"""The tests of a file, by name: tables of what can be wrong name the test that answers a row elsewhere."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent


@cache
def functions(path: str) -> set[str]:
    """The names of the functions of a file below the tests."""
    return {node.name for node in ast.walk(ast.parse((TESTS / path).read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
