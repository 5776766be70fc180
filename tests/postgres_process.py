"""A real PostgreSQL for tests: its own cluster in a fresh folder, on 127.0.0.1, ended by its own handle."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "Paß-w0rd-canary"
"""Of the user `reader`; tests look for it where it must never appear."""

_PATIENCE = 30.0


@dataclass(frozen=True)
class Server:
    """A running server. `admin` may do everything; `reader` signs in with PASSWORD."""

    port: int

    @property
    def admin(self) -> str:
        return f"postgresql://admin@127.0.0.1:{self.port}/postgres"

    def url(self, user: str = "reader", password: str = "Pa%C3%9F-w0rd-canary") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres"

    def run(self, sql: str) -> None:
        """Execute statements as admin."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.admin) as connection, connection.cursor() as cursor:
            for statement in filter(str.strip, sql.split(";")):
                cursor.execute(statement)
            connection.commit()

    def count(self, sql: str) -> int:
        """The one number that a query as admin gives."""
        return int(self.rows(sql)[0][0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query as admin gives."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.admin) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]


@contextmanager
def postgres() -> Iterator[Server]:
    """A server for the length of the block. Skips the test, saying why, where there are no server programs."""
    initdb, server = _program("initdb"), _program("postgres")
    if not initdb or not server:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = _unprivileged()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    options: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    data, port = folder / "data", _free_port()
    try:
        subprocess.run(
            [initdb, "-D", data, "-U", "admin", "-E", "UTF8", "--locale=C", "-A", "trust", "-N"],
            check=True, capture_output=True, cwd=folder, **options,
        )  # fmt: skip
        (data / "pg_hba.conf").write_text("host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F", "-c", "max_connections=20"],
                stdout=log, stderr=log, cwd=folder, **options,
            )  # fmt: skip
        try:
            _wait(process, port, folder / "log")
            started = Server(port)
            started.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
            yield started
        finally:
            process.send_signal(2)  # "fast": end sessions, then stop
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) if Path("/usr/lib/postgresql").is_dir() else []
    return str(found[-1]) if found else shutil.which(name)


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: somebody else to be."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody' to run it as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server takes a session."""
    from adbc_driver_postgresql import dbapi

    until = time.monotonic() + _PATIENCE
    while True:
        if process.poll() is not None or time.monotonic() > until:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            dbapi.connect(f"postgresql://admin@127.0.0.1:{port}/postgres?connect_timeout=2").close()
        except dbapi.Error:
            time.sleep(0.05)
        else:
            return
