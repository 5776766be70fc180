"""Whatever a command is given, it answers with one clear sentence and the right exit code, and changes nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shutil
import socket
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from product import Called, Product
from sandbox_process import running_sandbox

USAGE, DEFINITION, CONFIGURATION, HELD, DELIVERY, ENGINE, LEDGER = 2, 10, 11, 12, 13, 14, 15
SECRET = "sandbox-secret-ready1"
GUIDS = [f"0c9d8a{number:02x}-1111-4222-8333-444455556666" for number in range(60)]
PRIVATE = (SECRET, "0c9d8a", "jane@example.com", "hunter2-hunter2", "+15550123456")
"""What no sentence may ever hold: secrets, identifiers, and what is personal in the files below."""

LIST = "idfa\n" + "".join(f"{each}\n" for each in GUIDS)
EVENT = {"user_id": "u1", "device_id": "d1", "event_type": "Purchase", "time": 1767225600000, "insert_id": "i1"}
ACCOUNT = "--advertiser ready1 --region sandbox --secret-env TTD_SECRET"
STANDING = """
cohorts:
  - {id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}
  - {id: buyers, name: Buyers, kind: behavioural, who: {did: Purchase}}
  - {id: asked, name: Asked, kind: sql, query: SELECT person FROM events, people: person}
syncs:
  - {id: devices, cohort: devices, connection: main, cadence: daily}
