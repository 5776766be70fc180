"""`tradewind serve` in a process of its own, for tests: started, waited for, asked, and ended by its own handle."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from product import Product
from sandbox_process import wait_until

PATIENCE = 120
"""Seconds: a server is a whole program to load, beside whatever else the machine does."""

PASSWORD = "correct horse battery"

P = "/api/v1/projects/default"


class Serving:
    """A server in its own process, with what it printed."""

    def __init__(self, product: Product, port: int, process: subprocess.Popen[bytes]) -> None:
        self.product, self.url, self.process = product, f"http://127.0.0.1:{port}", process
        self.http = httpx2.Client(base_url=self.url, timeout=30)

    def said(self, name: str = "err") -> str:
        return (self.product.folder / f"serve.{name}").read_text()

    def code(self) -> str:
        """The one-time code that it printed."""
        return str(re.findall(r"with the code ([a-z0-9-]+)", self.said())[-1])

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said()
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False


@contextmanager
def serving(product: Product, *options: str) -> Iterator[Serving]:
    """`tradewind serve`, perhaps with more options, for the length of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tradewind", "serve", "--port", str(port), *options]
    with (product.folder / "serve.out").open("wb") as out, (product.folder / "serve.err").open("wb") as err:
        process = subprocess.Popen(command, cwd=product.folder, env=product.environment, stdout=out, stderr=err)
    server = Serving(product, port, process)
    try:
        wait_until(server.is_ready, "the server is ready", PATIENCE)
        yield server
    finally:
        server.http.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def signed_in(server: Serving) -> dict[str, str]:
    """The header of an administrator's token, made from the set-up code on."""
    set_up = {"code": server.code(), "user": "root", "name": "Root", "password": PASSWORD}
    assert server.http.post("/api/v1/setup", json=set_up).status_code == 201
    session = server.http.post("/api/v1/session", json={"user": "root", "password": PASSWORD})
    headers = {"Cookie": session.headers["set-cookie"].partition(";")[0], "Origin": server.url}
    issued = server.http.post("/api/v1/tokens", json={"name": "test", "role": "admin"}, headers=headers)
    return {"Authorization": f"Bearer {issued.json()['text']}"}


def reached(server: Serving, headers: dict[str, str], run: str, state: str) -> dict[str, Any]:
    """The report of a run that has come to a state."""
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(server.http.get(f"{P}/runs/{run}", headers=headers).json())
        return bool(found["run"]["state"] == state)

    wait_until(is_there, f"run {run} is {state}", PATIENCE)
    return found
