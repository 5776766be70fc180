"""What the API shows: the public shapes of projects, cohorts, connections, syncs and runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Response
from pydantic import BaseModel, Field

from tradewind.access.roles import ApiToken, Role, Routes, User
from tradewind.access.trail import Entry
from tradewind.catalog.rules import tag
from tradewind.cohorts.parse import to_document
from tradewind.model.cohort import Cohort
from tradewind.model.destination import Connection
from tradewind.model.plan import Decision, Operation
from tradewind.model.platform import Reader
from tradewind.model.project import Project, ProjectPlan, ReleaseStage, Wall
from tradewind.model.run import Account, Run, RunKind, RunOutcome, RunState
from tradewind.model.sync import Cadence, Leaving, Recency, Refresh, Sync, SyncState
from tradewind.operations.endings import Ended
from tradewind.operations.entitlement import Tile
from tradewind.operations.funnel import funnel
from tradewind.operations.partings import Stake
from tradewind.operations.runs import RunReport
from tradewind.web.words import Said

HIDDEN = frozenset({"file", "files"})
"""Of a cohort's definition: names of files on the server."""

Tag = Annotated[str, Field(description="The `ETag`, without its quotes, for the `If-Match` of a change.")]


class ProjectView(BaseModel):
    """A tenant. `role` is the caller's own in it; `source` the source of tables that answers for it, null for its own events."""

    id: str
    name: str
    plan: ProjectPlan
    zone: str
    destinations: list[str]
    source: str | None
    role: Role | None


def project_view(project: Project, role: Role | None) -> ProjectView:
    """As one caller sees it."""
    where = {"id": project.id, "name": project.name, "zone": project.zone}
    return ProjectView(**where, source=project.source, plan=project.plan, destinations=list(project.destinations), role=role)


class RegionView(BaseModel):
    """A data center."""

    key: str
    label: str


class TileView(BaseModel):
    """A kind of platform. `wall` and `remedy` say what stands in the project's way; null and empty where it may send."""

    kind: str
    name: str
    stage: ReleaseStage
    contact: str
    considerations: list[str]
    setup: list[str]
    paid_plan: str
    id_types: list[str]
    regions: list[RegionView]
    enabled_by: str | None
    enabled_at: datetime | None
    wall: Wall | None
    remedy: Said


def tile_view(tile: Tile) -> TileView:
    """As a project sees it."""
    spec, enabled = tile.spec, tile.enablement
    return TileView(
        kind=spec.kind, name=spec.tile or spec.name, stage=tile.offer.stage, contact=tile.offer.contact,
        considerations=list(spec.considerations), setup=list(spec.setup), paid_plan=spec.paid_plan,
        id_types=[each.value for each in spec.id_types], regions=[RegionView(key=each.key, label=each.label) for each in tile.regions],
        enabled_by=enabled.enabled_by if enabled else None, enabled_at=enabled.at if enabled else None, wall=tile.wall, remedy=tile.remedy,
    )  # fmt: skip


class CohortView(BaseModel):
    """A cohort, with its definition as YAML has it (but names of files on the server) and the sentence a marketer reads."""

    id: str
    name: str
    kind: str
    version: int
    tag: Tag
    definition: dict[str, Any]
    sentence: str


def cohort_view(cohort: Cohort, sentence: str) -> CohortView:
    """As it is defined now."""
    hidden = {"id", "name", "kind"} | HIDDEN
    document = {name: value for name, value in to_document(cohort).items() if name not in hidden}
    kept = {"id": cohort.id, "name": cohort.name, "kind": cohort.kind.value, "sentence": sentence}
    return CohortView(**kept, version=cohort.version, tag=tag(cohort), definition=document)


class MappingView(BaseModel):
    """Where identifiers of a type come from."""

    source: str
    id_type: str
    take: str


class ConnectionView(BaseModel):
    """A configured account. Its secret is never shown; the fingerprint tells whether it changed. `paused` says why nothing is sent."""

    id: str
    name: str
    destination: str
    advertiser: str
    region: str
    auth: str
    send: str
    identity: list[MappingView]
    version: int
    tag: Tag
    paused: Said | None
    secret_fingerprint: str | None


