"""Many inputs read one after the other, in pieces of bounded size, with an account of those that break off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from tradewind.clock import Clock
from tradewind.events.inputs import Input, read_lines
from tradewind.events.lines import Unreadable

LEAN, FATTEST = 1024, 16
"""Of a usual line (1 KiB) the properties are a small part; of a fat one nearly all is kept, several times: it weighs more."""

Progress = Callable[[int, int, int], None]
"""Told bytes of input done, bytes in all, and lines read; at most ten times a second, from any thread."""


class Reading:
    """The lines of all inputs, handed out piece by piece.

    `labels` names the numbered streams of lines. After a piece, `broken_here` are streams of inputs that broke off
    and had begun in it; `broken_earlier` says that one had begun in an earlier piece.
    """

    def __init__(self, inputs: list[Input], on_progress: Progress, clock: Clock, piece: int) -> None:
        self._inputs, self._on_progress, self._clock, self._piece = inputs, on_progress, clock, piece
        self._batches = self._read()
        self._lines, self._told = 0, clock.monotonic()
        self.pieces = 0
        self.ended = False
        self.labels: list[str] = []
        self.refused: dict[str, str] = {}
        self.broken_here: list[int] = []
        self.broken_earlier = False

    def next_piece(self) -> Iterator[pa.RecordBatch]:
        """Batches (lines.LINES) up to `piece` bytes; sets `ended` with the last."""
        self.pieces += 1
        self.broken_here = []
        taken = 0
        for batch in self._batches:
            taken += batch.nbytes * min(FATTEST, max(1, batch.nbytes // batch.num_rows // LEAN))
            yield batch
            if taken >= self._piece:
                return
        self.ended = True

    def _read(self) -> Iterator[pa.RecordBatch]:
        total = sum(source.bytes for source in self._inputs)
        done = 0
        for source in self._inputs:
            began, streams = self.pieces, len(self.labels)
            try:
                for batch in read_lines(source, self._label, lambda moved, done=done: self._moved(done + moved, total)):  # type: ignore[misc]
                    self._lines += batch.num_rows
                    yield batch
            except Unreadable as reason:
                self.refused[str(source.path)] = str(reason)
                self.broken_here += range(streams, len(self.labels))
                self.broken_earlier |= began < self.pieces
            done += source.bytes
        self._on_progress(total, total, self._lines)

    def _label(self, label: str) -> int:
        self.labels.append(label)
        return len(self.labels) - 1

    def _moved(self, done: int, total: int) -> None:
        now = self._clock.monotonic()
        if now - self._told >= 0.1:
            self._told = now
            self._on_progress(done, total, self._lines)
