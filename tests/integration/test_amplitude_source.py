"""Cohorts that live in Amplitude, by the commands a user types: from its API over the wire to a segment, also when killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from product import Product
from sandbox_process import SandboxProcess

APP = "100001"
WHOLE = """\
sources:
  - {id: amp, name: Our project, kind: amplitude, region: sandbox, app: 100001, api_key: {env: AMP_KEY}, secret_key: {env: AMP_SECRET}}
cohorts:
  - {id: payers, name: Payers, kind: amplitude, source: amp, cohort: 5kx7abc}
connections:
  - {id: main, name: Main, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature, secret: {env: TTD_SECRET},
     identity: [{from: user.advertising_id, to: DAID}]}
syncs:
  - {id: payers, cohort: payers, connection: main, cadence: daily}
"""
SEGMENT = "[Tradewind] Payers: payers"


def guid(number: int) -> str:
    """The device of a person."""
    return str(uuid.UUID(int=(0xA << 120) + number))


def people(first: int, last: int) -> list[dict[str, Any]]:
    """Members of a cohort in Amplitude."""
    return [
        {"amplitude_id": 9_000_000 + n, "user_id": f"u{n}", "properties": {"advertising_id": guid(n), "note": 'a "quoted",\nnote'}}
        for n in range(first, last)
    ]


def hold(sandbox: SandboxProcess, members: list[dict[str, Any]], **more: Any) -> None:
    """What Amplitude's cohort has from now on."""
    sandbox.post("/_sandbox/amplitude/cohorts", {"id": "5kx7abc", "name": "Payers there", "members": members} | more)


