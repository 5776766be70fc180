"""A sandbox in a process of its own, for tests: started, waited for, asked, and ended by its own handle."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """A running sandbox: what it holds and what it was sent, and orders to misbehave."""

    url: str

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request of any kind: status, headers (lower case) and body. Knows no proxy and follows nothing."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON under a path; the path must be there."""
        return self._json("GET", path)

    def post(self, path: str, json: Any = None) -> Any:
        """Give an order; it must be accepted."""
        return self._json("POST", path, orjson.dumps({} if json is None else json))

    def members(self, advertiser: str, segment: str) -> set[tuple[str, str]]:
        """The live members of a segment as (type, identifier); none if there is no such segment."""
        status, _, body = self.send("GET", f"/_sandbox/segments/{quote(advertiser)}/members?{urlencode({'name': segment})}")
        if status == 404:
            return set()
        assert status == 200, body
        return {(line["id_type"], line["id"]) for line in map(orjson.loads, body.splitlines())}

    def requests(self) -> list[dict[str, Any]]:
        """What it was sent, oldest first."""
        found: list[dict[str, Any]] = self.get("/_sandbox/requests?limit=100000")
        return found

    def faults(self, *faults: dict[str, Any] | str) -> None:
        """Misbehave at the next requests, in this order."""
        self.post("/_sandbox/faults", {"faults": list(faults)})

    def _json(self, method: str, path: str, body: bytes = b"") -> Any:
        status, _, answer = self.send(method, path, body)
        assert status == 200, (status, answer)
        return orjson.loads(answer)


@contextmanager
def running_sandbox(folder: Path, *arguments: str) -> Iterator[str]:
    """The URL of a sandbox started with these arguments; it is told to stop at the end, and must do so cleanly."""
    ready, errors = folder / "sandbox-ready.json", folder / "sandbox-errors.txt"
    command = [sys.executable, "-m", "tradewind.sandbox", "--port", "0", "--ready-file", str(ready), *arguments]
    with errors.open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr) as process:
        try:
            _wait_until_ready(process, ready, errors)
            yield orjson.loads(ready.read_bytes())["url"]
        finally:
            process.terminate()
            try:
                status = process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert status == 0, errors.read_text()
    assert errors.read_text() == ""


def wait_until(holds: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Return as soon as the condition holds; fail, naming it, if it does not in time."""
    deadline, turn = time.monotonic() + seconds, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        turn.wait(0.01)


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Path, errors: Path) -> None:
    wait_until(lambda: ready.exists() or process.poll() is not None, "the sandbox is ready")
    assert process.returncode is None, f"the sandbox ended with {process.returncode}: {errors.read_text()}"
