"""Sources: places outside where cohorts and events are kept. Their keys come in and never go out."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from tradewind.engines.spec.ask import Answer
from tradewind.model.destination import Secret
from tradewind.model.source import KeyPair, Source, SourceKind
from tradewind.model.tables import EngineKind, Rows, Stated
from tradewind.operations import edits, sources, tables
from tradewind.operations.standing import is_verified
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Asked, Manager, Member, Viewer
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.problems import Refusal
from tradewind.web.words import Said

router = APIRouter(prefix=f"{API}/projects/{{project}}/sources", tags=["sources"])

HIDDEN: JsonDict = {"format": "password", "writeOnly": True}


class Outside(Body):
    """A source. Both keys are written and never shown; without them a source keeps those it has."""

    name: str = Field(max_length=200)
    kind: SourceKind = SourceKind.AMPLITUDE
    region: str = Field(max_length=60)
    app: int | None = Field(default=None, ge=0, lt=1 << 53)
    api_key: str | None = Field(default=None, max_length=4096, json_schema_extra=HIDDEN)
    secret_key: str | None = Field(default=None, max_length=4096, json_schema_extra=HIDDEN)


class DownloadsView(BaseModel):
    """Of the downloads that are allowed in 31 days, by all sources with this API key: spent and left, and when the next is free."""

    spent: int
    allowed: int
    left: int
    next_free: datetime | None


class ReadView(BaseModel):
    """A table that is read: as events of one kind or by a column that says which, or as what is known of people.

    The fields are those of its definition: columns, and which property each of `columns` and `user_columns` is.
    """

    table: str
    event: str | None
    event_column: str | None
    people: bool
    user: str | None
    device: str | None
    time: str | None
    properties: str | None
    columns: dict[str, str]
    user_properties: str | None
    user_columns: dict[str, str]


class AskedView(BaseModel):
    """What the server answered last: how many rows of the cohort language as it should, of how many."""

    at: datetime
    server: str
    agreed: int
    cases: int


class TablesView(BaseModel):
    """Tables of a client's own: which engine answers, the variable that holds its URL or else the path of its files, what is read there,
    how far it can be trusted with the cohort language (`verified`, and `standing` in words), and whether the project's cohorts are
    answered from it.

    `asked` is null where its server was never asked.
    """

    engine: EngineKind
    variable: str
    path: str
    reads: list[ReadView]
    verified: bool
    standing: str
    asked: AskedView | None
    answers: bool


class SourceView(BaseModel):
    """A configured source. Of one in Amplitude: what tells whether its keys changed, and the cohorts that are pulled through it.

    `downloads` is null for one of tables, and `tables` for one in Amplitude.
    """

    id: str
    name: str
    kind: SourceKind
    region: str
    app: int | None
    keys_fingerprint: str | None
    downloads: DownloadsView | None
    cohorts: list[str]
    tables: TablesView | None


class ReadyView(BaseModel):
    """Whether the keys open what they should, in one sentence; `region` is where they do."""

    ready: bool
    sentence: Said
    cohorts: int | None
    region: str | None


class WrongRowView(BaseModel):
    """A row of the cohort language, whom it should find, and whom the server finds; `found` is null where it failed, and `why` says so."""

    table: str
    rule: str
    expected: list[str]
    found: list[str] | None
    why: str


class VerifiedView(BaseModel):
    """How many rows of the cohort language a server was asked, how many it answered as it should, and the others."""

    server: str
    agreed: int
    cases: int
    wrong: list[WrongRowView]


class ThereView(BaseModel):
    """A cohort as it is kept there."""

    id: str
    name: str
    size: int | None
    computed_at: datetime | None
    archived: bool
    kind: str


@router.get("")
def list_sources(ask: Viewer, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[SourceView]:
    """The project's sources, by id. Asks nobody outside."""
    return page(ask.parts.sources.all(project), lambda each: each.id, lambda each: _view(ask, project, each.id), cursor, limit)


@router.get("/{source}")
def show_source(ask: Viewer, project: Id, source: Id) -> SourceView:
    """One source. Asks nobody outside."""
    return _view(ask, project, source)


