"""Users, sessions, tokens, codes and the audit trail in memory: the twin of `sql.py`, for tests and trials."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tradewind.access.base import REMEMBERED, Reply
from tradewind.access.roles import ApiToken, Factor, Session, User
from tradewind.access.trail import Deed, Entry, damage, seal
from tradewind.errors import DefinitionError


@dataclass
class MemoryUsers:
    """The promises of `base.Users`."""

    known: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def add(self, user: User) -> None:
        """Write a new user; see the Protocol."""
        if user.id in self.known:
            raise DefinitionError(f"user '{user.id}' exists already")
        self.known[user.id] = user

    def save(self, user: User) -> None:
        """Write all of a user; see the Protocol."""
        if user.id in self.known:
            self.known[user.id] = user

    def find(self, user: str) -> User | None:
        """The user of an id; see the Protocol."""
        return self.known.get(user)

    def all(self) -> tuple[User, ...]:
        """Every user; see the Protocol."""
        return tuple(self.known[name] for name in sorted(self.known))

    def password(self, user: str) -> str | None:
        """What is kept of the password; see the Protocol."""
        return self.passwords.get(user)

    def set_password(self, user: str, kept: str) -> None:
        """Keep another one; see the Protocol."""
        self.passwords[user] = kept


@dataclass
class MemorySessions:
    """The promises of `base.Sessions`."""

    known: dict[str, Session] = field(default_factory=dict)

    def open(self, session: Session) -> None:
        """Write a new session; see the Protocol."""
        oldest = session.opened_at - REMEMBERED
        self.known = {digest: each for digest, each in self.known.items() if each.opened_at > oldest} | {session.digest: session}

    def find(self, digest: str) -> Session | None:
        """The session of a digest; see the Protocol."""
        return self.known.get(digest)

    def touch(self, digest: str, at: datetime) -> None:
        """Write when it was last seen; see the Protocol."""
        if digest in self.known:
            self.known[digest] = replace(self.known[digest], seen_at=at)

    def end(self, digest: str) -> None:
        """End it; see the Protocol."""
        self.known.pop(digest, None)

    def end_all(self, user: str) -> None:
        """End every session of a user; see the Protocol."""
        self.known = {digest: each for digest, each in self.known.items() if each.user != user}


@dataclass
class MemoryFactors:
    """The promises of `base.Factors`."""

    known: dict[str, Factor] = field(default_factory=dict)
    everybody: bool = False

    def find(self, user: str) -> Factor | None:
        """A user's; see the Protocol."""
        return self.known.get(user)

    def all(self) -> tuple[Factor, ...]:
        """Every one; see the Protocol."""
        return tuple(self.known[name] for name in sorted(self.known))

    def change(self, user: str, before: Factor | None, after: Factor | None) -> bool:
        """Write what a user has from now on; see the Protocol."""
        if self.known.get(user) != before:
            return False
        self.known = {name: each for name, each in self.known.items() if name != user} | ({user: after} if after else {})
        return True

    def required(self) -> bool:
        """Whether everybody must have one; see the Protocol."""
        return self.everybody

    def require(self, *, required: bool) -> None:
        """Write that everybody must have one; see the Protocol."""
        self.everybody = required


@dataclass
class MemoryTokens:
    """The promises of `base.Tokens`."""

    known: dict[str, tuple[ApiToken, str]] = field(default_factory=dict)

    def add(self, token: ApiToken, digest: str) -> None:
        """Write a new token; see the Protocol."""
        self.known[token.id] = (token, digest)

    def find(self, digest: str) -> ApiToken | None:
        """The token of a digest; see the Protocol."""
        return next((token for token, kept in self.known.values() if kept == digest), None)

    def all(self) -> tuple[ApiToken, ...]:
        """Every token; see the Protocol."""
        by_id = sorted((token for token, _ in self.known.values()), key=lambda each: each.id)
        return tuple(sorted(by_id, key=lambda each: each.created_at, reverse=True))

    def touch(self, token: str, at: datetime) -> None:
        """Write when it was last used; see the Protocol."""
        if token in self.known:
            found, kept = self.known[token]
            self.known[token] = (replace(found, used_at=at), kept)

    def revoke(self, token: str) -> bool:
        """Take it out; see the Protocol."""
        return self.known.pop(token, None) is not None


