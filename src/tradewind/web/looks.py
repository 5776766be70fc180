"""Who looks at a cohort while it is written: the newest edit of each editor is answered, what is older is dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from tradewind.engines.preview import Turn
from tradewind.web.problems import Refusal

MOST = 12
"""Questions that may wait for one another."""

EDITORS = 1_000
"""Editors of whom the newest edit is remembered."""

Editor = tuple[str, ...]


class Looks:
    """Gives turns. Questions of one edit stand beside one another; those of a newer edit end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: OrderedDict[Editor, int] = OrderedDict()
        self._open: list[tuple[Editor, int, Turn]] = []

    @contextmanager
    def turn(self, editor: Editor | None, edit: int) -> Iterator[Turn]:
        """A turn for one question; without an editor nothing ends it. Raises Refusal (503) when too many wait."""
        turn = Turn()
        mine = (editor or (), edit, turn)
        with self._lock:
            if editor:
                self._begin(editor, edit, turn)
            if len(self._open) >= MOST:
                raise Refusal(503, "too many previews are being computed; ask again in a moment", {"Retry-After": "1"})
            self._open.append(mine)
        try:
            yield turn
        finally:
            with self._lock:
                self._open.remove(mine)

    def _begin(self, editor: Editor, edit: int, turn: Turn) -> None:
        """End what is older than the newest edit, this question too."""
        newest = self._newest[editor] = max(edit, self._newest.get(editor, edit))
        self._newest.move_to_end(editor)
        if len(self._newest) > EDITORS:
            self._newest.popitem(last=False)
        if edit < newest:
            turn.end()
        for whose, number, other in self._open:
            if whose == editor and number < newest:
                other.end()
