"""People who say no, by the commands a privacy officer types, against a sandbox in its own process."""

from __future__ import annotations

import json
import os
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from product import Product
from sandbox_process import SandboxProcess, wait_until

SEGMENTS = {
    "a": ("ready1", "[Tradewind] Devices: devices"),
    "b": ("ready1", "Everybody"),
    "c": ("ready2", "[Tradewind] Devices: devices"),
}
"""Sync -> the advertiser and the segment it fills: three segments of two advertisers."""


def guids(count: int) -> list[str]:
    """Device ids that are always the same."""
    return [str(uuid.UUID(int=(5 << 96) + (0xC << 60) + number)) for number in range(1, count + 1)]


def imported(product: Product, ids: list[str]) -> None:
    """The list anew, as it comes every day."""
    product.write("devices.csv", "\n".join(["idfa", *ids, ""]))
    text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n"
    product.write("devices.yaml", text)
    product.ok("apply", "devices.yaml")


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """Thirty devices, in three segments of two advertisers."""
    product = Product(tmp_path, sandbox.url, ONE="sandbox-secret-ready1", TWO="sandbox-secret-ready2")
    product.ok("init")
    for name, advertiser, secret in (("main", "ready1", "ONE"), ("other", "ready2", "TWO")):
        words = ("--advertiser", advertiser, "--region", "sandbox", "--secret-env", secret, "--map", "column.idfa=DAID")
        product.ok("connections", "add", name, *words)
    imported(product, guids(30))
    product.ok("syncs", "add", "devices", "main", "--id", "a", "--cadence", "daily")
    product.ok("syncs", "add", "devices", "main", "--id", "b", "--cadence", "daily", "--segment", "Everybody")
    product.ok("syncs", "add", "devices", "other", "--id", "c", "--cadence", "daily")
    for sync in SEGMENTS:
        product.ok("syncs", "run", sync)
    return product


def where(sandbox: SandboxProcess, identifier: str) -> set[str]:
    """The syncs in whose segments the platform has it."""
    return {sync for sync, place in SEGMENTS.items() if ("DAID", identifier) in sandbox.members(*place)}


def told(sandbox: SandboxProcess) -> list[tuple[str, str, str, str]]:
    """(advertiser, what was asked, id type, identifier), as the platform heard it."""
    heard: list[dict[str, Any]] = sandbox.get("/_sandbox/deletions")
    return sorted((each["advertiser"], each["request_type"], each["id_type"], each["id"]) for each in heard)


def test_an_opt_out_reaches_every_segment_and_every_advertiser_and_lasts(product: Product, sandbox: SandboxProcess) -> None:
    """With the proof of each; the next import names the device again, and no run sends it."""
    ids = guids(30)
    report = product.ok("privacy", "opt-out", ids[4].upper())
    assert where(sandbox, ids[4]) == set()
    assert where(sandbox, ids[5]) == {"a", "b", "c"}
    assert told(sandbox) == sorted((advertiser, "OptOut", kind, ids[4]) for advertiser in ("ready1", "ready2") for kind in ("DAID", "TDID"))
    assert [removal["removed"] for _, removal in report["removals"]] == [1, 1, 1]
    assert [(each["settled"], each["status"]) for each in report["notices"]] == [(True, 200)] * 4
    assert all(each["fingerprint"] and each["request_id"] for each in report["notices"])
    imported(product, ids)
    for sync in SEGMENTS:
        assert product.ok("syncs", "run", sync)["resolution"]["refused"]["DAID"]["suppressed"] == 1
    assert where(sandbox, ids[4]) == set()
    assert product.ok("ledger", "verify")
    said = product.ok("trace", ids[4])["suppressed"]
    assert [each["state"] for each in said[0]["told"]] == ["told"] * 4
    assert "Suppressed since" in product.text("trace", ids[4]).output


def test_a_file_of_people_is_forgotten_and_the_platform_asked_to_delete(product: Product, sandbox: SandboxProcess) -> None:
    """Each under both types; neither the record nor what is printed holds an identifier."""
    ids = guids(30)
    file = product.write("people.txt", "\n".join(ids[:12]) + "\n")
    shown = product.text("privacy", "forget", "--file", str(file))
    assert shown.code == 0, shown.error
    assert len(told(sandbox)) == 12 * 2 * 2
    assert {asked for _, asked, _, _ in told(sandbox)} == {"Deletion"}
    assert sandbox.members(*SEGMENTS["b"]) == {("DAID", each) for each in ids[12:]}
    (request,) = product.ok("privacy", "list")["requests"]
    again = product.text("privacy", "show", request["id"]).output + product.call("privacy", "show", request["id"]).output
    assert not any(each in shown.output + again for each in ids)
    stored = (product.folder / "home" / "tradewind.db").read_bytes()
    assert not any(each.encode() in stored or uuid.UUID(each).bytes in stored for each in ids[:12])


def test_what_cannot_be_done_now_waits_and_is_done_by_the_worker(product: Product, sandbox: SandboxProcess) -> None:
    """The platform is away: the command ends with 13, the list is in force all the same, and nothing needs to be typed again."""
    device = guids(30)[4]
    sandbox.faults({"kind": "error", "status": 401, "times": 40})
    done = product.call("privacy", "opt-out", device)
    assert (done.code, done.json["request"]["progress"]) == (13, "open")
    assert where(sandbox, device) == {"a", "b", "c"}
    sandbox.send("DELETE", "/_sandbox/faults")
    for connection in ("main", "other"):
        product.ok("connections", "test", connection)
    assert product.ok("privacy", "resume")["requests"][0]["request"]["progress"] == "done"
    assert where(sandbox, device) == set()
    assert product.ok("privacy", "resume")["requests"] == []


def test_an_opt_out_that_is_killed_half_way_goes_on(product: Product, sandbox: SandboxProcess) -> None:
    """The kill comes while the platform keeps an answer to itself; what was recorded is finished, and nobody is forgotten."""
    device = guids(30)[4]
    sandbox.faults({"kind": "late", "seconds": 60.0})
    before = len(sandbox.requests())
    process = product.start("privacy", "opt-out", device)
    wait_until(lambda: len(sandbox.requests()) > before or process.poll() is not None, "the first removal is at the platform")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (request,) = product.ok("privacy", "list")["requests"]
    assert request["progress"] == "open"
    assert product.ok("privacy", "resume", request["id"])["requests"][0]["request"]["progress"] == "done"
    assert where(sandbox, device) == set()
    assert len(told(sandbox)) == 4
    assert product.ok("ledger", "verify")


def test_words_that_name_nobody_are_refused_in_a_sentence(product: Product, sandbox: SandboxProcess) -> None:
    """With the exit code of a wrong definition, and nothing written down."""
    before = sandbox.requests()
    product.write("bad.txt", "\n".join([guids(1)[0], "jane@example.com"]))
    product.write("bytes.bin", b"\xff\xfe\x00\x01")
    for words in (
        ("privacy", "opt-out"),
        ("privacy", "opt-out", "jane@example.com"),
        ("privacy", "forget", "--file", "bad.txt"),
        ("privacy", "forget", "--file", "bytes.bin"),
        ("privacy", "forget", "--file", "nowhere.txt"),
        ("privacy", "opt-out", guids(1)[0], "--file", "bad.txt"),
        ("privacy", "show", "p1"),
    ):
        called = product.call(*words)
        assert called.code == 10, words
        assert "jane" not in json.dumps(called.json)
    assert not product.ok("privacy", "list")["requests"]
    assert sandbox.requests() == before
