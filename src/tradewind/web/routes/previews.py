"""Previews: what a cohort would be while it is written; the next edit of the same editor ends what the one before asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tradewind.engines.preview import Turn
from tradewind.model.identifier import Refusal as Refused
from tradewind.model.identifier import Send
from tradewind.operations import connections, previews
from tradewind.parts import Parts
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Asked, Manager, Member
from tradewind.web.problems import Refusal

router = APIRouter(prefix=f"{API}/projects/{{project}}/previews", tags=["previews"])


class Look(Body):
    """What is looked at: a saved cohort by its id; or the rule in `who`, as YAML has it, as that cohort (or a new one) would be with it.

    With `editor` (any text that tells one place of writing from another, such as a tab) and `edit` (a number that grows with each
    change), what an older edit asked is dropped: it answers 409.
    """

    cohort: str | None = Field(default=None, min_length=1, max_length=63)
    who: dict[str, Any] | None = None
    as_of: str | None = Field(default=None, max_length=40)
    editor: str | None = Field(default=None, min_length=1, max_length=60)
    edit: int = Field(default=0, ge=0, lt=1 << 53)


class Against(Look):
    """And the cohort it is laid over."""

    other: str = Field(min_length=1, max_length=63)


class Through(Look):
    """And the connection whose identity map is used; or, in `identity`, a map of which nothing is saved yet, as a connection has it."""

    connection: str | None = Field(default=None, min_length=1, max_length=63)
    identity: list[str] | None = Field(default=None, min_length=1, max_length=50)
    send: Send | None = None


class Mapped(Look):
    """And the rows of an identity map, as a connection has them; nothing of it need be saved."""

    identity: list[str] = Field(min_length=1, max_length=20)


class Few(Look):
    """And how many people are shown."""

    limit: int = Field(default=20, ge=1, le=200)


class Of(Look):
    """And the person: `user:<id>`, or `device:<id>` for a device without a user."""

    person: str = Field(min_length=1, max_length=1_100)


class RuleSizeView(BaseModel):
    """How many a rule holds for, of all, alone (`members`); and together with the rules written before it beside it (`after`).

    Below `all`, `after` is how many are left; below `any`, how many are found. `kind` is the word it is written with: all, any, not,
    did, did_not, user, in_cohort, not_in_cohort; `parts` are the rules written in it, in their order.
    """

    kind: str
    sentence: str
    members: int
    after: int
    parts: list[RuleSizeView]


class SizesView(BaseModel):
    """How many people are in, of how many that the rule can speak of, and the same for each of its rules."""

    as_of: datetime
    members: int
    universe: int
    who: RuleSizeView


class SqlView(BaseModel):
    """A statement, laid out for reading."""

    sql: str


class OverlapView(BaseModel):
    """How many are in both cohorts, and in one of them alone."""

    as_of: datetime
    both: int
    only_this: int
    only_that: int


class ComparisonView(BaseModel):
    """How many the saved cohort has and the changed one would have, and who comes and goes: after = before + added - removed."""

    as_of: datetime
    before: int
    after: int
    added: int
    removed: int


class SampleView(BaseModel):
    """A few of those who are in, in the order of their texts."""

    as_of: datetime
    people: list[str]


class ReasonView(BaseModel):
    """A rule, whether it holds for the person, and what was found: in words, and as data where it applies."""

    kind: str
    sentence: str
    holds: bool
    found: str
    times: int | None
    last: datetime | None
    value: str | None
    parts: list[ReasonView]


class WhyView(BaseModel):
    """Why somebody is in or out."""

    as_of: datetime
    person: str
    belongs: bool
    who: ReasonView


class IdentifiersView(BaseModel):
    """What an identity map makes of the members: `identifiers` are valid and different, by type; `refused_values` by type and reason."""

    as_of: datetime
    members: int
    members_usable: int
    values: int
    identifiers: dict[str, int]
    refused_values: dict[str, dict[str, int]]
    duplicates: int


class ExampleView(BaseModel):
    """A value of a mapped source; `refusal` says why it is no identifier of the type, null where it is one. `text` is masked."""

    source: str
    id_type: str
    refusal: Refused | None
    text: str


@router.post("/sizes")
def sizes(ask: Member, project: Id, body: Look) -> SizesView:
    """How many are in, and how many each rule leaves: the waterfall."""
    with _turn(ask, project, body) as (parts, subject, turn):
        return SizesView.model_validate(previews.sizes(parts, project, subject, turn), from_attributes=True)


@router.post("/sql")
def show_sql(ask: Member, project: Id, body: Look) -> SqlView:
    """The SELECT that a rule becomes, with every instant as it is now; nothing is computed."""
    subject = previews.Subject(body.cohort, body.who, body.as_of)
    return SqlView(sql=previews.statement(ask.parts, project, subject))


@router.post("/overlap")
def overlap(ask: Member, project: Id, body: Against) -> OverlapView:
    """How many are in another cohort too."""
    with _turn(ask, project, body) as (parts, subject, turn):
        return OverlapView.model_validate(previews.overlap(parts, project, subject, body.other, turn), from_attributes=True)


@router.post("/comparison")
def compare(ask: Member, project: Id, body: Look) -> ComparisonView:
    """Whom the rule in `who` would add to the saved cohort, and remove from it."""
    with _turn(ask, project, body) as (parts, subject, turn):
        return ComparisonView.model_validate(previews.compare(parts, project, subject, turn), from_attributes=True)


@router.post("/identifiers")
def identifiers(ask: Member, project: Id, body: Through) -> IdentifiersView:
    """How many can be reached through a connection, by type of identifier."""
    with _turn(ask, project, body) as (parts, subject, turn):
        if (body.connection is None) == (body.identity is None):
            raise Refusal(422, "say either 'connection', or 'identity'; the identifiers are found by one of them")
        through = body.connection or connections.identity(body.identity or (), body.send or Send.ALL)
        found = previews.identifiers(parts, project, subject, through, turn)
        of = found.resolution
        return IdentifiersView(
            as_of=found.as_of, members=of.members, members_usable=of.members_usable, values=of.values, duplicates=of.duplicates,
            identifiers={each.value: count for each, count in of.identifiers.items()},
            refused_values={each.value: {why.value: count for why, count in kinds.items()} for each, kinds in of.refused.items()},
        )  # fmt: skip


@router.post("/examples")
def examples(ask: Manager, project: Id, body: Mapped) -> list[ExampleView]:
    """A few values of the members for each row of an identity map, valid and refused; masked, so that they name nobody."""
    ask.note("preview.examples", body.cohort or previews.DRAFT, project)
    with _turn(ask, project, body) as (parts, subject, _):
        found = previews.examples(parts, project, subject, connections.identity(body.identity, Send.ALL))
    return [ExampleView(source=each.source, id_type=each.id_type.value, refusal=each.refusal, text=each.text) for each in found]


@router.post("/sample")
def sample(ask: Member, project: Id, body: Few) -> SampleView:
    """A few of those who are in, as the events know them."""
    ask.note("preview.sample", body.cohort or previews.DRAFT, project)
    with _turn(ask, project, body) as (parts, subject, turn):
        return SampleView.model_validate(previews.sample(parts, project, subject, body.limit, turn), from_attributes=True)


@router.post("/why")
def why(ask: Member, project: Id, body: Of) -> WhyView:
    """Why one person is in or out, rule by rule."""
    ask.note("preview.why", body.cohort or previews.DRAFT, project)
    with _turn(ask, project, body) as (parts, subject, turn):
        return WhyView.model_validate(previews.why(parts, project, subject, body.person, turn), from_attributes=True)


@contextmanager
def _turn(ask: Asked, project: str, look: Look) -> Iterator[tuple[Parts, previews.Subject, Turn]]:
    """The parts with little memory, what is looked at, and the right to be answered."""
    state = ask.request.app.state
    editor = (ask.who, project, look.editor) if look.editor else None
    with state.looks.turn(editor, look.edit) as turn:
        ask.request.state.ends.append(turn.end)
        yield state.small, previews.Subject(look.cohort, look.who, look.as_of), turn