"""


@dataclass(frozen=True)
class Case:
    """A wrong call: its words, the code it must end with, and what its sentence must say. `before` spoils the ground."""

    id: str
    words: str | tuple[str, ...]
    code: int
    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    before: Callable[[Product], object] = lambda product: None


def case(id_: str, words: str | tuple[str, ...], code: int, *says: str, **more: object) -> object:
    """A case as pytest takes it."""
    return pytest.param(Case(id_, words, code, says, **more), id=id_)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox for all of them; none of these calls may leave anything in it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, url: str) -> Path:
    """A folder with a home in which everything is in order: a connection, three cohorts, a sync, events, a run and a held one."""
    product = Product(tmp_path_factory.mktemp("standing"), url, TTD_SECRET=SECRET)
    product.write("devices.csv", LIST)
    product.write("standing.yaml", STANDING)
    product.write("events.ndjson", json.dumps(EVENT))
    product.ok("init")
    product.ok("connections", "add", "main", *ACCOUNT.split(), "--map", "column.idfa=DAID")
    product.ok("apply", "standing.yaml")
    product.ok("events", "import", "events.ndjson")
    product.ok("syncs", "run", "devices")
    product.write("short.csv", "idfa\n" + f"{GUIDS[0]}\n")
    product.ok("cohorts", "fill", "devices", str(product.folder / "short.csv"))
    assert product.call("syncs", "run", "devices").code == HELD
    return product.folder


@pytest.fixture
def product(standing: Path, url: str, tmp_path: Path) -> Product:
    """The same, for one test."""
    shutil.copytree(standing / "home", tmp_path / "home")
    shutil.copy(standing / "devices.csv", tmp_path / "devices.csv")
    return Product(tmp_path, url, TTD_SECRET=SECRET)


def held_run(product: Product) -> str:
    """The run that waits for a person."""
    runs = product.ok("runs", "list")["runs"]
    return str(next(run["id"] for run in runs if run["state"] == "held"))


def closed_run(product: Product) -> str:
    """The run that ended."""
    runs = product.ok("runs", "list")["runs"]
    return str(next(run["id"] for run in runs if run["state"] == "closed"))


def state(home: Path) -> tuple[list[str], set[str]]:
    """Every row of the database, and the files whose names rows know: catalog, ledger, vault, lists, events, membership."""
    if not (home / "tradewind.db").is_file():
        return [], {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    with closing(sqlite3.connect(f"file:{home / 'tradewind.db'}?mode=ro", uri=True)) as database:
        rows = list(database.iterdump())
    kept = ("lists", "events", "membership", "runs", "key")
    files = {path.relative_to(home) for path in home.rglob("*") if path.is_file() and path.name != ".importing"}
    return rows, {str(path) for path in files if path.parts[0] in kept}


def assert_one_sentence(done: Called, code: int, *says: str) -> None:
    """One line, the right code, what it must say, and nothing it must not."""
    assert done.code == code, done.error + done.output
    assert done.error.startswith("error: "), done.error + done.output
    assert done.error.endswith("\n")
    assert len(done.error.splitlines()) == 1, done.error
    assert len(done.error) < 500, done.error
    for words in says:
        assert words in done.error, done.error
    assert not any(private in done.error + done.output for private in PRIVATE), done.error
    assert not any(word in done.error for word in ("Error(", "Error:", "Exception", "NoneType", "Traceback", "sqlalche", "Errno")), done.error


def refused(product: Product, case: Case) -> None:
    """Run a case: for a person, then for a program; both say the same, and nothing has changed."""
    for name, content in case.files.items():
        product.write(name, content)
    product.environment.update(case.environment)
    case.before(product)
    home = Path(product.environment["TRADEWIND_HOME"])
    words = case.words.split() if isinstance(case.words, str) else list(case.words)
    fill = {"{held}": held_run, "{closed}": closed_run}
    words = [fill[word](product) if word in fill else word for word in words]
    before, there = state(home), set(product.folder.iterdir())
    done = product.text(*words)
    assert_one_sentence(done, case.code, *case.says)
    assert state(home) == before, "something was changed"
    assert set(product.folder.iterdir()) == there, "something was left behind"
    if words[0] != "sandbox":
        told = product.call(*words)
        assert told.json["error"]["exit_code"] == told.code == case.code
        assert f"error: {told.json['error']['message']}\n" == told.error == done.error


LINE = [
    case("no-such-command", "cohort list", USAGE, "cohort"),
    case("no-such-verb", "cohorts delete devices", USAGE, "delete"),
    case("no-such-option", "syncs list --all", USAGE, "--all"),
    case("argument-missing", "cohorts export", USAGE, "--help"),
    case("argument-too-many", "cohorts preview devices buyers", USAGE, "buyers"),
    case("nothing-to-import", "events import", USAGE, "PATHS"),
    case("nothing-to-apply", "apply", USAGE, "FILES"),
    case("nothing-to-check", "cohorts check", USAGE, "FILES"),
    case("number-that-is-none", "syncs add buyers main --ttl-days thirty", USAGE, "thirty"),
    case("number-with-a-fraction", "syncs add buyers main --ttl-days 1.5", USAGE, "1.5"),
    case("sample-negative", "cohorts preview devices --sample -1", USAGE, "--sample"),
    case("sample-huge", "cohorts preview devices --sample 1000000000", USAGE, "--sample"),
    case("limit-zero", "runs list --limit 0", USAGE, "--limit"),
    case("cadence-unknown", "syncs add buyers main --cadence weekly", USAGE, "weekly", "hourly"),
    case("auth-unknown", f"connections add b {ACCOUNT} --map device_id=DAID --auth basic", USAGE, "basic", "signature"),
    case("people-too-few", "demo --people 5", USAGE, "--people"),
    case("seed-no-number", "demo --seed x", USAGE, "--seed"),
    case("port-no-number", "sandbox --port abc", USAGE, "abc"),
    case("project-unknown", "--project defualt cohorts explain", DEFINITION, "project 'defualt' does not exist", "did you mean 'default'?"),
    case("project-unknown-syncs", "--project other syncs list", DEFINITION, "project 'other' does not exist"),
    case("project-unknown-connections", "--project other connections list", DEFINITION, "project 'other'"),
    case("project-unknown-runs", "--project other runs list", DEFINITION, "project 'other'"),
    case("project-unknown-quickstart", "--project other quickstart devices.csv --connection main --yes", DEFINITION, "project 'other'"),
    case("project-unknown-import", "--project other events import devices.csv", DEFINITION, "project 'other'"),
    case("project-climbs", "--project ../x runs list", DEFINITION, "project '../x'"),
    case("project-empty", ("--project", "", "syncs", "list"), DEFINITION, "project '' does not exist"),
    case("cohort-unknown", "cohorts explain devises", DEFINITION, "cohort 'devises' does not exist", "did you mean 'devices'?"),
    case("cohort-unknown-preview", "cohorts preview nobody", DEFINITION, "cohort 'nobody' does not exist"),
    case("cohort-climbs", "cohorts preview ../../etc/passwd", DEFINITION, "cohort '../../etc/passwd' does not exist"),
    case("cohort-of-another-kind-filled", "cohorts fill buyers devices.csv", DEFINITION, "'buyers' is of kind behavioural"),
    case("cohort-filled-oddly", "cohorts fill devices devices.csv --how append", DEFINITION, "'append'", "replace, add or remove"),
    case("preview-connection-unknown", "cohorts preview devices --connection mian", DEFINITION, "did you mean 'main'?"),
    case("sync-unknown", "syncs run devises", DEFINITION, "sync 'devises' does not exist", "did you mean 'devices'?"),
    case("sync-unknown-plan", "syncs plan nothing", DEFINITION, "sync 'nothing' does not exist", "there is devices"),
    case("sync-unknown-runs", "runs list --sync nothing", DEFINITION, "sync 'nothing' does not exist"),
    case("sync-of-no-cohort", "syncs add nobody main", DEFINITION, "cohort 'nobody' does not exist"),
    case("sync-of-no-connection", "syncs add buyers nowhere", DEFINITION, "connection 'nowhere' does not exist", "main"),
    case("sync-twice", "syncs add devices main --id devices --segment other", DEFINITION, "sync 'devices' exists already"),
    case("sync-id-climbs", "syncs add buyers main --id ../x", DEFINITION, "'../x'", "lower-case letters, digits and hyphens"),
    case("sync-id-slash", "syncs add buyers main --id a/b", DEFINITION, "'a/b'", "lower-case letters"),
    case("sync-id-empty", ("syncs", "add", "buyers", "main", "--id", ""), DEFINITION, "lower-case letters"),
    case("sync-id-long", f"syncs add buyers main --id {'a' * 64}", DEFINITION, "at most 63"),
    case("ttl-zero", "syncs add buyers main --ttl-days 0", DEFINITION, "0 days", "1 to 180"),
    case("ttl-long", "syncs add buyers main --ttl-days 181", DEFINITION, "181 days", "1 to 180"),
    case("ttl-negative", "syncs add buyers main --ttl-days -1", DEFINITION, "-1 days", "1 to 180"),
    case("ttl-enormous", "syncs add buyers main --ttl-days 2147483648", DEFINITION, "1 to 180"),
    case("segment-quoted", ("syncs", "add", "buyers", "main", "--segment", "it's"), DEFINITION, "segment name", "take out: '"),
    case("segment-comma", ("syncs", "add", "buyers", "main", "--segment", "a,b"), DEFINITION, "take out: ,"),
    case("segment-tab", ("syncs", "add", "buyers", "main", "--segment", "a\tb"), DEFINITION, "take out: U+0009"),
    case("segment-line-end", ("syncs", "add", "buyers", "main", "--segment", "a\nb"), DEFINITION, "take out: U+000A"),
    case("segment-long", f"syncs add buyers main --segment {'x' * 129}", DEFINITION, "1 to 128 characters", "129"),
    case("segment-empty", ("syncs", "add", "buyers", "main", "--segment", ""), DEFINITION, "1 to 128 characters"),
    case("segment-padded", ("syncs", "add", "buyers", "main", "--segment", " x"), DEFINITION, "begins nor ends with a space"),
    case("segment-taken", ("syncs", "add", "buyers", "main", "--segment", "[Tradewind] Devices: devices"), DEFINITION, "owned by sync 'devices'"),
    case("segment-by-case", ("syncs", "add", "buyers", "main", "--segment", "[tradewind] devices: DEVICES"), DEFINITION, "only by case"),
    case("run-unknown", "runs show r1", DEFINITION, "there is no run 'r1'", "runs list"),
    case("run-climbs", "runs rejects ../../../etc", DEFINITION, "there is no run '../../../etc'"),
    case("approve-unknown", "runs approve r1 --guard shrink=1", DEFINITION, "there is no run 'r1'"),
    case("approve-closed", "runs approve {closed} --guard shrink=1", DEFINITION, "is closed, not held"),
    case("approve-shapeless", "runs approve {held} --guard shrink", DEFINITION, "'shrink' is not an approval", "GUARD=COUNT"),
    case("approve-no-number", "runs approve {held} --guard shrink=all", DEFINITION, "GUARD=COUNT"),
    case("approve-too-few", "runs approve {held} --guard shrink=58", DEFINITION, "counted 59", "58 does not cover it"),
    case("approve-another-guard", "runs approve {held} --guard empty=59", DEFINITION, "no guard 'empty'", "held by: shrink"),
    case("approve-nothing", "runs approve {held}", USAGE, "--guard"),
    case("discard-unknown", "runs discard r1", DEFINITION, "there is no run 'r1'"),
    case("discard-closed", "runs discard {closed}", DEFINITION, "is closed already"),
    case("as-of-no-such-day", "syncs plan devices --as-of 2026-02-30", DEFINITION, "'2026-02-30' is not an instant", "2026-07-01"),
    case("as-of-words", "cohorts preview buyers --as-of tomorrow", DEFINITION, "'tomorrow' is not an instant"),
    case("as-of-no-offset", "syncs run devices --as-of 2026-07-01T09:30:00", DEFINITION, "with its offset"),
    case("as-of-week", "cohorts preview buyers --as-of 2026-W01-1", DEFINITION, "is not an instant"),
    case("as-of-basic", "cohorts preview buyers --as-of 20260101T000000Z", DEFINITION, "is not an instant"),
    case("as-of-24-hours", "cohorts preview buyers --as-of 2026-07-01T24:00:00Z", DEFINITION, "is not an instant"),
    case("as-of-offset", "cohorts preview buyers --as-of 2026-07-01T10:00:00+25:00", DEFINITION, "is not an instant"),
    case("as-of-nanoseconds", "cohorts preview buyers --as-of 2026-07-01T10:00:00.123456789Z", DEFINITION, "is not an instant"),
    case("as-of-year-1", "cohorts preview buyers --as-of 0001-01-01T00:00:00+10:00", DEFINITION, "1970 to 2999"),
    case("as-of-year-9999", "cohorts export buyers --to x.csv --as-of 9999-12-31T23:59:59-10:00", DEFINITION, "1970 to 2999"),
    case("as-of-empty", ("cohorts", "preview", "buyers", "--as-of", ""), DEFINITION, "'' is not an instant"),
    case("export-no-folder", "cohorts export devices --to no/where.csv", DEFINITION, "the folder no does not exist"),
    case("export-ending", "cohorts export devices --to devices.txt", DEFINITION, ".csv nor .parquet"),
    case("export-onto-folder", "cohorts export devices --to taken.csv", DEFINITION, "taken.csv", "folder", before=lambda p: (p.folder / "taken.csv").mkdir()),
    case("export-unwritable", "cohorts export devices --to /proc/x.csv", DEFINITION, "/proc/x.csv", "cannot be written"),
    case("zone-unknown", "init --zone Europe/Berln", DEFINITION, "'Europe/Berln' is not a time zone", "did you mean 'Europe/Berlin'?"),
    case("zone-abbreviated", "init --zone EST5EDT", DEFINITION, "not a time zone"),
    case("demo-onto-file", "demo --people 100 --keep devices.csv", DEFINITION, "devices.csv", "folder"),
    case("sandbox-port", "sandbox --port 99999", CONFIGURATION, "0 to 65535"),
    case("sandbox-advertisers-missing", "sandbox --port 0 --advertisers none.json", CONFIGURATION, "none.json"),
    case("sandbox-advertisers-no-json", "sandbox --port 0 --advertisers devices.csv", CONFIGURATION, "devices.csv", "JSON"),
    case("sandbox-state-folder", "sandbox --port 0 --state home", CONFIGURATION, "home"),
]  # fmt: skip


@pytest.mark.parametrize("case", LINE)
def test_a_wrong_word_is_named(product: Product, case: Case) -> None:
    """Ids, options, instants, names and numbers: the sentence names what was given and what was expected."""
    refused(product, case)


def account(id_: str, words: str, code: int, *says: str, **more: object) -> object:
    """`connections add` with something wrong in it."""
    return case(id_, tuple(f"connections add {words}".split()), code, *says, **more)


MAP = "--map device_id=DAID"
CONNECTIONS = [
    account("region-near", f"b --advertiser a1 --region us-eats --secret-env TTD_SECRET {MAP}", DEFINITION, "'us-eats'", "did you mean 'us-east'?"),
    account("region-unknown", f"b --advertiser a1 --region mars --secret-env TTD_SECRET {MAP}", DEFINITION, "'mars'", "us-west"),
    account("region-of-a-url", f"b --advertiser a1 --region https://evil.example --secret-env TTD_SECRET {MAP}", DEFINITION, "no region"),
    account("region-sandbox-unset", f"b {ACCOUNT} {MAP}", CONFIGURATION, "'sandbox'", "TRADEWIND_SANDBOX_URL", environment={"TRADEWIND_SANDBOX_URL": ""}),
    account("region-from-sandbox-to-real", f"main --advertiser ready1 --region eu --secret-env TTD_SECRET {MAP}", DEFINITION, "add another connection"),
    account("destination-unknown", f"b {ACCOUNT} {MAP} --destination thetradesk", DEFINITION, "'thetradesk'", "thetradedesk"),
    account("advertiser-climbs", f"b --advertiser a/../b --region eu --secret-env TTD_SECRET {MAP}", DEFINITION, "1 to 32 letters and digits"),
    account("advertiser-changes", f"main --advertiser other1 --region sandbox --secret-env TTD_SECRET {MAP}", DEFINITION, "sync 'devices' uses it"),
    account("id-slash", f"a/b {ACCOUNT} {MAP}", DEFINITION, "'a/b'", "lower-case letters, digits and hyphens"),
    account("id-climbs", f"../main {ACCOUNT} {MAP}", DEFINITION, "'../main'", "lower-case letters"),
    account("id-upper", f"Main {ACCOUNT} {MAP}", DEFINITION, "'Main'", "lower-case letters"),
    account("id-long", f"{'b' * 64} {ACCOUNT} {MAP}", DEFINITION, "at most 63"),
    account("name-long", f"b {ACCOUNT} {MAP} --name {'n' * 300}", DEFINITION, "255", "300"),
    account("map-shapeless", f"b {ACCOUNT} --map device_id", DEFINITION, "'device_id' is not a mapping", "SOURCE=TYPE"),
    account("map-type", f"b {ACCOUNT} --map device_id=IDFA", DEFINITION, "'device_id=IDFA'", "TDID, DAID, UID2"),
    account("map-source", f"b {ACCOUNT} --map idfa=DAID", DEFINITION, "'idfa'", "column.<name>"),
    account("map-source-empty", f"b {ACCOUNT} --map =DAID", DEFINITION, "is not a mapping"),
    account("map-take", f"b {ACCOUNT} --map device_id=DAID:first", DEFINITION, "'device_id=DAID:first'", ":all"),
    account("map-none", f"b {ACCOUNT}", USAGE, "--map"),
    account("secret-twice", f"b {ACCOUNT} {MAP} --secret-file devices.csv", DEFINITION, "--secret-env or --secret-file, not both"),
    account("secret-nowhere", f"b --advertiser a1 --region eu {MAP}", DEFINITION, "no terminal", "--secret-env"),
    account("secret-unset", f"b --advertiser a1 --region eu --secret-env NOPE {MAP}", DEFINITION, "NOPE is not set"),
    account("secret-empty", f"b --advertiser a1 --region eu --secret-env EMPTY {MAP}", DEFINITION, "EMPTY is not set", environment={"EMPTY": ""}),
    account("secret-short", f"b --advertiser a1 --region eu --secret-env SHORT {MAP}", DEFINITION, "2 to 4096", environment={"SHORT": "x"}),
    account("secret-long", f"b --advertiser a1 --region eu --secret-env LONG {MAP}", DEFINITION, "2 to 4096", environment={"LONG": "hunter2-hunter2" * 900}),
    account("secret-padded", f"b --advertiser a1 --region eu --secret-env PAD {MAP}", DEFINITION, "space or line break", environment={"PAD": "hunter2-hunter2\n"}),
    account("secret-file-missing", f"b --advertiser a1 --region eu --secret-file none.txt {MAP}", DEFINITION, "none.txt", "cannot be read: No such file"),
    account("secret-file-folder", f"b --advertiser a1 --region eu --secret-file home {MAP}", DEFINITION, "home", "Is a directory"),
    account("secret-file-binary", f"b --advertiser a1 --region eu --secret-file s.bin {MAP}", DEFINITION, "s.bin", "not text", files={"s.bin": b"hunter2-hunter2\xff\xfe"}),
    account("secret-file-empty", f"b --advertiser a1 --region eu --secret-file s.txt {MAP}", DEFINITION, "2 to 4096", files={"s.txt": ""}),
    account("secret-on-the-line", f"b --advertiser a1 --region eu --secret hunter2 {MAP}", USAGE, "--secret"),
    case("live-e-mail", "connections test main --live jane@example.com", DEFINITION, "cannot be sent"),
    case("live-phone", "connections test main --live +15550123456", DEFINITION, "cannot be sent"),
    case("live-hash", f"connections test main --live {'0c9d8a' + 'a' * 58}", DEFINITION, "cannot be sent"),
    case("test-unknown", "connections test mian", DEFINITION, "connection 'mian' does not exist", "did you mean 'main'?"),
    case("test-sandbox-unset", "connections test main", CONFIGURATION, "TRADEWIND_SANDBOX_URL", environment={"TRADEWIND_SANDBOX_URL": ""}),
    case("plan-sandbox-unset", "syncs plan devices", CONFIGURATION, "TRADEWIND_SANDBOX_URL", environment={"TRADEWIND_SANDBOX_URL": ""}),
    case("run-sandbox-unset", "syncs run devices", CONFIGURATION, "TRADEWIND_SANDBOX_URL", environment={"TRADEWIND_SANDBOX_URL": ""}),
]  # fmt: skip


@pytest.mark.parametrize("case", CONNECTIONS)
def test_an_account_with_something_wrong_is_not_saved(product: Product, case: Case) -> None:
    """Region, id, map and secret; a secret or identifier is never repeated."""
    refused(product, case)


def parquet(**columns: object) -> bytes:
    """A Parquet file of these columns."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)  # type: ignore[arg-type]
    return out.getvalue()


