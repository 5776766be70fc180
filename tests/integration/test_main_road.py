"""The main road and its turns, by the commands a user types: a list to a segment, held runs, refusals, kills, limits."""

from __future__ import annotations

import csv
import io
import json
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from postgres_process import Server, postgres
from product import Product
from sandbox_process import SandboxProcess, wait_until

SECRET = "sandbox-secret-ready1"


def guids(count: int, seed: int = 1) -> list[str]:
    """Device ids that are always the same."""
    return [str(uuid.UUID(int=(seed << 96) + (0xA << 60) + number)) for number in range(1, count + 1)]


def table(ids: list[str], column: str = "idfa") -> str:
    """A CSV of one column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[column], *[[each] for each in ids]])
    return text.getvalue()


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with one account at the sandbox."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET=SECRET)
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    return product


def a_list(product: Product, ids: list[str], sync: bool = True) -> str:
    """A static cohort `devices` of a CSV, and a sync of it; its segment's name."""
    product.write("devices.csv", table(ids))
    text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n"
    text += "syncs: [{id: devices, cohort: devices, connection: main, cadence: daily}]\n" if sync else ""
    product.write("devices.yaml", text)
    product.ok("apply", "devices.yaml")
    return "[Tradewind] Devices: devices"


def operations(report: dict[str, Any]) -> dict[str, int]:
    """Identifiers by operation."""
    return {part["operation"]: part["rows"] for part in report["plan"]["delta"]["parts"]}


def test_a_list_follows_its_file(product: Product, sandbox: SandboxProcess) -> None:
    """Added rows are added, removed rows removed, the rest refreshed; the segment equals the list each time."""
    ids = guids(40)
    segment = a_list(product, ids[:30])
    assert operations(product.ok("syncs", "run", "devices")) == {"add": 30}
    a_list(product, ids[5:40])
    plan = product.ok("syncs", "plan", "devices")
    before = sandbox.requests()
    dry = product.ok("syncs", "dry-run", "devices")
    assert operations(dry) == operations(plan) == {"add": 10, "remove": 5, "refresh": 25}
    assert dry["run"]["outcome"] == "dry"
    assert sandbox.requests() == before, "neither a plan nor a dry run sends anything"
    report = product.ok("syncs", "run", "devices")
    assert operations(report) == {"add": 10, "remove": 5, "refresh": 25}
    assert sandbox.members("ready1", segment) == {("DAID", each) for each in ids[5:40]}
    assert report["holds"] == 35
    assert [request["items"] for request in sandbox.requests()[-3:]] == [5, 10, 25], "removals go first"


def test_spoilt_identifiers_are_refused_by_reason_and_listed_without_their_value(product: Product, sandbox: SandboxProcess) -> None:
    """Upper and lower case are one device; zeros, hashes, e-mails and junk never leave."""
    good = guids(3)
    bad = ["00000000-0000-0000-0000-000000000000", "a" * 64, "jane@example.com", "not-a-device", "null", "+12345678901"]
    segment = a_list(product, [*good, good[0].upper(), *bad])
    report = product.ok("syncs", "run", "devices")
    assert sandbox.members("ready1", segment) == {("DAID", each) for each in good}
    refused = report["resolution"]["refused"]["DAID"]
    assert refused == {"zeroed": 1, "hashed": 1, "raw_pii": 2, "bad_format": 1, "placeholder": 1}
    assert report["resolution"]["duplicates"] == 1
    listed = product.ok("runs", "rejects", report["run"]["id"])
    assert listed["people_count"] == 6
    assert not any(value in json.dumps(listed) for value in bad if value != "null")


