"""Identifiers delivered: from the files of a plan to acknowledged membership, beside what one would write instead.

Every system sends the same items (DAID, segment, TTL, TimestampUtc) to a sink that reads whole bodies and answers `{}`.
Ours begins with files on disk and a home to be opened; the others begin with identifiers that lie in memory as text.
Nobody's start of the interpreter and imports count. A last run goes to the sandbox, which must hold exactly what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from harness import Row
    from tradewind.membership.parts import PartFile
    from tradewind.model.plan import Delta

ADVERTISER, SECRET, SEGMENT, PATH = "ready1", "sandbox-secret-ready1", "[Tradewind] Bench: bench", "/data/advertiser"
BODY, TTL, NAME = 10_000, 43_200, "bench"

ITEMS = {"ours": 10_000_000, "limit": 10_000_000, "aiohttp": 1_000_000, "httpx2": 1_000_000, "plain": 1_000_000, "ttd-data": 20_000}
"""How many identifiers each system sends; what one costs does not depend on it."""

NAMES = {
    "ours": "Tradewind: deliver, acknowledge, close",
    "limit": "the signature alone",
    "aiohttp": "orjson + aiohttp, 4 connections",
    "httpx2": "orjson + httpx2, 4 connections",
    "plain": "requests + json + hmac",
    "ttd-data": "ttd-data, models, batches of 1,600",
}
COMPARED = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--items", type=int, default=ITEMS["ours"], help="identifiers that ours delivers, a million or more")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system runs, in turn; the median counts")
    parser.add_argument("--only", choices=[*ITEMS, "sink"], help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.items < ITEMS["plain"]:
        parser.error(f"--items: the others send {ITEMS['plain']:,} of the same identifiers")
    if arguments.only == "sink":
        asyncio.run(sink(arguments.at))
    elif arguments.only == "ours":
        counted(arguments.at, ours(arguments.at / "home"))
    elif arguments.only:
        counted(arguments.at, SENDERS[arguments.only](arguments.url, arguments.at / "made", ITEMS[arguments.only]))
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Every system in turn, each in a process of its own, then what the sandbox holds."""
    from harness import median, report

    ready = folder / "sink.json"
    rows: dict[str, list[Row]] = {system: [] for system in ITEMS}
    with process([sys.executable, __file__, "--only", "sink", "--at", str(ready)], ready) as url:
        os.environ |= {"TRADEWIND_SANDBOX_URL": url, "NO_PROXY": "*"}
        apart(lambda: prepare(folder / "made", arguments.items))
        for _ in range(arguments.rounds):
            for system, measured in rows.items():
                measured.append(one(folder, system, url, arguments.items if system == "ours" else ITEMS[system]))
    at_the_sandbox(folder)
    cost = {system: median(measured).cpu_s_per_million for system, measured in rows.items()}
    ratios = {
        f"cpu_of_{system.replace('-', '_')}_vs_ours": cost[system] / cost["ours"] for system in ("ttd-data", "plain", "httpx2", "aiohttp")
    }
    report(
        [median(each) for each in rows.values()],
        ratios | {"cpu_of_ours_vs_signature": cost["ours"] / cost["limit"]},
        as_json=arguments.json,
    )


def one(folder: Path, system: str, url: str, items: int) -> Row:
    """Run a system once, in a process that says what its work took; all that it sent must have arrived."""
    from harness import Row, measure

    fresh(folder / "made", folder / "home")
    before = bytes_at(url)
    measure(NAMES[system], [sys.executable, __file__, "--only", system, "--url", url, "--at", str(folder)], items)
    row = Row(NAMES[system], items, **json.loads((folder / "measured.json").read_text()))
    arrived = (bytes_at(url) - before) / items
    if system != "limit" and not 100 < arrived < 220:
        sys.exit(f"{NAMES[system]}: {arrived:.0f} bytes an item arrived; nothing was measured")
    return row


# --- ours


