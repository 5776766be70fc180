"""Messages of a cohort webhook: how long the server takes to store one durably and answer, beside a plain one that writes the bytes.

Ours is `tradewind serve`, which checks the secret and the message, writes its people as Parquet and names it by a row before it
answers. The plain one is Python's http.server: it writes what came to a new file, syncs it, and looks at nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PROJECT, COHORT = "default", "k8dup3vx"
DOOR = f"/api/v1/projects/{PROJECT}/webhook/messages"

SYSTEMS = {"ours": "Tradewind, checked, stored and named", "plain": "http.server, bytes to a file and fsync"}

WARM = 5
"""Messages that are sent before the clock counts: modules load late, connections are made."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--messages", type=int, default=300, help="messages sent to each, in turn")
    parser.add_argument("--users", type=int, default=1_000, help="people in each message")
    parser.add_argument("--only", choices=["plain"], help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        keep_bytes(arguments.at, arguments.port)
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            report(compare(Path(folder), arguments.messages, arguments.users), as_json=arguments.json)


def compare(folder: Path, messages: int, users: int) -> dict[str, list[float]]:
    """The seconds of each message at each system; both get the same, one after the other. Exits unless ours then knows everybody."""
    home = folder / "home"
    secret = prepare(home)
    taken: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    with ExitStack() as stack:
        started = {
            "ours": stack.enter_context(server(["-m", "tradewind", "serve", "--quiet", "--port"], home, "/readyz")),
            "plain": stack.enter_context(server([__file__, "--only", "plain", "--at", str(folder / "plain"), "--port"], home, "/")),
        }
        for number in range(-WARM, messages):
            body = message(number + WARM, users)
            for system, connection in started.items():
                seconds = push(connection, body, secret)
                if number >= 0:
                    taken[system].append(seconds)
    if (known := members(home)) != (messages + WARM) * users:
        sys.exit(f"the cohort has {known} members; nothing was measured")
    return taken


def prepare(home: Path) -> str:
    """A home with a cohort that is pushed; gives the secret of the webhook."""
    from tradewind import app
    from tradewind.model.cohort import Cohort, CohortKind, Pushed
    from tradewind.operations import webhooks

    app.make_home(home, "UTC")
    with app.opened(home) as parts:
        parts.catalog.save_cohort(Cohort(PROJECT, "pushed", "Pushed", CohortKind.WEBHOOK, Pushed(COHORT)))
        return webhooks.new_secret(parts, PROJECT)


def members(home: Path) -> int:
    """How many the messages put into the cohort."""
    from tradewind import app
    from tradewind.model.cohort import Pushed

    with app.opened(home) as parts:
        return parts.pushed.evaluate(Pushed(COHORT), PROJECT, (), parts.clock.now(), home / "members" / "members.parquet").members


def message(number: int, users: int) -> bytes:
    """A message of made-up people, as Amplitude documents it; no two share one."""
    listed = [
        {"user_id": f"u{number}-{n}", "user_properties": {"ad": str(uuid.UUID(int=number << 64 | n, version=4)), "plan": "free"}}
        for n in range(users)
    ]
    head = {"cohort_name": "Pushed", "cohort_id": COHORT, "in_cohort": True, "computed_time": f"{1_772_366_400 + number}"}
    return json.dumps({**head, "message_id": f"m{number}::enter::0", "users": listed}).encode()


def push(connection: http.client.HTTPConnection, body: bytes, secret: str) -> float:
    """Send a message and wait for the whole answer; the seconds that took."""
    begun = time.perf_counter()
    connection.request("POST", DOOR, body, {"Content-Type": "application/json", "X-Tradewind-Secret": secret})
    answer = connection.getresponse()
    said = answer.read()
    seconds = time.perf_counter() - begun
    if answer.status != 200:
        sys.exit(f"status {answer.status}: {said.decode()[:300]}; nothing was measured")
    return seconds


def keep_bytes(folder: Path, port: int) -> None:
    """The plain server: each body becomes a file, which is on the disk before the answer."""
    folder.mkdir(parents=True)

    class Keeper(BaseHTTPRequestHandler):
        protocol_version, number = "HTTP/1.1", 0

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            Keeper.number += 1
            with (folder / f"{Keeper.number}.json").open("wb") as file:
                file.write(self.rfile.read(int(self.headers["Content-Length"])))
                file.flush()
                os.fsync(file.fileno())
            self.answer()

        def answer(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    HTTPServer(("127.0.0.1", port), Keeper).serve_forever()


@contextmanager
def server(command: list[str], home: Path, ready: str) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server in a process of its own, which is ended by its handle."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TRADEWIND_HOME": str(home), "TRADEWIND_LOOPBACK_ONLY": "true"}
    with subprocess.Popen([sys.executable, *command, str(port)], env=environment, stdout=sys.stderr) as started:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while not is_ready(connection, ready):
                if started.poll() is not None:
                    sys.exit("a server did not start; nothing was measured")
                time.sleep(0.05)
            yield connection
            connection.close()
        finally:
            started.terminate()


def is_ready(connection: http.client.HTTPConnection, path: str) -> bool:
    """Whether it answers already."""
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return False
    return answer.status == 200


def report(taken: dict[str, list[float]], *, as_json: bool) -> None:
    """The milliseconds that half of the messages took at most, nineteen of twenty, and all; and the ratio of the halves."""
    rows = {system: figures([1000 * each for each in seconds]) for system, seconds in taken.items()}
    ratio = round(rows["ours"]["p50"] / rows["plain"]["p50"], 2)
    if as_json:
        listed = [{"system": SYSTEMS[system], **row} for system, row in rows.items()]
        print(json.dumps({"rows": listed, "ratios": {"ms_p50_of_ours_vs_plain": ratio}}))
        return

    from rich.console import Console
    from rich.table import Table

    table = Table("system", "messages", "p50 ms", "p95 ms", "most ms")
    for system, row in rows.items():
        table.add_row(SYSTEMS[system], f"{row['messages']:g}", *(f"{row[name]:.1f}" for name in ("p50", "p95", "most")))
    console = Console()
    console.print(table)
    console.print(f"ms_p50_of_ours_vs_plain: {ratio:g}")


def figures(milliseconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    named = {"p50": cuts[9], "p95": cuts[18], "most": max(milliseconds)}
    return {"messages": len(milliseconds), **{name: round(value, 2) for name, value in named.items()}}


if __name__ == "__main__":
    main()
