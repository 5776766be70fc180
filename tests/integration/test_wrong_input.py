"""Whatever a command is given, it answers with one clear sentence and the right exit code, and changes nothing."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from product import Called, Product
from sandbox_process import running_sandbox
from tradewind.cli.place import HERE
from wrong_input.case import ACCOUNT, CONFIGURATION, DEFINITION, DELIVERY, LIST, PRIVATE, SECRET, Case, prepare
from wrong_input.definitions import DEFINITIONS, ONLY_APPLY
from wrong_input.files import LINES, LISTS, NAMED_COLUMN, ONE, PLACES, UNREADABLE, parquet
from wrong_input.homes import HOMES, NOT_FOR_DOCTORS
from wrong_input.words import CONNECTIONS, LINE, QUICKSTART, SOURCES


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox for all of them; none of these calls may leave anything in it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, url: str) -> Path:
    """A folder with a home in which everything is in order."""
    product = Product(tmp_path_factory.mktemp("standing"), url, TTD_SECRET=SECRET)
    prepare(product)
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
    """Every row of the database, and the files whose names rows know: catalog, ledger, vault, lists, events, membership.

    But for the list of imports: one that failed stands there too, so that a sync does not take the events for whole. And for the audit
    trail, which is written before a deed, whatever becomes of it.
    """
    if not (home / "tradewind.db").is_file():
        return [], {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    try:
        with closing(sqlite3.connect(f"file:{home / 'tradewind.db'}?mode=ro", uri=True)) as database:
            rows = [row for row in database.iterdump() if not row.startswith(('INSERT INTO "event_import"', 'INSERT INTO "audit"'))]
    except sqlite3.DatabaseError:
        rows = [(home / "tradewind.db").read_bytes().hex()]
    kept = ("lists", "events", "membership", "runs", "key")
    files = {path.relative_to(home) for path in home.rglob("*") if path.is_file() and path.name != ".importing"}
    return rows, {str(path) for path in files if path.parts[0] in kept}


def assert_one_sentence(done: Called, code: int, *says: str) -> None:
    """One line, the right code, what it must say, and nothing it must not."""
    assert done.code == code, done.error + done.output
    error = done.error.removeprefix(f"{HERE}\n")  # who does what takes a while is said before it is begun
    assert error.startswith("error: "), error + done.output
    assert error.endswith("\n")
    assert len(error.splitlines()) == 1, error
    assert len(error) < 500, error
    for words in says:
        assert words in error, error
    assert not any(private in error + done.output for private in PRIVATE), error
    assert not any(word in error for word in ("Error(", "Exception", "NoneType", "Traceback", "sqlalche", "Errno")), error


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
        assert f"error: {told.json['error']['message']}\n" == told.error.removeprefix(f"{HERE}\n")
        assert told.error == done.error


@pytest.mark.parametrize("case", LINE)
def test_a_wrong_word_is_named(product: Product, case: Case) -> None:
    """Ids, options, instants, names and numbers: the sentence names what was given and what was expected."""
    refused(product, case)


@pytest.mark.parametrize("case", [*CONNECTIONS, *SOURCES])
def test_an_account_with_something_wrong_is_not_saved(product: Product, case: Case) -> None:
    """Region, id, map and secret; a secret or identifier is never repeated."""
    refused(product, case)


@pytest.mark.parametrize("case", LISTS)
def test_a_wrong_list_is_not_adopted(product: Product, case: Case) -> None:
    """The list that was there stays, whatever comes in its place."""
    refused(product, case)


@pytest.mark.parametrize("case", [each for each in LISTS if each.id not in NAMED_COLUMN])
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


@pytest.mark.parametrize("case", QUICKSTART)
def test_quickstart_asks_for_what_is_wrong_before_it_makes_anything(product: Product, case: Case) -> None:
    """No connection, cohort or list is left of a quickstart that could not go on."""
    refused(product, case)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_wrong_definition_changes_nothing(product: Product, name: str) -> None:
    """Checked, planned or applied, beside a good cohort that must not come in either: file, line or path, and what was expected."""
    text, says = DEFINITIONS[name]
    product.write("good.yaml", "{id: good, name: Good, kind: behavioural, who: {did: x}}\n")
    for words in ("apply good.yaml wrong.yaml", "apply --plan good.yaml wrong.yaml", "cohorts check good.yaml wrong.yaml"):
        if words.startswith("apply") or not name.startswith(ONLY_APPLY):
            refused(product, Case(name, words, DEFINITION, (*says, "" if name.startswith("list-") else "wrong.yaml"), {"wrong.yaml": text}))


@pytest.mark.parametrize("case", PLACES)
@pytest.mark.timeout(120)
def test_a_wrong_file_or_column_is_named(product: Product, case: Case) -> None:
    """Missing, of another kind, a pipe that never ends, a column that the data does not have, a store that lost a file."""
    refused(product, case)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_damaged_event_file_is_refused_whole(product: Product, name: str) -> None:
    """One sentence with the file's name; nothing of it comes in."""
    product.write(name, UNREADABLE[name])
    before = state(product.folder / "home")
    done = product.text("events", "import", name)
    assert_one_sentence(done, DEFINITION, name)
    assert state(product.folder / "home") == before


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


