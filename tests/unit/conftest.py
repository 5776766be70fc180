"""A town to live in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A home on a SQLite ledger."""
    town = Town(tmp_path)
    yield town
    town.close()
