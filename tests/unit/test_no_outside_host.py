"""The guard itself: a host outside cannot be reached, and whoever tries fails, even in silence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import outside

ROOT = Path(__file__).parents[2]

SILENT_ATTEMPT = """
import contextlib, socket

def test_swallows_the_error():
    with contextlib.suppress(Exception):
        socket.getaddrinfo("usw-data.adsrvr.org", 443)
"""


@pytest.mark.parametrize(
    "name",
    ["usw-data.adsrvr.org", "DATA-CN2.adsrvr.cn.", "api.thetradedesk.com", "global.prod.uidapi.com", "prod.euid.eu", "api2.amplitude.com"],
)
def test_a_platform_s_name_is_not_looked_up(name: str) -> None:
    with pytest.raises(outside.OutsideContact):
        socket.getaddrinfo(name, 443)
    assert outside.contacts == [f"socket.getaddrinfo {name}"]
    outside.contacts.clear()


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")])
def test_an_address_outside_is_not_connected_to(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as connection, pytest.raises(outside.OutsideContact):
        connection.connect((address, 443))
    assert outside.contacts == [f"socket.connect {address}"]
    outside.contacts.clear()


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()[:2], timeout=5) as connection:
        assert connection.getpeername() == listener.getsockname()
    assert outside.contacts == []


def test_an_attempt_in_silence_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_silent.py").write_text(SILENT_ATTEMPT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=60)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "tried to reach a host outside: socket.getaddrinfo usw-data.adsrvr.org" in run.stdout
