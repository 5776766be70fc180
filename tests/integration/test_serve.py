"""`tradewind serve` as a new operator meets it: a real process, its set-up code, a first segment at the sandbox, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from product import Product
from sandbox_process import SandboxProcess, wait_until
from serve_process import PASSWORD, PATIENCE, P, Serving, reached, serving, signed_in
from tradewind.cli.place import THERE


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    product = Product(tmp_path, sandbox.url)
    product.ok("init")
    return product


def answers(url: str) -> bool:
    """Whether anybody listens there."""
    try:
        httpx2.get(url, timeout=5)
    except httpx2.TransportError:
        return False
    return True


def taken_in(server: Serving, headers: dict[str, str], upload: str, counts: dict[str, int]) -> None:
    """The worker takes a file in, with these counts."""
    wait_until(
        lambda: bool(server.http.get(f"{P}/uploads/{upload}", headers=headers).json()["counts"] == counts), "the file is taken in", PATIENCE
    )


def _handed_over(product: Product, sync: str) -> str:
    """A run that the command line asks for while a server is at work there: held by the age of the events, and then allowed."""
    held = product.call("syncs", "run", sync)
    (old,) = held.json["plan"]["verdicts"]
    assert (held.code, THERE in held.error, held.json["run"]["state"]) == (12, True, "held")
    done = product.call("runs", "approve", held.json["run"]["id"], "--guard", f"{old['guard']}={old['count']}")
    assert (done.code, THERE in done.error, done.json["run"]["outcome"]) == (0, True, "clean")
    return str(done.json["run"]["id"])


def test_from_the_set_up_code_to_a_first_segment(product: Product, sandbox: SandboxProcess) -> None:
    with serving(product) as server:
        headers = signed_in(server)
        lines = b"".join(
            b'{"event_type": "Open", "user_id": "u%d", "time": 1767225600000, "insert_id": "i%d", '
            b'"user_properties": {"ad": "a0000000-0000-4000-8000-%012d"}}\n' % (n, n, n)
            for n in range(30)
        )
        kind = headers | {"Content-Type": "application/octet-stream"}
        sent = server.http.post(f"{P}/events/imports?name=day.ndjson", content=lines, headers=kind).json()
        taken_in(server, headers, sent["id"], {"events_read": 30, "events_new": 30, "duplicates": 0, "imported_before": 0})
        rule = {"name": "Openers", "kind": "behavioural", "definition": {"who": {"did": "Open"}}}
        server.http.put(f"{P}/cohorts/openers", json=rule, headers=headers)
        account = {"name": "Main", "advertiser": "ready1", "region": "sandbox", "identity": ["user.ad=DAID"]}
        wrong = server.http.post(f"{P}/connections/main/draft/test", json=account | {"secret": "not-the-right-one"}, headers=headers).json()
        assert (wrong["ready"], "secret" in wrong["proved"]) == (False, True)
        account["secret"] = "sandbox-secret-ready1"
        assert server.http.post(f"{P}/connections/main/draft/test", json=account, headers=headers).json()["ready"] is True
        assert server.http.put(f"{P}/connections/main", json=account, headers=headers).status_code == 200
        wish = {"cohort": "openers", "connection": "main", "segment": "openers by the api"}
        sync = server.http.post(f"{P}/syncs", json=wish, headers=headers).json()
        run = server.http.post(f"{P}/syncs/{sync['id']}/runs", headers=headers).json()["id"]
        (old,) = reached(server, headers, run, "held")["verdicts"]
        assert old["guard"] == "stale", "the events are of another year; the worker did not wait for its minute to find that out"
        allowed = {"approvals": [{"guard": old["guard"], "count": old["count"]}]}
        assert server.http.post(f"{P}/runs/{run}/approve", json=allowed, headers=headers).status_code == 202
        assert reached(server, headers, run, "closed")["account"]["accepted"] == 30
        assert len(sandbox.members("ready1", "openers by the api")) == 30
        assert product.ok("runs", "show", run)["run"]["outcome"] == "clean", "the command line works beside the server"
        handed = _handed_over(product, sync["id"])
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(35) == 0
        assert not [each for each in (product.folder / "home").rglob("*") if each.stat().st_mode & 0o077], "others may read it"
        told = [json.loads(line) for line in server.said("out").splitlines()]
        assert {each["what"] for each in told} == {"request", "work"}
        assert [each["outcome"] for each in told if each.get("run") == handed] == [None, "clean"], (
            "the server did it, twice as far as it could"
        )
        assert "not-the-right-one" not in server.said("out") + server.said()
        assert "a0000000" not in server.said("out") + server.said()


def test_a_home_has_one_server_which_nobody_fills(product: Product) -> None:
    """256 MiB without a length, a hundred thousand levels, and a caller who does not stop: refused, in hardly more memory than before."""
    with serving(product) as server:
        second = product.text("serve", "--port", "1")
        assert (second.code, "another server works on" in second.error) == (75, True)
        headers = signed_in(server) | {"Content-Type": "application/json"}
        deep = b"[" * 100_000 + b"]" * 100_000
        assert server.http.post(f"{P}/syncs", content=b"[]", headers=headers).status_code == 422
        before = memory(server, "VmRSS")
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        assert server.http.post(f"{P}/syncs", content=deep, headers=headers).status_code == 422
        poured = pour(server, headers, 256)
        assert poured.startswith(b"HTTP/1.1 413 ")
        asked = [server.http.post(f"{P}/syncs", content=b"[]", headers=headers) for _ in range(60)]
        assert {each.status_code for each in asked} == {422, 429}
        assert int(asked[-1].headers["retry-after"]) > 0
        assert memory(server, "VmHWM") - before <= 20 << 20


def memory(server: Serving, name: str) -> int:
    """Bytes: VmRSS, what the server has in memory, or VmHWM, the most since that was last set back."""
    return int(re.findall(rf"{name}:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())[0]) << 10


def pour(server: Serving, headers: dict[str, str], mebibytes: int) -> bytes:
    """The answer to a body that comes a mebibyte at a time, whose length nobody was told."""
    head = [
        f"POST {P}/syncs HTTP/1.1",
        "Host: localhost",
        "Transfer-Encoding: chunked",
        *(f"{name}: {each}" for name, each in headers.items()),
    ]
    part = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as line:
        line.sendall("\r\n".join([*head, "", ""]).encode())
        for _ in range(mebibytes):
            line.sendall(part)
        line.sendall(b"0\r\n\r\n")
        return line.recv(1 << 16)


def test_an_address_that_is_taken_is_told_in_one_sentence(product: Product) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "tradewind", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=product.folder, env=product.environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "nothing can listen at" in done.stderr, "Traceback" in done.stderr) == (11, True, False), done.stderr


def test_a_server_that_was_killed_leaves_its_place_to_the_next(product: Product) -> None:
    """The next has the sandbox beside it, which ends with its server however that ends."""
    with serving(product) as server:
        first = server.code()
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    del product.environment["TRADEWIND_SANDBOX_URL"]
    with serving(product, "--sandbox", "--sandbox-port", "0") as server:
        assert server.code() != first
        set_up = {"code": first, "user": "root", "name": "Root", "password": PASSWORD}
        assert server.http.post("/api/v1/setup", json=set_up).status_code == 422
        account = {"name": "Main", "destination": "thetradedesk", "advertiser": "ready1", "region": "sandbox"}
        secret = {"secret": "sandbox-secret-ready1", "identity": ["column.idfa=DAID"]}
        tried = server.http.post(f"{P}/connections/main/draft/test", json=account | secret, headers=signed_in(server))
        assert tried.json()["ready"] is True, tried.text
        beside = re.findall(r"TRADEWIND_SANDBOX_URL=(http://127\.0\.0\.1:[0-9]+)", server.said())[-1]
        assert answers(beside)
    wait_until(lambda: not answers(beside), "the sandbox has ended", PATIENCE)


def test_a_server_killed_in_the_midst_of_a_file_has_nothing_of_it(product: Product) -> None:
    """Who sent it got no answer, no upload names it, and it is sent again as if for the first time."""
    lines = b"".join(
        b'{"event_type": "Open", "user_id": "u%d", "time": 1767225600000, "insert_id": "i%d"}\n' % (n, n) for n in range(9_000)
    )
    kind = {"Content-Type": "application/octet-stream"}
    with serving(product) as server:
        headers = signed_in(server)
        head = [f"POST {P}/events/imports?name=day.ndjson HTTP/1.1", "Host: localhost", f"Content-Length: {len(lines)}"]
        head += [f"{name}: {value}" for name, value in (headers | kind).items()]
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as caller:
            caller.sendall("\r\n".join([*head, "", ""]).encode() + lines[: len(lines) // 2])
            folder = product.folder / "home" / "uploads"
            wait_until(lambda: any(path.stat().st_size for path in folder.rglob("day.ndjson")), "half of the file is here", PATIENCE)
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            caller.settimeout(30)
            with contextlib.suppress(ConnectionError):
                assert caller.recv(1) == b""
    (left,) = folder.iterdir()
    with serving(product) as server:
        assert server.http.get(f"{P}/uploads", headers=headers).json()["items"] == []
        sent = server.http.post(f"{P}/events/imports?name=day.ndjson", content=lines, headers=headers | kind).json()
        taken_in(server, headers, sent["id"], {"events_read": 9_000, "events_new": 9_000, "duplicates": 0, "imported_before": 0})
        assert left.exists(), "half a file of nobody is swept when it is a day old"
