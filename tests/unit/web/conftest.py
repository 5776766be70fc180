"""The site that the tests of the API ask; a file of them adds to it what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pushes import sender
from site_of import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """With one user, the administrator `root`."""
    site = Site(tmp_path)
    site.user("root", administrator=True)
    yield site
    site.close()


@pytest.fixture
def amplitude(site: Site) -> TestClient:
    return sender(site)


@pytest.fixture
def root(site: Site) -> TestClient:
    return site.signed_in("root")
