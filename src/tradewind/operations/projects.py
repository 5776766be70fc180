"""Setting up a home: its folder, key, database and first project."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import available_timezones

from tradewind.access.sql import SqlTrail
from tradewind.access.trail import Deed
from tradewind.catalog.sql import Catalog
from tradewind.clock import Clock, SystemClock
from tradewind.database import Database
from tradewind.destinations.thetradedesk.spec import SPEC
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.migrations import database_upgrade
from tradewind.model.project import Offer, Project, ProjectPlan
from tradewind.vault import key as keys
from tradewind.vault.sql import is_planted, plant_canary

DEFAULT = "default"
_SYSTEM = SystemClock()


@dataclass(frozen=True)
class Initialised:
    """What `initialise` found and made: `made` and `kept` name folder, key, database and project."""

    home: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]


def initialise(
    home: Path, database: Database, *, zone: str = "UTC", who: str = "init", clock: Clock = _SYSTEM, given: str = ""
) -> Initialised:
    """Make what a home lacks: folder (0700), key (0600), newest schema, and the project `default` in a time zone.

    With `given` the key is that text, and no file. Done twice it changes nothing. Raises DefinitionError for a zone that is not
    one, and ConfigurationError when a place cannot be written, the key does not fit the database, or a key that was there is gone.
    """
    check_zone(zone)
    done = {
        "folder": _make_folder(home),
        "database": database_upgrade(database),
        "key": _make_key(home, database, given),
        "project": _make_project(database, zone, who, clock),
    }
    made = tuple(name for name, is_new in done.items() if is_new)
    return Initialised(home, made, tuple(name for name in done if name not in made))


def check_zone(zone: str) -> None:
    """Raises DefinitionError unless the zone is `UTC` or an IANA area and location, whose days a project can be counted in."""
    known = {name for name in available_timezones() if "/" in name and not name.startswith("Etc/")} | {"UTC"}
    if zone not in known:
        near = get_close_matches(zone, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else "expected UTC or a name such as Europe/Berlin"
        raise DefinitionError(f"'{zone[:60]}' is not a time zone; {hint}")


def _make_folder(home: Path) -> bool:
    if home.is_dir():
        return False
    if home.exists():
        raise ConfigurationError(f"{home} is not a folder; choose another home")
    try:
        home.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigurationError(f"the home {home} cannot be made: {error.strerror}") from error
    return True


def _make_key(home: Path, database: Database, given: str) -> bool:
    """A new key only for a vault that has none yet: another key could not open what is sealed."""
    path, planted = home / keys.NAME, is_planted(database)
    is_new = not given and not path.exists() and not planted
    if is_new:
        keys.create_key(home)
    plant_canary(database, path, given)
    return is_new


def _make_project(database: Database, zone: str, who: str, clock: Clock) -> bool:
    """The first project: nobody meets a wall in his own house."""
    catalog = Catalog(database)
    if any(project.id == DEFAULT for project in catalog.projects()):
        return False
    with database.transaction() as db:
        inside = catalog.within(db)
        inside.add_project(Project(DEFAULT, "Default", ProjectPlan.PAID, zone, (SPEC.kind,)), who)
        inside.offers.save(Offer(SPEC.kind, SPEC.stage, admitted=(DEFAULT,)))
        trail = SqlTrail(database).within(db)
        trail.write(Deed(who, "project.add", DEFAULT, DEFAULT, {"plan": ProjectPlan.PAID.value}), clock.now())
        trail.write(Deed(who, "destination.enable", SPEC.kind, DEFAULT, {"confirmed": SPEC.paid_plan}), clock.now())
    return True
