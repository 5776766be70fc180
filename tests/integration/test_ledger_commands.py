"""The record by the commands a user types: a receipt for an identifier, a check of everything, a membership made anew."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from product import Product
from sandbox_process import SandboxProcess
from tradewind.events.manifest import links_beside
from tradewind.membership.facts import to_arrow
from tradewind.membership.files import read_bucket, write_bucket
from tradewind.membership.parts import PartFile, PartWriter, part_name
from tradewind.membership.rows import rows_of
from tradewind.model.identifier import IdType
from tradewind.model.plan import Operation

SECRET = "sandbox-secret-ready1"
WRONG = 15
ANSWER_LOST = ({"kind": "error", "status": 500}, {"kind": "error", "status": 401})
"""A request whose answer says nothing, and then one that stops everything."""
SEGMENT = "[Tradewind] Devices: devices"


def guids(count: int) -> list[str]:
    """Device ids that are always the same."""
    return [str(uuid.UUID(int=(7 << 96) + (0xB << 60) + number)) for number in range(1, count + 1)]


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with one account at the sandbox."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET=SECRET)
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    return product


def deliver(product: Product, ids: list[str]) -> dict[str, Any]:
    """Make the segment equal to a list; the run's report."""
    product.write("devices.csv", "\n".join(["idfa", *ids, ""]))
    text = "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n"
    product.write("devices.yaml", text + "syncs: [{id: devices, cohort: devices, connection: main, cadence: daily}]\n")
    product.ok("apply", "devices.yaml")
    return product.call("syncs", "run", "devices").json


def wrongs(product: Product) -> list[str]:
    """What verify finds wrong; its exit code says the same."""
    called = product.call("ledger", "verify")
    found = [each["found"] for each in called.json["findings"] if not each["ok"]]
    assert called.code == (WRONG if found else 0)
    return found


def rows(product: Product) -> list[tuple[int, str, int]]:
    """Number, path and rows of each membership version on record."""
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as database:
        found: list[tuple[int, str, int]] = database.execute(
            'SELECT version, path, "rows" FROM membership_version ORDER BY version'
        ).fetchall()
    database.close()
    return found


def execute(product: Product, statement: str) -> None:
    """Damage the database."""
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as database:
        assert database.execute(statement).rowcount
    database.close()


def bucket(product: Product, version: int) -> Path:
    """The one file of a membership version."""
    path = {number: path for number, path, _ in rows(product)}[version]
    return product.folder / "home" / path / "DAID" / "bucket-00.arrow"


def part(product: Product, run: str, number: int = 0) -> Path:
    """A file of a run's delta."""
    (path,) = (product.folder / "home" / "runs" / run / "delta").glob(f"*/{part_name(number)}")
    return path


def contents(product: Product) -> list[dict[str, Any]]:
    """The newest membership, row by row."""
    held = read_bucket(bucket(product, rows(product)[-1][0]), IdType.DAID)
    facts: Any = to_arrow(held.facts)
    return [{"id": value} | fact for value, fact in zip(held.ids.to_pylist(), facts.take(held.codes).to_pylist(), strict=True)]


# --- trace


