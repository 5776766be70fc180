"""Five cohorts over fifty million events of a million people: our engine against polars and Spark on this machine, written by hand.

Of ten people eight are known by a user throughout, one by its device alone, and one acts by its device before it signs in: all
systems must find out whose a device is.

The events lie in an event store as imports leave it, and all three read its files. Each system answers the cohorts one after another
in a process of its own, the systems in turn, Spark in the first round alone.
What is counted is from the question until the file of members is written; starting
Python, Spark and the libraries is not. All must find the same members.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tradewind.events.manifest import FileRow

PROJECT = "default"
AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAYS = 180
"""The events lie this many days back at most."""

EACH = 50
"""Events of a person on average; some have a thousand, some none."""

FILE = 1_600_000
"""Events in a file."""

COHORTS: dict[str, dict[str, Any]] = {
    "count": {"did": "purchase", "count": ">= 3", "in": {"last": "30 days"}},
    "funnel": {
        "sequence": {"steps": [{"did": "view", "where": {"event.category": {"is": ["shoes"]}}}, {"did": "purchase"}], "within": "7 days"}
    },
    "did-not": {"all": [{"did": "cart", "in": {"last": "30 days"}}, {"did_not": "purchase", "in": {"last": "30 days"}}]},
    "sum": {"did": "purchase", "sum": {"event.price": ">= 499.995"}, "in": {"last": "60 days"}},
    "nested": {
        "all": [
            {
                "any": [
                    {"did": "view", "where": {"event.category": {"is": ["shoes"]}}, "count": ">= 3", "in": {"last": "60 days"}},
                    {
                        "all": [
                            {"did": "cart", "where": {"event.price": {"greater_or_equal": ["90"]}}},
                            {"did_not": "app open", "in": {"last": "7 days"}},
                        ]
                    },
                ]
            },
            {"not": {"any": [{"did": "unsubscribe"}, {"did": "purchase", "where": {"event.price": {"less": ["2"]}}}]}},
        ]
    },
}
"""As they stand in YAML under `who:`."""

Cost = dict[str, float]
Answer = Callable[[str, Path], object]
"""Writes the members of a cohort to a file whose first column is their keys of 16 bytes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--events", type=int, default=50_000_000, help="how many events there are")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system but Spark answers, in turn; the median counts")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="which of them")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        (arguments.at / "measured.json").write_text(json.dumps(answered(arguments.only, arguments.at)))
        return
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        tell(compare(Path(folder), arguments), as_json=arguments.json)


def compare(folder: Path, arguments: argparse.Namespace) -> dict[str, list[dict[str, Cost]]]:
    """The cost of each cohort on each system, round by round. Exits when two of them differ in whom they find."""
    from deliver import apart
    from harness import measure

    apart(lambda: prepare(folder / "home", arguments.events))
    taken: dict[str, list[dict[str, Any]]] = {system: [] for system in arguments.systems}
    for turn in range(arguments.rounds):
        for system, rounds in taken.items():
            if turn and system in ONCE:
                continue
            measure(system, [sys.executable, __file__, "--only", system, "--at", str(folder)], arguments.events)
            rounds.append(json.loads((folder / "measured.json").read_text()))
    for cohort in COHORTS:
        found = {system: {(each[cohort]["members"], each[cohort].pop("digest")) for each in rounds} for system, rounds in taken.items()}
        if len(set.union(*found.values())) > 1:
            sys.exit(f"the systems disagree about the cohort '{cohort}': {found}")
    return taken


# --- what is measured


def answered(system: str, folder: Path) -> dict[str, Cost]:
    """What each cohort cost a system, and a digest of whom it found."""
    with ExitStack() as stack:
        answer, processes = SYSTEMS[system](folder / "home", stack)
        return {cohort: cost(answer, cohort, folder / "members", processes) for cohort in COHORTS}


