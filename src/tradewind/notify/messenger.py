"""The ways to tell somebody: mail, Slack and its like, and signed requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradewind.clock import Clock
from tradewind.door import Door
from tradewind.errors import ConfigurationError, DefinitionError, RetryableError, UncertainError
from tradewind.model.alert import Contact, ContactKind, Message
from tradewind.model.destination import Secret
from tradewind.notify import mail
from tradewind.notify.mail import Mailbox
from tradewind.notify.words import for_slack, headline, signed, text

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class PostMessenger:
    """Tells people outside. `door` reaches public addresses alone; without a `box` there is no mail."""

    door: Door
    box: Mailbox | None
    context: Callable[[], Any]
    clock: Clock

    def check(self, contact: Contact, url: Secret | None, secret: Secret | None) -> None:
        """Raise ConfigurationError where mail goes nowhere, and DefinitionError where an address may not be reached."""
        del secret
        if contact.kind is ContactKind.EMAIL:
            self._mailbox()
        elif url is not None:
            try:
                self.door.check(url.value)
            except ConfigurationError as error:
                raise DefinitionError(str(error), path="url") from None

    def send(self, contact: Contact, url: Secret | None, secret: Secret | None, message: Message) -> None:
        """Tell once; another answer than 2xx is a failure. Raises DeliveryError or ConfigurationError."""
        if contact.kind is ContactKind.EMAIL:
            mail.send(self._mailbox(), self.context, contact.shown, headline(message), text(message), message.id)
            return
        assert url is not None, "what is no mail has a URL"
        if contact.kind is ContactKind.SLACK:
            body, headers = for_slack(message), dict[str, str]()
        else:
            assert secret is not None, "a signed request has a secret"
            body, headers = signed(message, secret.value, int(self.clock.now().timestamp()))
        try:
            answer = self.door.post(url.value, body, {**JSON, **headers})
        except UncertainError as error:  # it is told again, under the same id
            raise RetryableError(str(error)) from None
        if not 200 <= answer.status < 300:
            raise RetryableError(f"{contact.shown} answered {answer.status}")

    def _mailbox(self) -> Mailbox:
        if self.box is None:
            raise ConfigurationError("no mail server is set; give TRADEWIND_SMTP_URL and TRADEWIND_MAIL_FROM")
        return self.box