def test_a_mass_removal_waits_for_a_person(product: Product, sandbox: SandboxProcess) -> None:
    """Held with exit code 12 and nothing sent; a wrong count does not pass; the right one does."""
    ids = guids(100)
    segment = a_list(product, ids)
    product.ok("syncs", "run", "devices")
    a_list(product, ids[:30])
    held = product.call("syncs", "run", "devices")
    assert held.code == 12
    assert [(verdict["guard"], verdict["count"]) for verdict in held.json["plan"]["verdicts"]] == [("shrink", 70)]
    run = held.json["run"]["id"]
    assert len(sandbox.members("ready1", segment)) == 100
    assert product.call("runs", "approve", run, "--guard", "shrink=69").code == 10
    assert product.call("runs", "approve", run, "--guard", "empty=70").code == 10
    product.ok("runs", "approve", run, "--guard", "shrink=70")
    assert len(sandbox.members("ready1", segment)) == 30


def test_a_held_run_can_be_discarded_or_makes_way(product: Product, sandbox: SandboxProcess) -> None:
    """Discarding sends nothing; a newer run takes over one that is held."""
    ids = guids(100)
    segment = a_list(product, ids)
    product.ok("syncs", "run", "devices")
    a_list(product, ids[:10])
    first = product.call("syncs", "run", "devices").json["run"]["id"]
    assert product.ok("runs", "discard", first)["outcome"] == "discarded"
    second = product.call("syncs", "run", "devices").json["run"]["id"]
    a_list(product, ids[:90])
    assert product.ok("syncs", "run", "devices")["run"]["outcome"] == "clean"
    assert product.ok("runs", "show", second)["run"]["outcome"] == "superseded"
    assert len(sandbox.members("ready1", segment)) == 90


def test_a_lost_column_and_an_empty_answer_are_held(product: Product, sandbox: SandboxProcess) -> None:
    """Neither a column that is gone nor an empty answer removes anybody."""
    product.write("people.csv", table(guids(20)))
    query = "cohorts: [{id: q, name: Q, kind: sql, query: 'SELECT %s FROM people', files: {people: people.csv}}]\n"
    product.write("sql.yaml", query % "idfa")
    product.ok("apply", "sql.yaml")
    sync = product.ok("syncs", "add", "q", "main", "--cadence", "daily")
    assert operations(product.ok("syncs", "run", sync["id"])) == {"add": 20}
    product.write("sql.yaml", query % "idfa AS other")
    product.ok("apply", "sql.yaml")
    held = product.call("syncs", "run", sync["id"])
    assert held.code == 12
    assert {verdict["guard"] for verdict in held.json["plan"]["verdicts"]} == {"column_gone", "empty", "unmatched"}
    assert len(sandbox.members("ready1", sync["segment"])) == 20


def test_a_map_that_finds_nobody_is_held_at_the_first_run_too(product: Product, sandbox: SandboxProcess) -> None:
    """It is no empty cohort: the sentence names the connection, what it maps, what was wrong with that, and what to do."""
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET")
    product.ok("connections", "add", "off", *words, "--map", "column.name=DAID", "--map", "column.tdid=TDID")
    product.write("people.csv", "name,idfa\n" + "".join(f"p{number},{guid}\n" for number, guid in enumerate(guids(5))))
    query = "cohorts: [{id: q, name: Q, kind: sql, query: '%s', files: {people: people.csv}}]\n"
    product.write("sql.yaml", query % "SELECT * FROM people")
    product.ok("apply", "sql.yaml")
    sync = product.ok("syncs", "add", "q", "off", "--cadence", "daily")
    held = product.call("syncs", "run", sync["id"])
    assert held.code == 12
    (verdict,) = held.json["plan"]["verdicts"]
    assert (verdict["guard"], verdict["count"]) == ("unmatched", 5)
    assert verdict["sentence"] == (
        "none of the 5 people in the cohort gives an identifier that can be sent: connection 'off' maps column.name to DAID and "
        "column.tdid to TDID (5: not of the form this identifier has; 5: the person has no value); "
        "correct the map, or bring data that has such identifiers, and run again"
    )
    product.ok("connections", "add", "off", *words, "--map", "column.idfa=DAID")
    assert operations(product.ok("syncs", "run", sync["id"])) == {"add": 5}
    product.write("sql.yaml", query % "SELECT * FROM people WHERE false")
    product.ok("apply", "sql.yaml")
    empty = product.call("syncs", "run", sync["id"])
    assert [verdict["guard"] for verdict in empty.json["plan"]["verdicts"]] == ["empty"]
    assert len(sandbox.members("ready1", sync["segment"])) == 5


