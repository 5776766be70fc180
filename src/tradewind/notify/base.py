"""What takes a message to somebody; and one that keeps messages to itself, for tests and rehearsals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tradewind.errors import TradewindError
from tradewind.model.alert import Contact, Message
from tradewind.model.destination import Secret
from tradewind.notify.sql import Book


class Messenger(Protocol):
    """Sends, and returns when the other side has taken it."""

    def check(self, contact: Contact, url: Secret | None, secret: Secret | None) -> None:
        """Raise DefinitionError or ConfigurationError when such a contact can never be told."""

    def send(self, contact: Contact, url: Secret | None, secret: Secret | None, message: Message) -> None:
        """Tell once. Raises DeliveryError or ConfigurationError, with a sentence that names neither URL nor secret."""


@dataclass
class Silent:
    """Keeps what it is given; fails with `error` as long as there is one."""

    error: TradewindError | None = None
    told: list[tuple[Contact, Message]] = field(default_factory=list)

    def check(self, contact: Contact, url: Secret | None, secret: Secret | None) -> None:
        """Anybody can be told."""
        del contact, url, secret

    def send(self, contact: Contact, url: Secret | None, secret: Secret | None, message: Message) -> None:
        """Keep it."""
        del url, secret
        if self.error:
            raise self.error
        self.told.append((contact, message))


@dataclass(frozen=True)
class Notify:
    """All that telling needs. `ahead` is by how many seconds this machine's clock is ahead of those that answer, where that is known."""

    book: Book
    messenger: Messenger
    ahead: Callable[[], float | None] = lambda: None