GOOD = parquet(idfa=GUIDS)
BINARY = bytes(range(256)) * 40


def a_list(id_: str, name: str, content: str | bytes, *says: str, **more: object) -> object:
    """`cohorts fill devices NAME` with a wrong file."""
    return case(id_, f"cohorts fill devices {name}", DEFINITION, name, *says, files={name: content} if content else {}, **more)


LISTS = [
    a_list("csv-missing", "none.csv", "", "No such file"),
    a_list("csv-empty", "e.csv", "", "is empty", before=lambda p: p.write("e.csv", "")),
    a_list("csv-header-only", "h.csv", "idfa\n", "no value"),
    a_list("csv-utf16", "u.csv", LIST.encode("utf-16"), "UTF-16", "UTF-8"),
    a_list("csv-latin1", "l.csv", LIST.encode() + "é\n".encode("latin-1"), "not UTF-8 at byte"),
    a_list("csv-latin1-header", "l.csv", "idfa,é\n".encode("latin-1"), "not UTF-8 at byte 5"),
    a_list("csv-binary", "b.csv", BINARY, "b.csv"),
    a_list("csv-nul-header", "n.csv", b"id\0fa\nx\n", "column 1"),
    a_list("csv-open-quote", "q.csv", LIST + '"' + "\n".join(GUIDS) + "\n", "a quote is opened and not closed"),
    a_list("csv-open-quote-header", "q.csv", '"idfa\nx\n', "header"),
    a_list("csv-long-field", "f.csv", "idfa\n" + "x" * (2 << 20) + "\n", "malformed"),
    a_list("csv-ragged", "r.csv", "idfa,n\n" + f"{GUIDS[0]}\n" * 20, "malformed", ":2:"),
    a_list("csv-header-twice", "d.csv", f"idfa,idfa\n{GUIDS[0]},x\n", "'idfa' stands twice"),
    a_list("csv-header-by-case", "d.csv", f"idfa,IDFA\n{GUIDS[0]},x\n", "differ only in case"),
    a_list("csv-header-unnamed", "d.csv", f"idfa,\n{GUIDS[0]},x\n", "column 2 has no name"),
    a_list("csv-column-missing", "m.csv", LIST.replace("idfa", "gaid"), "no column 'idfa'", "gaid"),
    a_list("csv-column-other-case", "m.csv", LIST.replace("idfa", "IDFA"), "no column 'idfa'", "did you mean 'IDFA'?"),
    a_list("csv-semicolons", "s.csv", f"user;idfa\nu1;{GUIDS[0]}\n", "semicolons", "commas"),
    a_list("csv-tabs", "t.csv", f"user\tidfa\nu1\t{GUIDS[0]}\n", "tabs", "commas"),
    a_list("csv-header-in-row-three", "c.csv", f"# list\n# of devices\nidfa\n{GUIDS[0]}\n", "no column 'idfa'"),
    a_list("csv-many-columns", "w.csv", ",".join(f"c{n}" for n in range(1001)) + "\n", "1,001 columns"),
    a_list("csv-compressed", "z.csv.gz", gzip.compress(LIST.encode()), ".csv or .parquet file, not compressed"),
    a_list("csv-archive", "z.zip", BINARY, "expected a .csv or .parquet"),
    a_list("csv-folder", "folder.csv", "", "is a folder", before=lambda p: (p.folder / "folder.csv").mkdir()),
    a_list("csv-pipe", "pipe.csv", "", "is a device or pipe", before=lambda p: os.mkfifo(p.folder / "pipe.csv")),
    a_list("csv-link", "link.csv", "", "is a symbolic link", before=lambda p: (p.folder / "link.csv").symlink_to("devices.csv")),
    a_list("csv-outside", "../devices.csv", "", "leads out of the folder", before=lambda p: None),
    a_list("csv-device", "/dev/zero", "", "is a device or pipe"),
    a_list("csv-name-long", f"{'n' * 300}.csv", "", "name too long"),
    a_list("csv-is-parquet", "p.csv", GOOD, "is named .csv but is Parquet"),
    a_list("parquet-is-csv", "c.parquet", LIST, "is named .parquet but is not Parquet"),
    a_list("parquet-empty", "e.parquet", "", "is empty", before=lambda p: p.write("e.parquet", "")),
    a_list("parquet-magic-only", "m.parquet", b"PAR1", "m.parquet"),
    a_list("parquet-footer-2-gib", "f.parquet", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "footer"),
    a_list("parquet-cut", "h.parquet", GOOD[: len(GOOD) // 2], "is cut short"),
    a_list("parquet-torn", "t.parquet", GOOD[:4] + b"\0" * (len(GOOD) // 2 - 4) + GOOD[len(GOOD) // 2 :], "is damaged"),
    a_list("parquet-numbers", "i.parquet", parquet(idfa=[1, 2]), "does not hold text"),
    a_list("parquet-lists", "i.parquet", parquet(idfa=[["a"], ["b"]]), "does not hold text"),
    a_list("parquet-times", "i.parquet", parquet(idfa=pa.array([1], pa.timestamp("us"))), "does not hold text"),
    a_list("parquet-nulls", "n.parquet", parquet(idfa=pa.array([None, None], pa.string())), "no value in 'idfa' in any row"),
    a_list("parquet-by-case", "c.parquet", parquet(idfa=["a"], IDFA=["b"]), "differ only in case"),
    a_list("parquet-no-rows", "z.parquet", parquet(idfa=pa.array([], pa.string())), "no value"),
]  # fmt: skip


@pytest.mark.parametrize("case", LISTS)
def test_a_wrong_list_is_not_adopted(product: Product, case: Case) -> None:
    """The list that was there stays, whatever comes in its place."""
    refused(product, case)


@pytest.mark.parametrize("case", LISTS)
def test_quickstart_refuses_a_wrong_list_and_makes_nothing(tmp_path: Path, case: Case, url: str) -> None:
    """On a machine without a home: the same files, and not even the home is made."""
    product = Product(tmp_path, url, TTD_SECRET=SECRET)
    product.write("devices.csv", LIST)
    for name, content in case.files.items():
        product.write(name, content)
    case.before(product)
    name = str(case.words).split()[-1]
    done = product.text("quickstart", name, *ACCOUNT.split(), "--yes")
    assert_one_sentence(done, DEFINITION)
    assert not (tmp_path / "home").exists()


QUICK = f"quickstart list.csv {ACCOUNT} --yes"
QUICKSTART = [
    case("no-identifiers", QUICK, DEFINITION, "no column holds identifiers", "--column", files={"list.csv": "name,mail\nJane,jane@example.com\n"}),
    case("unknown-guids", QUICK, DEFINITION, "column 'x'", "--column 'x=DAID'", files={"list.csv": LIST.replace("idfa", "x")}),
    case("column-unknown", f"{QUICK} --column idfb=DAID", DEFINITION, "no column 'idfb'", files={"list.csv": LIST}),
    case("column-type", f"{QUICK} --column idfa=IDFA", DEFINITION, "'IDFA' is no type of identifier", files={"list.csv": LIST}),
    case("column-none", f"{QUICK} --column idfa=none", DEFINITION, "no column holds identifiers", files={"list.csv": LIST}),
    case("no-account", "quickstart list.csv --region eu --yes", DEFINITION, "--advertiser", files={"list.csv": LIST}),
    case("no-region", "quickstart list.csv --advertiser a1 --yes", DEFINITION, "--region", files={"list.csv": LIST}),
    case("wrong-region", "quickstart list.csv --advertiser a1 --region mars --secret-env TTD_SECRET --yes", DEFINITION, "'mars'", files={"list.csv": LIST}),
    case("odd-advertiser", "quickstart list.csv --advertiser a_1 --region eu --secret-env TTD_SECRET --yes", DEFINITION, "letters and digits", files={"list.csv": LIST}),
    case("no-secret", "quickstart list.csv --advertiser a1 --region eu --yes", DEFINITION, "--secret-env", files={"list.csv": LIST}),
    case("connection-unknown", "quickstart list.csv --connection mian --yes", DEFINITION, "did you mean 'main'?", files={"list.csv": LIST}),
    case("name-on-two-lines", ("quickstart", "list.csv", "--connection", "main", "--yes", "--name", "a\nb"), DEFINITION, "on one line", files={"list.csv": LIST}),
    case("name-long", ("quickstart", "list.csv", "--connection", "main", "--yes", "--name", "n" * 300), DEFINITION, "255", files={"list.csv": LIST}),
    case("name-taken", "quickstart list.csv --connection main --yes --name buyers", DEFINITION, "'buyers'", "behavioural", "--name", files={"list.csv": LIST}),
]  # fmt: skip


@pytest.mark.parametrize("case", QUICKSTART)
def test_quickstart_asks_for_what_is_wrong_before_it_makes_anything(product: Product, case: Case) -> None:
    """No connection, cohort or list is left of a quickstart that could not go on."""
    refused(product, case)


def cohort(text: str) -> str:
    """A file of one behavioural cohort whose rule is `text`."""
    return f"id: wrong\nname: Wrong\nkind: behavioural\nwho: {text}\n"


def select(query: str, more: str = "") -> str:
    """A file of one cohort of kind sql."""
    return f"id: wrong\nname: Wrong\nkind: sql\nquery: {json.dumps(query)}\n{more}"


def a_sync(text: str) -> str:
    """A file of one sync."""
    return f"syncs:\n  - {{cohort: buyers, connection: main, cadence: daily{text}}}\n"


def a_connection(text: str, map_: str = "[{from: device_id, to: DAID}]") -> str:
    """A file of one connection; `text` changes or adds fields."""
    fields = {"id": "b", "name": "B", "destination": "thetradedesk", "advertiser": "a1", "region": "eu", "auth": "signature", "identity": map_}
    fields |= dict(part.split("=", 1) for part in text.split("|") if part)
    return "connections:\n  - {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}\n"


DEFINITIONS: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("is empty",)),
    "comment-only": ("# nothing\n", ("is empty",)),
    "binary": (BINARY, ("not UTF-8 at byte 128",)),
    "control-characters": ("id: \x01\n", ("is not YAML",)),
    "utf-16": ("id: a".encode("utf-16"), ("not UTF-8",)),
    "tabs": ("id: wrong\n\tname: x\n", (":2:", "not YAML")),
    "open-bracket": ("cohorts: [{id: a\n", ("not YAML",)),
    "two-documents": ("id: a\n---\nid: b\n", ("not YAML",)),
    "alias": ("a: &x [1]\nb: *x\n", (":2:", "aliases")),
    "bomb": ("a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)), ("aliases",)),
    "python-object": ("id: !!python/object/apply:os.system ['true']\nname: x\nkind: static\n", (":1:",)),
    "key-twice": ("id: a\nid: b\n", (":2:", "'id' is given twice")),
    "key-no-word": ("? [a]\n: b\n", ("a key must be a plain word",)),
    "deep": ("cohorts: " + "[" * 5000 + "]" * 5000, ("nested deeper",)),
    "large": ("#" * (1 << 20) + "\nid: a\n", ("1,048,576",)),
    "list-on-top": ("- id: a\n", ("expected a mapping",)),
    "text-on-top": ("hello\n", ("expected a mapping",)),
    "section-unknown": ("cohort: []\n", ("'cohort' is not known", "did you mean 'cohorts'?")),
    "section-no-list": ("cohorts: {id: a}\n", ("at cohorts", "expected a list")),
    "kind-unknown": ("{id: a, name: A, kind: behavioral, who: {did: x}}\n", ("at kind", "did you mean 'behavioural'?")),
    "field-missing": ("cohorts: [{id: a, kind: behavioural, who: {did: x}}]\n", ("cohorts[0]", "'name' is missing")),
    "field-unknown": ("{id: a, name: A, kind: static, file: devices.csv, identifier: {idfa: DAID}}\n", ("'identifier'", "did you mean 'identifiers'?")),
    "id-upper": ("{id: Buyers, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "'Buyers'", "lower-case letters")),
    "id-climbs": ("{id: ../a, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "'../a'")),
    "id-number": ("{id: 7, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "expected a text")),
    "id-twice": ("cohorts:\n- {id: a, name: A, kind: behavioural, who: {did: x}}\n- {id: a, name: B, kind: behavioural, who: {did: x}}\n", (":3:", "'a' is defined already")),
    "name-long": (f"{{id: a, name: {'n' * 300}, kind: behavioural, who: {{did: x}}}}\n", ("at name", "255")),
    "name-two-lines": ('{id: a, name: "a\\nb", kind: behavioural, who: {did: x}}\n', ("at name", "on one line")),
    "rule-empty": (cohort("{}"), ("at who", "an empty mapping")),
    "rule-nothing": (cohort(""), ("at who", "found nothing")),
    "rule-text": (cohort("everybody"), ("at who", "'everybody'")),
    "rule-unknown": (cohort("{dod: Purchase}"), ("did you mean 'did'?",)),
    "rule-two": (cohort("{did: a, in_cohort: b}"), ("one rule is expected", "'all' or 'any'")),
    "rule-empty-list": (cohort("{all: []}"), ("at who.all", "at least one rule")),
    "rule-deep": (cohort("{not: " * 17 + "{did: x}" + "}" * 17), ("deeper than 16",)),
    "rule-wide": (cohort("{any: [" + "{did: x}, " * 201 + "]}"), ("at most 200",)),
    "operator-unknown": (cohort("{user.plan: {equals: [paid]}}"), ("at who.user.plan", "'equals' is not an operator")),
    "operator-mongo": (cohort('{user.plan: {"$ne": null}}'), ("'$ne' is not an operator",)),
    "operator-missing": (cohort("{user.plan: paid}"), ("expected an operator",)),
    "value-nothing": (cohort("{user.plan: {is: [null]}}"), ("expected a value, found nothing",)),
    "value-mapping": (cohort("{user.plan: {is: [{a: b}]}}"), ("found a mapping",)),
    "values-many": (cohort("{user.plan: {is: [" + "a, " * 10_001 + "]}}"), ("10,000 values", "10,001")),
    "property-long": (cohort(f"{{did: x, where: {{event.{'p' * 1025}: {{is: [a]}}}}}}"), ("1,024 characters",)),
    "property-of-no-event": (cohort("{did: x, where: {category: {is: [a]}}}"), ("expected 'event.<property>'",)),
    "count-text": (cohort("{did: x, count: often}"), ("at who.count", "comparison and a whole number")),
    "count-fraction": (cohort('{did: x, count: ">= 1.5"}'), ("whole number",)),
    "count-beside-did-not": (cohort('{did_not: x, count: ">= 3"}'), ("does not go with 'did_not'",)),
    "window-unknown": (cohort("{did: x, in: {latest: 30 days}}"), ("'latest'", "did you mean 'last'?")),
    "window-negative": (cohort("{did: x, in: {last: -1 days}}"), ("'-1 days'", "'30 days'")),
    "window-hours": (cohort("{did: x, in: {last: 3 hours}}"), ("days or weeks",)),
    "window-endless": (cohort("{did: x, in: {last: 999999999 days}}"), ("10,000 days",)),
    "window-number": (cohort("{did: x, in: {last: .nan}}"), ("expected a number of days",)),
    "date-not-there": (cohort("{did: x, in: {since: 2026-02-30}}"), ("2026-02-30",)),
    "date-with-hours": (cohort("{did: x, in: {since: 2026-02-01T10:00:00Z}}"), ("expected a date",)),
    "date-year-1": (cohort("{did: x, in: {since: 0001-01-01}}"), ("1970 to 2999",)),
    "dates-backwards": (cohort("{did: x, in: {between: [2026-02-02, 2026-02-01]}}"), ("not before",)),
    "in-cohort-unknown": (cohort("{in_cohort: buyer}"), ("there is no cohort 'buyer'", "did you mean 'buyers'?")),
    "in-itself": (cohort("{in_cohort: wrong}"), ("part of itself",)),
    "in-a-circle": ("cohorts:\n- {id: a, name: A, kind: behavioural, who: {in_cohort: b}}\n- {id: b, name: B, kind: behavioural, who: {not_in_cohort: a}}\n", ("part of itself", "a in b")),
    "list-file-missing": ("{id: a, name: A, kind: static, file: none.csv, identifiers: {idfa: DAID}}\n", ("none.csv", "No such file")),
    "list-column-missing": ("{id: a, name: A, kind: static, file: devices.csv, identifiers: {gaid: DAID}}\n", ("devices.csv", "no column 'gaid'")),
    "list-people-missing": ("{id: a, name: A, kind: static, file: devices.csv, people: who}\n", ("devices.csv", "no column 'who'")),
    "list-file-folder": ("{id: a, name: A, kind: static, file: home, identifiers: {idfa: DAID}}\n", ("home", "is a folder")),
    "list-type": ("{id: a, name: A, kind: static, file: devices.csv, identifiers: {idfa: IDFA}}\n", ("identifiers.idfa", "'IDFA'", "TDID")),
    "sql-delete": (select("DELETE FROM events"), ("at query", "expected a SELECT, found DELETE")),
    "sql-insert": (select("INSERT INTO events VALUES (1)"), ("found INSERT",)),
    "sql-drop": (select("DROP TABLE events"), ("found DROP",)),
    "sql-two": (select("SELECT 1; DROP TABLE events"), ("found 2 statements",)),
    "sql-copy": (select("COPY (SELECT 1) TO '/tmp/x'"), ("found COPY",)),
    "sql-attach": (select("ATTACH 'x.db'"), ("found ATTACH",)),
    "sql-pragma": (select("PRAGMA version"), ("found PRAGMA",)),
    "sql-set": (select("SET threads = 1"), ("found SET",)),
    "sql-install": (select("INSTALL httpfs"), ("expected a SELECT",)),
    "sql-with-delete": (select("WITH x AS (DELETE FROM events RETURNING 1) SELECT * FROM x"), ("at query",)),
    "sql-into": (select("SELECT * INTO x FROM events"), ("at query",)),
    "sql-passwd": (select("SELECT * FROM read_csv('/etc/passwd')"), ("at query", "reads")),
    "sql-file-as-table": (select("SELECT * FROM '/etc/passwd'"), ("it may read events",)),
    "sql-read-text": (select("SELECT * FROM read_text('/etc/passwd')"), ("at query",)),
    "sql-pg-read-file": (select("SELECT pg_read_file('/etc/passwd')", "source: PG\n"), ("pg_read_file is not allowed",)),
    "sql-getenv": (select("SELECT getenv('TTD_SECRET') AS person FROM events"), ("getenv is not allowed",)),
    "sql-table-unknown": (select("SELECT person FROM event"), ("'event'", "it may read events")),
    "sql-catalog": (select("SELECT * FROM information_schema.tables"), ("it may read events",)),
    "sql-no-sentence": (select("SELECT FROM WHERE"), ("at query",)),
    "sql-open-quote": (select("SELECT 'a FROM events"), ("never closed",)),
    "sql-empty": (select(" "), ("at query", "expected a text")),
    "sql-parameter": (select("SELECT person FROM events WHERE user_id = ?"), ("parameter",)),
    "sql-url-in-text": (select("SELECT 1", "source: postgresql://me:hunter2-hunter2@db/x\n"), ("at source", "never the URL itself")),
    "sql-table-name": (select("SELECT 1", "files: {a-b: devices.csv}\n"), ("'a-b' cannot name a table",)),
    "sync-cohort-unknown": (a_sync(", cohort: x").replace("cohort: buyers, ", "").replace("cohort: x", "cohort: buyer"), ("at syncs[0].cohort", "did you mean 'buyers'?")),
    "sync-connection-unknown": (a_sync("").replace("main", "mian"), ("at syncs[0].connection", "did you mean 'main'?")),
    "sync-cadence": (a_sync("").replace("daily", "weekly"), ("at syncs[0].cadence", "'weekly'", "hourly")),
    "sync-ttl-zero": (a_sync(", ttl_days: 0"), ("at syncs[0].ttl_days", "1 to 180")),
    "sync-ttl-negative": (a_sync(", ttl_days: -1"), ("1 to 180",)),
    "sync-ttl-long": (a_sync(", ttl_days: 181"), ("1 to 180",)),
    "sync-ttl-fraction": (a_sync(", ttl_days: 1.5"), ("expected a whole number",)),
    "sync-ttl-text": (a_sync(', ttl_days: "30"'), ("expected a whole number",)),
    "sync-ttl-switch": (a_sync(", ttl_days: true"), ("expected a whole number",)),
    "sync-segment-quoted": (a_sync(', segment: "it\'s"'), ("segment name", "take out")),
    "sync-segment-long": (a_sync(f", segment: {'x' * 129}"), ("1 to 128",)),
    "sync-segment-taken": (a_sync(', id: new, segment: "[Tradewind] Devices: devices"'), ("owned by sync 'devices'",)),
    "sync-segment-twice": (a_sync(", id: one, segment: x") + a_sync(", id: two, segment: X").removeprefix("syncs:\n"), ("only by case",)),
    "sync-segment-changed": ("syncs: [{id: devices, cohort: devices, connection: main, cadence: daily, segment: other}]\n", ("never changes",)),
    "sync-unknown-field": (a_sync(", ttl: 30"), ("'ttl'", "did you mean 'ttl_days'?")),
    "connection-region": (a_connection("region=mars"), ("'mars'", "us-east")),
    "connection-advertiser": (a_connection("advertiser=a-1"), ("letters and digits",)),
    "connection-auth": (a_connection("auth=basic"), ("'basic'", "signature")),
    "connection-url": (a_connection("url=http://x"), ("'url' is not known",)),
    "connection-map-empty": (a_connection("", "[]"), ("at least one mapping",)),
    "connection-map-source": (a_connection("", "[{from: idfa, to: DAID}]"), ("column.<name>", "'idfa'")),
    "connection-map-type": (a_connection("", "[{from: device_id, to: RampID}]"), ("'RampID'", "TDID, DAID, UID2")),
    "connection-secret-text": (a_connection("secret=hunter2-hunter2"), ("never written here",)),
    "connection-secret-env": (a_connection("secret={env: NOPE}"), ("NOPE is not set",)),
    "connection-secret-file": (a_connection("secret={file: none.txt}"), ("none.txt", "No such file")),
    "connection-secret-both": (a_connection("secret={file: a, env: B}"), ("expected one of env and file",)),
    "connection-secret-in-env-name": (a_connection("secret={env: hunter2-hunter2}"), ("name of an environment variable",)),
    "connection-name-long": (a_connection(f"name={'n' * 300}"), ("255",)),
    "connection-to-real": (a_connection("id=main|advertiser=ready1"), ("add another connection",)),
    "destination-unknown": (a_connection("destination=thetradesk"), ("'thetradesk'", "thetradedesk")),
}  # fmt: skip
ONLY_APPLY = ("sync-", "connection-", "destination-", "list-file", "list-column", "list-people")
"""What `cohorts check` leaves to `apply`: it looks at cohorts, and at no file but the definition's."""


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_wrong_definition_changes_nothing(product: Product, name: str) -> None:
    """Checked, planned or applied, beside a good cohort that must not come in either: file, line or path, and what was expected."""
    text, says = DEFINITIONS[name]
    product.write("good.yaml", "{id: good, name: Good, kind: behavioural, who: {did: x}}\n")
    for words in ("apply good.yaml wrong.yaml", "apply --plan good.yaml wrong.yaml", "cohorts check good.yaml wrong.yaml"):
        if words.startswith("apply") or not name.startswith(ONLY_APPLY):
            refused(product, Case(name, words, DEFINITION, (*says, "" if name.startswith("list-") else "wrong.yaml"), {"wrong.yaml": text}))


PLACES = [
    case("check-missing", "cohorts check none.yaml", DEFINITION, "none.yaml", "No such file"),
    case("apply-missing", "apply none.yaml", DEFINITION, "none.yaml", "No such file"),
    case("apply-folder-of-nothing", "apply empty", DEFINITION, "empty", "holds no .yaml file", before=lambda p: (p.folder / "empty").mkdir()),
    case("check-pipe", "cohorts check pipe.yaml", DEFINITION, "pipe.yaml", "regular file", before=lambda p: os.mkfifo(p.folder / "pipe.yaml")),
    case("apply-device", "apply /dev/zero", DEFINITION, "/dev/zero", "regular file"),
    case("import-missing", "events import none.json", DEFINITION, "none.json", "no such file"),
    case("import-kind", "events import list.txt", DEFINITION, "list.txt", ".json", files={"list.txt": "x"}),
    case("import-pipe", "events import pipe.json", DEFINITION, "pipe.json", "regular file", before=lambda p: os.mkfifo(p.folder / "pipe.json")),
    case("import-device", "events import /dev/zero", DEFINITION, "/dev/zero"),
    case("import-empty-folder", "events import empty", DEFINITION, "empty", "no file", ".parquet", before=lambda p: (p.folder / "empty").mkdir()),
    case("sql-column-of-file", "cohorts preview wrong", DEFINITION, "gaid", "idfa", before=lambda p: apply(p, select("SELECT gaid FROM list", "files: {list: devices.csv}\n"))),
    case("sql-column-of-events", "cohorts preview wrong", DEFINITION, "personn", before=lambda p: apply(p, select("SELECT personn FROM events"))),
    case("sql-no-people", "cohorts preview wrong", DEFINITION, "no column 'who'", before=lambda p: apply(p, select("SELECT user_id FROM events", "people: who\n"))),
    case("sql-function-unknown", "cohorts preview wrong", DEFINITION, "nofunc", before=lambda p: apply(p, select("SELECT nofunc(person) FROM events"))),
    case("sql-file-missing", "cohorts preview wrong", DEFINITION, "none.csv", "No such file", before=lambda p: apply(p, select("SELECT a FROM list", "files: {list: none.csv}\n"))),
    case("sql-file-ragged", "cohorts preview wrong", DEFINITION, "malformed", before=lambda p: apply(p, select("SELECT a FROM list", "files: {list: r.csv}\n")), files={"r.csv": "a,b\n1\n"}),
    case("sql-cast", "cohorts preview wrong", ENGINE, "could not be converted", before=lambda p: apply(p, select("SELECT CAST(idfa AS INT) AS a FROM list", "files: {list: devices.csv}\n"))),
    case("sql-twice-a-column", "cohorts preview wrong", DEFINITION, "rename one", before=lambda p: apply(p, select("SELECT user_id AS a, device_id AS A FROM events"))),
    case("sql-postgres-unset", "cohorts preview wrong", CONFIGURATION, "PG_URL is not set", before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n"))),
    case("sql-postgres-no-url", "cohorts preview wrong", CONFIGURATION, "PG_URL", "postgresql://", before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n")), environment={"PG_URL": "mysql://me:hunter2-hunter2@h/x"}),
    case("sql-postgres-silent", "cohorts preview wrong", ENGINE, "127.0.0.1:1", "does not answer", before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n")), environment={"PG_URL": "postgresql://me:hunter2-hunter2@127.0.0.1:1/x"}),
    case("list-version-gone", "cohorts preview devices", ENGINE, "devices", "gone or damaged", before=lambda p: [f.unlink() for f in (p.folder / "home/lists").rglob("*.parquet")]),
    case("list-version-damaged", "syncs plan devices", ENGINE, "devices", "gone or damaged", before=lambda p: [f.write_bytes(b"PAR1") for f in (p.folder / "home/lists").rglob("*.parquet")]),
    case("events-gone", "cohorts preview buyers", ENGINE, "events", before=lambda p: [f.unlink() for f in (p.folder / "home/events").rglob("*.parquet")]),
    case("events-damaged", "cohorts preview asked", ENGINE, "", before=lambda p: [f.write_bytes(b"PAR1") for f in (p.folder / "home/events").rglob("*.parquet")]),
    case("membership-gone", "syncs plan devices", ENGINE, "", before=lambda p: shutil.rmtree(p.folder / "home/membership")),
]  # fmt: skip


def apply(product: Product, text: str) -> None:
    """Bring in a definition that is well formed, and wrong only about the data."""
    product.write("data.yaml", text)
    product.ok("apply", "data.yaml")


@pytest.mark.parametrize("case", PLACES)
@pytest.mark.timeout(30)
def test_a_wrong_file_or_column_is_named(product: Product, case: Case) -> None:
    """Missing, of another kind, a pipe that never ends, a column that the data does not have, a store that lost a file."""
    refused(product, case)


def zipped(name: str, content: bytes) -> bytes:
    """A zip of one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


ONE = json.dumps(EVENT | {"insert_id": "new"}).encode() + b"\n"
UNREADABLE = {
    "empty.json": b"",
    "utf16.json": ONE.decode().encode("utf-16"),
    "cut.json.gz": gzip.compress(ONE * 500)[:-20],
    "crc.json.gz": gzip.compress(ONE)[:-8] + b"\0" * 8,
    "plain.json.gz": ONE,
    "plain.zip": ONE,
    "cut.zip": zipped("a.json", ONE * 500)[:-30],
    "other.zip": zipped("readme.txt", b"hello"),
    "plain.parquet": ONE,
    "cut.parquet": GOOD[:-5],
    "other.parquet": GOOD,
    "other.csv": b"a,b\n1,2\n",
    "near.csv": b"user_id,event_typ,time\nu1,Purchase,2026-01-01\n",
    "binary.csv": BINARY,
    "quote.csv": b'user_id,event_type,time\n"u1,Purchase,2026-01-01\n',
    "empty.csv": b"",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_damaged_event_file_is_refused_whole(product: Product, name: str) -> None:
    """One sentence with the file's name; nothing of it comes in."""
    product.write(name, UNREADABLE[name])
    before = state(product.folder / "home")
    done = product.text("events", "import", name)
    assert_one_sentence(done, DEFINITION, name)
    assert state(product.folder / "home") == before


LINES = {
    "broken": b'{"user_id": "u1", "event_type":\n',
    "key-twice": b'{"user_id": "u1", "user_id": "u2", "event_type": "a", "time": 1767225600000}\n',
    "nan": b'{"user_id": "u1", "event_type": "a", "time": NaN}\n',
    "huge-number": b'{"user_id": "u1", "event_type": "a", "time": 1e400}\n',
    "deep": b'{"user_id": "u1", "event_type": "a", "time": 1767225600000, "event_properties": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001 + b"\n",
    "half-surrogate": b'{"user_id": "\\ud800", "event_type": "a", "time": 1767225600000}\n',
    "switch-for-time": b'{"user_id": "u1", "event_type": "a", "time": true}\n',
    "long": b'{"user_id": "' + b"u" * (2 << 20) + b'"}\n',
    "long-integer": b'{"user_id": "u1", "event_type": "a", "time": ' + b"9" * 5000 + b"}\n",
    "single-quotes": b"{'user_id': 'u1'}\n",
    "comment": b"// comment\n",
    "array": b"[1, 2]\n",
    "null": b"null\n",
    "no-person": b'{"event_type": "a", "time": 1767225600000}\n',
    "list-as-id": b'{"user_id": ["u1"], "event_type": "a", "time": 1767225600000}\n',
    "no-type": b'{"user_id": "u1", "time": 1767225600000}\n',
    "no-time": b'{"user_id": "u1", "event_type": "a"}\n',
    "time-in-words": b'{"user_id": "u1", "event_type": "a", "time": "tomorrow"}\n',
    "time-far-off": b'{"user_id": "u1", "event_type": "a", "time": 999999999999999999}\n',
    "no-such-day": b'{"user_id": "u1", "event_type": "a", "time": "2026-02-30 10:00:00"}\n',
    "not-utf-8": b'{"user_id": "\xff", "event_type": "a", "time": 1767225600000}\n',
    "nul": b"\0\0\0\n",
}


@pytest.mark.parametrize("name", LINES)
def test_a_bad_line_is_counted_and_stops_nothing(product: Product, name: str) -> None:
    """The good event beside it comes in, and the bad one is told by file, line and reason."""
    product.write("lines.ndjson", LINES[name] + ONE)
    done = product.ok("events", "import", "lines.ndjson")
    assert (done["events_read"], done["events_new"], sum(done["rejects"].values())) == (2, 1, 1), done
    rejects = [json.loads(line) for line in Path(done["rejects_path"]).read_text().splitlines()]
    assert [(Path(each["file"]).name, each["line"]) for each in rejects] == [("lines.ndjson", 1)]
    assert rejects[0]["reason"] in done["rejects"]


def test_a_file_that_expands_without_end_stays_small_in_memory(product: Product) -> None:
    """64 MiB of nothing in 64 KiB: one line, far too long, counted and left out."""
    product.write("bomb.json.gz", gzip.compress(b"\0" * (64 << 20)))
    done = product.ok("events", "import", "bomb.json.gz")
    assert (done["events_new"], sum(done["rejects"].values())) == (0, 1)


def spoil(name: str, content: str | bytes | None, mode: int | None = None) -> Callable[[Product], None]:
    """Replace a file of the home (None: take it away), and give it a mode."""

    def act(product: Product) -> None:
        path = product.folder / "home" / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            path.chmod(0o600 if mode is None else mode)

    return act


def newer(product: Product) -> None:
    """As a later program leaves the database."""
    with closing(sqlite3.connect(product.folder / "home/tradewind.db")) as database:
        database.execute("UPDATE schema_revision SET version_num = '9999'")
        database.commit()


def folder_for(name: str) -> Callable[[Product], None]:
    """A folder where a file of the home should be."""

    def act(product: Product) -> None:
        spoil(name, None)(product)
        (product.folder / "home" / name).mkdir()

    return act


OTHER_KEY = base64.b64encode(b"k" * 32) + b"\n"
HOMES = [
    case("no-home", "syncs list", CONFIGURATION, "elsewhere", "tradewind init", environment={"TRADEWIND_HOME": "elsewhere"}),
    case("no-home-option", "--home elsewhere syncs list", CONFIGURATION, "elsewhere", "tradewind init"),
    case("home-is-a-file", "syncs list", CONFIGURATION, "devices.csv", environment={"TRADEWIND_HOME": "devices.csv"}),
    case("init-onto-a-file", "--home devices.csv init", CONFIGURATION, "devices.csv", "not a folder"),
    case("init-nowhere", "--home no/such/place init", CONFIGURATION, "does not exist"),
    case("init-forbidden", "--home /proc/home init", CONFIGURATION, "/proc/home", "cannot be made"),
    case("key-missing", "syncs list", CONFIGURATION, "the key", "is missing", "put it back", before=spoil("key", None)),
    case("key-missing-init", "init", CONFIGURATION, "the key", "is missing", "put it back", before=spoil("key", None)),
    case("key-open", "connections list", CONFIGURATION, "mode 0644", "chmod 600", before=spoil("key", OTHER_KEY, 0o644)),
    case("key-cut", "syncs run devices", CONFIGURATION, "truncated", before=spoil("key", OTHER_KEY[:20])),
    case("key-empty", "syncs list", CONFIGURATION, "truncated", before=spoil("key", b"")),
    case("key-binary", "syncs list", CONFIGURATION, "not a key", before=spoil("key", BINARY)),
    case("key-of-another", "connections test main", CONFIGURATION, "not the key of this database", before=spoil("key", OTHER_KEY)),
    case("key-folder", "syncs list", CONFIGURATION, "the key", "directory", before=folder_for("key")),
    case("schema-newer", "syncs list", CONFIGURATION, "schema 9999", "newer program", before=newer),
    case("database-garbage", "syncs list", LEDGER, "tradewind.db", "not a database", before=spoil("tradewind.db", BINARY)),
    case("database-cut", "syncs list", LEDGER, "tradewind.db", before=lambda p: os.truncate(p.folder / "home/tradewind.db", 5000)),
    case("database-folder", "syncs list", LEDGER, "tradewind.db", "unable to open", before=folder_for("tradewind.db")),
    case("database-kind", "syncs list", CONFIGURATION, "TRADEWIND_DATABASE_URL", "postgresql://", environment={"TRADEWIND_DATABASE_URL": "mysql://me:hunter2-hunter2@h/x"}),
    case("database-driver", "syncs list", CONFIGURATION, "TRADEWIND_DATABASE_URL", environment={"TRADEWIND_DATABASE_URL": "postgresql+none://me:hunter2-hunter2@h/x"}),
    case("database-url", "syncs list", CONFIGURATION, "TRADEWIND_DATABASE_URL", environment={"TRADEWIND_DATABASE_URL": "postgresql://me:hunter2-hunter2@h:port/x"}),
    case("database-silent", "syncs list", LEDGER, "127.0.0.1:1", environment={"TRADEWIND_DATABASE_URL": "postgresql+psycopg://me:hunter2-hunter2@127.0.0.1:1/x"}),
    case("toml-no-toml", "syncs list", CONFIGURATION, "tradewind.toml", "not TOML", before=spoil("tradewind.toml", "threads = \n")),
    case("toml-binary", "syncs list", CONFIGURATION, "tradewind.toml", "not UTF-8", before=spoil("tradewind.toml", BINARY)),
    case("toml-folder", "syncs list", CONFIGURATION, "tradewind.toml", "Is a directory", before=folder_for("tradewind.toml")),
    case("toml-key", "syncs list", CONFIGURATION, "'thread'", "did you mean 'threads'?", before=spoil("tradewind.toml", "thread = 1\n")),
    case("toml-key-unlike", "syncs list", CONFIGURATION, "'zzz'", "expected one of", before=spoil("tradewind.toml", "zzz = 1\n")),
    case("toml-home", "syncs list", CONFIGURATION, "'home' cannot be set", before=spoil("tradewind.toml", 'home = "/x"\n')),
    case("toml-threads", "syncs list", CONFIGURATION, "'threads' in", "greater than or equal to 1", before=spoil("tradewind.toml", "threads = 0\n")),
    case("toml-type", "syncs list", CONFIGURATION, "'threads' in", "integer", before=spoil("tradewind.toml", 'threads = "many"\n')),
    case("toml-table", "syncs list", CONFIGURATION, "'memory_limit' in", before=spoil("tradewind.toml", "[memory_limit]\na = 1\n")),
    case("threads-no-number", "syncs list", CONFIGURATION, "TRADEWIND_THREADS", "integer", environment={"TRADEWIND_THREADS": "abc"}),
    case("threads-negative", "syncs list", CONFIGURATION, "TRADEWIND_THREADS", environment={"TRADEWIND_THREADS": "-1"}),
    case("memory", "syncs list", CONFIGURATION, "TRADEWIND_MEMORY_LIMIT", "700MiB", environment={"TRADEWIND_MEMORY_LIMIT": "lots"}),
    case("switch", "syncs list", CONFIGURATION, "TRADEWIND_LOOPBACK_ONLY", environment={"TRADEWIND_LOOPBACK_ONLY": "perhaps"}),
    *(
        case(f"sandbox-url-{number}", "connections test main", CONFIGURATION, "TRADEWIND_SANDBOX_URL", "sandbox on this machine", environment={"TRADEWIND_SANDBOX_URL": address})
        for number, address in enumerate((
            "http://use-data.adsrvr.org", "https://127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1.evil.example:80", "http://me:hunter2-hunter2@127.0.0.1:80",
            "http://10.0.0.1:80", "http://127.0.0.1:80/path", "ftp://127.0.0.1:80", "127.0.0.1:80", "http://127.0.0.1:99999", "http://[::1", "http://0x7f000001:80",
        ))
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", HOMES)
def test_a_wrong_home_or_setting_is_named(product: Product, case: Case) -> None:
    """Key, database, settings: what is wrong, where it stands, what was expected; nothing is made or mended unasked."""
    refused(product, case)


@pytest.mark.parametrize("case", HOMES)
def test_the_doctor_says_the_same(product: Product, case: Case) -> None:
    """A broken home is a finding: the table names it, and the exit code is that of a setting to fix."""
    if "init" in str(case.words):
        pytest.skip("init is not about a home that is there")
    product.environment.update(case.environment)
    case.before(product)
    place = str(case.words).split()[:2] if str(case.words).startswith("--home") else []
    done = product.call(*place, "doctor")
    assert done.code == CONFIGURATION
    found = [finding["found"] for finding in done.json["findings"] if not finding["ok"]]
    assert any(all(words in sentence for words in case.says) for sentence in found), found
    assert not any(private in done.error + done.output for private in PRIVATE)


def test_a_folder_that_may_not_be_written_is_said(product: Product, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A home on which this user has no rights: no traceback from the depths of the database."""
    if os.geteuid() != 0:
        home = product.folder / "home"
        home.chmod(0o500)
        (home / "tradewind.db").chmod(0o400)
        try:
            assert_one_sentence(product.text("cohorts", "fill", "devices", "devices.csv"), LEDGER, "tradewind.db")
        finally:
            home.chmod(0o700)
    else:
        pytest.skip("root may write everywhere")


@pytest.fixture
def portal() -> Iterator[str]:
    """Something that is not the platform: it answers every request with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            page = b"<html><body>Sign in to use this network</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def closed_port() -> str:
    """An address at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_platform_that_cannot_be_reached_is_no_setting(product: Product, closed_port: str) -> None:
    """`connections test` says that nobody answered, and ends with the code of delivery: wait, and try again."""
    product.environment["TRADEWIND_SANDBOX_URL"] = closed_port
    done = product.text("connections", "test", "main")
    assert done.code == DELIVERY
    assert "did not answer" in done.output
    assert "no connection" in done.output


def test_a_page_is_not_taken_for_the_platform(product: Product, portal: str) -> None:
    """A portal that answers 200 with HTML proves nothing, whatever the status."""
    product.environment["TRADEWIND_SANDBOX_URL"] = portal
    done = product.text("connections", "test", "main")
    assert done.code == CONFIGURATION
    assert done.output.startswith("Not ready")
    assert "not the platform" in done.output


def test_a_run_that_delivered_nothing_does_not_end_with_zero(product: Product, closed_port: str) -> None:
    """The run is incomplete, everything is accounted for, and whoever called it is told by code and sentence."""
