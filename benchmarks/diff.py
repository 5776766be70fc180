"""What must change at the platform: our diff of two memberships, beside two EXCEPTs of DuckDB over the same identifiers as text."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness import Row
    from tradewind.membership.buckets import Buckets
    from tradewind.model.plan import Delta

CHURN = 0.05
BATCH = 10_000
NOW = datetime(2026, 7, 1, tzinfo=UTC)
TTL = timedelta(days=30)

SYSTEMS = {
    "ours": "Tradewind, those who change (before_expiry)",
    "everyone": "Tradewind, and everyone who stays (every_sync)",
    "tenth": "Tradewind, a tenth as many",
    "except": "DuckDB, text, EXCEPT twice, counted",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--items", type=int, default=10_000_000, help="identifiers on either side")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system runs, in turn; the median counts")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        counted(arguments.at, work(arguments.only, arguments.at, arguments.items))
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Write both sides, then run every system in turn, each in a process of its own."""
    from harness import median, report

    if (child := os.fork()) == 0:
        prepare(folder / "whole", arguments.items)
        prepare(folder / "tenth", arguments.items // 10)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("the files could not be written; nothing was measured")
    rows: dict[str, list[Row]] = {system: [] for system in SYSTEMS}
    for _ in range(arguments.rounds):
        for system, measured in rows.items():
            measured.append(one(folder, system, arguments.items))
    found = {system: median(measured) for system, measured in rows.items()}
    ours, theirs = found["ours"], found["except"]
    ratios = {
        "time_of_except_vs_ours": theirs.seconds / ours.seconds,
        "cpu_of_except_vs_ours": theirs.cpu_s / ours.cpu_s,
        "cpu_an_identifier_of_the_whole_vs_a_tenth": ours.cpu_s_per_million / found["tenth"].cpu_s_per_million,
    }
    report(list(found.values()), ratios, as_json=arguments.json)


def one(folder: Path, system: str, items: int) -> Row:
    """Run a system once, in a process that says what its work took."""
    from harness import Row, measure

    shutil.rmtree(folder / "delta", ignore_errors=True)
    here, items = (folder / "tenth", items // 10) if system == "tenth" else (folder / "whole", items)
    measure(SYSTEMS[system], [sys.executable, __file__, "--only", system, "--items", str(items), "--at", str(here)], items)
    return Row(SYSTEMS[system], items, **json.loads((here / "measured.json").read_text()))


def prepare(folder: Path, items: int) -> None:
    """What a cohort gives and what a target holds, as the product writes them; and the same as text in a Parquet file each."""
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tradewind.membership.buckets import bucket_name
    from tradewind.membership.files import write_bucket
    from tradewind.membership.rows import rows_of
    from tradewind.model.identifier import IdType

    desired, held = sides(folder, items)
    leavers = int(items // desired.count * CHURN)
    texts: dict[str, list[pa.Array[Any]]] = {"desired": [], "held": []}
    for place in (desired.place(IdType.DAID), held.place(IdType.DAID)):
        place.mkdir(parents=True)
    for number in range(desired.count):
        known, new = device_ids(number, desired.count, items // desired.count), device_ids(number + 1000, desired.count, leavers)
        wanted, had = in_order(known[leavers:], new), in_order(known)
        pq.write_table(pa.table({"id": wanted}), desired.place(IdType.DAID) / bucket_name(number), compression="none", use_dictionary=False)
        write_bucket(held.place(IdType.DAID) / bucket_name(number, "arrow"), rows_of(had, *facts_of(len(had))))
        texts["desired"].append(wanted)
        texts["held"].append(had)
    with duckdb.connect() as duck:
        for name, arrays in texts.items():
            duck.register("ids", pa.table({"id": pa.chunked_array(arrays)}))
            duck.execute(f"COPY (SELECT id::UUID::VARCHAR AS id FROM ids) TO '{folder / name}.parquet' (FORMAT parquet)")


def sides(folder: Path, items: int) -> tuple[Buckets, Buckets]:
    """Where the two sides lie."""
    from tradewind.membership.buckets import Buckets, buckets_for
    from tradewind.model.identifier import IdType

    count = buckets_for(items)
    return Buckets(folder / "desired", count, (IdType.DAID,)), Buckets(folder / "held", count, (IdType.DAID,))


def device_ids(seed: int, buckets: int, count: int) -> Any:
    """Made-up device ids of version 4 in the bucket that `seed` names, a row each."""
    import numpy as np

    ids = np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)
    width = 256 // buckets
    ids[:, 0] = seed % 1000 * width + ids[:, 0].astype(np.int64) % width
    ids[:, 6], ids[:, 8] = ids[:, 6] % 16 | 0x40, ids[:, 8] % 64 | 0x80
    return ids


def in_order(*ids: Any) -> Any:
    """Sorted, as an Arrow array."""
    import numpy as np
    import pyarrow as pa

    rows = np.sort(np.concatenate(ids).view("S16").ravel())
    return pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(rows.tobytes())])


def facts_of(count: int) -> tuple[Any, Any]:
    """What is believed of the rows of a bucket: they came in batches of yesterday's run."""
    import numpy as np

    from tradewind.membership.facts import NOTHING, micros

    codes = (np.arange(count) // BATCH).astype(np.int32)
    facts = np.repeat(NOTHING, int(codes[-1]) + 1)
    facts["since"], facts["batch"] = micros(NOW - timedelta(days=1)), np.arange(len(facts))
    facts["expires_from"] = facts["expires_until"] = facts["since"] + micros(NOW + TTL) - micros(NOW)
    return codes, facts


def work(system: str, folder: Path, items: int) -> Callable[[], None]:
    """What a system does; it exits when the answer is not the one that both sides were made for."""
    churn = sum(int(items // count * CHURN) * count for count in [sides(folder, items)[0].count])
    return excepts(folder, churn) if system == "except" else ours(folder, items, churn, everyone=system == "everyone")


def ours(folder: Path, items: int, churn: int, *, everyone: bool) -> Callable[[], None]:
    """The delta, in files that are on the disk."""
    import late
    from tradewind.membership.diff import diff
    from tradewind.model.plan import Operation
    from tradewind.model.sync import Cadence, Refresh, Sync
    from tradewind.planning.doubt import HOLD
    from tradewind.planning.refresh import renewal

    refresh = Refresh.EVERY_SYNC if everyone else Refresh.BEFORE_EXPIRY
    due = renewal(Sync("default", "s", "c", "k", "Segment", TTL // timedelta(minutes=1), Cadence.DAILY, refresh=refresh), NOW)
    desired, held = sides(folder, items)
    late.load()

    def run() -> None:
        delta: Delta = diff(desired, held, now=NOW, renewal=due, hold=HOLD, out=folder.parent / "delta", group_rows=BATCH)
        if not delta.count(Operation.ADD) == delta.count(Operation.REMOVE) == churn:
            sys.exit(f"{delta.count(Operation.ADD)} to add and {delta.count(Operation.REMOVE)} to remove, not {churn}")

    return run


def excepts(folder: Path, churn: int) -> Callable[[], None]:
    """Two queries that count, and write nothing."""
    import duckdb

    one, other = (f"SELECT id FROM read_parquet('{folder / name}.parquet')" for name in ("desired", "held"))

    def run() -> None:
        with duckdb.connect() as duck:
            counts = [duck.execute(f"SELECT count(*) FROM ({a} EXCEPT {b})").fetchone() for a, b in ((one, other), (other, one))]
        if counts != [(churn,), (churn,)]:
            sys.exit(f"{counts} came out, not {churn}")

    return run


def counted(folder: Path, run: Callable[[], None]) -> None:
    """Do a system's work and write down what it took."""
    cpu, begun = time.process_time(), time.perf_counter()
    run()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "measured.json").write_text(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_rss_mib": peak}))


if __name__ == "__main__":
    main()