def test_an_identifier_is_traced_through_its_life(product: Product) -> None:
    """Nothing, added, refreshed, removed: each time where it is, by which request, and what was answered."""
    ids = guids(5)
    before = product.ok("trace", ids[0])
    assert before == {"id_types": ["DAID", "TDID"], "beliefs": [], "history": [], "unread": [], "suppressed": []}
    assert "In no segment" in product.text("trace", ids[0]).output

    added = deliver(product, ids)["run"]["id"]
    found = product.ok("trace", ids[0].upper())
    (belief,) = found["beliefs"]
    assert (belief["segment"], belief["advertiser"], belief["sync"], belief["id_type"]) == (SEGMENT, "ready1", "devices", "DAID")
    assert (belief["standing"], belief["unknown_since"]) == ("present", None)
    assert belief["expires_from"] == belief["expires_until"] > belief["since"]
    assert (belief["by"]["run"], belief["by"]["operation"], belief["by"]["ending"]) == (added, "add", "accepted")
    (attempt,) = belief["by"]["attempts"]
    assert (attempt["answer"], attempt["status"]) == ("applied", 200)
    assert [(each["run"], each["operation"], each["ending"]) for each in found["history"]] == [(added, "add", "accepted")]

    refreshed = deliver(product, ids)["run"]["id"]
    again = product.ok("trace", ids[0])
    assert [(each["run"], each["operation"]) for each in again["history"]] == [(refreshed, "refresh"), (added, "add")]
    assert again["beliefs"][0]["since"] == belief["since"]
    assert refreshed in product.text("trace", ids[0]).output

    removed = deliver(product, ids[1:])["run"]["id"]
    gone = product.ok("trace", ids[0])
    assert gone["beliefs"] == []
    assert (gone["history"][0]["run"], gone["history"][0]["operation"], gone["history"][0]["ending"]) == (removed, "remove", "accepted")
    assert len(product.ok("trace", ids[1])["beliefs"]) == 1


def test_an_identifier_can_be_handed_in_unseen(product: Product) -> None:
    """From standard input, so that no list of processes and no shell history has it; nor does the answer."""
    deliver(product, guids(1))
    command = [sys.executable, "-m", "tradewind", "trace", "-", "--json"]
    home, text = product.folder, f"{guids(1)[0]}\n"
    done = subprocess.run(command, cwd=home, env=product.environment, input=text, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["beliefs"]) == 1
    assert guids(1)[0] not in done.stdout + done.stderr


def test_a_guid_is_looked_for_as_both_of_its_types(product: Product) -> None:
    """One value that is in one segment as a TDID and in another as a DAID is two beliefs."""
    one = guids(1)
    deliver(product, one)
    product.write("tdids.csv", f"tdid\n{one[0]}\n")
    text = "cohorts: [{id: cookies, name: Cookies, kind: static, file: tdids.csv, identifiers: {tdid: TDID}}]\n"
    product.write("cookies.yaml", text + "syncs: [{id: cookies, cohort: cookies, connection: main, cadence: daily}]\n")
    product.ok("apply", "cookies.yaml")
    product.ok("syncs", "run", "cookies")
    found = product.ok("trace", one[0])
    assert [(each["sync"], each["id_type"]) for each in found["beliefs"]] == [("cookies", "TDID"), ("devices", "DAID")]
    assert [(each["sync"], each["id_type"]) for each in found["history"]] == [("cookies", "TDID"), ("devices", "DAID")]


def test_a_request_that_was_halved_is_the_half(product: Product, sandbox: SandboxProcess) -> None:
    """Each identifier names the batch that in the end carried it, and what was answered to that."""
    ids = guids(4)
    sandbox.faults({"kind": "too_large", "over_items": 2})
    deliver(product, ids)
    found = [product.ok("trace", each) for each in ids]
    assert [each["beliefs"][0]["by"]["batch"] for each in found] == [each["history"][0]["batch"] for each in found] == [1, 1, 2, 2]
    assert all([attempt["status"] for attempt in each["history"][0]["attempts"]] == [200] for each in found)


def test_a_refused_identifier_has_the_platforms_code(product: Product, sandbox: SandboxProcess) -> None:
    """Of a partial failure exactly the refused are told so; the rest of the same batch is there."""
    ids = guids(10)
    sandbox.faults({"kind": "refuse_items", "every": 5, "code": "MissingUserId"})
    deliver(product, ids)
    there = {value for _, value in sandbox.members("ready1", SEGMENT)}
    assert 0 < len(there) < 10
    for each in ids:
        found = product.ok("trace", each)
        (entry,) = found["history"]
        expected = ("accepted", "", 1) if each in there else ("rejected", "MissingUserId", 0)
        assert (entry["ending"], entry["code"], len(found["beliefs"])) == expected


