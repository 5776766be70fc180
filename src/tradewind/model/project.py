"""A project: one tenant with its own events, cohorts, connections and plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProjectPlan(StrEnum):
    """What a project has paid for; syncs need `paid`."""

    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True)
class Project:
    """One tenant. `zone` is an IANA time zone name: windows of cohorts are counted in its days."""

    id: str
    name: str
    plan: ProjectPlan
    zone: str
    destinations: tuple[str, ...]