@dataclass
class MemoryGate:
    """The promises of `base.Gate`."""

    codes: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    wrong: list[tuple[str, str, datetime]] = field(default_factory=list)

    def put_code(self, digest: str, user: str, until: datetime) -> None:
        """Write a code; see the Protocol."""
        self.codes = {kept: each for kept, each in self.codes.items() if each[0] != user} | {digest: (user, until)}

    def code_of(self, digest: str, now: datetime) -> str | None:
        """Whose code it is; see the Protocol."""
        user, until = self.codes.get(digest, ("", now))
        return user if until > now else None

    def take_code(self, digest: str, now: datetime) -> str | None:
        """Whose code it is; see the Protocol."""
        user, until = self.codes.pop(digest, ("", now))
        return user if until > now else None

    def fail(self, user: str, network: str, at: datetime) -> None:
        """Write a wrong password; see the Protocol."""
        self.wrong.append((user, network, at))

    def failures(self, user: str, network: str, since: datetime) -> tuple[datetime, ...]:
        """The wrong passwords after an instant; see the Protocol."""
        self.wrong = [each for each in self.wrong if each[2] > since]
        return tuple(sorted(at for name, place, at in self.wrong if (name, place) == (user, network)))

    def recent(self, user: str, since: datetime) -> int:
        """How many wrong passwords there were; see the Protocol."""
        return sum(name == user and at > since for name, _, at in self.wrong)

    def forgive(self, user: str, network: str) -> None:
        """Forget them; see the Protocol."""
        self.wrong = [each for each in self.wrong if each[:2] != (user, network)]


@dataclass
class MemoryTrail:
    """The promises of `trail.Trail`."""

    written: list[Entry] = field(default_factory=list)

    def write(self, deed: Deed, at: datetime) -> Entry:
        """Add an entry; see the Protocol."""
        number, moment = len(self.written) + 1, at.astimezone(UTC)
        before = self.written[-1].seal if self.written else ""
        entry = Entry(number, moment, deed, seal(before, number, moment, deed))
        self.written.append(entry)
        return entry

    def entries(self, project: str | None = None, before: int | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """The newest first; see the Protocol."""
        mine = [each for each in reversed(self.written) if project in {None, each.deed.project}]
        return tuple(each for each in mine if before is None or each.number < before)[:limit]

    def damage(self) -> str:
        """What is wrong with the whole trail; see the Protocol."""
        return damage(self.written)


@dataclass
class MemoryReplies:
    """The promises of `base.Replies`."""

    known: dict[tuple[str, str], tuple[Reply, datetime]] = field(default_factory=dict)

    def begin(self, caller: str, key: str, asked: str, now: datetime) -> Reply | None:
        """Write that a request is being worked on; see the Protocol."""
        self.known = {each: kept for each, kept in self.known.items() if kept[1] > now - REMEMBERED}
        if (caller, key) in self.known:
            return self.known[caller, key][0]
        self.known[caller, key] = (Reply(asked, None, ""), now)
        return None

    def finish(self, caller: str, key: str, status: int, body: str) -> None:
        """Write the answer; see the Protocol."""
        if (caller, key) in self.known:
            reply, at = self.known[caller, key]
            self.known[caller, key] = (replace(reply, status=status, body=body), at)

    def forget(self, caller: str, key: str) -> None:
        """Forget a request; see the Protocol."""
        self.known.pop((caller, key), None)


@dataclass
class MemoryAccess:
    """The promises of `base.Access`."""

    users: MemoryUsers = field(default_factory=MemoryUsers)
    sessions: MemorySessions = field(default_factory=MemorySessions)
    factors: MemoryFactors = field(default_factory=MemoryFactors)
    tokens: MemoryTokens = field(default_factory=MemoryTokens)
    gate: MemoryGate = field(default_factory=MemoryGate)
    trail: MemoryTrail = field(default_factory=MemoryTrail)
    replies: MemoryReplies = field(default_factory=MemoryReplies)

    @contextmanager
    def transaction(self) -> Iterator[MemoryAccess]:
        """The same; what was written is taken back when the block raises."""
        before = copy.deepcopy(self.__dict__)
        try:
            yield self
        except BaseException:
            self.__dict__.update(before)
            raise