def cost(answer: Answer, cohort: str, out: Path, processes: Sequence[int]) -> dict[str, Any]:
    """Seconds by the clock and by the processors, and the most memory of these processes together."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for process in processes:
        Path(f"/proc/{process}/clear_refs").write_text("5")
    begun, spent = time.perf_counter(), cpu(processes)
    answer(cohort, out / "members.parquet")
    taken = {"seconds": time.perf_counter() - begun, "cpu_s": cpu(processes) - spent, "peak_rss_mib": sum(map(peak, processes))}
    return {**taken, **whom(out / "members.parquet")}


def cpu(processes: Sequence[int]) -> float:
    """Processor seconds that these processes have used so far."""
    fields = (Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in processes)
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def peak(process: int) -> float:
    """The most memory since it was last asked to forget, in MiB."""
    line = next(line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def whom(path: Path) -> dict[str, Any]:
    """How many members there are, and a digest of their keys."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    keys = table.column(0).cast(pa.binary(16)).combine_chunks()
    ordered: Any = keys.take(pa.compute.sort_indices(keys))
    return {"members": len(keys), "digest": hashlib.sha256(b"".join(ordered.to_pylist())).hexdigest()}


# --- the systems


def ours(home: Path, stack: ExitStack) -> tuple[Answer, Sequence[int]]:
    """The engine of the product, in the bounds that it has unless it is told others."""
    from tradewind import app
    from tradewind.cohorts.document import read_value
    from tradewind.cohorts.parse import parse_cohort

    parts = stack.enter_context(app.opened(home))
    project = parts.catalog.project(PROJECT)

    def answer(name: str, out: Path) -> None:
        cohort = parse_cohort(read_value({"id": name, "name": name, "kind": "behavioural", "who": COHORTS[name]}), PROJECT)
        parts.engine.evaluate(project, cohort, AS_OF, (), {}, out, named=False)

    return answer, [os.getpid()]


def polars(home: Path, _stack: ExitStack) -> tuple[Answer, Sequence[int]]:
    """What one would write by hand, lazily: the columns that are needed, filters first, and the streaming engine."""
    import polars as pl

    now = AS_OF.replace(tzinfo=None)
    kind, when, user = (pl.col(name) for name in ("event_type", "time", "user_id"))
    price, category = pl.col("event.price"), pl.col("event.category")
    number = price.cast(pl.Float64)

    def did(event: str, days: int | None = None) -> Any:
        done = (kind == event) & (when < now)
        return done if days is None else done & (when >= datetime(2026, 7, 1) - timedelta(days=days))  # noqa: DTZ001 - as the files have it

    def owned(events: Any, wanted: Any) -> Any:
        """The wanted events with who did them; a device is its user's, of whom there is one at most."""
        done = events.filter(wanted)
        alone = done.filter(user.is_null()).select("device_key").unique()
        signed_in = events.filter(user.is_not_null()).join(alone, on="device_key", how="semi")
        owners = signed_in.group_by("device_key").agg(owner=pl.col("who").first())
        lent = done.filter(user.is_null()).join(owners, on="device_key", how="left")
        return pl.concat([done.filter(user.is_not_null()), lent.with_columns(who=pl.coalesce("owner", "who")).drop("owner")])

    def who(events: Any, *deeds: Any) -> Any:
        """How often each person did each of the deeds, as c0, c1, ..."""
        done = [deed.sum().alias(f"c{place}") for place, deed in enumerate(deeds)]
        return owned(events, pl.any_horizontal(*deeds)).group_by("who").agg(done)

    def followed(events: Any, first: Any, then: Any) -> Any:
        """Who did the one and then the other, at most a week later."""
        done = owned(events, first | then)
        one, other = done.filter(first).select("who", "time").sort("time"), done.filter(then).select("who", "time").sort("time")
        how = {"on": "time", "by": "who", "strategy": "backward", "allow_exact_matches": False, "tolerance": "7d", "coalesce": False}
        return other.join_asof(one, **how).filter(pl.col("time_right").is_not_null()).unique("who")

    def spent(events: Any, deed: Any) -> Any:
        return owned(events, deed).group_by("who").agg(spent=number.sum())

    count = [pl.col(f"c{place}") for place in range(5)]
    written: Mapping[str, Callable[[Any], Any]] = {
        "count": lambda events: who(events, did("purchase", 30)).filter(count[0] >= 3),
        "funnel": lambda events: followed(events, did("view") & (category == "shoes"), did("purchase")),
        "sum": lambda events: spent(events, did("purchase", 60)).filter(pl.col("spent") >= 499.995),
        "did-not": lambda events: who(events, did("cart", 30), did("purchase", 30)).filter((count[0] > 0) & (count[1] == 0)),
        "nested": lambda events: who(
            events,
            did("view", 60) & (category == "shoes"),
            did("cart") & (number >= 90),
            did("app open", 7),
            did("unsubscribe"),
            did("purchase") & (number < 2),
        ).filter(((count[0] >= 3) | ((count[1] > 0) & (count[2] == 0))) & (count[3] == 0) & (count[4] == 0)),
    }
    files = sorted((home / "events" / PROJECT).rglob("*.parquet"))

    def answer(name: str, out: Path) -> None:
        written[name](pl.scan_parquet(files)).select("who").sink_parquet(out, compression="uncompressed")

    return answer, [os.getpid()]


