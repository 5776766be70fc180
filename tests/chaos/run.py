"""`./dev chaos`: many kills, with progress, and the figures that the promise is measured by."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos import hosts as several
from chaos.designs import DESIGNS
from chaos.rig import SLOTS, running_rig
from postgres_process import postgres
from sandbox_process import SandboxProcess, running_sandbox


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="./dev chaos", description="Kills the product beside a sandbox that misbehaves, and compares.")
    parser.add_argument("--kills", type=int, default=500, help="how many (500)")
    parser.add_argument("--seed", type=int, help="what is drawn by chance; a new one each time, and printed")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite", help="where the product keeps its books (sqlite)")
    parser.add_argument("--design", choices=sorted(DESIGNS), default="ours", help="a design known to be bad, to see it fail")
    parser.add_argument(
        "--hosts", type=int, nargs="?", const=200, metavar="SYNCS",
        help="instead, three workers on a PostgreSQL with so many syncs due (200): one killed, one stopped until its claim is over",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    return hosts(options) if options.hosts else kills(options)


def hosts(options: argparse.Namespace) -> int:
    """Three workers at many syncs."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # the disk is not what is tried here
    with tempfile.TemporaryDirectory(prefix="tradewind-hosts-", dir=memory) as name, postgres() as server:
        folder = Path(name)
        with running_sandbox(folder) as url:
            found = several.run(folder, SandboxProcess(url), server, options.hosts, stop=True, apart=several.can_be_apart())
    _print({**asdict(found), "clean": found.clean}, as_json=options.json)
    return 0 if found.clean else 1


def kills(options: argparse.Namespace) -> int:
    """One product, killed many times."""
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="tradewind-chaos-") as folder,
        database(options.database) as url,
        running_rig(Path(folder) / "rig", seed, url, refresh="before_expiry", recency="last_event", items=6, design=options.design) as rig,
    ):
        rig.set_up()
        for left in rig.kill_at_random(options.kills):
            _tell(options.kills - left, options.kills, time.monotonic() - began)
        verdict = rig.end()
    found = {
        **asdict(verdict),
        "clean": verdict.clean,
        "slots": SLOTS,
        "design": options.design,
        "database": options.database,
        "seed": seed,
    }
    found["seconds"] = round(time.monotonic() - began, 1)
    print(file=sys.stderr)
    _print(found, as_json=options.json)
    return 0 if verdict.clean else 1


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name.replace('_', ' '):22} {value}" for name, value in found.items()))


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of a PostgreSQL of its own, or nothing, which is a file of the home."""
    if kind == "sqlite":
        yield ""
        return
    with postgres() as server:
        yield server.admin


def _tell(done: int, kills: int, seconds: float) -> None:
    rate = done / seconds
    left = f", {(kills - done) / rate:.0f} s left" if rate else ""
    print(f"\r{done} of {kills} kills, {rate:.2f} a second{left}    ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
