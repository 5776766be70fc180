"""A project that has nothing is filled with made-up people; one that has something is left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from site_of import Site
from tradewind.errors import DefinitionError
from tradewind.operations import samples


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def test_a_new_project_has_people_up_to_now_and_cohorts(site: Site) -> None:
    parts = site.town.parts
    made = samples.begin(parts, "other", people=200)
    assert made.events > 1_000
    assert made.cohorts == ("cart-no-buy", "engaged-paid", "hat-lovers")
    newest = parts.events.newest("other")
    assert newest is not None
    assert 0 <= (parts.clock.now() - newest).days <= 1
    with pytest.raises(DefinitionError, match="has events or cohorts already"):
        samples.begin(parts, "other")