def devices(first: int, last: int) -> set[tuple[str, str]]:
    """What the segment holds of them."""
    return {("DAID", guid(n)) for n in range(first, last)}


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home, and 60 people in a cohort of the emulated Amplitude."""
    urls = sandbox.get("/_sandbox/amplitude")["urls"]
    product = Product(
        tmp_path,
        sandbox.url,
        TRADEWIND_SANDBOX_AMPLITUDE_URL=urls["us"],
        TRADEWIND_SANDBOX_AMPLITUDE_EU_URL=urls["eu"],
        TTD_SECRET="sandbox-secret-ready1",
        AMP_KEY=f"sandbox-api-key-{APP}",
        AMP_SECRET=f"sandbox-secret-key-{APP}",
        EU_KEY="sandbox-api-key-200001",
        EU_SECRET="sandbox-secret-key-200001",
    )
    product.ok("init")
    hold(sandbox, people(1, 61))
    return product


def applied(product: Product) -> Product:
    """The same, with the definitions in place."""
    product.write("all.yaml", WHOLE)
    product.ok("apply", "all.yaml")
    return product


def spent(product: Product) -> int:
    """Downloads that the product counted."""
    return int(product.ok("sources", "show", "amp")["downloads"]["spent"])


def charged(sandbox: SandboxProcess) -> int:
    """Downloads that Amplitude was asked for."""
    return len(sandbox.get("/_sandbox/amplitude/downloads"))


def test_a_source_is_added_tested_listed_and_removed(product: Product) -> None:
    keys = ("--api-key-env", "AMP_KEY", "--secret-key-env", "AMP_SECRET")
    added = product.text("sources", "add", "amplitude", "amp", "--region", "sandbox", "--name", "Our project", *keys)
    assert added.code == 0
    assert "See whether they work with: tradewind sources test amp" in added.output
    assert product.text("sources", "test", "amp").output == "Ready: Amplitude in region 'sandbox' knows the keys, and lists 1 cohort.\n"
    listed = product.ok("cohorts", "list", "--source", "amp")["cohorts"]
    assert [(each["id"], each["name"], each["size"], each["archived"]) for each in listed] == [("5kx7abc", "Payers there", 60, False)]
    assert "Payers there" in product.text("cohorts", "list", "--source", "amp").output
    shown = product.text("sources", "show", "amp").output
    assert "Downloads: 0 of 500 in the last 31 days" in shown
    assert "500 of 500" in product.text("sources", "list").output
    everything = (
        added.output + shown + product.text("sources", "list").output + (product.folder / "home" / "tradewind.db").read_bytes().hex()
    )
    assert "secret-key-100001" not in everything
    assert b"secret-key-100001".hex() not in everything
    product.ok("sources", "remove", "amp")
    assert product.ok("sources", "list") == {"sources": []}


def test_a_wrong_region_is_told_from_wrong_keys(product: Product) -> None:
    product.ok("sources", "add", "amplitude", "eu", "--region", "sandbox", "--api-key-env", "EU_KEY", "--secret-key-env", "EU_SECRET")
    moved = product.text("sources", "test", "eu")
    assert moved.code == 11
    assert "The keys are right and the region is not: 'sandbox' does not know them, 'sandbox-eu' does." in moved.output
    product.ok("sources", "change", "eu", "--region", "sandbox-eu")
    assert product.text("sources", "test", "eu").code == 0
    product.ok("sources", "change", "eu", "--api-key-env", "EU_KEY", "--secret-key-env", "AMP_SECRET")
    wrong = product.text("sources", "test", "eu")
    assert wrong.code == 11
    assert "Neither region 'sandbox-eu' nor 'sandbox' knows the keys" in wrong.output
    refused = product.text("cohorts", "list", "--source", "eu")
    assert refused.code == 11
    assert "does not know the keys of source 'eu'" in refused.error


def test_a_cohort_in_amplitude_goes_the_whole_way(product: Product, sandbox: SandboxProcess) -> None:
    hold(sandbox, [*people(1, 61), {"amplitude_id": 71, "user_id": "u71"}, {"amplitude_id": 72, "properties": {"advertising_id": "junk"}}])
    applied(product)
    assert "The people of the cohort 5kx7abc in Amplitude (source 'amp')." in product.text("cohorts", "explain", "payers").output
    assert product.ok("cohorts", "preview", "payers", "--connection", "main")["members"] == 62
    report = product.ok("syncs", "run", "payers")
    assert (report["snapshot"]["members"], report["snapshot"]["expected"]) == (62, 62)
    assert sandbox.members("ready1", SEGMENT) == devices(1, 61)
    rejects = product.ok("runs", "rejects", report["run"]["id"])
    assert {(each["amplitude_id"], each["reason"]) for each in rejects["people"]} == {("71", "missing"), ("72", "bad_format")}
    assert "Amplitude id" in product.text("runs", "rejects", report["run"]["id"]).output
    left_out = product.ok("runs", "rejects", report["run"]["id"], "--people")
    assert {(each["amplitude_id"], each["why"][0]["reason"]) for each in left_out["people"]} == {("71", "missing"), ("72", "bad_format")}
    assert [each["properties"] for each in sandbox.get("/_sandbox/amplitude/downloads")] == [["advertising_id"]]
    assert (spent(product), charged(sandbox)) == (1, 1), "the preview and the run share a download"
    assert product.ok("cohorts", "export", "payers", "--to", str(product.folder / "who.csv"))["members"] == 62
    assert product.ok("apply", "all.yaml")["changes"] == [
        {**each, "action": "unchanged", "differences": []} for each in product.ok("apply", "--plan", "all.yaml")["changes"]
    ]


def test_the_whole_of_it_is_set_up_by_commands_alone(product: Product, sandbox: SandboxProcess) -> None:
    product.ok("sources", "add", "amplitude", "amp", "--region", "sandbox", "--api-key-env", "AMP_KEY", "--secret-key-env", "AMP_SECRET")
    added = product.text("cohorts", "add", "payers", "--source", "amp", "--cohort", "5kx7abc")
    assert "Cohort 'payers' is defined. The people of the cohort 5kx7abc in Amplitude (source 'amp')." in added.output
    assert [(each["name"], each["kind"]) for each in product.ok("cohorts", "list")["cohorts"]] == [("Payers there", "amplitude")]
    product.ok(
        "connections", "add", "main", "--name", "Main", "--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET",
        "--map", "user.advertising_id=DAID",
    )  # fmt: skip
    product.ok("syncs", "add", "payers", "main", "--cadence", "daily", "--segment", SEGMENT)
    [sync] = product.ok("syncs", "list")["syncs"]
    product.ok("syncs", "run", sync["id"])
    assert sandbox.members("ready1", SEGMENT) == devices(1, 61)


def test_a_cohort_is_added_only_if_amplitude_lists_it_and_keeps_it(product: Product, sandbox: SandboxProcess) -> None:
    applied(product)
    taken = product.text("cohorts", "add", "payers", "--source", "amp", "--cohort", "5kx7abc")
    assert (taken.code, "cohort 'payers' exists already" in taken.error) == (10, True)
    unknown = product.text("cohorts", "add", "others", "--source", "amp", "--cohort", "5kx7abd")
    assert (unknown.code, "did you mean '5kx7abc'?" in unknown.error) == (10, True)
    hold(sandbox, people(1, 61), archived=True)
    archived = product.text("cohorts", "add", "others", "--source", "amp", "--cohort", "5kx7abc")
    assert (archived.code, "is archived in Amplitude" in archived.error) == (10, True)


def test_half_a_download_is_held_and_removes_nobody(product: Product, sandbox: SandboxProcess) -> None:
    applied(product).ok("syncs", "run", "payers")
    sandbox.post("/_sandbox/amplitude/faults", {"faults": [{"kind": "fewer_rows"}]})
    held = product.text("syncs", "run", "payers")
    assert held.code == 12
    assert "the download has 30 members, and its source lists 60" in held.output
    assert sandbox.members("ready1", SEGMENT) == devices(1, 61)


def test_two_processes_that_want_a_cohort_at_once_share_its_download(product: Product, sandbox: SandboxProcess) -> None:
    other = "  - {id: second, cohort: payers, connection: main, segment: second, cadence: daily}\n"
    product.write("all.yaml", WHOLE + other)
    product.ok("apply", "all.yaml")
    sandbox.post("/_sandbox/amplitude/faults", {"faults": [{"kind": "late", "seconds": 2, "at": "request"}]})
    processes = [product.start("syncs", "run", name) for name in ("payers", "second")]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert sandbox.members("ready1", SEGMENT) == sandbox.members("ready1", "second") == devices(1, 61)
    assert (spent(product), charged(sandbox)) == (1, 1)


def test_hourly_is_refused_with_file_line_and_the_arithmetic(product: Product) -> None:
    product.write("all.yaml", WHOLE.replace("cadence: daily", "cadence: hourly"))
    refused = product.text("apply", "all.yaml")
    assert refused.code == 10
    assert "all.yaml:9" in refused.error
    assert "hourly is 720 downloads a month, and Amplitude allows 500" in refused.error
    assert product.ok("sources", "list") == {"sources": []}, "nothing of it was written"


def test_a_definition_that_names_no_source_is_refused(product: Product) -> None:
    product.write("cohort.yaml", "{id: payers, name: Payers, kind: amplitude, source: amp, cohort: 5kx7abc}")
    for command in (("cohorts", "check"), ("apply",)):
        refused = product.text(*command, "cohort.yaml")
        assert (refused.code, "source 'amp' does not exist; there is no source yet" in refused.error) == (10, True)


KILLED = {
    "download.counted": (2, 1),
    "download.asked": (2, 2),
    "download.recorded": (1, 1),
    "download.ready": (1, 1),
    "download.fetched": (1, 1),
}
"""Moment -> downloads that are counted, and that Amplitude was asked for, once a run that was killed there has been finished."""

KILLING = (
    "import os, signal, sys\nfrom tradewind import moment\nfrom tradewind.cli.main import main\n"
    "moment.watch(lambda name: name == sys.argv[1] and os.kill(os.getpid(), signal.SIGKILL))\nmain(sys.argv[2:])"
)


def test_a_run_killed_at_any_moment_of_its_download_is_finished_by_the_next(product: Product, sandbox: SandboxProcess) -> None:
    """What can still be fetched is not asked for again; what was counted and cannot is counted, and no more than that."""
    names = {moment: moment.replace(".", "") for moment in KILLED}
    head = WHOLE.partition("cohorts:\n")[0] + "connections:" + WHOLE.partition("connections:")[2].partition("syncs:")[0]
    cohorts = "".join(f"  - {{id: {name}, name: P, kind: amplitude, source: amp, cohort: {name}}}\n" for name in names.values())
    syncs = "".join(f"  - {{id: {name}, cohort: {name}, connection: main, cadence: daily}}\n" for name in names.values())
    product.write("all.yaml", f"{head}cohorts:\n{cohorts}syncs:\n{syncs}")
    product.ok("apply", "all.yaml")
    for moment, name in names.items():
        hold(sandbox, people(1, 61), id=name)
        before = spent(product), charged(sandbox)
        command = [sys.executable, "-c", KILLING, moment, "syncs", "run", name]
        killed = subprocess.run(command, cwd=product.folder, env=product.environment, check=False, capture_output=True)
        assert killed.returncode == -signal.SIGKILL, (moment, killed.stderr)
        report = product.ok("syncs", "run", name)
        assert report["run"]["outcome"] == "clean"
        assert sandbox.members("ready1", f"[Tradewind] P: {name}") == devices(1, 61)
        assert (spent(product) - before[0], charged(sandbox) - before[1]) == KILLED[moment], moment
        assert not list((product.folder / "home" / "runs" / report["run"]["id"]).glob(".*.download"))
