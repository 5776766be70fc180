"""A request that the emulated Amplitude does not answer, and how it says so."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from tradewind.sandbox.wire import Answer


class Denied(Exception):
    """The request is refused: nothing is counted or changed but its place among the requests."""

    def __init__(self, status: int, kind: str, details: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(details)
        self.status, self.kind, self.details, self.headers = status, kind, details, dict(headers or {})

    def answer(self) -> Answer:
        error = {"http_code": self.status, "type": self.kind, "metadata": {"details": self.details}}
        return Answer(self.status, orjson.dumps({"error": error}), headers=self.headers)
