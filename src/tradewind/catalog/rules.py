"""What holds for anything that is written into the catalog: ids, names, what may move, what is missing; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from tradewind.cohorts.parse import LONGEST_NAME, SLUG
from tradewind.destinations.thetradedesk.spec import SANDBOX
from tradewind.errors import DefinitionError, MissingError
from tradewind.model.destination import Connection
from tradewind.model.sync import Holdout

Value = TypeVar("Value")


def fold(segment: str) -> str:
    """A segment's name without what a reader overlooks: case, composition of letters, length of spaces."""
    return " ".join(unicodedata.normalize("NFKC", segment).casefold().split())


def missing(kind: str, wanted: str, known: Mapping[str, object]) -> str:
    """The sentence for an id that is not there."""
    near = get_close_matches(wanted, known, 1)
    if near:
        return f"{kind} '{wanted[:80]}' does not exist; did you mean '{near[0]}'?"
    names = ", ".join(sorted(known)[:10]) + (", ..." if len(known) > 10 else "")
    return f"{kind} '{wanted[:80]}' does not exist; " + (f"there is {names}" if known else f"there is no {kind} yet")


def pick(known: Mapping[str, Value], wanted: str, kind: str) -> Value:
    """The value of an id. Raises MissingError with the nearest one that is there."""
    if wanted not in known:
        raise MissingError(missing(kind, wanted, known), wanted)
    return known[wanted]


def check_id(kind: str, id_: str) -> None:
    """Raise DefinitionError unless the text can be an id."""
    if not SLUG.fullmatch(id_):
        raise DefinitionError(f"'{id_[:80]}' cannot be the id of a {kind}; expected lower-case letters, digits and hyphens, at most 63")


def check_name(kind: str, name: str) -> None:
    """Raise DefinitionError unless the text can be a name."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise DefinitionError(f"the name of a {kind} has 1 to {LONGEST_NAME} characters on one line, this one has {len(name)}")


MOST_HELD_OUT, LONGEST_SALT = 50, 100


def holdout_of(percent: int, salt: str | None, sync: str) -> Holdout:
    """The holdout of a sync, by its own lots where no salt is given. Raises DefinitionError when it cannot be."""
    if not 1 <= percent <= MOST_HELD_OUT:
        raise DefinitionError(f"a holdout of {percent} percent is not possible; give 1 to {MOST_HELD_OUT} (10 is usual)")
    if salt is not None and not (0 < len(salt) <= LONGEST_SALT and salt.isprintable()):
        raise DefinitionError(f"the salt of a holdout has 1 to {LONGEST_SALT} characters on one line, this one has {len(salt)}")
    return Holdout(percent, sync if salt is None else salt)


def refuse_in_use(what: str, users: list[str]) -> None:
    """Raise DefinitionError when something has users."""
    if users:
        raise DefinitionError(f"{what} is used by {', '.join(sorted(users))}; remove that first")


def check_move(before: Connection, after: Connection) -> None:
    """Raise DefinitionError where a connection would become one of another platform, or cross between sandbox and a real region."""
    if before.destination != after.destination:
        raise DefinitionError(f"connection '{after.id}' is one of {before.destination}; add another connection for {after.destination}")
    check_rehearsal("connection", after.id, before.region, after.region)


def check_rehearsal(kind: str, id_: str, before: str, after: str) -> None:
    """Raise DefinitionError where something would cross between a sandbox and a real region."""
    if before.startswith(SANDBOX) != after.startswith(SANDBOX):
        raise DefinitionError(
            f"{kind} '{id_}' cannot move from region '{before}' to '{after}': a rehearsal never becomes real by an edit; add another {kind}"
        )
