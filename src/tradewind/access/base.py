"""What is kept of people (users, second factors, sessions, tokens, codes, wrong passwords), behind short Protocols."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tradewind.access.roles import ApiToken, Factor, Session, User
from tradewind.access.trail import Trail

REMEMBERED = timedelta(days=1)
"""How long an answer is kept for a request that comes again, and a session, which ends long before."""


class Users(Protocol):
    """Users with their roles. Passwords are asked for apart, so that no listing can hold one."""

    def add(self, user: User) -> None:
        """Write a new user. Raises DefinitionError when the id is taken."""
        ...

    def save(self, user: User) -> None:
        """Write all of a user that is there, roles too."""
        ...

    def find(self, user: str) -> User | None:
        """The user of an id."""
        ...

    def all(self) -> tuple[User, ...]:
        """Every user, by id."""
        ...

    def password(self, user: str) -> str | None:
        """What is kept of the password; None where there is none yet."""
        ...

    def set_password(self, user: str, kept: str) -> None:
        """Keep another one."""
        ...


class Sessions(Protocol):
    """Browsers that signed in, by the digest of their text."""

    def open(self, session: Session) -> None:
        """Write a new session; those that were opened a day before are forgotten."""
        ...

    def find(self, digest: str) -> Session | None:
        """The session of a digest."""
        ...

    def touch(self, digest: str, at: datetime) -> None:
        """Write when it was last seen."""
        ...

    def end(self, digest: str) -> None:
        """End it; one that is not there is ended already."""
        ...

    def end_all(self, user: str) -> None:
        """End every session of a user."""
        ...


class Factors(Protocol):
    """Second factors, by user. The key of an app is not here: a factor names its version in the vault."""

    def find(self, user: str) -> Factor | None:
        """A user's, also one that is not on yet."""
        ...

    def all(self) -> tuple[Factor, ...]:
        """Every one, by user."""
        ...

    def change(self, user: str, before: Factor | None, after: Factor | None) -> bool:
        """Write what a user has from now on, if until now it is `before`; whether it was. Of two who spend a code at once, one does."""
        ...

    def required(self) -> bool:
        """Whether everybody who signs in must have one."""
        ...

    def require(self, *, required: bool) -> None:
        """Write that everybody must have one, or need not any more."""
        ...


class Tokens(Protocol):
    """Programs' keys, by the digest of their text."""

    def add(self, token: ApiToken, digest: str) -> None:
        """Write a new token."""
        ...

    def find(self, digest: str) -> ApiToken | None:
        """The token of a digest."""
        ...

    def all(self) -> tuple[ApiToken, ...]:
        """Every token, the newest first."""
        ...

    def touch(self, token: str, at: datetime) -> None:
        """Write when it was last used."""
        ...

    def revoke(self, token: str) -> bool:
        """Take it out; whether it was there."""
        ...


class Gate(Protocol):
    """One-time codes, by digest, and wrong passwords of an account from a network."""

    def put_code(self, digest: str, user: str, until: datetime) -> None:
        """Write a code, in place of any the user had. '' is who sets the installation up."""
        ...

    def code_of(self, digest: str, now: datetime) -> str | None:
        """Whose code it is, without taking it; None for one that is unknown, used or too old."""
        ...

    def take_code(self, digest: str, now: datetime) -> str | None:
        """Whose code it is, once; None for one that is unknown, used or too old."""
        ...

    def fail(self, user: str, network: str, at: datetime) -> None:
        """Write a wrong password."""
        ...

    def failures(self, user: str, network: str, since: datetime) -> tuple[datetime, ...]:
        """The wrong passwords after an instant; older ones are forgotten."""
        ...

    def recent(self, user: str, since: datetime) -> int:
        """How many wrong passwords of a user there were after an instant, from all networks."""
        ...

    def forgive(self, user: str, network: str) -> None:
        """Forget them after a right one."""
        ...


@dataclass(frozen=True)
class Reply:
    """What was answered to a request with a key: its status and body, None while it is still being worked on."""

    asked: str
    status: int | None
    body: str


class Replies(Protocol):
    """Answers to requests that carried a key of the caller's, so that the same request twice does one thing."""

    def begin(self, caller: str, key: str, asked: str, now: datetime) -> Reply | None:
        """Write that a request is being worked on (`asked` is its digest); what is known already of that key, else None.

        Keys older than a day are forgotten.
        """
        ...

    def finish(self, caller: str, key: str, status: int, body: str) -> None:
        """Write the answer."""
        ...

    def forget(self, caller: str, key: str) -> None:
        """Forget a request that did nothing, so that it may be sent again."""
        ...


class Access(Protocol):
    """All of it, and the audit trail."""

    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def factors(self) -> Factors: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def trail(self) -> Trail: ...
    @property
    def replies(self) -> Replies: ...

    def transaction(self) -> AbstractContextManager[Access]:
        """The same, of which everything that is written becomes so together, or not at all."""
        ...
