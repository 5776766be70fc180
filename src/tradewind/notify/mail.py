"""Mail by a server of the operator's: TLS, one deadline, and no word of its password in any error."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from tradewind.door import is_loopback
from tradewind.errors import ConfigurationError, PermanentError, RetryableError

DEADLINE = 30.0
"""Seconds for a mail as a whole."""


@dataclass(frozen=True)
class Mailbox:
    """Where mail is handed over: `tls` from the first byte, or else STARTTLS, but to this machine plain. `sender` is its From."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    sender: str


def send(box: Mailbox, context: Callable[[], Any], to: str, subject: str, body: str, message_id: str) -> None:
    """Hand over one mail; `context` gives the TLS of this machine's trust. Raises RetryableError, PermanentError or ConfigurationError."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = box.sender, to, subject
    mail["Message-ID"], mail["Auto-Submitted"] = f"<{message_id}@tradewind.invalid>", "auto-generated"
    mail.set_content(body)
    answer = Future[None]()

    def hand_over() -> None:
        try:
            _hand_over(box, context, mail)
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)

    threading.Thread(target=hand_over, name="mail", daemon=True).start()
    try:
        answer.result(DEADLINE)
    except smtplib.SMTPAuthenticationError:
        raise ConfigurationError(f"the mail server {box.host} refuses user and password; see TRADEWIND_SMTP_URL") from None
    except smtplib.SMTPRecipientsRefused:
        raise PermanentError(f"the mail server {box.host} does not take mail for this address") from None
    except smtplib.SMTPNotSupportedError:
        raise ConfigurationError(f"the mail server {box.host} offers no TLS, or takes no password; nothing is sent to it") from None
    except (smtplib.SMTPException, OSError, TimeoutError):
        raise RetryableError(f"the mail server {box.host} did not take the mail") from None


def _hand_over(box: Mailbox, context: Callable[[], Any], mail: EmailMessage) -> None:
    kind = smtplib.SMTP_SSL(box.host, box.port, timeout=DEADLINE / 2, context=context()) if box.tls else None
    with kind or smtplib.SMTP(box.host, box.port, timeout=DEADLINE / 2) as server:
        if not box.tls and not is_loopback(box.host):
            server.starttls(context=context())
        if box.user:
            server.login(box.user, box.password)
        server.send_message(mail)