@pytest.mark.parametrize("case", HOMES)
def test_a_wrong_home_or_setting_is_named(product: Product, case: Case) -> None:
    """Key, database, settings: what is wrong, where it stands, what was expected; nothing is made or mended unasked."""
    refused(product, case)


@pytest.mark.parametrize("case", [each for each in HOMES if not any(word in str(each.id) for word in NOT_FOR_DOCTORS)])
def test_the_doctor_says_the_same(product: Product, case: Case) -> None:
    """A broken home is a finding: the table names it, and the exit code is that of a setting to fix."""
    product.environment.update(case.environment)
    case.before(product)
    place = str(case.words).split()[:2] if str(case.words).startswith("--home") else []
    done = product.call(*place, "doctor")
    assert done.code == CONFIGURATION
    found = [finding["found"] for finding in done.json["findings"] if not finding["ok"]]
    assert any(all(words in sentence for words in case.says) for sentence in found), found
    assert not any(private in done.error + done.output for private in PRIVATE)


@pytest.fixture
def portal() -> Iterator[str]:
    """Something that is not the platform: it answers every request with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
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
    assert "no connection" in " ".join(done.output.split())


def test_a_page_is_not_taken_for_the_platform(product: Product, portal: str) -> None:
    """A portal that answers 200 with HTML proves nothing, whatever the status."""
    product.environment["TRADEWIND_SANDBOX_URL"] = portal
    done = product.text("connections", "test", "main")
    assert done.code == CONFIGURATION
    assert done.output.startswith("Not ready")
    assert "not the platform" in done.output


@pytest.mark.parametrize(("where", "account"), [("closed_port", "not_sent"), ("portal", "unknown")])
def test_a_run_that_delivered_nothing_does_not_end_with_zero(
    product: Product, request: pytest.FixtureRequest, where: str, account: str
) -> None:
    """Nobody, or a portal, at the other end: the run is incomplete, all are accounted for, and the code says so."""
    product.ok("cohorts", "fill", "devices", "devices.csv")
    product.environment["TRADEWIND_SANDBOX_URL"] = request.getfixturevalue(where)
    random.seed(168042)  # whose first waits between the tries are short
    done = product.call("syncs", "run", "devices")
    assert done.code == DELIVERY
    assert done.json["run"]["outcome"] == "incomplete"
    assert "no answer that settles anything" in done.json["run"]["reason"]
    assert done.json["account"] == {"planned": 60, "accepted": 0, "rejected": 0, "unknown": 0, "not_sent": 0, account: 60}
    assert not any(private in done.error + done.output for private in PRIVATE)


@pytest.mark.parametrize(("name", "content"), [("none.csv", b"idfa\n"), ("none.parquet", parquet(idfa=pa.array([], pa.string())))])
def test_a_list_of_nobody_is_adopted_and_held(product: Product, name: str, content: bytes) -> None:
    """A header without rows is a whole file; that it would empty the segment is for a person to say."""
    product.write(name, content)
    assert product.ok("cohorts", "fill", "devices", name)["removed"] == 1
    plan = product.ok("syncs", "plan", "devices")["plan"]
    assert plan["decision"] == "hold"
    assert {verdict["guard"] for verdict in plan["verdicts"]} == {"empty"}