@router.put("/{source}")
def save_source(ask: Manager, project: Id, source: Id, body: Outside) -> SourceView:
    """Add a source in Amplitude, or change one. One of tables reads a database of the server, and is defined there."""
    if body.kind is SourceKind.TABLES:
        raise Refusal(422, "a source of kind tables reads a database of the server; define it there with: tradewind apply")
    keys, known = _keys(body), any(each.id == source for each in ask.parts.sources.all(project))
    wish = sources.Change(body.name, body.region, body.app, keys)
    ask.note("source.save", source, project, **edits.of_source(ask.parts, project, source, wish))
    if known:
        sources.change(ask.parts, project, source, wish)
    elif keys:
        sources.add(ask.parts, Source(project, source, body.name, body.kind, body.region, body.app), keys)
    else:
        raise Refusal(422, "a new source needs its API key and its secret key")
    return _view(ask, project, source)


@router.delete("/{source}", status_code=204)
def remove_source(ask: Manager, project: Id, source: Id) -> None:
    """Remove a source and its keys; refused while a cohort uses it."""
    ask.note("source.remove", source, project)
    sources.remove(ask.parts, project, source)


@router.post("/{source}/test")
def test_source(ask: Manager, project: Id, source: Id) -> ReadyView:
    """Ask for the list of cohorts, and say whether the keys work; and if not, whether they are wrong or the region is.

    Of a source of tables, ask whether they are still what it says.
    """
    ask.note("source.test", source, project)
    return ReadyView.model_validate(sources.test(ask.parts, project, source), from_attributes=True)


@router.post("/{source}/verify")
def verify_source(ask: Manager, project: Id, source: Id) -> VerifiedView:
    """Ask the server of a source of tables every row of the cohort language, some hundreds, and say whether it agrees.

    Nothing of the client's is read. The answer takes as long as the server does.
    """
    ask.note("source.verify", source, project)
    found = tables.verify(ask.parts, project, source, lambda *_: None)
    answered = found.verification
    return VerifiedView(server=answered.server, agreed=answered.agreed, cases=answered.cases, wrong=[_wrong(each) for each in found.wrong])


@router.get("/{source}/cohorts")
def cohorts_there(ask: Member, project: Id, source: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[ThereView]:
    """The cohorts that are kept there, by name; asked there now."""
    found = sources.cohorts(ask.parts, project, source)
    return page(found, lambda each: each.id, lambda each: ThereView.model_validate(each, from_attributes=True), cursor, limit)


def _wrong(answer: Answer) -> WrongRowView:
    found = None if answer.found is None else sorted(answer.found)
    return WrongRowView(table=answer.table.title, rule=answer.case.rule, expected=sorted(answer.expected), found=found, why=answer.why)


def _keys(body: Outside) -> KeyPair | None:
    if body.api_key is None and body.secret_key is None:
        return None
    return sources.key_pair(Secret(body.api_key or ""), Secret(body.secret_key or ""))


def _view(ask: Asked, project: str, source: str) -> SourceView:
    found = sources.shown(ask.parts, project, source)
    names = ("id", "name", "kind", "region", "app")
    return SourceView(
        **{name: getattr(found.source, name) for name in names},
        keys_fingerprint=found.keys,
        downloads=DownloadsView.model_validate(found.budget, from_attributes=True) if found.budget else None,
        cohorts=list(found.cohorts),
        tables=_tables(found),
    )


def _tables(found: sources.Shown) -> TablesView | None:
    mapped = found.source.tables
    if mapped is None:
        return None
    last = found.source.verification
    return TablesView(
        engine=mapped.engine,
        variable=mapped.url,
        path=mapped.path,
        reads=[_read(rows) for rows in mapped.rows],
        verified=is_verified(found.source),
        standing=found.standing,
        asked=AskedView.model_validate(last, from_attributes=True) if last else None,
        answers=found.answers,
    )


def _read(rows: Rows) -> ReadView:
    stated, of_user = (rows.user_properties, Stated()) if rows.whole else (rows.properties, rows.user_properties)
    return ReadView(
        **{name: getattr(rows, name) for name in ("table", "event", "event_column", "user", "device", "time")},
        people=rows.whole,
        properties=stated.json,
        columns=dict(stated.columns),
        user_properties=of_user.json,
        user_columns=dict(of_user.columns),
    )