OWNED = """
    WITH done AS (SELECT * FROM events WHERE {wanted}),
    owner AS (
        SELECT device_key, min(who) AS owner FROM events LEFT SEMI JOIN (SELECT device_key FROM done WHERE user_id IS NULL)
        USING (device_key) WHERE user_id IS NOT NULL GROUP BY device_key
    ),
    owned AS (
        SELECT if(user_id IS NULL, coalesce(owner, who), who) AS who, event_type, time, category, price
        FROM done LEFT JOIN owner USING (device_key)
    )"""
"""The wanted events with who did them, as Spark is asked; a device is its user's, of whom there is one at most."""


def spark(home: Path, stack: ExitStack) -> tuple[Answer, Sequence[int]]:
    """The same by hand in Spark's SQL, on this machine, with as much memory as the others may take."""
    from tradewind.engines.spark import local

    begun: Any = local(2, {"spark.driver.memory": "3g", "spark.sql.shuffle.partitions": "8", "spark.ui.showConsoleProgress": "false"})
    stack.callback(begun.stop)
    texts = "user_id string, event_type string, `event.category` string, `event.price` string"
    keys = "time timestamp_ntz, who binary, device_key binary"
    named = {"event.category": "category", "event.price": "price"}
    events = begun.read.schema(f"{texts}, {keys}").parquet(str(home / "events" / PROJECT))
    events.withColumnsRenamed(named).createOrReplaceTempView("events")

    def did(event: str, days: int | None = None) -> str:
        since = "" if days is None else f" AND time >= timestamp_ntz '{datetime(2026, 7, 1) - timedelta(days=days)}'"  # noqa: DTZ001
        return f"event_type = '{event}' AND time < timestamp_ntz '{AS_OF.replace(tzinfo=None)}'{since}"

    def who(having: str, *deeds: str) -> str:
        done = having.format(*(f"count_if({deed})" for deed in deeds))
        return f"{OWNED.format(wanted=' OR '.join(deeds))} SELECT who FROM owned GROUP BY who HAVING {done}"

    view, purchase = f"{did('view')} AND category = 'shoes'", did("purchase")
    week = "RANGE BETWEEN 604800000000 PRECEDING AND 1 PRECEDING"
    latest = f"max(if({view}, time, NULL)) OVER (PARTITION BY who ORDER BY unix_micros(CAST(time AS timestamp)) {week})"
    written = {
        "count": who("{0} >= 3", did("purchase", 30)),
        "funnel": f"{OWNED.format(wanted=f'{view} OR {purchase}')} SELECT DISTINCT who FROM (SELECT *, {latest} AS viewed FROM owned)"
        f" WHERE {purchase} AND viewed IS NOT NULL",
        "sum": f"{OWNED.format(wanted=did('purchase', 60))} SELECT who FROM owned GROUP BY who"
        " HAVING sum(CAST(price AS double)) >= 499.995",
        "did-not": who("{0} > 0 AND {1} = 0", did("cart", 30), did("purchase", 30)),
        "nested": who(
            "({0} >= 3 OR {1} > 0 AND {2} = 0) AND {3} = 0 AND {4} = 0",
            f"{did('view', 60)} AND category = 'shoes'",
            f"{did('cart')} AND CAST(price AS double) >= 90",
            did("app open", 7),
            did("unsubscribe"),
            f"{purchase} AND CAST(price AS double) < 2",
        ),
    }

    def answer(name: str, out: Path) -> None:
        begun.sql(written[name]).write.option("compression", "none").parquet(str(out))

    return answer, [os.getpid(), begun.sparkContext._gateway.proc.pid]


