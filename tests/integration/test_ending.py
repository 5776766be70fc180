"""Giving segments up by the commands a user types: asked first, carried out with the old account's secret, told afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from product import Product
from sandbox_process import SandboxProcess, wait_until

SEGMENT = "[Tradewind] Devices: devices"
COHORT = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n"
CONNECTION = (
    "connections: [{id: main, name: Main, destination: thetradedesk, advertiser: %s, region: sandbox, auth: signature, "
    "secret: {env: %s}, identity: [{from: column.idfa, to: DAID}]}]\n"
)
SYNC = "syncs: [{id: devices, cohort: devices, connection: main, cadence: daily}]\n"
FIRST = COHORT + CONNECTION % ("ready1", "FIRST_SECRET") + SYNC


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with twenty devices in a segment of the first of two accounts."""
    secrets = {"FIRST_SECRET": "sandbox-secret-ready1", "SECOND_SECRET": "sandbox-secret-ready2"}
    product = Product(tmp_path, sandbox.url, **secrets)
    product.ok("init")
    product.write("devices.csv", "\n".join(["idfa", *(f"a0000000-0000-4000-8000-{number:012}" for number in range(20)), ""]))
    apply(product, FIRST)
    product.ok("syncs", "run", "devices")
    return product


def apply(product: Product, text: str, *words: str) -> None:
    product.write("all.yaml", text)
    product.ok("apply", "all.yaml", *words)


def newest(product: Product) -> dict[str, Any]:
    """The run that was opened last."""
    found: dict[str, Any] = product.ok("runs", "list")["runs"][0]
    return found


def held(sandbox: SandboxProcess) -> tuple[int, int]:
    """How many each account has."""
    return len(sandbox.members("ready1", SEGMENT)), len(sandbox.members("ready2", SEGMENT))


def test_another_account_is_asked_for_then_the_old_one_is_emptied_with_its_own_secret(product: Product, sandbox: SandboxProcess) -> None:
    """The platform itself judges the signatures: the removals carry the first secret, the adds the second."""
    product.write("all.yaml", COHORT + CONNECTION % ("ready2", "SECOND_SECRET") + SYNC)
    planned = product.ok("apply", "all.yaml", "--plan")
    assert [(stake["sync"], stake["count"]) for stake in planned["given_up"]] == [("devices", 20)]
    refused = product.text("apply", "all.yaml")
    assert refused.code == 10
    assert f"segment '{SEGMENT}' of advertiser ready1 holds 20 identifiers, the last of them until" in refused.error
    assert product.ok("connections", "list")["connections"][0]["advertiser"] == "ready1"
    said = product.text("apply", "all.yaml", "--empty")
    assert (said.code, "they are taken out by the worker" in " ".join(said.output.split())) == (0, True)
    assert product.ok("syncs", "run", "devices")["run"]["outcome"] == "clean"
    assert held(sandbox) == (0, 20)
    assert [run["kind"] for run in product.ok("runs", "list")["runs"]] == ["sync", "drain", "sync"]
    assert product.call("ledger", "verify").code == 0


@pytest.mark.timeout(600)
def test_a_kill_in_the_middle_of_it_makes_nobody_forget_it(product: Product, sandbox: SandboxProcess) -> None:
    """`kill -9` among the removals, when the connection is another account already: the next worker goes on with the same run."""
    apply(product, COHORT + CONNECTION % ("ready2", "SECOND_SECRET") + SYNC, "--empty")
    sandbox.faults({"kind": "late", "seconds": 20, "times": 1})
    process = product.start("worker", "--once")
    try:
        wait_until(lambda: newest(product)["kind"] == "drain" and newest(product)["state"] == "delivering", "the removals are under way")
    finally:
        process.kill()
        process.wait(10)
    cut = newest(product)["id"]
    product.ok("worker", "--once")
    assert (newest(product)["id"], newest(product)["outcome"], held(sandbox)) == (cut, "clean", (0, 0))
    assert product.call("ledger", "verify").code == 0


def test_an_account_that_refuses_is_left_with_a_date(product: Product, sandbox: SandboxProcess) -> None:
    """`syncs list` says where people still are, until when and why."""
    apply(product, COHORT + CONNECTION % ("ready2", "SECOND_SECRET") + SYNC, "--empty")
    sandbox.faults({"kind": "error", "status": 403, "times": 1})
    product.ok("syncs", "run", "devices")
    assert held(sandbox) == (20, 20)
    (left,) = product.ok("syncs", "list")["leaving"]
    assert (left["count"], left["how"], left["target"]["advertiser"]) == (20, "let_expire", "ready1")
    assert "refuses this account" in left["reason"]
    assert "20 identifiers leave by" in " ".join(product.text("syncs", "list").output.split())


@pytest.mark.parametrize("noun", [("syncs", "devices"), ("connections", "main"), ("cohorts", "devices")])
def test_what_is_removed_empties_its_segment_when_asked_to(product: Product, sandbox: SandboxProcess, noun: tuple[str, str]) -> None:
    """Without a word about the people nothing happens; afterwards the record is whole and can be read."""
    asked = product.text(noun[0], "remove", noun[1])
    assert (asked.code, "say --empty to take them out, or --let-expire" in asked.error) == (10, True)
    assert product.text(noun[0], "remove", noun[1], "--empty", "--let-expire").code == 10
    ended = product.ok(noun[0], "remove", noun[1], "--empty")
    assert ([run["outcome"] for run in ended["runs"]], held(sandbox)) == (["clean"], (0, 0))
    assert product.ok("syncs", "list") == {"syncs": [], "leaving": []}
    newest = product.ok("runs", "list")["runs"][0]["id"]
    assert "to remove" in product.text("runs", "show", newest).output
    assert product.call("ledger", "verify").code == 0
    traced = product.ok("trace", "a0000000-0000-4000-8000-000000000001")
    assert ([entry["operation"] for entry in traced["history"]], traced["beliefs"]) == (["remove", "add"], [])


def test_a_pruned_sync_may_leave_its_people_until_they_expire(product: Product, sandbox: SandboxProcess) -> None:
    """The definitions no longer have it; the list still says where they are."""
    apply(product, COHORT, "--prune", "--let-expire")
    assert product.ok("worker", "--once")["done"] == []
    assert held(sandbox) == (20, 0)
    (left,) = product.ok("syncs", "list")["leaving"]
    assert (left["count"], left["how"], left["sync"]) == (20, "let_expire", "devices")
    apply(product, FIRST)
    assert product.ok("syncs", "list")["leaving"] == []


def test_a_paused_sync_says_until_when_its_people_stay(product: Product, sandbox: SandboxProcess) -> None:
    """And runs no more before it is resumed."""
    said = product.text("syncs", "pause", "devices", "--let-expire")
    assert (said.code, "20 identifiers stay" in said.output, "leaves by" in said.output) == (0, True, True)
    assert product.text("syncs", "run", "devices").code == 11
    listed = product.ok("syncs", "list")
    assert (listed["syncs"][0]["state"], [(left["count"], left["reason"]) for left in listed["leaving"]]) == (
        "paused",
        [(20, "the sync was paused")],
    )
    product.ok("syncs", "resume", "devices")
    assert product.ok("syncs", "run", "devices")["run"]["outcome"] == "clean"
    assert held(sandbox) == (20, 0)
