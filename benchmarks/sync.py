"""A whole sync, phase by phase: members out of six times as many events, then again after a day in which some came and some left.

The events lie in an event store as imports leave it. Each sync runs in a process of its own, as `tradewind syncs run` does,
against a sink that reads whole bodies and answers `{}`. What a phase costs is read from outside, where the run tells its progress.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tradewind.events.manifest import FileRow

ADVERTISER, SECRET, NAME, PROJECT = "ready1", "sandbox-secret-ready1", "bench", "default"
PHASES = ("evaluate", "resolve", "diff", "deliver", "acknowledge")
REPEATED, LATER, DELIVERY = PHASES[:2], PHASES[2:], PHASES[3:]
TOLD = dict(zip(("evaluated", "resolved", "diffed", "delivering", "acknowledging"), PHASES, strict=True))
"""What a run says it does, by the verb it stands for; the few milliseconds of `plan` and `close` fall to their neighbours."""

CHURN = 20
"""One member in so many leaves between the two syncs, and as many come."""

FILE = 1_500_000
"""Events in a file."""

DAYS = 26
"""The events lie this many days back at most, within the 30 days that the rule looks at."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--members", type=int, default=10_000_000, help="members of the cohort; a tenth of them is measured too")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured; the median counts")
    parser.add_argument("--only", choices=["first", "next"], help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        (arguments.at / "measured.json").write_text(json.dumps(carry_out(arguments.at / "home")))
    else:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Both sizes, each from nothing: a first sync and the next one."""
    from deliver import process

    ready = folder / "sink.json"
    sink = [sys.executable, str(Path(__file__).with_name("deliver.py")), "--only", "sink", "--at", str(ready)]
    measured: dict[int, list[dict[str, Any]]] = {}
    with process(sink, ready) as url:
        os.environ |= {"TRADEWIND_SANDBOX_URL": url, "NO_PROXY": "*"}
        for members in (arguments.members // 10, arguments.members):
            for number in range(arguments.rounds):
                place = folder / f"{members}-{number}"
                measured.setdefault(members, []).append(one(place, members))
    tell({members: middle(rounds) for members, rounds in measured.items()}, as_json=arguments.json)


def one(folder: Path, members: int) -> dict[str, Any]:
    """A first sync and the next one of so many members; the events are made anew and removed afterwards."""
    from deliver import apart
    from harness import measure

    found = {}
    begun = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    folder.mkdir()
    apart(lambda: prepare(folder / "home", members, begun))
    for which in ("first", "next"):
        if which == "next":
            apart(lambda: go_on(folder / "home", members, begun))
        measure(f"the {which} sync of {members:,}", [sys.executable, __file__, "--only", which, "--at", str(folder)], members)
        found[which] = json.loads((folder / "measured.json").read_text())
    shutil.rmtree(folder)
    return found


# --- what is measured


@dataclass
class Meter:
    """Notes what each phase of a run takes, from what the run tells of its progress."""

    phase: str = ""
    begun: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.taken: dict[str, dict[str, float]] = {}

    def watch(self, told: str, _done: int, _total: int) -> None:
        """Begin a phase when it is told for the first time."""
        phase = TOLD.get(told, self.phase)
        if phase != self.phase:
            self.end()
            self.phase, self.begun = phase, (time.process_time(), time.perf_counter())
            Path("/proc/self/clear_refs").write_text("5")

    def end(self) -> None:
        """Note the phase that is under way."""
        if self.phase:
            cpu, wall = (now - then for now, then in zip((time.process_time(), time.perf_counter()), self.begun, strict=True))
            self.taken[self.phase] = {"cpu_s": cpu, "seconds": wall, "peak_rss_mib": peak()}


def peak() -> float:
    """The most memory since it was last asked to forget, in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def carry_out(home: Path) -> dict[str, Any]:
    """Run the sync once, and give what each phase took."""
    from tradewind import app
    from tradewind.model.run import RunOutcome
    from tradewind.operations.syncs import run

    meter = Meter()
    with app.opened(home) as parts:
        done = run(parts, PROJECT, NAME, None, meter.watch)
        meter.end()
        account, version = parts.ledger.account(done.id), parts.versions.of_run(done.id)
    if done.outcome is not RunOutcome.CLEAN or version is None:
        sys.exit(f"the run ended as {done.outcome}: {done.reason}; {account}")
    return {"phases": meter.taken, "sent": account.planned, "held": version.rows}


# --- what is made ready


def prepare(home: Path, members: int, now: datetime) -> None:
    """A home with the events of the first days, a cohort, a connection and a sync."""
    from tradewind import app
    from tradewind.model.cohort import All, Behaviour, Cohort, CohortKind, Did, Last, Not
    from tradewind.model.destination import Auth, Connection, Secret
    from tradewind.model.identifier import IdentityMap, IdType, Mapping
    from tradewind.model.sync import Cadence, Refresh
    from tradewind.operations import connections, syncs

    app.make_home(home, "UTC")
    rule = All((Did("Product Viewed", window=Last(30)), Not(Did("Unsubscribed"))))
    identity = IdentityMap((Mapping("user.adid", IdType.DAID),))
    with app.opened(home) as parts:
        at = Connection(PROJECT, NAME, NAME, "thetradedesk", ADVERTISER, "sandbox", Auth.SIGNATURE, identity)
        connections.add(parts, at, Secret(SECRET))
        parts.catalog.save_cohort(Cohort(PROJECT, NAME, NAME, CohortKind.BEHAVIOURAL, Behaviour(rule)))
        wish = syncs.Wish(NAME, NAME, NAME, "[Tradewind] Bench: bench", 30, Cadence.DAILY, refresh=Refresh.BEFORE_EXPIRY)
        syncs.add(parts, PROJECT, wish)
    store(home, "first", days(members * 6 // 5, members, now))


def go_on(home: Path, members: int, now: datetime) -> None:
    """Another import: one member in twenty unsubscribes, and as many persons unheard of view a product."""
    gone = members // CHURN
    came = f"SELECT number, length FROM range({members * 6 // 5}, {members * 6 // 5 + gone}) AS numbers(number), (SELECT 3 AS length)"
    left = f"SELECT number, 1 AS length FROM range(0, {members}, {CHURN}) AS numbers(number)"
    began = f"TIMESTAMP '{now - timedelta(hours=1)}'"
    selects = (events(f"SELECT *, {began} AS began FROM ({sessions})", members * 2) for sessions in (came, left))
    store(home, "next", selects)


def days(people: int, members: int, now: datetime) -> Iterator[tuple[str, str]]:
    """SELECTs of the events in order of time: five a person, in one session of three and one of two.

    Of the persons those numbered below `members` view a product. The longer sessions and the shorter ones come in two orders of persons.
    """
    for first in range(0, people, FILE // 5):
        numbers = f"range({first}, {min(first + FILE // 5, people)}) AS places(place)"
        began = f"TIMESTAMP '{now - timedelta(days=DAYS)}' + to_seconds({DAYS * 86_400 - 7_200} * (place / {people}))"
        order = "CASE longer WHEN 1 THEN place * 7368787 ELSE place * 9576890767 END"
        yield events(
            f"SELECT ({order}) % {people} AS number, {began} AS began, 2 + longer AS length FROM {numbers}, range(2) AS halves(longer)",
            members,
        )


def events(sessions: str, members: int) -> tuple[str, str]:
    """Two SELECTs: sessions (number, began, length) in the order of files, and from the table `sessions` the columns of an event file.

    Of ten persons six are known by their user throughout, three by their device alone, and one by its user only in longer sessions.
    """
    from tradewind.events.shape import person_keys

    who, device_key = person_keys()
    ordered = f"""
        SELECT *, {who}, {device_key}
        FROM (SELECT *, CASE WHEN number % 10 < 6 OR number % 10 = 6 AND length <> 2 THEN 'u' || (1_000_000_000 + number) END AS user_id,
                     md5('device' || number)::UUID::VARCHAR AS device_id
              FROM ({sessions}))
        ORDER BY user_id IS NULL, who"""
    return (
        ordered,
        f"""
        SELECT user_id, device_id,
               CASE WHEN length = 1 THEN 'Unsubscribed' WHEN turn = 1 AND length = 3 AND number < {members} THEN 'Product Viewed'
                    WHEN turn = 2 THEN 'Product Added' ELSE 'Page Viewed' END AS event_type,
               began + to_seconds(turn * 20) AS time, length || '-' || turn AS insert_id, true AS whole,
               '{{"product":"p' || number % 5000 || '"}}' AS event_properties, '{{}}' AS user_properties,
               hash(number, length, turn) AS key_high, hash(turn, length, number) AS key_low, who, device_key,
               'p' || number % 5000 AS "event.product", adid AS "user.adid"
        FROM (SELECT *, md5_number('ad' || number)::UHUGEINT::UUID AS adid, unnest(range(length)) AS turn FROM sessions)""",
    )


def store(home: Path, name: str, selects: Iterator[tuple[str, str]]) -> None:
    """Write the events as files of the project's event store, and name them in its manifest as an import does."""
    from tradewind.compute import Bounds, connect
    from tradewind.database import Database
    from tradewind.events import shape, sql
    from tradewind.events.manifest import Columns, ImportRow

    folder = home / "events" / PROJECT
    files: list[FileRow] = []
    with connect(Bounds("3GiB", 2, home / "making"), {"preserve_insertion_order": "true"}) as duck:
        (check,) = duck.execute(shape.KEY_CHECK).fetchall()[0]
        columns = Columns(("product",), ("adid",), True, str(check), small=("user.adid",), links=True)
        for number, pair in enumerate(selects):
            files.append(written(duck, pair, folder / f"{name}-{number:03}.parquet", home, columns))
    rows, moment = sum(file.rows for file in files), datetime.now(UTC)
    database = Database.at(home)
    done = ImportRow(name, moment, moment, rows, rows, 0, 0, 0, columns.event, columns.user)
    sql.insert_import(database, PROJECT, done, files, [])
    database.close()


def written(duck: Any, selects: tuple[str, str], path: Path, home: Path, columns: Any) -> Any:
    """One file, and its row."""
    from tradewind.compute import literal
    from tradewind.events.links import write_links
    from tradewind.events.manifest import FileRow
    from tradewind.events.pieces import HOW

    path.parent.mkdir(parents=True, exist_ok=True)
    sessions, select = selects
    duck.execute(f"CREATE OR REPLACE TEMP TABLE sessions AS {sessions}")
    duck.execute(f"COPY ({select}) TO {literal(path)} (FORMAT parquet, {HOW})")
    write_links(duck, path)
    rows, first, last = duck.execute(f"SELECT count(*), min(time), max(time) FROM read_parquet({literal(path)})").fetchall()[0]
    return FileRow(str(path.relative_to(home)), f"{first:%Y-%m}", rows, path.stat().st_size, first, last, columns)


# --- what is told


def middle(rounds: list[Any]) -> Any:
    """The median of each figure."""
    if isinstance(rounds[0], dict):
        return {name: middle([each[name] for each in rounds]) for name in rounds[0]}
    return median(rounds)


def tell(measured: dict[int, Any], *, as_json: bool) -> None:
    """Print what each phase cost, and the ratios."""
    small, large = measured
    first, following = (measured[large][which] for which in ("first", "next"))
    ratios = {
        "whole_first_sync_vs_its_delivery": total(first) / total(first, DELIVERY),
        "next_evaluate_and_resolve_vs_first": total(following, REPEATED) / total(first, REPEATED),
        "next_deliver_vs_first": total(following, ("deliver",)) / total(first, ("deliver",)),
        "next_after_resolve_vs_first": total(following, LATER) / total(first, LATER),
        "cost_a_million_vs_a_tenth_of_the_members": total(first) / large / (total(measured[small]["first"]) / small),
        "peak_rss_mib": max(each["peak_rss_mib"] for sync in (first, following) for each in sync["phases"].values()),
    }
    rounded = {name: round(value, 3) for name, value in ratios.items()}
    if as_json:
        print(json.dumps({"measured": measured, "ratios": rounded}))
        return
    table = Table("CPU-s per million members", *PHASES, "whole", "wall s", "peak MiB", "sent")
    for size, which in product(measured, ("first", "next")):
        sync = measured[size][which]
        costs = [f"{total(sync, (phase,)) / size * 1e6:.2f}" for phase in PHASES]
        seconds, peaks = ([each[name] for each in sync["phases"].values()] for name in ("seconds", "peak_rss_mib"))
        whole = f"{total(sync) / size * 1e6:.2f}"
        table.add_row(f"{which} of {size:,}", *costs, whole, f"{sum(seconds):.1f}", f"{max(peaks):,.0f}", f"{sync['sent']:,}")
    console = Console(width=140)
    console.print(table)
    for name, value in rounded.items():
        console.print(f"{name}: {value:g}")


def total(sync: dict[str, Any], phases: Sequence[str] = PHASES) -> float:
    """Processor seconds of some phases of a sync."""
    return float(sum(sync["phases"][phase]["cpu_s"] for phase in phases))


if __name__ == "__main__":
    main()