SYSTEMS: dict[str, Callable[[Path, ExitStack], tuple[Answer, Sequence[int]]]] = {"ours": ours, "polars": polars, "spark": spark}
ONCE = {"spark"}
"""Systems that answer in the first round alone: they take minutes."""


# --- what is made ready


def prepare(home: Path, events: int) -> None:
    """A home whose event store holds the events."""
    from tradewind import app
    from tradewind.compute import Bounds, connect
    from tradewind.database import Database
    from tradewind.events import shape, sql
    from tradewind.events.manifest import Columns, ImportRow

    app.make_home(home, "UTC")
    with connect(Bounds("2GiB", 2, home / "making"), {"preserve_insertion_order": "true"}) as duck:
        (check,) = duck.execute(shape.KEY_CHECK).fetchall()[0]
        columns = Columns(("category", "price"), (), True, str(check), links=True)
        duck.execute(f"CREATE TABLE people AS {people(max(1, events // EACH))}")
        files = [written(duck, select, home, number, columns) for number, select in enumerate(selects(events))]
    database = Database.at(home)
    done = ImportRow("made", AS_OF, AS_OF, events, events, 0, 0, 0, columns.event, ())
    sql.insert_import(database, PROJECT, done, files, [])
    database.close()


def people(number: int) -> str:
    """Who acts: everybody with a user and a device, and once more those with a device alone that act without a user, now or always."""
    from tradewind.events.shape import person_keys

    return f"""
        SELECT *, {", ".join(person_keys())} FROM (
            SELECT range AS number, alone, CASE WHEN NOT alone THEN 'u' || (1_000_000_000 + range) END AS user_id,
                   'd-' || md5('device' || range)[:24] AS device_id
            FROM range({number}), (VALUES (TRUE), (FALSE)) known(alone) WHERE range % 10 > 7 OR NOT alone)"""


