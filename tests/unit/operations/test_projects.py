"""Setting up a home: made once, kept the second time, never with a key that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.catalog.sql import Catalog
from tradewind.database import Database
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Secret
from tradewind.model.project import Project, ProjectPlan
from tradewind.operations.projects import check_zone, initialise
from tradewind.vault.sql import Vault

EVERYTHING = ("folder", "database", "key", "project")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "home"


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = Database.at(home)
    yield database
    database.close()


def test_a_home_is_made_for_its_owner(home: Path, database: Database) -> None:
    assert initialise(home, database, zone="Europe/Berlin").made == EVERYTHING
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert Catalog(database).projects() == (Project("default", "Default", ProjectPlan.PAID, "Europe/Berlin", ("thetradedesk",)),)


def test_a_second_time_changes_nothing(home: Path, database: Database) -> None:
    initialise(home, database, zone="Europe/Berlin")
    key = (home / "key").read_bytes()
    Vault(database, home / "key").seal("default", "acme-us", Secret("canary-secret-1"))
    again = initialise(home, database, zone="Asia/Tokyo")
    assert (again.made, again.kept) == ((), EVERYTHING)
    assert (home / "key").read_bytes() == key
    assert Catalog(database).project("default").zone == "Europe/Berlin"
    assert Vault(database, home / "key").open("default", "acme-us", 1).value == "canary-secret-1"


def test_a_lost_key_is_not_replaced(home: Path, database: Database) -> None:
    initialise(home, database)
    (home / "key").unlink()
    with pytest.raises(ConfigurationError, match="key is missing; put it back"):
        initialise(home, database)
    assert not (home / "key").exists()


def test_a_home_that_cannot_be_made_gets_one_sentence(home: Path, database: Database) -> None:
    home.parent.write_text("a file is in the way")
    with pytest.raises(ConfigurationError, match="cannot be made: "):
        initialise(home, database)


@pytest.mark.parametrize("zone", ["Fake/Zone", "EST5EDT", "GMT+3", "Etc/GMT+3", "europe/berlin", ""])
def test_what_is_not_a_zone_is_refused_before_anything_is_made(home: Path, database: Database, zone: str) -> None:
    with pytest.raises(DefinitionError, match="is not a time zone"):
        initialise(home, database, zone=zone)
    assert not home.exists()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "America/Argentina/Buenos_Aires"])
def test_zones_are_known(zone: str) -> None:
    check_zone(zone)