def prepare(home: Path, items: int) -> None:
    """A home in which one run is planned: its delta lies ready, and nothing of it was sent."""
    from tradewind import app
    from tradewind.model.cohort import Cohort, CohortKind, StaticList
    from tradewind.model.destination import Auth, Connection, Secret
    from tradewind.model.identifier import IdentityMap, IdType, Mapping, Resolution
    from tradewind.model.run import Run, RunState
    from tradewind.model.snapshot import Snapshot
    from tradewind.model.sync import Cadence, Sync
    from tradewind.operations.claims import take
    from tradewind.operations.connections import add
    from tradewind.phases import binding_of

    app.make_home(home, "UTC")
    mappings = IdentityMap((Mapping("column.id", IdType.DAID),))
    with app.opened(home) as parts:
        add(parts, Connection("default", NAME, NAME, "thetradedesk", ADVERTISER, "sandbox", Auth.SIGNATURE, mappings), Secret(SECRET))
        parts.catalog.save_cohort(Cohort("default", NAME, NAME, CohortKind.STATIC, StaticList("ids.csv")))
        sync = Sync("default", NAME, NAME, NAME, SEGMENT, TTL, Cadence.DAILY)
        parts.catalog.add_sync(sync)
        binding, now = binding_of(parts, sync), parts.clock.now()
        parts.ledger.open(Run(NAME, "default", NAME, binding.target.id, binding.id, 1, now, now), binding)
        claim = take(parts.ledger, NAME, parts.clock)
        counted = Resolution(items, items, items, {IdType.DAID: items}, {}, 0, {})
        parts.ledger.record(claim, RunState.EVALUATED, Snapshot(home / "runs" / NAME / "members.parquet", items, now))
        parts.ledger.record(claim, RunState.RESOLVED, counted)
        parts.ledger.record(claim, "diffed", write_delta(home / "runs" / NAME / "delta", items))


def write_delta(folder: Path, items: int) -> Delta:
    """Made-up device ids of version 4 in order, as `diff` writes them."""
    import numpy as np
    import pyarrow as pa

    from tradewind.membership.parts import PartWriter, part_name
    from tradewind.model.identifier import IdType
    from tradewind.model.plan import Delta, Operation

    folder.mkdir(parents=True)
    writer = PartWriter(folder / part_name(0), 0, Operation.ADD, IdType.DAID, BODY)
    chance, bounds = np.random.default_rng(7), np.linspace(0, items, 65).astype(int)
    for bucket, count in enumerate(np.diff(bounds)):
        ids = chance.integers(0, 256, (count, 16), np.uint8)
        ids[:, 0] = bucket * 4 + ids[:, 0] % 4
        ids[:, 6], ids[:, 8] = ids[:, 6] % 16 | 0x40, ids[:, 8] % 64 | 0x80
        ids = np.sort(ids.view("S16").ravel()).view(np.uint8)
        array = pa.Array.from_buffers(pa.binary(16), int(count), [None, pa.py_buffer(ids.tobytes())])
        writer.write(pa.chunked_array([array]))
    return Delta((writer.close(),), held=0, desired=items)