def test_doubt_is_told_as_doubt(product: Product, sandbox: SandboxProcess) -> None:
    """Sent, and no answer that settles it: it may be there, since and until when, and what was answered."""
    sandbox.faults(*ANSWER_LOST)
    run = deliver(product, guids(3))["run"]
    assert run["outcome"] == "incomplete"
    (belief,) = product.ok("trace", guids(1)[0])["beliefs"]
    assert belief["standing"] == "uncertain"
    assert belief["unknown_since"] == belief["expires_from"] < belief["expires_until"]
    assert belief["by"]["ending"] == "unknown"
    assert [attempt["answer"] for attempt in belief["by"]["attempts"]] == ["unknown", "forbidden"]
    assert "unknown since" in product.text("trace", guids(1)[0]).output
    assert wrongs(product) == []


def test_a_held_run_says_that_nothing_was_sent(product: Product) -> None:
    """A wish without a batch is a wish."""
    ids = guids(100)
    deliver(product, ids)
    held = deliver(product, ids[:10])["run"]
    assert held["state"] == "held"
    entry = product.ok("trace", ids[-1])["history"][0]
    assert (entry["run"], entry["operation"], entry["ending"], entry["batch"], entry["attempts"]) == (
        held["id"],
        "remove",
        "not_sent",
        None,
        [],
    )
    assert wrongs(product) == []
    assert f"run {held['id']} of sync 'devices' is open (held)" in " ".join(product.text("ledger", "verify").output.split())


def test_files_that_are_gone_are_said_to_be_unread(product: Product) -> None:
    """What the run's files would tell is not made up; the belief still names the request."""
    run = deliver(product, guids(3))["run"]["id"]
    shutil.rmtree(product.folder / "home" / "runs" / run)
    found = product.ok("trace", guids(1)[0])
    assert (found["history"], found["unread"]) == ([], [run])
    assert found["beliefs"][0]["by"]["run"] == run
    assert "1 runs whose files are gone" in product.text("trace", guids(1)[0]).output


@pytest.mark.parametrize("text", ["jane@example.com", "not-a-device", "+12345678901", ""])
def test_what_is_no_identifier_is_refused_without_repeating_it(product: Product, text: str) -> None:
    refused = product.call("trace", text)
    assert refused.code == 10
    assert not text or text not in refused.error + refused.output


def test_the_belief_is_read_from_its_own_bucket(product: Product) -> None:
    """A damaged membership is a sentence that names the command which checks, never an answer."""
    deliver(product, guids(3))
    bucket(product, 1).unlink()
    called = product.call("trace", guids(1)[0])
    assert called.code == 14
    assert "tradewind ledger verify" in called.error


# --- verify and rebuild


def three_runs(product: Product) -> list[str]:
    """Adds, then removals with adds and refreshes, then refreshes: the ids of the runs."""
    ids = guids(30)
    return [deliver(product, wanted)["run"]["id"] for wanted in (ids[:20], ids[5:30], ids[5:30])]


def test_a_sound_record_is_said_to_be_sound(product: Product) -> None:
    """With no run, and with three."""
    assert wrongs(product) == []
    three_runs(product)
    assert wrongs(product) == []
    said = product.text("ledger", "verify").output
    assert "3 runs balance; 3 versions, 3 worked out anew and equal; 25 held" in " ".join(said.split())
    assert list((product.folder / "home" / "runs").glob(".look-*")) == []
    nothing = product.ok("ledger", "rebuild-membership", "--sync", "devices")
    assert (nothing["mended"], nothing["holds"]) == ([], 25)


