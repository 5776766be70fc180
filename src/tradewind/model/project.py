"""A project: one tenant with its own events, cohorts, connections and plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProjectPlan(StrEnum):
    """What a project has paid for; syncs need `paid`."""

    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True)
class Project:
    """One tenant. `zone` is an IANA time zone name: windows of cohorts are counted in its days.

    `source` is the source of tables that its behavioural cohorts are answered from; None for its own events.
    """

    id: str
    name: str
    plan: ProjectPlan
    zone: str
    destinations: tuple[str, ...]
    source: str | None = None


class ReleaseStage(StrEnum):
    """How far a kind of platform is open to the projects of this installation; in a closed beta, only to those admitted."""

    CLOSED_BETA = "closed_beta"
    OPEN_BETA = "open_beta"
    GENERAL = "general"


class Wall(StrEnum):
    """Why a project may not send to a kind of platform; the first that applies, in this order."""

    FREE_PLAN = "free_plan"
    NOT_ADMITTED = "not_admitted"
    NOT_ENABLED = "not_enabled"
    NOT_CONFIRMED = "not_confirmed"


@dataclass(frozen=True)
class Offer:
    """What the installation says of a kind of platform: its stage, whom to ask, and the projects admitted while the beta is closed."""

    destination: str
    stage: ReleaseStage = ReleaseStage.GENERAL
    contact: str = ""
    admitted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Enablement:
    """That a project uses a kind of platform: who enabled it and when, and whether the platform's own paid plan was confirmed."""

    destination: str
    enabled_by: str
    confirmed: bool
    at: datetime


@dataclass(frozen=True)
class Standing:
    """All that decides whether a project may send to a kind of platform."""

    project: str
    plan: ProjectPlan
    offer: Offer
    enablement: Enablement | None
