"""A project that has nothing is filled with made-up people; one that has something is left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from site_of import Site
from tradewind.errors import DefinitionError
from tradewind.model.project import Project, ProjectPlan
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


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_same_is_made_at_any_hour_of_a_day_of_the_project(tmp_path: Path, zone: str) -> None:
    """Its windows are counted in its days: a shop that closes at another midnight would have other people in them for some hours."""
    day, newest = datetime(2026, 11, 27, tzinfo=ZoneInfo(zone)), set()
    for minute in (1, 4 * 60, 12 * 60, 24 * 60 - 1):
        (home := tmp_path / str(minute)).mkdir()
        site = Site(home)
        parts = site.town.parts
        parts.catalog.add_project(Project("there", "There", ProjectPlan.PAID, zone, ("fake",)), "ann")
        site.town.at(day + timedelta(minutes=minute))
        made = samples.begin(parts, "there", people=50)
        newest.add((made.events, parts.events.newest("there")))
        site.close()
    ((_, last),) = newest
    assert last is not None
    assert timedelta() < day - last < timedelta(hours=6)