def test_nothing_young_is_tidied_away(product: Product) -> None:
    """Said for a person and for a program; the record stays whole."""
    three_runs(product)
    assert product.ok("ledger", "tidy")["tidied"] == {"runs": 0, "versions": 0, "nameless": 0, "size": 0, "kept": []}
    assert "Would take away the files of 0 runs and 0 membership versions" in product.text("ledger", "tidy", "--plan").output
    assert wrongs(product) == []


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def shorten(path: Path) -> None:
    """A file that is whole, with a row less."""
    if path.name.startswith("bucket"):
        held = read_bucket(path, IdType.DAID)
        write_bucket(path, held.part(1, len(held)))
    else:
        with PartFile(path) as file:
            ids = file.ids(0)
        writer = PartWriter(path, 0, Operation.ADD, IdType.DAID, len(ids))
        writer.write(ids.slice(1))
        writer.close()


def alter(path: Path) -> None:
    """A file that is whole, with as many rows, one of them about somebody else."""
    held = read_bucket(path, IdType.DAID)
    ids = pa.array([bytes(16), *held.ids.to_pylist()[1:]], pa.binary(16))
    write_bucket(path, rows_of(ids, held.codes, held.facts))


def mistake(path: Path) -> None:
    """A file that is whole, with an identifier of which another thing is believed."""
    held = read_bucket(path, IdType.DAID)
    facts = np.concatenate([held.facts, held.facts[:1]])
    facts["expires_until"][-1] += 1
    write_bucket(path, rows_of(held.ids, np.array([len(facts) - 1, *held.codes[1:]], np.int32), facts))


@pytest.mark.parametrize("damage", [delete, truncate, shorten, alter, mistake])
@pytest.mark.parametrize("version", [1, 3])
def test_a_damaged_membership_is_found_and_made_anew(product: Product, damage: Callable[[Path], None], version: int) -> None:
    """Found as one fault, mended from the version before, as it was to the last column; then all is well."""
    three_runs(product)
    before, names = contents(product), rows(product)
    damage(bucket(product, version))
    found = wrongs(product)
    assert len(found) == 2, "the fault, and the command that mends it"
    target = found[-1].rpartition(" ")[2]
    rebuilt = product.ok("ledger", "rebuild-membership", target)
    assert [(each["version"], each["before"], each["after"]) for each in rebuilt["mended"]] == [(version, *[names[version - 1][2]] * 2)]
    assert rebuilt["holds"] == 25
    assert contents(product) == before
    assert [number for number, *_ in rows(product)] == [1, 2, 3]
    assert [old[1] == new[1] for old, new in zip(names, rows(product), strict=True)].count(False) == 1
    assert wrongs(product) == []
    assert deliver(product, guids(30)[5:30])["run"]["outcome"] == "clean"
    assert wrongs(product) == []


def test_every_version_lost_is_made_anew_from_nothing(product: Product) -> None:
    """Without a single membership file, the deltas and receipts give all of it back; a run cannot plan before."""
    runs = three_runs(product)
    before = contents(product)
    shutil.rmtree(product.folder / "home" / "membership")
    assert product.call("syncs", "plan", "devices").code == 14
    assert len(wrongs(product)) == 4
    said = product.text("ledger", "rebuild-membership", "--sync", "devices")
    assert said.code == 0
    assert all(run in said.output for run in runs)
    assert contents(product) == before
    assert wrongs(product) == []


@pytest.mark.parametrize("version", [2, 3])
def test_a_version_without_its_row_is_found_and_named_again(product: Product, version: int) -> None:
    """A run that was delivered must have left a version, in its place."""
    runs = three_runs(product)
    before = contents(product)
    execute(product, f"DELETE FROM membership_version WHERE version = {version}")
    assert f"run {runs[version - 1]} left no membership version" in wrongs(product)
    rebuilt = product.ok("ledger", "rebuild-membership", "--sync", "devices")
    assert [(each["version"], each["before"]) for each in rebuilt["mended"]] == [(version, None)]
    assert [number for number, *_ in rows(product)] == [1, 2, 3]
    assert contents(product) == before
    assert wrongs(product) == []