def selects(events: int) -> Iterator[str]:
    """A SELECT of the columns of each file, in order of time; some people do much more than others."""
    count = max(1, events // EACH)
    begin, step = f"TIMESTAMP '{AS_OF.replace(tzinfo=None) - timedelta(days=DAYS)}'", DAYS * 86_400_000_000 / events
    for first in range(0, events, FILE):
        yield f"""
            SELECT user_id, device_id, event_type, time, place::VARCHAR AS insert_id, TRUE AS whole,
                   CASE WHEN price IS NULL THEN '{{}}' ELSE '{{"category":"' || category || '","price":' || price || '}}' END
                       AS event_properties,
                   '{{}}' AS user_properties, hash(place, 3) AS key_high, hash(place, 4) AS key_low, who, device_key,
                   category AS "event.category", price AS "event.price"
            FROM (
                SELECT *, CASE WHEN event_type IN ('view', 'cart', 'purchase')
                               THEN (luck // 211 % 10_000 // 100) || '.' || lpad((luck // 223 % 100)::VARCHAR, 2, '0') END AS price,
                       CASE WHEN price IS NOT NULL THEN ['shoes', 'hats', 'coats', 'bags', 'socks'][1 + luck // 229 % 5] END AS category
                FROM (
                    SELECT range AS place, (hash(range, 1) % 1_000_000_007)::BIGINT AS luck,
                           {begin} + to_microseconds(CAST(range * {step} AS BIGINT)) AS time,
                           CASE WHEN luck % 1000 < 420 THEN 'app open' WHEN luck % 1000 < 800 THEN 'view' WHEN luck % 1000 < 930 THEN 'cart'
                                WHEN luck % 1000 < 998 THEN 'purchase' ELSE 'unsubscribe' END AS event_type,
                           CAST({count} * pow(hash(range, 2) % 1_000_000 / 1e6, 1.5) AS BIGINT) AS number,
                           number % 10 = 9 OR number % 10 = 8 AND luck % 3 = 0 AS alone
                    FROM range({first}, {min(first + FILE, events)})))
            JOIN people USING (number, alone)
            ORDER BY user_id IS NULL, who, time"""


def written(duck: Any, select: str, home: Path, number: int, columns: Any) -> FileRow:
    """One file, and its row."""
    from tradewind.compute import literal
    from tradewind.events.links import write_links
    from tradewind.events.manifest import FileRow
    from tradewind.events.pieces import HOW

    path = home / "events" / PROJECT / f"made-{number:03}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    duck.execute(f"COPY ({select}) TO {literal(path)} (FORMAT parquet, {HOW})")
    write_links(duck, path)
    rows, first, last = duck.execute(f"SELECT count(*), min(time), max(time) FROM read_parquet({literal(path)})").fetchall()[0]
    return FileRow(str(path.relative_to(home)), f"{first:%Y-%m}", rows, path.stat().st_size, first, last, columns)


# --- what is told


def tell(taken: dict[str, list[dict[str, Cost]]], *, as_json: bool) -> None:
    """Print what each cohort cost on each system, the median of its rounds, and how our engine stands to the others."""
    measured = {
        system: {cohort: {name: median(each[cohort][name] for each in rounds) for name in rounds[0][cohort]} for cohort in COHORTS}
        for system, rounds in taken.items()
    }
    ratios: dict[str, float] = {}
    for system in measured.keys() - {"ours"}:
        for name in ("seconds", "cpu_s"):
            ratios[f"{name}_vs_{system}_median"] = _ratio(measured["ours"], measured[system], name)
            of_rounds = [_ratio(*both, name) for both in zip(taken["ours"], taken[system], strict=False)]
            ratios |= {f"{name}_vs_{system}_least": min(of_rounds), f"{name}_vs_{system}_most": max(of_rounds)}
    ratios["peak_rss_mib"] = round(max(each["peak_rss_mib"] for each in measured["ours"].values()), 1)
    if as_json:
        print(json.dumps({"measured": measured, "ratios": ratios}))
        return
    table = Table("cohort", "members", "system", "seconds", "CPU s", "peak MiB")
    for cohort in COHORTS:
        for system, costs in measured.items():
            found, figures = costs[cohort], "{seconds:.2f} {cpu_s:.2f} {peak_rss_mib:,.0f}".format(**costs[cohort]).split()
            table.add_row(cohort, f"{found['members']:,.0f}", system, *figures)
    console = Console()
    console.print(table)
    for name, value in sorted(ratios.items()):
        console.print(f"{name}: {value:g}")


def _ratio(one: dict[str, Cost], other: dict[str, Cost], name: str) -> float:
    """How much more the one took than the other, the median over the cohorts."""
    return round(median(one[cohort][name] / other[cohort][name] for cohort in COHORTS), 3)


if __name__ == "__main__":
    main()
