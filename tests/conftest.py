"""What every test may use: a sandbox of its own; and what every test must keep to: no host outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import outside
from sandbox_process import SandboxProcess, running_sandbox

outside.install()


@pytest.fixture(autouse=True)
def _nobody_outside() -> Iterator[None]:
    """Fails a test that tried to reach a host outside, even if the error was swallowed."""
    outside.contacts.clear()
    yield
    tried, outside.contacts[:] = list(outside.contacts), []
    if tried:
        pytest.fail(f"tried to reach a host outside: {', '.join(tried)}")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A sandbox that holds nothing yet, in a process of its own."""
    folder = tmp_path / "sandbox-process"
    folder.mkdir()
    with running_sandbox(folder) as url:
        yield SandboxProcess(url)