def connection_view(connection: Connection, fingerprint: str | None) -> ConnectionView:
    """As it is now."""
    identity = [MappingView(source=each.source, id_type=each.id_type.value, take=each.take.value) for each in connection.identity.mappings]
    names = ("id", "name", "destination", "advertiser", "region", "version", "paused")
    return ConnectionView(
        **{name: getattr(connection, name) for name in names},
        tag=tag(connection),
        auth=connection.auth.value,
        send=connection.identity.send.value,
        identity=identity,
        secret_fingerprint=fingerprint,
    )


class HoldoutView(BaseModel):
    """The percent of the people who stay out of the segment, by the lots of a salt."""

    percent: int
    salt: str


class OnlyView(BaseModel):
    """What a part of a split takes of the cohort: people whose user property, as last stated, has this value."""

    split: str
    property: str
    value: str


class SyncView(BaseModel):
    """Standing intent: keep this segment equal to this cohort."""

    id: str
    cohort: str
    connection: str
    segment: str
    ttl_days: int
    cadence: Cadence
    at: str
    cron: str
    refresh: Refresh
    recency: Recency
    holdout: HoldoutView | None
    only: OnlyView | None
    state: SyncState
    added_at: datetime | None
    tag: Tag


def sync_view(sync: Sync) -> SyncView:
    """As it is now."""
    names = ("id", "cohort", "connection", "segment", "cadence", "cron", "refresh", "recency", "state", "added_at")
    holdout = HoldoutView(**vars(sync.holdout)) if sync.holdout else None
    only = OnlyView(**vars(sync.only)) if sync.only else None
    return SyncView(
        **{name: getattr(sync, name) for name in names},
        holdout=holdout,
        only=only,
        ttl_days=sync.ttl_minutes // 1440,
        at=f"{sync.at:%H:%M}",
        tag=tag(sync),
    )


class RunView(BaseModel):
    """One execution of a sync. `told` is the reason of who told it to stop."""

    id: str
    sync: str
    cohort: str
    cohort_version: int
    kind: RunKind
    state: RunState
    outcome: RunOutcome | None
    reason: Said
    as_of: datetime
    opened_at: datetime
    closed_at: datetime | None
    slot: datetime | None
    missed: int
    keeps: str | None
    told: Said


def run_view(run: Run) -> RunView:
    """As the ledger has it."""
    return RunView(**{name: getattr(run, name) for name in RunView.model_fields})


class VerdictView(BaseModel):
    """Why a guard holds a run: it is approved by naming guard and count."""

    guard: str
    count: int
    limit: int
    sentence: Said


class AccountView(BaseModel):
    """planned = accepted + rejected + unknown + not_sent, exactly."""

    planned: int
    accepted: int
    rejected: int
    unknown: int
    not_sent: int


def account_views(tallies: Mapping[Operation, Account]) -> dict[Operation, AccountView]:
    """Of each operation on its own."""
    return {operation: AccountView(**vars(account)) for operation, account in tallies.items()}


class LossView(BaseModel):
    """How many did not come further, and why."""

    why: str
    count: int


class StepView(BaseModel):
    """How many came so far. `lost` is from the step before, where the unit is the same."""

    name: str
    unit: str
    count: int
    lost: list[LossView]


class PromptnessView(BaseModel):
    """Seconds from when the first events that the run before did not have began to arrive, until a removal was acknowledged: half
    of the identifiers removed within `median`, 95 of 100 within `p95`."""

    arrived_at: datetime
    removed: int
    median: float
    p95: float


class ReportView(BaseModel):
    """A run from people to the platform, in counts; null where a phase was not reached.

    `funnel` is its way step by step, `wishes` what was planned of each operation, `unchanged` who stays and needs nothing yet.
    """

    run: RunView
    members: int | None
    held_out: int | None
    members_usable: int | None
    identifiers: dict[str, int] | None
    refused_values: dict[str, dict[str, int]] | None
    held: int | None
    desired: int | None
    decision: Decision | None
    verdicts: list[VerdictView]
    account: AccountView
    tallies: dict[Operation, AccountView]
    wishes: dict[Operation, int] | None
    unchanged: int | None
    settles_at: datetime | None
    funnel: list[StepView]
    segment: str
    advertiser: str
    connection: str
    ttl_days: int
    refused: dict[str, int]
    requests: int
    repeated: int
    holds: int | None
    lapses_at: datetime | None
    removal: PromptnessView | None


class StakeView(BaseModel):
    """Who is in a segment: how many identifiers, and when the last of them lapses."""

    sync: str
    segment: str
    advertiser: str
    count: int
    until: datetime | None


