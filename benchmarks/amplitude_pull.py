"""A cohort of two million people from Amplitude to Parquet: our download, beside a csv.DictReader loop over the same file."""

from __future__ import annotations

import argparse
import csv
import http.client
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from harness import Row

KEYS = ("sandbox-api-key-100001", "sandbox-secret-key-100001")
PROPERTIES = ("advertising_id", "tdid", "plan")
COLUMNS = ("amplitude_id", "user_id", *PROPERTIES)
SYSTEMS = {"ours": "Tradewind, from the wire to Parquet", "plain": "http.client + csv.DictReader + pyarrow"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--members", type=int, default=2_000_000, help="people in the cohort")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system runs, in turn; the median counts")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        place = json.loads((arguments.at / "place.json").read_text())
        run = ours if arguments.only == "ours" else plain
        counted(arguments.at, lambda: run(place["url"], place["request"], arguments.at / f"{arguments.only}.parquet"))
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Let the sandbox make the file, then run both systems in turn, each in a process of its own, and compare what they wrote."""
    from harness import median, report

    rows: dict[str, list[Row]] = {system: [] for system in SYSTEMS}
    with emulated(folder) as url:
        place = {"url": url, "request": requested(url, arguments.members)}
        (folder / "place.json").write_text(json.dumps(place))
        for _ in range(arguments.rounds):
            for system, measured in rows.items():
                measured.append(one(system, folder, arguments.members))
    check_equal(folder, arguments.members)
    mine, theirs = median(rows["ours"]), median(rows["plain"])
    ratios = {
        "cpu_s_of_plain_loop_vs_ours": theirs.cpu_s / mine.cpu_s,
        "members_per_s_vs_plain_loop": mine.items_per_s / theirs.items_per_s,
    }
    report([mine, theirs], ratios, as_json=arguments.json)


def one(system: str, folder: Path, members: int) -> Row:
    """A system's work in a process of its own; the start of its interpreter does not count."""
    from harness import Row

    subprocess.run([sys.executable, __file__, "--only", system, "--at", str(folder)], check=True)
    return Row(SYSTEMS[system], members, **json.loads((folder / "measured.json").read_text()))


def counted(folder: Path, run: Callable[[], None]) -> None:
    """Do a system's work and write down what it took."""
    import tradewind.sources.amplitude.client  # noqa: F401  # loading libraries is no part of anybody's work

    cpu, begun = time.process_time(), time.perf_counter()
    run()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "measured.json").write_text(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_rss_mib": peak}))


class NoLimit:
    """The pace of a benchmark."""

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def hold_off(self, seconds: float) -> None:
        raise SystemExit(f"the sandbox asked to wait {seconds} s; nothing was measured")


def ours(url: str, request: str, out: Path) -> None:
    """Fetch the file as a run does."""
    from tradewind.clock import SystemClock
    from tradewind.door import Door
    from tradewind.sources.amplitude.base import Account
    from tradewind.sources.amplitude.client import WireClient

    with Door(loopback_only=True) as door:
        WireClient(door, Account(*KEYS, url), NoLimit(), SystemClock()).fetch(request, COLUMNS, out)


def plain(url: str, request: str, out: Path) -> None:
    """What one would write first, for the same Parquet: read a row as a dictionary, collect, write. It believes whatever comes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    link = asked(url, f"/api/5/cohorts/request/{request}/file").headers["Location"]
    schema = pa.schema([*((name, pa.string()) for name in COLUMNS), ("_row", pa.int64())])  # type: ignore[arg-type]
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    with pq.ParquetWriter(out, schema, compression="none", use_dictionary=False) as writer:
        lines = io.TextIOWrapper(io.BufferedReader(asked(url, link, signed=False), 1 << 20), encoding="utf-8", newline="")
        for number, row in enumerate(csv.DictReader(lines), 1):
            for name in COLUMNS:
                columns[name].append(row[name])
            columns["_row"].append(number)
            if number % 50_000 == 0:
                writer.write_table(pa.table(columns, schema))
                columns = {name: [] for name in schema.names}
        writer.write_table(pa.table(columns, schema))


def asked(url: str, path: str, *, signed: bool = True) -> http.client.HTTPResponse:
    """The answer to a GET, its body not yet read."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    authorization = {"Authorization": "Basic " + b64encode(":".join(KEYS).encode()).decode()} if signed else {}
    connection.request("GET", path, headers=authorization)
    return connection.getresponse()


@contextmanager
def emulated(folder: Path) -> Iterator[str]:
    """The address of an emulated Amplitude, in a process of its own."""
    ready = folder / "ready.json"
    process = subprocess.Popen([sys.executable, "-m", "tradewind.sandbox", "--port", "0", "--ready-file", str(ready)], stdout=sys.stderr)
    try:
        while not ready.exists() and process.poll() is None:
            time.sleep(0.05)
        yield json.loads(ready.read_text())["amplitude"]["us"]
    finally:
        process.terminate()
        process.wait()


def requested(url: str, members: int) -> str:
    """The id of a download of a made-up cohort, once it is ready."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    order = {"id": "all", "generated": {"count": members, "seed": 1, "properties": list(PROPERTIES)}}
    connection.request("POST", "/_sandbox/amplitude/cohorts", json.dumps(order))
    if connection.getresponse().status != 200:
        sys.exit("the sandbox did not take the cohort; nothing was measured")
    wanted = "".join(f"&propKeys={name}" for name in PROPERTIES)
    request: str = json.loads(asked(url, f"/api/5/cohorts/request/all?props=1{wanted}").read())["request_id"]
    while asked(url, f"/api/5/cohorts/request-status/{request}").status != 200:
        time.sleep(11)  # 60 requests in ten minutes
    return request


def check_equal(folder: Path, members: int) -> None:
    """Exit unless both wrote the same rows."""
    import duckdb

    with duckdb.connect() as connection:
        ours, plain = (f"SELECT * FROM read_parquet('{folder / system}.parquet')" for system in SYSTEMS)
        sums = [connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM ({query}) AS t").fetchone() for query in (ours, plain)]
    if sums[0] != sums[1] or not sums[0] or sums[0][0] != members:
        sys.exit(f"the two wrote other rows: {sums}")


if __name__ == "__main__":
    main()