def test_a_column_that_never_was_is_said_and_holds_nothing(product: Product) -> None:
    """A map may name more than the data has: that is told, and the first run goes on."""
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET")
    product.ok("connections", "add", "wide", *words, "--map", "column.idfa=DAID", "--map", "column.tdid=TDID")
    product.write("people.csv", table(guids(5)))
    product.write("sql.yaml", "cohorts: [{id: q, name: Q, kind: sql, query: SELECT idfa FROM people, files: {people: people.csv}}]\n")
    product.ok("apply", "sql.yaml")
    sync = product.ok("syncs", "add", "q", "wide")
    done = product.text("syncs", "run", sync["id"])
    assert done.code == 0
    assert "nowhere in the data: column.tdid" in done.output


def test_a_partial_failure_is_told_by_identifier(product: Product, sandbox: SandboxProcess) -> None:
    """The platform refuses every tenth item: those are rejected and listed, the rest is accepted, and the sum is exact."""
    ids = guids(50)
    segment = a_list(product, ids)
    sandbox.faults({"kind": "refuse_items", "every": 10, "code": "MissingUserId"})
    report = product.ok("syncs", "run", "devices")
    assert report["account"] == {"planned": 50, "accepted": 45, "rejected": 5, "unknown": 0, "not_sent": 0}
    assert report["run"]["outcome"] == "with_rejects"
    listed = product.ok("runs", "rejects", report["run"]["id"])["platform"]
    assert {("DAID", each["identifier"]) for each in listed} == {("DAID", each) for each in ids} - sandbox.members("ready1", segment)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle", "retry_after": 1},
        {"kind": "error", "status": 503},
        {"kind": "lost"},
        {"kind": "unread"},
        {"kind": "torn"},
        {"kind": "html"},
        {"kind": "too_large", "over_items": 20},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_fault_costs_requests_and_nobody(product: Product, sandbox: SandboxProcess, fault: dict[str, Any]) -> None:
    """Throttled, failed, lost, torn: the run goes on until all are accepted, and the account balances."""
    segment = a_list(product, guids(50))
    sandbox.faults(fault)
    report = product.ok("syncs", "run", "devices")
    assert report["account"]["accepted"] == report["account"]["planned"] == 50
    assert report["requests"] > 1
    assert len(sandbox.members("ready1", segment)) == 50


def test_a_refusal_after_a_lost_answer_forgets_nobody(product: Product, sandbox: SandboxProcess) -> None:
    """The first request was applied to all and its answer lost, the second refuses some: those can leave the segment all the same."""
    ids = guids(50)
    segment = a_list(product, ids)
    sandbox.faults("lost", {"kind": "refuse_items", "every": 10})
    assert product.ok("syncs", "run", "devices")["account"]["rejected"] == 5
    assert sandbox.members("ready1", segment) == {("DAID", each) for each in ids}
    stay = [each for place, each in enumerate(ids, 1) if place % 10]
    a_list(product, stay)
    done = product.call("syncs", "run", "devices")
    assert (done.code, done.json["run"]["state"]) == (13, "settling"), "the lost request may still add them"
    assert sandbox.members("ready1", segment) == {("DAID", each) for each in stay}
    said = " ".join(product.text("syncs", "run", "devices").output.split())
    assert "may still be applied. They are sent again after" in said


@pytest.mark.timeout(600)
def test_a_killed_run_goes_on_where_it_was(product: Product, sandbox: SandboxProcess) -> None:
    """kill -9 while the answer is on its way: the batch is sent again as the same bytes, and nobody is lost."""
    segment = a_list(product, guids(50))
    sandbox.faults({"kind": "late", "seconds": 5})
    process = product.start("syncs", "run", "devices")
    try:
        wait_until(lambda: sandbox.get("/_sandbox/counts")["under_way"] == 1, "the request is under way")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    cut = product.ok("runs", "list")["runs"][0]
    assert cut["state"] == "delivering"
    account = product.ok("runs", "show", cut["id"])["account"]
    assert account == {"planned": 50, "accepted": 0, "rejected": 0, "unknown": 50, "not_sent": 0}
    report = product.ok("syncs", "run", "devices")
    assert report["run"]["id"] == cut["id"]
    assert report["account"]["accepted"] == 50
    assert len(sandbox.members("ready1", segment)) == 50


