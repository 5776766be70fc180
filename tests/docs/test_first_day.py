"""The first day that the tutorial tells is lived here: a real server, the sandbox in a process of its own, the API and the command line."""

from __future__ import annotations

import re
import shlex
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from product import Product
from sandbox_process import SandboxProcess, wait_until
from serve_process import PATIENCE, P, Serving, reached, serving, signed_in

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-day.md").read_text("utf-8")
REFUSED = "the platform refuses this account: check its id, secret and region"


class Operator:
    """Somebody with an administrator's token, who is told of anything but success at once."""

    def __init__(self, server: Serving) -> None:
        self.server, self.headers = server, signed_in(server)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"{P}{path}", json=body, headers=self.headers)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json()

    def sync(self, cohort: str, connection: str) -> dict[str, Any]:
        """Add a daily sync, run it now, and wait for its end."""
        wish = {"cohort": cohort, "connection": connection, "cadence": "daily"}
        added = self.ask("POST", "/syncs", wish)
        return {**added, "report": self.run(added["id"])}

    def run(self, sync: str) -> dict[str, Any]:
        return reached(self.server, self.headers, self.ask("POST", f"/syncs/{sync}/runs")["id"], "closed")


def test_the_first_day_goes_as_the_page_tells_it(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.ok("init")
    with serving(product, "--sandbox", "--sandbox-port", "0") as server:
        sandbox = SandboxProcess(re.findall(r"TRADEWIND_SANDBOX_URL=(http://127\.0\.0\.1:[0-9]+)", server.said())[-1])
        product.environment["TRADEWIND_SANDBOX_URL"] = sandbox.url
        ann = Operator(server)
        made = ann.ask("POST", "/samples")
        assert (made["events"] // 1000, len(made["cohorts"])) == (45, 3)
        _first_daily_sync(ann, sandbox, made["connection"])
        _wrong_key(ann, sandbox)
        _backup_elsewhere(product)
        _stop_amid_everything(ann, sandbox)


def _first_daily_sync(ann: Operator, sandbox: SandboxProcess, connection: str) -> None:
    """What the page says of it is what the run and the sandbox say, and a daily sync runs again within a day."""
    sync = ann.sync("cart-no-buy", connection)
    report, told = sync["report"], re.search(r"closed: (\d+) people, (\d+) identifiers, all accepted", PAGE)
    assert report["run"]["outcome"] == "clean"
    assert told is not None
    assert (report["members"], report["account"]["accepted"]) == tuple(map(int, told.groups()))
    assert len(sandbox.members("ready1", sync["segment"])) == report["account"]["accepted"]
    fires = ann.ask("POST", "/syncs/draft/forecast", {"cohort": "hat-lovers", "connection": connection, "cadence": "daily"})["fires"]
    assert datetime.fromisoformat(fires[0]) < datetime.now(UTC) + timedelta(days=1, hours=1)


def _wrong_key(ann: Operator, sandbox: SandboxProcess) -> None:
    """The message alone says what is wrong, before it is saved and after; the right key mends it."""
    account = {"name": "Second", "advertiser": "ready2", "region": "sandbox", "identity": ["user.advertising_id=DAID"]}
    wrong = account | {"secret": "made-up-secret"}
    told = ann.ask("POST", "/connections/second/draft/test", wrong)
    assert (told["ready"], told["proved"].partition(" (status 401")[0] in PAGE) == (False, True), told
    ann.ask("PUT", "/connections/second", wrong)
    sync = ann.sync("hat-lovers", "second")
    run, paused = sync["report"]["run"], ann.ask("GET", "/connections/second")["paused"]
    assert (run["outcome"], run["reason"].partition(";")[0], paused) == ("incomplete", REFUSED, run["reason"])
    assert REFUSED in PAGE
    assert not sandbox.members("ready2", sync["segment"])
    ann.ask("PUT", "/connections/second", account | {"secret": "sandbox-secret-ready2"})
    assert ann.ask("POST", "/connections/second/test")["ready"] is True
    assert ann.run(sync["id"])["run"]["outcome"] == "clean"
    assert sandbox.members("ready2", sync["segment"])


def _backup_elsewhere(product: Product) -> None:
    """The lines of the page, typed beside the server."""
    product.environment["BACKUP_WORDS"] = "four words that you keep"
    backup, restore = (shlex.split(line)[1:] for line in re.findall(r"^tradewind (?:backup|restore) .*$", PAGE, re.MULTILINE))
    assert product.text(*backup).code == 0
    done = product.text(*restore)
    assert done.code == 0, done.error
    assert "2 syncs are paused, and 2 segments are in doubt until their syncs run again." in done.output
    assert "The record is whole." in done.output
    product.environment["TRADEWIND_HOME"] = str(product.folder / "elsewhere")
    assert {each["state"] for each in product.ok("syncs", "list")["syncs"]} == {"paused"}


def _stop_amid_everything(ann: Operator, sandbox: SandboxProcess) -> None:
    """SIGTERM while a run waits for an answer, somebody watches it, and a request is half sent: it ends in order, and in time."""
    server = ann.server
    sandbox.faults({"kind": "late", "seconds": 2, "times": 1})
    (sync, *_) = ann.ask("GET", "/syncs")["items"]
    run = ann.ask("POST", f"/syncs/{sync['id']}/runs")["id"]
    wait_until(lambda: sandbox.get("/_sandbox/counts")["under_way"] == 1, "a request is under way", PATIENCE)
    with (
        socket.create_connection(("127.0.0.1", server.http.base_url.port)) as half,
        server.http.stream("GET", f"{P}/runs/{run}/progress", headers=ann.headers) as progress,
    ):
        assert progress.status_code == 200
        half.sendall(f"PUT {P}/cohorts/half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{".encode())
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(35) == 0
        assert half.recv(1000).startswith(b"HTTP/1.1 503 ")
        assert progress.read().startswith(b"id: ")
    assert "Traceback" not in server.said() + server.said("out")