class EndedView(BaseModel):
    """What became of people in segments that were given up. `later` is the worker's to do."""

    stakes: list[StakeView]
    how: Leaving
    later: list[str]


def stake_view(stake: Stake) -> StakeView:
    """As is known now."""
    target = stake.target
    return StakeView(sync=stake.sync, segment=target.segment, advertiser=target.advertiser, count=stake.count, until=stake.until)


ORDERED: dict[int | str, dict[str, Any]] = {
    202: {"model": EndedView, "description": "Decided; the worker is still to do what `later` says."}
}
"""How a route that gives people up describes its other answer."""


def ended_view(ended: Ended, response: Response) -> EndedView:
    """As it was decided: done, or ordered where the worker still has something to do."""
    response.status_code = 202 if ended.later else 200
    return EndedView(stakes=[stake_view(each) for each in ended.stakes], how=ended.how, later=list(ended.later))


class UserView(BaseModel):
    """Somebody who may sign in, with their role in each project."""

    id: str
    name: str
    administrator: bool
    disabled: bool
    roles: dict[str, Role]


def user_view(user: User) -> UserView:
    """Without anything that opens a door."""
    return UserView(id=user.id, name=user.name, administrator=user.administrator, disabled=user.disabled, roles=dict(user.roles))


class TokenView(BaseModel):
    """A program's key; its text was shown once. `project` is empty where it is good in all projects of its user, `routes` where it is
    by all routes.
    """

    id: str
    name: str
    user: str
    project: str
    role: Role
    routes: tuple[Routes, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def token_view(token: ApiToken) -> TokenView:
    """Without its text."""
    return TokenView(**{name: getattr(token, name) for name in TokenView.model_fields})


class EntryView(BaseModel):
    """A deed in the audit trail. `request` is the id of the request by which it was done (X-Request-Id), empty on the command line."""

    number: int
    at: datetime
    actor: str
    what: str
    object: str
    project: str
    details: dict[str, str]
    request: str
    seal: str


def entry_view(entry: Entry) -> EntryView:
    """As it was written."""
    return EntryView(number=entry.number, at=entry.at, **vars(entry.deed), seal=entry.seal)


def report_view(report: RunReport) -> ReportView:
    """In counts alone."""
    plan, found, binding = report.plan, report.resolution, report.binding
    steps = funnel(found, plan, report.tallies)
    return ReportView(
        run=run_view(report.run), members=report.snapshot.members if report.snapshot else None,
        held_out=report.snapshot.held_out if report.snapshot else None,
        members_usable=found.members_usable if found else None,
        identifiers={each.value: count for each, count in found.identifiers.items()} if found else None,
        refused_values={each.value: {why.value: count for why, count in kinds.items()} for each, kinds in found.refused.items()}
        if found else None,
        held=plan.delta.held if plan else None, desired=plan.delta.desired if plan else None, decision=plan.decision if plan else None,
        verdicts=[VerdictView(guard=each.guard, count=each.count, limit=each.limit, sentence=each.sentence) for each in plan.verdicts]
        if plan else [],
        account=AccountView(**vars(report.account)), tallies=account_views(report.tallies),
        wishes={each: plan.delta.count(each) for each in Operation} if plan else None, unchanged=plan.delta.unchanged if plan else None,
        settles_at=plan.delta.settles_at if plan else None,
        funnel=[StepView(name=each.name, unit=each.unit, count=each.count, lost=[LossView(**vars(loss)) for loss in each.lost])
                for each in steps],
        segment=binding.target.segment, advertiser=binding.target.advertiser, connection=binding.connection,
        ttl_days=binding.ttl_minutes // 1440, refused=report.refused, requests=report.requests, repeated=report.repeated,
        holds=report.holds, lapses_at=report.lapses_at,
        removal=PromptnessView(**vars(report.removal)) if report.removal else None,
    )  # fmt: skip


class ReaderView(BaseModel):
    """Whether a connection may ask for the platform's own view: when it last did and will again, and what was in the way."""

    asked: bool
    read_at: datetime | None = None
    next_at: datetime | None = None
    problem: Said = ""


def reader_view(reader: Reader | None) -> ReaderView:
    """A connection's leave to ask, or that it has none."""
    if reader is None:
        return ReaderView(asked=False)
    return ReaderView(asked=True, read_at=reader.read_at, next_at=reader.next_at, problem=reader.problem)