def fresh(made: Path, home: Path) -> None:
    """The home as it was made; its files are linked, not copied, but for the database."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(made, home, copy_function=os.link)
    (home / "tradewind.db").unlink()
    shutil.copy(made / "tradewind.db", home)


def ours(home: Path) -> Callable[[], None]:
    """Carry the run out as `tradewind syncs run` does: deliver, acknowledge, close."""
    import late
    import tradewind.destinations.thetradedesk.destination  # noqa: F401
    from tradewind import app
    from tradewind.model.run import RunOutcome
    from tradewind.operations.syncs import run

    late.load()

    def send() -> None:
        with app.opened(home) as parts:
            done = run(parts, "default", NAME, None, lambda *_: None)
            account, version = parts.ledger.account(NAME), parts.versions.of_run(NAME)
        if done.outcome is not RunOutcome.CLEAN or not version or not account.planned == account.accepted == version.rows:
            sys.exit(f"the run ended as {done.outcome}: {done.reason}; {account}")

    return send


def at_the_sandbox(folder: Path) -> None:
    """Deliver to the sandbox and exit unless it then holds exactly what was sent."""
    ready, home = folder / "ready.json", folder / "sandbox"
    with process([sys.executable, "-m", "tradewind.sandbox", "--ready-file", str(ready)], ready) as url:
        os.environ["TRADEWIND_SANDBOX_URL"] = url
        apart(lambda: prepare(home, COMPARED))
        apart(lambda: counted(folder, ours(home)))
        with urllib.request.urlopen(f"{url}/_sandbox/segments/{ADVERTISER}/members?{urlencode({'name': SEGMENT})}") as answer:
            held = {json.loads(line)["id"] for line in answer}
    apart(lambda: (folder / "sent.txt").write_text("\n".join(texts(home, COMPARED))))
    sent = (folder / "sent.txt").read_text().split()
    if len(sent) != COMPARED or held != set(sent):
        sys.exit(f"the sandbox holds {len(held)} of {len(sent)} identifiers")


# --- the others


def texts(home: Path, items: int) -> list[str]:
    """The first identifiers of the delta as text."""
    with the_part(home) as file:
        return [str(uuid.UUID(bytes=each)) for group in range(items // BODY) for each in file.ids(group).to_pylist()]


def the_part(home: Path) -> PartFile:
    """The one file of the delta."""
    from tradewind.membership.parts import PartFile, part_name

    return PartFile(home / "runs" / NAME / "delta" / part_name(0))


def counted(folder: Path, send: Callable[[], None]) -> None:
    """Do a system's work and write down what it took."""
    cpu, begun = time.process_time(), time.perf_counter()
    send()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "measured.json").write_text(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_rss_mib": peak}))


def ttd_data(url: str, home: Path, items: int) -> Callable[[], None]:
    """The platform's own client as its README uses it; the server must be named in the call."""
    from ttd_data import DataClient, models

    ids, stamp = texts(home, items), datetime.now(UTC).replace(microsecond=0)
    client = DataClient(ttd_auth=f"sandbox-token-{ADVERTISER}")

    def send() -> None:
        for start in range(0, len(ids), 1_600):
            batch = [
                models.AdvertiserDataItem(daid=each, data=[models.AdvertiserData(name=SEGMENT, ttl_in_minutes=TTL, timestamp_utc=stamp)])
                for each in ids[start : start + 1_600]
            ]
            client.advertiser.ingest_advertiser_data(advertiser_id=ADVERTISER, items=batch, server_url=url)

    return send


def plain(url: str, home: Path, items: int) -> Callable[[], None]:
    """What one would write first."""
    import requests

    ids = texts(home, items)

    def send() -> None:
        with requests.Session() as session:
            for batch in bodies(ids):
                body = json.dumps(batch).encode()
                session.post(url + PATH, data=body, headers=signed(body), timeout=60).raise_for_status()

    return send


def with_aiohttp(url: str, home: Path, items: int) -> Callable[[], None]:
    """The same with the fast encoder and four requests at once."""
    import aiohttp
    import orjson

    ids = texts(home, items)

    async def sender(session: aiohttp.ClientSession, batches: Iterator[Any]) -> None:
        for batch in batches:
            body = orjson.dumps(batch)
            async with session.post(url + PATH, data=body, headers=signed(body)) as answer:
                answer.raise_for_status()
                await answer.read()

    async def send() -> None:
        async with aiohttp.ClientSession() as session:
            batches = bodies(ids)
            await asyncio.gather(*(sender(session, batches) for _ in range(4)))

    return lambda: asyncio.run(send())


def with_httpx2(url: str, home: Path, items: int) -> Callable[[], None]:
    """And with another client."""
    import httpx2
    import orjson

    ids = texts(home, items)

    async def sender(client: httpx2.AsyncClient, batches: Iterator[Any]) -> None:
        for batch in batches:
            body = orjson.dumps(batch)
            (await client.post(url + PATH, content=body, headers=signed(body))).raise_for_status()

    async def send() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            batches = bodies(ids)
            await asyncio.gather(*(sender(client, batches) for _ in range(4)))

    return lambda: asyncio.run(send())


def limit(_url: str, home: Path, items: int) -> Callable[[], None]:
    """The digests of bodies that lie in memory, as many times as it takes; each is longer than the caches near a core."""
    from tradewind.destinations.base import Sheet
    from tradewind.destinations.thetradedesk.body import Layout, lay_out
    from tradewind.model.identifier import IdType

    with the_part(home) as file:
        groups = [file.ids(group) for group in range(min(20, items // BODY))]
    ready = [lay_out(Layout(ADVERTISER, SEGMENT, IdType.DAID, TTL, datetime.now(UTC)), ids, Sheet()) for ids in groups]

    def send() -> None:
        for number in range(items // BODY):
            signed(ready[number % len(ready)])

    return send


SENDERS = {"ttd-data": ttd_data, "plain": plain, "httpx2": with_httpx2, "aiohttp": with_aiohttp, "limit": limit}


def bodies(ids: list[str]) -> Iterator[dict[str, Any]]:
    """What the plain senders send, one body after another."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = [{"Name": SEGMENT, "TtlInMinutes": TTL, "TimestampUtc": stamp}]
    for start in range(0, len(ids), BODY):
        yield {"AdvertiserId": ADVERTISER, "Items": [{"DAID": each, "Data": data} for each in ids[start : start + BODY]]}


def signed(body: bytes | memoryview) -> dict[str, str]:
    """The headers of a body."""
    digest = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha1")).decode()
    return {"Content-Type": "application/json", "TtdSignature": digest}


# --- the sink, and processes


class Sink(asyncio.BufferedProtocol):
    """Reads whole bodies and answers `{}`; to a GET, how many items came so far (each has one `TtlInMinutes`).

    Its buffer is small: a large one takes it twice as long, and drives what is measured out of the cache that the cores share.
    """

    came = 0

    def __init__(self) -> None:
        self.buffer, self.head, self.left = bytearray(2**16), b"", 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        del sizehint
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.left:
            self.left -= nbytes
            Sink.came += nbytes
        else:
            self.head += self.buffer[:nbytes]
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            found = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
            self.left = (int(found[1]) if found else 0) - len(rest)
            Sink.came += len(rest)
        if self.left == 0:
            said = b"%d" % Sink.came if self.head.startswith(b"GET") else b"{}"
            self.head = b""
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))


async def sink(ready: Path) -> None:
    """Serve on a free port until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    publish = ready.with_suffix(".new")
    publish.write_text(json.dumps({"url": f"http://127.0.0.1:{address[1]}"}))
    publish.rename(ready)
    await server.serve_forever()


@contextmanager
def process(command: list[str], ready: Path) -> Iterator[str]:
    """The URL of a server in a process of its own, which is ended by its handle."""
    with subprocess.Popen(command, stdout=sys.stderr) as started:
        try:
            while not ready.exists():
                if started.poll() is not None:
                    sys.exit("a server did not start; nothing was measured")
                time.sleep(0.02)
            yield str(json.loads(ready.read_text())["url"])
        finally:
            started.terminate()


def bytes_at(url: str) -> int:
    """Bytes of bodies that the sink has read."""
    with urllib.request.urlopen(url) as answer:
        return int(answer.read())


def apart(work: Callable[[], object]) -> None:
    """Do a piece of work in a process of its own, so that this one stays small. Exits when it fails."""
    if (child := os.fork()) == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("what is measured could not be made ready; nothing was measured")


if __name__ == "__main__":
    main()
