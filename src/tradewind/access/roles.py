"""What a role may do, and what of it a token leaves; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do in a project; each may do what those before it may.

    A viewer reads, a member defines cohorts, a manager connects accounts and syncs, an admin does everything there.
    """

    VIEWER = "viewer"
    MEMBER = "member"
    MANAGER = "manager"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Routes(StrEnum):
    """The routes of the API, by what they are about: the tag that each has in its description."""

    SESSION = "session"
    PROJECTS = "projects"
    PEOPLE = "people"
    COHORTS = "cohorts"
    PREVIEWS = "previews"
    CONNECTIONS = "connections"
    SYNCS = "syncs"
    RUNS = "runs"
    SEGMENTS = "segments"
    PRIVACY = "privacy"
    SOURCES = "sources"
    EVENTS = "events"
    UPLOADS = "uploads"
    ALERTS = "alerts"
    FIGURES = "figures"
    WEBHOOK = "webhook"
    DEFINITIONS = "definitions"
    MACHINE = "machine"
    PROCESS = "process"


@dataclass(frozen=True)
class User:
    """Somebody who signs in. `roles` are by project; an administrator of the installation is an admin in each of them."""

    id: str
    name: str
    added_at: datetime
    administrator: bool = False
    disabled: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True)
class ApiToken:
    """A program's key to what its user may do: in one project, or in all (''), no more than a role, and by some routes alone, or by
    all (none named). Its text is nowhere kept.
    """

    id: str
    user: str
    name: str
    project: str
    role: Role
    created_at: datetime
    expires_at: datetime
    routes: tuple[Routes, ...] = ()
    used_at: datetime | None = None


class Proof(StrEnum):
    """What a browser has shown: a password that awaits the code of the second factor, and opens nothing; a password; or both."""

    HALF = "half"
    PASSWORD = "password"
    BOTH = "both"


@dataclass(frozen=True)
class Session:
    """A browser that has signed in; its text is nowhere kept."""

    digest: str
    user: str
    opened_at: datetime
    seen_at: datetime
    proof: Proof = Proof.PASSWORD


@dataclass(frozen=True)
class Factor:
    """A user's second factor. `version` is that of the sealed key, `since` when a code of it was first right (None: it is not on yet),
    `step` the newest step of the clock whose code was taken, `codes` the digests of the recovery codes that are left.
    """

    user: str
    version: int
    since: datetime | None = None
    step: int = 0
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Caller:
    """Whoever asks: a user, and the token that limits them if they came by one. `lacks_factor`: nothing is open before they have one."""

    user: User
    token: ApiToken | None = None
    lacks_factor: bool = False

    @property
    def name(self) -> str:
        """As the audit trail names them."""
        return f"{self.user.id} (token {self.token.name})" if self.token else self.user.id

    @property
    def administers(self) -> bool:
        """Whether they may change what concerns the whole installation."""
        whole = self.token is None or (self.token.project == "" and self.token.role is Role.ADMIN)
        return self.user.administrator and whole

    def opens(self, tags: Iterable[str]) -> bool:
        """Whether a route with these tags is one that their token is for; every one is to who came without."""
        return self.token is None or not self.token.routes or not set(self.token.routes).isdisjoint(tags)

    def role(self, project: str) -> Role | None:
        """What they are in a project; None where it is closed to them."""
        own = Role.ADMIN if self.user.administrator else self.user.roles.get(project)
        if own is None or self.token is None:
            return own
        if self.token.project not in {"", project}:
            return None
        return own if self.token.role.includes(own) else self.token.role
