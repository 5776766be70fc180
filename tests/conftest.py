"""What every test may use: a sandbox of its own; and what every test must keep to: no host outside."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import outside
from sandbox_process import SandboxProcess, running_sandbox

outside.install()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background, and as our children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST_FIRST = ("chaos", "docs", "generative", "browser", "integration", "conformance")
"""Folders whose files take long: begun first, so that no core is idle at the end while the other works on one of them."""

MEMORY, ROOM = Path("/dev/shm"), 4 << 30
"""Where the files of tests lie, if so many bytes are free: tests commit hundreds of thousands of times, and a disk lets each wait."""


def pytest_configure() -> None:
    """Put the files of tests into memory, unless told where."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the folders; within one, files and tests stay as they were found."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: min((ranks[part] for part in item.path.parts if part in ranks), default=len(ranks)))


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