def test_a_segment_has_one_owner(product: Product) -> None:
    """Another sync may not write the same segment, nor one that differs only by case."""
    a_list(product, guids(5))
    for name in ("[Tradewind] Devices: devices", "[TRADEWIND] devices: DEVICES"):
        refused = product.call("syncs", "add", "devices", "main", "--id", "other", "--segment", name)
        assert refused.code == 10
        assert "segment" in refused.error


@pytest.mark.parametrize(
    ("advertiser", "secret", "code", "says"),
    [
        ("ready1", "sandbox-secret-ready1", 0, "Ready"),
        ("ready1", "another-secret", 11, "secret"),
        ("notconfigured1", "sandbox-secret-notconfigured1", 11, "not enabled"),
        ("forbidden1", "sandbox-secret-forbidden1", 11, "region"),
    ],
)
def test_a_connection_says_what_it_proved(product: Product, advertiser: str, secret: str, code: int, says: str) -> None:
    """Ready, wrong secret, not configured, forbidden: each has its own sentence, and what was not shown is said too."""
    product.environment["OTHER"] = secret
    words = ("--advertiser", advertiser, "--region", "sandbox", "--secret-env", "OTHER", "--map", "device_id=DAID")
    product.ok("connections", "add", "other", *words)
    tested = product.text("connections", "test", "other")
    assert tested.code == code
    assert says.lower() in (tested.output + tested.error).lower()
    assert "Not shown by this" in tested.output
    assert secret not in tested.output + tested.error


def test_a_refused_account_is_paused_until_it_is_mended(product: Product, sandbox: SandboxProcess) -> None:
    """A wrong secret stops the run, pauses the connection, counts nobody; mended and tested, it goes on."""
    a_list(product, guids(5))
    product.environment["TTD_SECRET"] = "wrong-secret-entirely"
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    ended = product.call("syncs", "run", "devices")
    assert ended.code == 13
    report = ended.json
    assert report["run"]["outcome"] == "incomplete"
    assert report["account"]["not_sent"] == 5
    paused = product.call("syncs", "run", "devices")
    assert paused.code == 11
    assert "paused" in paused.error
    product.environment["TTD_SECRET"] = SECRET
    product.ok("connections", "add", "main", *words)
    product.ok("connections", "test", "main")
    assert product.ok("syncs", "run", "devices")["account"]["accepted"] == 5


def test_a_live_test_leaves_nothing_behind(product: Product, sandbox: SandboxProcess) -> None:
    """One identifier goes into a throw-away segment and out again."""
    mine = guids(1)[0]
    tested = product.ok("connections", "test", "main", "--live", mine)
    assert (tested["trial"]["added"], tested["trial"]["removed"]) == ("applied", "applied")
    assert sandbox.members("ready1", tested["trial"]["segment"]) == set()
    assert product.call("connections", "test", "main", "--live", "jane@example.com").code == 10


