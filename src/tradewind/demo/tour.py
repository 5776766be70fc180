"""The demo: the very commands a user types, run one after another against the sandbox, and judged by the answer key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tradewind.sandbox.beside import PATIENCE, running
from tradewind.sandbox.unusable import Unusable

SHOP = Path(__file__).with_name("shop.py")
ADVERTISER, SECRET = "ready1", "sandbox-secret-ready1"


class TourFailed(Exception):
    """A command did not do what it should; the message says which and what it printed."""


@dataclass
class Tour:
    """A folder, the environment commands run in, and what was seen."""

    folder: Path
    quiet: bool
    environment: dict[str, str] = field(default_factory=dict)

    def say(self, text: str = "") -> None:
        """A line for whoever watches; on standard error, so that JSON stays alone on the other."""
        print(text, file=sys.stderr if self.quiet else sys.stdout, flush=True)

    def tradewind(self, *words: str) -> dict[str, Any]:
        """Run one command of the product in a process of its own and give back its JSON."""
        self.say(f"$ tradewind {' '.join(words)}")
        command = [sys.executable, "-m", "tradewind", *words, "--json"]
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TourFailed(f"`tradewind {' '.join(words)}` ended with {done.returncode}: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ask(self, path: str) -> str:
        """Ask the sandbox what it holds."""
        with urllib.request.urlopen(self.environment["TRADEWIND_SANDBOX_URL"] + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())


def tour(people: int, seed: int, keep: Path | None, *, as_json: bool) -> int:
    """Run the whole demo; 0 when the sandbox holds exactly what the answer key says, 1 when not."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tradewind-demo-") as scratch:
        folder = (keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        going = Tour(folder, quiet=as_json)
        try:
            with _sandbox(going):
                result = _walk(going, people, seed)
        except TourFailed as failure:
            going.say(f"The demo failed: {failure}")
            return 1
    result["seconds"] = round(time.monotonic() - started, 1)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        _picture(result)
    return 0 if result["equal"] else 1


@contextmanager
def _sandbox(going: Tour) -> Iterator[None]:
    """The Trade Desk, emulated, in a process of its own that ends with the block."""
    try:
        with running(going.folder) as there:
            going.environment = _environment(going.folder, there.url)
            going.say(f"# The Trade Desk, emulated, listens at {there.url}")
            yield
    except Unusable as error:
        raise TourFailed(str(error)) from None


def _environment(folder: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    return kept | {
        "TRADEWIND_HOME": str(folder / "home"),
        "TRADEWIND_SANDBOX_URL": url,
        "TRADEWIND_LOOPBACK_ONLY": "true",
        "SHOP_SECRET": SECRET,
    }


def _walk(going: Tour, people: int, seed: int) -> dict[str, Any]:
    """From events to segments, twice: the second time some days later."""
    shop = going.folder / "shop"
    words = [sys.executable, str(SHOP), str(shop), "--people", str(people), "--seed", str(seed)]
    going.say(f"# {people:,} people of a shop do things for 90 days (seed {seed})")
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    if made.returncode:
        raise TourFailed(f"the shop could not be made: {made.stderr.strip()}")
    key = json.loads((shop / "answer-key.json").read_text())
    (shop / "connection.yaml").write_text(_connection(key))
    going.tradewind("init", "--zone", key["zone"])
    imported = going.tradewind("events", "import", str(shop / "events"))
    going.tradewind("apply", str(shop / "cohorts.yaml"), str(shop / "connection.yaml"))
    going.tradewind("connections", "test", "shop")
    runs = [_sync(going, shop, cohort, as_of, key) for as_of in key["as_of"] for cohort in key["cohorts"]]
    return {
        "equal": all(run["equal"] for run in runs) and _same_import(imported, key),
        "imported": imported,
        "answer_key_events": key["events"],
        "runs": runs,
    }


def _connection(key: dict[str, Any]) -> str:
    """The account at the sandbox and a sync for each cohort, as a user writes them."""
    syncs = "\n".join(f"  - {{id: {cohort}, cohort: {cohort}, connection: shop, cadence: daily}}" for cohort in key["cohorts"])
    return f"""connections:
  - id: shop
    name: The shop's account
    destination: thetradedesk
    advertiser: {ADVERTISER}
    region: sandbox
    auth: signature
    secret: {{env: SHOP_SECRET}}
    identity:
      - {{from: user.advertising_id, to: DAID}}
      - {{from: user.uid2, to: UID2}}
      - {{from: user.tdid, to: TDID}}
syncs:
{syncs}
"""


def _sync(going: Tour, shop: Path, cohort: str, as_of: str, key: dict[str, Any]) -> dict[str, Any]:
    report = going.tradewind("syncs", "run", cohort, "--as-of", as_of)
    segment = report["binding"]["target"]["segment"]
    lines = going.ask(f"/_sandbox/segments/{ADVERTISER}/members?name={quote(segment)}").splitlines()
    held = {f"{member['id_type']} {member['id']}" for member in map(json.loads, lines)}
    expected = set((shop / "answer-key" / f"{cohort}-{as_of}.txt").read_text().split("\n")) - {""}
    answer = key["cohorts"][cohort][as_of]
    equal = held == expected and report["snapshot"]["members"] == answer["members"] and _same_refusals(report, answer)
    return {"cohort": cohort, "as_of": as_of, "report": report, "sandbox_holds": len(held), "answer_key": len(expected), "equal": equal}


def _same_refusals(report: dict[str, Any], answer: dict[str, Any]) -> bool:
    """The product refused for the reasons that the shop spoilt identifiers with, count for count."""
    mine = {f"{kind} {reason}": count for kind, reasons in report["resolution"]["refused"].items() for reason, count in reasons.items()}
    return mine == {name: count for name, count in answer["refused"].items() if count}


def _same_import(imported: dict[str, Any], key: dict[str, Any]) -> bool:
    return (imported["events_new"], imported["duplicates"], sum(imported["rejects"].values())) == (
        key["events"]["distinct"],
        key["events"]["duplicates"],
        key["events"]["bad_lines"],
    )


def _picture(result: dict[str, Any]) -> None:
    """The way from events to the platform, and the verdict."""
    from tradewind.cli import show

    key, imported = result["answer_key_events"], result["imported"]
    mine = (imported["events_read"], imported["events_new"], imported["duplicates"], sum(imported["rejects"].values()))
    theirs = (key["lines"], key["distinct"], key["duplicates"], key["bad_lines"])
    show.line()
    show.table("Events", ("", "lines read", "events", "duplicates", "bad lines"), [("imported", *mine), ("answer key", *theirs)])
    show.line()
    runs = result["runs"]
    for as_of in dict.fromkeys(run["as_of"] for run in runs):
        then = [run for run in runs if run["as_of"] == as_of]
        rows = [(name, *(count(run) for run in then)) for name, count in STEPS]
        verdicts = ("", *("equal" if run["equal"] else "DIFFERENT" for run in then))
        show.table(f"From people to the platform, as of {as_of}", ("", *(run["cohort"] for run in then)), [*rows, verdicts])
        show.line()
    same = (
        "The sandbox holds exactly what the answer key says." if result["equal"] else "What the sandbox holds DIFFERS from the answer key."
    )
    show.line(f"{same} {result['seconds']:.0f} s. Nothing is left running; no other machine was contacted.")


def _resolution(name: str) -> Callable[[dict[str, Any]], int]:
    return lambda run: int(run["report"]["resolution"][name])


def _account(name: str) -> Callable[[dict[str, Any]], int]:
    return lambda run: int(run["report"]["account"][name])


def _delta(operation: str) -> Callable[[dict[str, Any]], int]:
    return lambda run: sum(part["rows"] for part in run["report"]["plan"]["delta"]["parts"] if part["operation"] == operation)


def _refused(reasons: Collection[str]) -> Callable[[dict[str, Any]], int]:
    def count(run: dict[str, Any]) -> int:
        found = run["report"]["resolution"]["refused"].values()
        return sum(rows for kind in found for reason, rows in kind.items() if reason in reasons)

    return count


STEPS: tuple[tuple[str, Callable[[dict[str, Any]], int]], ...] = (
    ("people in the cohort", _resolution("members")),
    ("  with a usable identifier", _resolution("members_usable")),
    ("values asked for", _resolution("values")),
    ("  missing", _refused(["missing"])),
    ("  all zeros", _refused(["zeroed"])),
    ("  hashed", _refused(["hashed"])),
    ("  token, not raw", _refused(["token"])),
    ("  malformed", _refused(["bad_format", "placeholder", "raw_pii"])),
    ("  named twice", _resolution("duplicates")),
    ("identifiers wanted", lambda run: sum(run["report"]["resolution"]["identifiers"].values())),
    ("  to add", _delta("add")),
    ("  to remove", _delta("remove")),
    ("  to refresh", _delta("refresh")),
    ("accepted", _account("accepted")),
    ("rejected", _account("rejected")),
    ("unknown", _account("unknown")),
    ("not sent", _account("not_sent")),
    ("the sandbox holds", lambda run: int(run["sandbox_holds"])),
    ("the answer key says", lambda run: int(run["answer_key"])),
)
"""The rows of the picture; every value asked for is refused for a reason, named twice, or an identifier."""
