"""The webhook of a project, by which Amplitude pushes cohorts: its secret, and what came."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.errors import DefinitionError
from tradewind.model.cohort import Pushed
from tradewind.operations.door_secrets import Door
from tradewind.parts import Parts
from tradewind.sources.webhook.message import read
from tradewind.sources.webhook.sql import MessageRow

DOOR = Door("webhook")

HEADER = "X-Tradewind-Secret"
"""The header that Amplitude sends with every message."""


@dataclass(frozen=True)
class Received:
    """What became of a message; `new` is False for one that was stored before."""

    message: str
    users: int
    nameless: int
    new: bool


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


def fingerprint(parts: Parts, project: str) -> str | None:
    """Sixteen characters that change with the secret; None when none was made."""
    return DOOR.fingerprint(parts, project)


def opens(parts: Parts, project: str, given: str) -> bool:
    """Whether a text is the secret of a project's webhook, or the one before it; it takes as long whatever the text."""
    return DOOR.opens(parts, project, given)


def receive(parts: Parts, project: str, body: bytes) -> Received:
    """Store a message before it is answered. Raises DefinitionError when it is none, or of a cohort that nobody here waits for."""
    message = read(body)
    if not any(isinstance(each.definition, Pushed) and each.definition.cohort == message.cohort for each in parts.catalog.cohorts(project)):
        raise DefinitionError(
            f"no cohort of kind webhook takes what is pushed of cohort {message.cohort}; define one, and sync it in Amplitude again",
            path="cohort_id",
        )
    new = parts.pushed.add(project, message, parts.clock.now())
    return Received(message.id, message.users.num_rows, message.nameless, new)


def pushing(parts: Parts, project: str) -> tuple[Pushing, ...]:
    """The cohorts of a project that are pushed, and what came of each."""
    found = []
    for each in parts.catalog.cohorts(project):
        if isinstance(each.definition, Pushed):
            last = parts.pushed.messages.newest(project, each.definition.cohort)
            found.append(Pushing(each.id, each.definition.cohort, last.number if last else 0, last))
    return tuple(found)