def test_secrets_and_identifiers_stay_out_of_the_home_in_plain(product: Product) -> None:
    """The secret is nowhere on disk in plain text, and the key file is the owner's alone."""
    home = product.folder / "home"
    found = [path for path in home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not found
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_quickstart_brings_a_list_to_a_segment(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """One command from nothing: home, account, cohort, plan, segment; done twice it refreshes."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET=SECRET)
    ids = guids(20)
    rows = "".join(f"u{n},{each},x{n}\n" for n, each in enumerate(ids))
    product.write("customers.csv", "customer_id,advertising_id,note\n" + rows)
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--yes")
    first = product.text("quickstart", "customers.csv", *words)
    assert first.code == 0, first.error
    assert "20 valid DAID" in first.output
    segment = "[Tradewind] customers: customers"
    assert sandbox.members("ready1", segment) == {("DAID", each) for each in ids}
    again = product.ok("quickstart", "customers.csv", "--yes")
    assert operations(again) == {"refresh": 20}


def test_quickstart_asks_what_only_a_person_knows(product: Product) -> None:
    """GUIDs under a name that tells nothing are not guessed."""
    product.write("list.csv", table(guids(5), "id"))
    asked = product.call("quickstart", "list.csv", "--connection", "main", "--yes")
    assert asked.code == 10
    assert "DAID" in asked.error
    assert operations(product.ok("quickstart", "list.csv", "--connection", "main", "--yes", "--column", "id=TDID")) == {"add": 5}
    assert product.call("quickstart", "list.csv", "--connection", "main", "--yes", "--column", "nope=DAID").code == 10


def test_a_one_time_sync_ends_and_can_be_synced_again(product: Product) -> None:
    """After its run it has ended and says when its members lapse; synced again it takes over the same segment."""
    a_list(product, guids(5), sync=False)
    product.ok("syncs", "add", "devices", "main", "--id", "once")
    report = product.ok("syncs", "run", "once")
    assert report["lapses_at"]
    assert product.ok("syncs", "list")["syncs"][0]["state"] == "ended"
    assert operations(product.ok("syncs", "run", "once")) == {"refresh": 5}


def test_lapsed_members_are_added_again(product: Product, sandbox: SandboxProcess) -> None:
    """The sandbox's own clock agrees with the expiry that the product believes in."""
    segment = a_list(product, guids(5))
    product.ok("syncs", "run", "devices")
    sandbox.post("/_sandbox/clock", {"advance_seconds": 30 * 86400 - 600})
    assert len(sandbox.members("ready1", segment)) == 5
    sandbox.post("/_sandbox/clock", {"advance_seconds": 1200})
    assert sandbox.members("ready1", segment) == set()


def test_the_same_road_over_a_postgresql(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """Catalog, vault, ledger and membership rows in a PostgreSQL named by URL: the same commands give the same segment."""
    with postgres() as server:
        product = Product(tmp_path, sandbox.url, TTD_SECRET=SECRET, TRADEWIND_DATABASE_URL=server.admin)
        product.ok("init")
        words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
        product.ok("connections", "add", "main", *words)
        segment = a_list(product, guids(5))
        assert operations(product.ok("syncs", "run", "devices")) == {"add": 5}
        assert operations(product.ok("syncs", "run", "devices")) == {"refresh": 5}
        assert product.call("syncs", "add", "devices", "main", "--id", "other", "--segment", segment.upper()).code == 10
        assert product.ok("doctor")["findings"]
        assert len(sandbox.members("ready1", segment)) == 5
        assert not (tmp_path / "home" / "tradewind.db").exists()
        a_backup_of_it_restores(product, server, tmp_path)


def a_backup_of_it_restores(product: Product, server: Server, folder: Path) -> None:
    """Tables and rows come back into a PostgreSQL that is empty, and into no other."""
    product.environment["PASSPHRASE"] = "correct horse battery"
    product.ok("backup", "home.backup", "--passphrase-env", "PASSPHRASE")
    again = ("restore", "home.backup", "--into", "again", "--home-key", "home/key", "--passphrase-env", "PASSPHRASE", "--verify")
    taken = product.call(*again)
    assert (taken.code, "is not empty" in taken.error) == (11, True)
    server.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    del product.environment["TRADEWIND_DATABASE_URL"]
    other = product.call(*again)
    assert (other.code, "whose database is postgresql; set TRADEWIND_DATABASE_URL" in other.error) == (11, True)
    product.environment["TRADEWIND_DATABASE_URL"] = server.admin
    assert product.ok(*again)["restored"]["paused"] == ["default/devices"]
    product.environment["TRADEWIND_HOME"] = str(folder / "again")
    product.ok("syncs", "resume", "devices")
    sent = product.call("syncs", "run", "devices").json
    assert (sent["run"]["state"], sent["account"]["accepted"]) == ("settling", 5)
