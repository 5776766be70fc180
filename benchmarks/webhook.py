"""Messages of a cohort webhook: how long the server takes to store one durably and answer, beside a plain one that writes the bytes.

Ours is `tradewind serve`, which checks the secret and the message, writes its people as Parquet and names it by a row before it
answers. The plain one is Python's http.server: it writes what came to a new file, syncs it, and looks at nothing. Both get the same,
in turn: with nothing else to do, and while the worker of the same `tradewind serve` delivers a large list to a sink.
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
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path

PROJECT, COHORT, BIG = "default", "k8dup3vx", "big"
DOOR = f"/api/v1/projects/{PROJECT}/webhook/messages"

SYSTEMS = {"ours": "Tradewind", "plain": "http.server and fsync"}

WHILE = {"quiet": "nothing else", "beside": "beside a sync"}

LIMIT = 200
"""Milliseconds within which Amplitude shall have its answer."""

WARM = 5
"""Messages that are sent before the clock counts: modules load late, connections are made."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--messages", type=int, default=300, help="messages sent to each, in turn")
    parser.add_argument("--members", type=int, default=1_500_000, help="device ids that are delivered beside; 0 for none")
    parser.add_argument("--users", type=int, default=1_000, help="people in each message")
    parser.add_argument("--only", choices=["plain"], help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        keep_bytes(arguments.at, arguments.port)
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            report(compare(Path(folder), arguments), as_json=arguments.json)


def compare(folder: Path, arguments: argparse.Namespace) -> dict[tuple[str, str], list[float]]:
    """The seconds of each message, by system and what went on meanwhile. Exits unless ours then knows everybody."""
    from deliver import process

    home, users = folder / "home", arguments.users
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        ready = folder / "sink.json"
        sink = [sys.executable, str(Path(__file__).with_name("deliver.py")), "--only", "sink", "--at", str(ready)]
        os.environ |= {"TRADEWIND_SANDBOX_URL": stack.enter_context(process(sink, ready)), "NO_PROXY": "*"}
        secret = prepare(home, arguments.members)
        started = {
            "ours": stack.enter_context(server(["-m", "tradewind", "serve", "--quiet", "--port"], home, "/readyz")),
            "plain": stack.enter_context(server([__file__, "--only", "plain", "--at", str(folder / "plain"), "--port"], home, "/")),
        }
        numbers = count()

        def send(what: str) -> None:
            body = message(next(numbers), users)
            for system, connection in started.items():
                taken[system, what].append(push(connection, body, secret))

        for _ in range(WARM):
            send("warm")
        for _ in range(arguments.messages):
            send("quiet")
        if arguments.members:
            command = [sys.executable, "-m", "tradewind", "syncs", "run", BIG]
            with subprocess.Popen(command, env={**os.environ, **at(home)}, stdout=sys.stderr) as run:
                while run.poll() is None:
                    send("beside")
            if run.returncode:
                sys.exit("the sync beside failed; nothing was measured")
    if (known := members(home)) != next(numbers) * users:
        sys.exit(f"the cohort has {known} members; nothing was measured")
    del taken["ours", "warm"], taken["plain", "warm"]
    return taken


def prepare(home: Path, many: int) -> str:
    """A home with a cohort that is pushed, and a sync of so many device ids; gives the secret of the webhook."""
    from tradewind import app
    from tradewind.model.cohort import Cohort, CohortKind, Pushed, StaticList
    from tradewind.model.destination import Auth, Connection, Secret
    from tradewind.model.identifier import IdentityMap, IdType, Mapping
    from tradewind.model.sync import Cadence
    from tradewind.operations import connections, lists, syncs, webhooks
    from tradewind.sources.lists import Change

    app.make_home(home, "UTC")
    with app.opened(home) as parts:
        parts.catalog.save_cohort(Cohort(PROJECT, "pushed", "Pushed", CohortKind.WEBHOOK, Pushed(COHORT)))
        if many:
            file = home / "big.csv"
            file.write_text("idfa\n" + "".join(f"{uuid.UUID(int=0xB << 120 | n, version=4)}\n" for n in range(many)))
            identity = IdentityMap((Mapping("column.idfa", IdType.DAID),))
            connections.add(
                parts,
                Connection(PROJECT, BIG, BIG, "thetradedesk", "ready1", "sandbox", Auth.SIGNATURE, identity),
                Secret("sandbox-secret-ready1"),
            )
            listed = parts.catalog.save_cohort(Cohort(PROJECT, BIG, BIG, CohortKind.STATIC, StaticList(str(file))))
            parts.list_versions.add(lists.draw_up(parts, listed, None, Change.REPLACE)[1])
            syncs.add(parts, PROJECT, syncs.Wish(BIG, BIG, BIG, "Big", 30, Cadence.DAILY))
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
    with subprocess.Popen([sys.executable, *command, str(port)], env={**os.environ, **at(home)}, stdout=sys.stderr) as started:
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


def at(home: Path) -> dict[str, str]:
    """The environment of a process that works in a home."""
    return {"TRADEWIND_HOME": str(home), "TRADEWIND_LOOPBACK_ONLY": "true"}


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


def report(taken: dict[tuple[str, str], list[float]], *, as_json: bool) -> None:
    """The milliseconds that half of the messages took at most, nineteen of twenty, and all; and the ratios of ours to the plain one."""
    rows = {key: figures([1000 * each for each in seconds]) for key, seconds in taken.items()}
    ratios = {
        f"ms_{cut}_of_ours_vs_plain_{what}": round(rows["ours", what][cut] / rows["plain", what][cut], 2)
        for what in WHILE
        if ("ours", what) in rows
        for cut in ("p50", "p95")
    }
    if as_json:
        listed = [{"system": SYSTEMS[system], "while": WHILE[what], **row} for (system, what), row in rows.items()]
        print(json.dumps({"rows": listed, "ratios": ratios}))
        return

    from rich.console import Console
    from rich.table import Table

    table = Table("system", "while", "messages", "p50 ms", "p95 ms", "most ms", f"over {LIMIT} ms")
    for (system, what), row in rows.items():
        figured = (f"{row[name]:.1f}" for name in ("p50", "p95", "most"))
        table.add_row(SYSTEMS[system], WHILE[what], f"{row['messages']:g}", *figured, f"{row['over']:g}")
    console = Console()
    console.print(table)
    for name, value in ratios.items():
        console.print(f"{name}: {value:g}")


def figures(milliseconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    named = {"p50": cuts[9], "p95": cuts[18], "most": max(milliseconds)}
    over = sum(each > LIMIT for each in milliseconds)
    return {"messages": len(milliseconds), **{name: round(value, 2) for name, value in named.items()}, "over": over}


if __name__ == "__main__":
    main()
