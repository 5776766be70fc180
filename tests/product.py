"""The product as its user meets it: the command line in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
        self.environment = (
            clean | {"TRADEWIND_HOME": str(folder / "home"), "TRADEWIND_LOOPBACK_ONLY": "true", "COLUMNS": "200"} | environment
        )
        if sandbox_url:
            self.environment["TRADEWIND_SANDBOX_URL"] = sandbox_url

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def text(self, *words: str, stdin: str | None = None) -> Called:
        """Run a command for a person."""
        command = [sys.executable, "-m", "tradewind", *words]
        source: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120, **source
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Called(done.returncode, done.stdout, done.stderr)

    def call(self, *words: str) -> Called:
        """Run a command for a program."""
        return self.text(*words, "--json")

    def ok(self, *words: str) -> dict[str, Any]:
        """Run a command that must succeed, and give back what it says."""
        done = self.call(*words)
        assert done.code == 0, f"{' '.join(words)}: {done.error}{done.output}"
        return done.json
