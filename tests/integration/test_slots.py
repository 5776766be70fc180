"""Two processes that send to one account share its four slots, and wait together when one of them is told to wait."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from product import Product
from sandbox_process import SandboxProcess

LISTS = {
    name: [str(UUID(int=(seed << 96) + (0xA << 60) + number)) for number in range(1, 60_001)] for name, seed in (("left", 7), ("right", 8))
}
LATE = 0.25


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """Two lists, each with a sync of its own to the same account; six requests each."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET="sandbox-secret-ready1")
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    text = ""
    for name, ids in LISTS.items():
        product.write(f"{name}.csv", "\n".join(["idfa", *ids]))
        text += f"  - {{id: {name}, name: {name}, kind: static, file: {name}.csv, identifiers: {{idfa: DAID}}}}\n"
    syncs = "".join(f"  - {{id: {name}, cohort: {name}, connection: main, cadence: daily}}\n" for name in LISTS)
    product.write("both.yaml", f"cohorts:\n{text}syncs:\n{syncs}")
    product.ok("apply", "both.yaml")
    return product


def both(product: Product) -> None:
    """Run the two syncs at the same time, each in a process of its own."""
    processes = [product.start("syncs", "run", name) for name in LISTS]
    assert [process.wait(90) for process in processes] == [0, 0]


def test_never_more_than_four_at_once(product: Product, sandbox: SandboxProcess) -> None:
    sandbox.faults({"kind": "late", "seconds": LATE, "times": 12})
    both(product)
    assert 2 <= sandbox.get("/_sandbox/counts")["most_at_once"]["ready1"] <= 4
    for name, ids in LISTS.items():
        assert sandbox.members("ready1", f"[Tradewind] {name}: {name}") == {("DAID", each) for each in ids}


def test_who_is_told_to_wait_makes_the_other_wait(product: Product, sandbox: SandboxProcess) -> None:
    """For three seconds after the 429 no request begins, from whichever process; those that were under way are answered."""
    sandbox.faults(*[{"kind": "late", "seconds": LATE}] * 4, {"kind": "throttle", "retry_after": 3})
    both(product)
    requests = sandbox.requests()
    throttled = next(request for request in requests if request["status"] == 429)
    since = [seconds(request["time"]) - seconds(throttled["time"]) for request in requests]
    assert not [each for each in since if 2 * LATE < each < 2.9]
    assert sum(each >= 2.9 for each in since) >= 5
    for name, ids in LISTS.items():
        assert sandbox.members("ready1", f"[Tradewind] {name}: {name}") == {("DAID", each) for each in ids}


def seconds(moment: str) -> float:
    """Since some instant."""
    return datetime.fromisoformat(moment).timestamp()
