"""What a command prints: in a pipe or a file each sentence and each row of a table is one line, however long."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

from tradewind.cli import show


def printed(*words: str) -> list[str]:
    """The lines of a sentence and of a table with it, as they reach a file."""
    with redirect_stdout(io.StringIO()) as file:
        show.line(" ".join(words))
        show.table("", ["first", "second"], [["one", " ".join(words)]])
    return file.getvalue().splitlines()


def test_nothing_is_wrapped_where_no_terminal_ends_a_line() -> None:
    """Two hundred words stay one sentence and one row."""
    words = [f"word{number}" for number in range(200)]
    lines = printed(*words)
    assert lines[0] == " ".join(words)
    assert [line.split() for line in lines[1:]] == [["first", "second"], ["one", *words]]
