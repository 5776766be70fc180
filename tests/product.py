"""The product as its user meets it: the command line, in a folder and an environment of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind.cli.main import main


@dataclass(frozen=True)
class Called:
    """What a command left behind."""

    code: int
    output: str
    error: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.output)
        return found


class Product:
    """Runs commands in `folder`, with a home inside it, against the sandbox at `sandbox_url`; nothing else may be reached."""

    def __init__(self, folder: Path, sandbox_url: str | None = None, **environment: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
        fixed = {"TRADEWIND_HOME": str(folder / "home"), "TRADEWIND_LOOPBACK_ONLY": "true", "COLUMNS": "200"}
        self.environment = clean | fixed | environment
        if sandbox_url:
            self.environment["TRADEWIND_SANDBOX_URL"] = sandbox_url

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def text(self, *words: str) -> Called:
        """Run a command for a person, in this process: the same door, without a second start."""
        output, error = io.StringIO(), io.StringIO()
        with self._inside(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
            code = main(list(words))
        assert "Traceback" not in error.getvalue() + output.getvalue(), error.getvalue()
        return Called(code, output.getvalue(), error.getvalue())

    def call(self, *words: str) -> Called:
        """Run a command for a program."""
        return self.text(*words, "--json")

    def ok(self, *words: str) -> dict[str, Any]:
        """Run a command that must succeed, and give back what it says."""
        done = self.call(*words)
        assert done.code == 0, f"{' '.join(words)}: {done.error}{done.output}"
        return done.json

    def apart(self, *words: str) -> Called:
        """The same in a process of its own, as a person starts it."""
        command = [sys.executable, "-m", "tradewind", *words]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=300)
        return Called(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command in a process of its own, which the caller ends."""
        command = [sys.executable, "-m", "tradewind", *words]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """The folder and environment of this product, for one command."""
        before, here = dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)
