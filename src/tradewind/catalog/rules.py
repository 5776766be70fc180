"""What holds for anything that is written into the catalog: ids, names, what may move, what is missing; pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeVar

from tradewind.cohorts.parse import LONGEST_NAME, SLUG
from tradewind.destinations.thetradedesk.names import default_segment_name
from tradewind.destinations.thetradedesk.spec import SANDBOX
from tradewind.errors import ChangedError, DefinitionError, MissingError
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection
from tradewind.model.sync import Holdout, Only, Sync, SyncState

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


def tag(thing: Cohort | Connection | Sync) -> str:
    """Sixteen characters that are others as soon as somebody has changed it; whether it runs or rests does not count."""
    match thing:
        case Cohort():
            said: object = (thing.name, thing.version)
        case Connection():
            said = (thing.name, thing.version, thing.destination, thing.advertiser, thing.region)
        case Sync():
            said = replace(thing, state=SyncState.ACTIVE, added_at=None)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


NOTHING = ""
"""The tag of what is not there."""


def check_tag(expected: str | None, thing: Cohort | Connection | Sync | None) -> None:
    """Raise ChangedError when a change was made of another state of a thing than it is in; None lets it be in any."""
    if expected == NOTHING and thing is not None:
        kind = type(thing).__name__.lower()
        raise ChangedError(f"there is a {kind} '{thing.id}' already; choose another id, or send this without If-None-Match to change it")
    if expected and (thing is None or tag(thing) != expected):
        raise ChangedError("somebody changed or removed this since you read it; look at it again, and make your change of what it is now")


MOST_HELD_OUT, LONGEST_SALT, MOST_VALUES = 50, 100, 50


def holdout_of(percent: int, salt: str | None, sync: str) -> Holdout:
    """The holdout of a sync, by its own lots where no salt is given. Raises DefinitionError when it cannot be."""
    if not 1 <= percent <= MOST_HELD_OUT:
        raise DefinitionError(f"a holdout of {percent} percent is not possible; give 1 to {MOST_HELD_OUT} (10 is usual)")
    if salt is not None and not (0 < len(salt) <= LONGEST_SALT and salt.isprintable()):
        raise DefinitionError(f"the salt of a holdout has 1 to {LONGEST_SALT} characters on one line, this one has {len(salt)}")
    return Holdout(percent, sync if salt is None else salt)


def split_into(sync: Sync, property_: str, values: Sequence[str]) -> tuple[Sync, ...]:
    """The parts of a split: the same sync for each value, with an id of its own, and a segment where its name has `{value}`.

    A segment without a name gets one later. Raises DefinitionError when the values or the name cannot be.
    """
    name = property_.removeprefix("user.")
    if not name or not 1 <= len(values) <= MOST_VALUES:
        raise DefinitionError(f"a split has a user property and 1 to {MOST_VALUES} values; this one has {len(values)}")
    if sync.segment and "{value}" not in sync.segment:
        raise DefinitionError(f"the segment '{sync.segment}' would be that of every value; write {{value}} where each has its own")
    named: dict[str, str] = {}
    for value in values:
        id_ = part_id(sync.id, value)
        if id_ in named:
            raise DefinitionError(f"the values '{named[id_]}' and '{value}' would both be sync '{id_}'; list one of them")
        named[id_] = value
    return tuple(
        replace(sync, id=id_, segment=sync.segment.replace("{value}", value), only=Only(sync.id, name, value))
        for id_, value in named.items()
    )


def part_id(split: str, value: str) -> str:
    """The id of the sync of one value. Raises DefinitionError where the value has no letter or digit that an id may have."""
    tail = re.sub("[^a-z0-9]+", "-", value.lower()).strip("-")[:30].rstrip("-")
    if not tail or not value.isprintable() or len(value) > LONGEST_NAME:
        raise DefinitionError(f"'{value[:40]}' cannot be a value of a split: it needs a letter (a to z) or a digit to name a sync by")
    return f"{split[: 62 - len(tail)].rstrip('-')}-{tail}"


def check_part(sync: Sync, there: Iterable[Sync]) -> None:
    """Raise DefinitionError where a part of a split would be of other people than its fellows, or of the same value."""
    if sync.only is None:
        return
    for other in there:
        if other.only is None or other.only.split != sync.only.split or other.id == sync.id:
            continue
        if (other.cohort, other.connection, other.only.property) != (sync.cohort, sync.connection, sync.only.property):
            where = f"user.{other.only.property} of cohort '{other.cohort}' through connection '{other.connection}'"
            raise DefinitionError(f"split '{sync.only.split}' is by {where} in all its parts; name another split")
        if other.only.value == sync.only.value:
            raise DefinitionError(f"sync '{other.id}' takes the value '{sync.only.value}' of split '{sync.only.split}' already")


def usual_segment(cohort: Cohort, only: Only | None) -> str:
    """The name of a segment that was given none."""
    return default_segment_name(cohort.name, f"{cohort.id} {only.value}" if only else cohort.id)


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