def test_refusals_and_doubt_are_rebuilt_as_they_were(product: Product, sandbox: SandboxProcess) -> None:
    """The receipts, not the wishes, make the membership."""
    sandbox.faults({"kind": "refuse_items", "every": 4, "code": "MissingUserId"})
    deliver(product, guids(20))
    sandbox.faults(*ANSWER_LOST)
    deliver(product, guids(30)[5:])
    before = contents(product)
    assert any(row["unknown_since"] for row in before)
    bucket(product, 2).unlink()
    product.ok("ledger", "rebuild-membership", "--sync", "devices")
    assert contents(product) == before


@pytest.mark.parametrize("damage", [delete, truncate, shorten])
def test_a_damaged_delta_is_found_and_what_needs_it_is_refused(product: Product, damage: Callable[[Path], None]) -> None:
    """The newest version stands by itself; once it is lost too, one sentence says what would have been needed."""
    runs = three_runs(product)
    damage(part(product, runs[2]))
    (found,) = wrongs(product)
    assert runs[2] in found
    assert product.ok("ledger", "rebuild-membership", "--sync", "devices")["mended"] == []
    before = rows(product)
    bucket(product, 3).unlink()
    refused = product.call("ledger", "rebuild-membership", "--sync", "devices")
    assert refused.code == 14
    assert "cannot be rebuilt" in refused.error
    assert runs[2] in refused.error
    assert rows(product) == before


def test_a_lost_event_file_and_a_wrong_receipt_are_found(product: Product) -> None:
    """What the record names must be there, and the counts of a batch must be those of its rows."""
    lines = '{"insert_id": "1", "device_id": "d", "event_type": "e", "time": 1767225600000}\n'
    product.write("events.json", lines)
    product.ok("events", "import", "events.json")
    three_runs(product)
    assert wrongs(product) == []
    execute(product, "UPDATE batch SET accepted = accepted - 1 WHERE number = 0")
    assert len([each for each in wrongs(product) if "does not balance" in each]) == 3
    execute(product, "UPDATE batch SET accepted = accepted + 1 WHERE number = 0")
    execute(product, """UPDATE event_file SET columns = replace(columns, '"links": false', '"links": true')""")
    (file,) = (product.folder / "home" / "events").rglob("month=*/*.parquet")
    assert [str(links_beside(file)) in each for each in wrongs(product)] == [True]
    execute(product, """UPDATE event_file SET columns = replace(columns, '"links": true', '"links": false')""")
    file.unlink()
    (found,) = wrongs(product)
    assert str(file) in found


def test_an_open_run_does_not_stand_in_the_way(product: Product) -> None:
    """A run that waits for a person is claimed, not changed, while the membership is made anew; then it goes on."""
    ids = guids(100)
    deliver(product, ids)
    held = deliver(product, ids[:10])["run"]["id"]
    bucket(product, 1).unlink()
    assert len(product.ok("ledger", "rebuild-membership", "--sync", "devices")["mended"]) == 1
    assert product.ok("runs", "approve", held, "--guard", "shrink=90")["run"]["outcome"] == "clean"
    assert wrongs(product) == []


def test_a_rebuild_says_what_it_needs_to_know(product: Product) -> None:
    """Neither or both of target and sync, unknown ones, and a sync that never ran."""
    deliver(product, guids(2))
    product.ok("syncs", "add", "devices", "main", "--id", "idle", "--segment", "another")
    for words, says in [
        ((), "one of the two"),
        (("x", "--sync", "devices"), "one of the two"),
        (("0123456789abcdef",), "no run of this project"),
        (("--sync", "nobody"), "nobody"),
        (("--sync", "idle"), "never ran"),
    ]:
        refused = product.call("ledger", "rebuild-membership", *words)
        assert refused.code == 10
        assert says in refused.error
