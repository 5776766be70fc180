"""The webhook of a project, by which Amplitude pushes cohorts: its secret, and what came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from tradewind.errors import DefinitionError, GoneError
from tradewind.model.cohort import Cohort, Pushed
from tradewind.operations.door_secrets import Door
from tradewind.parts import Parts
from tradewind.sources.webhook.message import read
from tradewind.sources.webhook.sql import MessageRow

DOOR = Door("webhook")

HEADER = "X-Tradewind-Secret"
"""The header that Amplitude sends with every message."""


PARKED, MOST_PARKED = timedelta(days=7), 10_000
"""How long messages wait for a cohort that nobody has defined yet, after the last of them, and how many."""


@dataclass(frozen=True)
class Received:
    """What became of a message; `new` is False for one that was stored before, `parked` says that no cohort takes it yet."""

    message: str
    users: int
    nameless: int
    new: bool
    parked: bool


@dataclass(frozen=True)
class Pushing:
    """A cohort that is pushed: how many messages came, and the last of them."""

    cohort: str
    there: str
    messages: int
    last: MessageRow | None


def new_secret(parts: Parts, project: str) -> str:
    """Make a new secret for the webhook and give it, once. The one before it stays good until the next is made."""
    return DOOR.new(parts, project)


def warm(parts: Parts) -> None:
    """Load what the first message needs, where any will come: else it would wait a second for it."""
    if any(fingerprint(parts, project.id) for project in parts.catalog.projects()):
        parts.pushed.warm()


def fingerprint(parts: Parts, project: str) -> str | None:
    """Sixteen characters that change with the secret; None when none was made."""
    return DOOR.fingerprint(parts, project)


def opens(parts: Parts, project: str, given: str) -> bool:
    """Whether a text is the secret of a project's webhook, or the one before it; it takes as long whatever the text."""
    return DOOR.opens(parts, project, given)


def receive(parts: Parts, project: str, body: bytes) -> Received:
    """Store a message before it is answered, also of a cohort that nobody here has defined yet.

    Raises DefinitionError when it is none, or too many wait for such a cohort, and GoneError when its cohort was removed here.
    """
    message = read(body)
    parked = message.cohort not in _taken(parts.catalog.cohorts(project))
    if parked and message.cohort in _taken(parts.catalog.removed_cohorts(project)):
        raise GoneError(f"the cohort that took what is pushed of cohort {message.cohort} was removed; end its sync in Amplitude")
    if parked and (last := parts.pushed.messages.newest(project, message.cohort)) and last.number >= MOST_PARKED:
        raise DefinitionError(f"no cohort of kind webhook takes what is pushed of cohort {message.cohort}; define one", path="cohort_id")
    new = parts.pushed.add(project, message, parts.clock.now())
    return Received(message.id, message.users.num_rows, message.nameless, new, parked)


def forget_parked(parts: Parts) -> None:
    """Take away what waited for a week for a cohort that nobody defined."""
    until = parts.clock.now() - PARKED
    for project in parts.catalog.projects():
        messages, taken = parts.pushed.messages, _taken(parts.catalog.cohorts(project.id))
        for cohort in messages.cohorts(project.id):
            last = messages.newest(project.id, cohort)
            if cohort not in taken and last and last.received_at < until:
                parts.pushed.forget(project.id, cohort)


def _taken(cohorts: Iterable[Cohort]) -> set[str]:
    return {each.definition.cohort for each in cohorts if isinstance(each.definition, Pushed)}


def pushing(parts: Parts, project: str) -> tuple[Pushing, ...]:
    """The cohorts of a project that are pushed, and what came of each."""
    found = []
    for each in parts.catalog.cohorts(project):
        if isinstance(each.definition, Pushed):
            last = parts.pushed.messages.newest(project, each.definition.cohort)
            found.append(Pushing(each.id, each.definition.cohort, last.number if last else 0, last))
    return tuple(found)
