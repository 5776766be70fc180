"""A project as YAML that lives in git: read with the place of everything, and written back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

import yaml

from tradewind.catalog.rules import holdout_of, split_into
from tradewind.catalog.sources.tables import FIELDS, parse_tables, tables_document
from tradewind.cohorts.document import Node, read_file, read_text
from tradewind.cohorts.parse import parse_cohort, parse_id
from tradewind.cohorts.parse import to_document as cohort_document
from tradewind.errors import DefinitionError
from tradewind.model.alert import AlertKind, Contact, ContactKind
from tradewind.model.cohort import Cohort, Select, StaticList
from tradewind.model.destination import Auth, Connection
from tradewind.model.identifier import IdentityMap, IdType, Send, Take
from tradewind.model.identifier import Mapping as IdMapping
from tradewind.model.source import Source, SourceKind
from tradewind.model.sync import Cadence, Holdout, Only, Recency, Refresh, Sync
from tradewind.schedule import cron_for, time_of_day

SECTIONS = ("sources", "cohorts", "connections", "syncs", "contacts")
MINUTES_A_DAY = 1440
LONGEST_TTL_DAYS = 180
DEFAULT_TTL_DAYS = 30

_SOURCE = re.compile(r"user_id|device_id|(user|event|column)\..+")
SOURCES = "user_id, device_id, user.<property>, event.<property> or column.<name>"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True)
class SecretSource:
    """Where a secret is read from when it is applied: an environment variable or a file. Never the secret itself."""

    kind: str
    name: str


@dataclass(frozen=True)
class Written(Generic[Value]):
    """A value and the place of the text it was read from."""

    value: Value
    node: Node


@dataclass(frozen=True)
class Documents:
    """What a set of files asks for, in the order it is written.

    A sync without a given segment has the empty text; `secrets` names, by connection, where each secret is, `platform_tokens` where
    its token for the platform's API is, and `keys`, by source, where its API key and its secret key are; `told`, by contact and by
    field (`url`, `secret`), where these are.
    """

    cohorts: tuple[Written[Cohort], ...] = ()
    connections: tuple[Written[Connection], ...] = ()
    syncs: tuple[Written[Sync], ...] = ()
    secrets: Mapping[str, Written[SecretSource]] = field(default_factory=dict)
    platform_tokens: Mapping[str, Written[SecretSource]] = field(default_factory=dict)
    sources: tuple[Written[Source], ...] = ()
    keys: Mapping[str, Written[tuple[SecretSource, SecretSource]]] = field(default_factory=dict)
    contacts: tuple[Written[Contact], ...] = ()
    told: Mapping[tuple[str, str], Written[SecretSource]] = field(default_factory=dict)


def read(paths: Iterable[Path], project: str) -> Documents:
    """The definitions of files, or of the `.yaml` and `.yml` files in a folder, for a project.

    A file holds lists under `sources:`, `cohorts:`, `connections:`, `syncs:` and `contacts:`, or is one cohort. Raises DefinitionError
    with file, line and path when one cannot be read, or an id is given twice.
    """
    found: dict[str, list[tuple[Node, Path]]] = {name: [] for name in SECTIONS}
    for path in _files(paths):
        for name, nodes in _sections(read_file(path)).items():
            found[name] += [(node, path.parent) for node in nodes]
    return _documents(found, project)


def read_sent(text: str, project: str) -> Documents:
    """The same of a text that was sent; it has no folder, so that only files with a whole path can be meant. Raises as `read` does."""
    sections = _sections(read_text(text, "the definitions"))
    return _documents({name: [(node, Path("/")) for node in nodes] for name, nodes in sections.items()}, project)


def _documents(found: Mapping[str, list[tuple[Node, Path]]], project: str) -> Documents:
    sources = [(_source(node, project, folder), node) for node, folder in found["sources"]]
    connections = [(_connection(node, project, folder), node) for node, folder in found["connections"]]
    documents = Documents(
        cohorts=tuple(Written(_cohort(node, project, folder), node) for node, folder in found["cohorts"]),
        connections=tuple(Written(connection, node) for (connection, *_), node in connections),
        syncs=tuple(Written(sync, node) for node, _ in found["syncs"] for sync in _syncs(node, project)),
        secrets={connection.id: secret for (connection, secret, _), _ in connections if secret},
        platform_tokens={connection.id: token for (connection, _, token), _ in connections if token},
        sources=tuple(Written(source, node) for (source, _), node in sources),
        keys={source.id: keys for (source, keys), _ in sources if keys},
        contacts=tuple(Written(_contact(node, project), node) for node, _ in found["contacts"]),
        told={
            (node.fields(optional=_CONTACT)["id"].text(), name): Written(_secret(entry, folder), entry)
            for node, folder in found["contacts"]
            for name, entry in node.fields(optional=_CONTACT).items()
            if name in {"url", "secret"}
        },
    )
    for name in SECTIONS:
        _refuse_twice(name.removesuffix("s"), [(each.value.id, each.node) for each in getattr(documents, name)])
    return documents


def write(
    cohorts: Iterable[Cohort] = (),
    connections: Iterable[Connection] = (),
    syncs: Iterable[Sync] = (),
    sources: Iterable[Source] = (),
    contacts: Iterable[Contact] = (),
) -> str:
    """The YAML text that `read` reads back as the same values. Secrets, keys and the URLs of contacts are not in it."""
    document: dict[str, object] = {
        "sources": [source_document(source) for source in sources],
        "cohorts": [cohort_document(cohort) for cohort in cohorts],
        "connections": [connection_document(connection) for connection in connections],
        "syncs": [sync_document(sync) for sync in syncs],
        "contacts": [contact_document(contact) for contact in contacts],
    }
    return yaml.safe_dump({key: value for key, value in document.items() if value}, sort_keys=False, allow_unicode=True, width=120)


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix in {".yaml", ".yml"} and each.is_file())
            if not inside:
                raise DefinitionError("holds no .yaml file", file=str(path))
            files += inside
        elif path.exists() and not path.is_file():
            raise DefinitionError("is neither a regular file nor a folder; expected a .yaml file or a folder of them", file=str(path))
        else:
            files.append(path)
    return files


def _sections(root: Node) -> dict[str, list[Node]]:
    if isinstance(root.value, dict) and "kind" in root.value and "id" in root.value:
        return {"cohorts": [root]}
    fields = root.fields(
        optional=SECTIONS, what="in a definition file (it holds sources, cohorts, connections, syncs and contacts, or is one cohort)"
    )
    return {name: fields[name].items() if name in fields else [] for name in SECTIONS}


def _refuse_twice(what: str, found: list[tuple[str, Node]]) -> None:
    seen: dict[str, Node] = {}
    for id_, node in found:
        if id_ in seen:
            node.refuse(f"{what} '{id_}' is defined already in {seen[id_].file}:{seen[id_].line}")
        seen[id_] = node


def _cohort(node: Node, project: str, folder: Path) -> Cohort:
    """A cohort whose files are named from the folder of the text, wherever the command runs."""
    cohort = parse_cohort(node, project)
    match cohort.definition:
        case StaticList(file=file):
            return replace(cohort, definition=replace(cohort.definition, file=_beside(folder, file)))
        case Select(files=files):
            return replace(
                cohort, definition=replace(cohort.definition, files=tuple((name, _beside(folder, file)) for name, file in files))
            )
        case _:
            return cohort


def _beside(folder: Path, file: str) -> str:
    return str((folder / Path(file).expanduser()).absolute())


def _source(node: Node, project: str, folder: Path) -> tuple[Source, Written[tuple[SecretSource, SecretSource]] | None]:
    optional = ("region", "app", "api_key", "secret_key", *FIELDS)
    fields = node.fields(required=("id", "name", "kind"), optional=optional, what="in a source")
    kind = _choice(fields["kind"], SourceKind, "kind of source")
    if kind is SourceKind.TABLES:
        fields = node.fields(required=("id", "name", "kind"), optional=FIELDS, what="in a source of kind tables")
        tables = parse_tables(node, fields)
        return Source(project, parse_id(fields["id"]), fields["name"].text().strip(), kind, "", tables=tables), None
    keys = ("app", "api_key", "secret_key")
    fields = node.fields(required=("id", "name", "kind", "region"), optional=keys, what="in a source of kind amplitude")
    app = fields["app"].number() if "app" in fields else None
    source = Source(project, parse_id(fields["id"]), fields["name"].text().strip(), kind, fields["region"].text(), app)
    if ("api_key" in fields) != ("secret_key" in fields):
        node.refuse("expected both api_key and secret_key, or neither")
    if "api_key" not in fields:
        return source, None
    return source, Written((_secret(fields["api_key"], folder), _secret(fields["secret_key"], folder)), fields["api_key"])


def _connection(node: Node, project: str, folder: Path) -> tuple[Connection, Written[SecretSource] | None, Written[SecretSource] | None]:
    required = ("id", "name", "destination", "advertiser", "region", "auth", "identity")
    fields = node.fields(required=required, optional=("secret", "platform_token", "send"), what="in a connection")
    mappings = tuple(_mapping(entry) for entry in fields["identity"].items())
    if not mappings:
        fields["identity"].refuse("expected at least one mapping such as {from: user.advertising_id, to: DAID}, found an empty list")
    send = _choice(fields["send"], Send, "way to send") if "send" in fields else Send.ALL
    connection = Connection(
        project,
        parse_id(fields["id"]),
        fields["name"].text().strip(),
        fields["destination"].text(),
        fields["advertiser"].text(),
        fields["region"].text(),
        _choice(fields["auth"], Auth, "way to sign"),
        IdentityMap(mappings, send),
    )
    secret, token = (
        Written(_secret(fields[each], folder), fields[each]) if each in fields else None for each in ("secret", "platform_token")
    )
    return connection, secret, token


def _mapping(node: Node) -> IdMapping:
    fields = node.fields(required=("from", "to"), optional=("take",), what="in a mapping")
    source = fields["from"].text()
    if not is_source(source):
        fields["from"].refuse(f"expected {SOURCES}, found {fields['from'].described()}")
    take = _choice(fields["take"], Take, "way to take values") if "take" in fields else Take.LATEST
    return IdMapping(source, _choice(fields["to"], IdType, "type of identifier"), take)


def is_source(text: str) -> bool:
    """Whether a text names where identifiers come from: one of `SOURCES`."""
    return bool(_SOURCE.fullmatch(text))


def _secret(node: Node, folder: Path) -> SecretSource:
    if not isinstance(node.value, dict):
        node.refuse("expected {env: NAME} or {file: path}; a secret itself is never written here")
    fields = node.fields(optional=("env", "file"), what="in a secret; expected {env: NAME} or {file: path}")
    if len(fields) != 1:
        node.refuse("expected one of env and file")
    kind, entry = next(iter(fields.items()))
    if kind == "file":
        return SecretSource(kind, _beside(folder, entry.text()))
    if not _VARIABLE.fullmatch(entry.text()):
        entry.refuse("expected the name of an environment variable, never the secret itself")
    return SecretSource(kind, entry.text())


_CONTACT = ("id", "kind", "address", "url", "secret", "kinds")
_NEEDS = {ContactKind.EMAIL: ("address",), ContactKind.SLACK: (), ContactKind.WEBHOOK: ()}
_TAKES = {ContactKind.EMAIL: (), ContactKind.SLACK: ("url",), ContactKind.WEBHOOK: ("url", "secret")}


def _contact(node: Node, project: str) -> Contact:
    """Of one with a URL the host is not known here: it is told from the URL when that is read."""
    fields = node.fields(required=("id", "kind"), optional=_CONTACT, what="in a contact")
    kind = _choice(fields["kind"], ContactKind, "kind of contact")
    required, optional = ("id", "kind", *_NEEDS[kind]), (*_TAKES[kind], "kinds")
    fields = node.fields(required=required, optional=optional, what=f"in a contact of kind {kind.value}")
    kinds = [_choice(each, AlertKind, "alert") for each in fields["kinds"].items()] if "kinds" in fields else []
    address = fields["address"].text() if "address" in fields else ""
    return Contact(project, parse_id(fields["id"]), kind, address, tuple(dict.fromkeys(kinds)))


_SYNC = ("id", "segment", "ttl_days", "at", "cron", "refresh", "recency", "holdout", "only", "split_by", "values")


def _syncs(node: Node, project: str) -> tuple[Sync, ...]:
    """The sync that is written, or with `split_by` one for each of its values."""
    fields = node.fields(required=("cohort", "connection", "cadence"), optional=_SYNC, what="in a sync")
    sync = _sync(fields, project)
    if "split_by" not in fields:
        if "values" in fields:
            fields["values"].refuse("values are those of a split; name the user property with split_by")
        return (sync,)
    if "values" not in fields or "only" in fields:
        node.refuse("a split lists its values in values, and is itself no part of one")
    try:
        return split_into(sync, fields["split_by"].text(), [value.text() for value in fields["values"].items()])
    except DefinitionError as error:
        fields["values"].refuse(error.message)


def _only(node: Node) -> Only:
    fields = node.fields(required=("split", "property", "value"), what="in what a part of a split takes")
    return Only(parse_id(fields["split"]), fields["property"].text().removeprefix("user."), fields["value"].text())


def _sync(fields: Mapping[str, Node], project: str) -> Sync:
    cohort, connection = parse_id(fields["cohort"]), parse_id(fields["connection"])
    id_ = parse_id(fields["id"]) if "id" in fields else default_sync_id(cohort, connection)
    segment = fields["segment"].text() if "segment" in fields else ""
    ttl = _ttl(fields["ttl_days"]) if "ttl_days" in fields else DEFAULT_TTL_DAYS
    refresh = _choice(fields["refresh"], Refresh, "way to refresh") if "refresh" in fields else Refresh.EVERY_SYNC
    recency = _choice(fields["recency"], Recency, "recency") if "recency" in fields else Recency.SYNC
    cadence = _choice(fields["cadence"], Cadence, "cadence")
    sync = Sync(project, id_, cohort, connection, segment, ttl * MINUTES_A_DAY, cadence, refresh=refresh, recency=recency)
    sync = replace(sync, at=_at(fields["at"])) if "at" in fields else sync
    sync = replace(sync, only=_only(fields["only"])) if "only" in fields else sync
    own = sync.only.split if sync.only else id_
    sync = replace(sync, holdout=_holdout(fields["holdout"], own)) if "holdout" in fields else sync
    return replace(sync, cron=_cron(fields["cron"], cadence)) if "cron" in fields else sync


def default_sync_id(cohort: str, connection: str) -> str:
    """`<cohort>-<connection>`, cut to the length of an id: the id of a sync that was not given one."""
    return f"{cohort}-{connection}"[:63].rstrip("-")


def _holdout(node: Node, sync: str) -> Holdout:
    fields = node.fields(required=("percent",), optional=("salt",), what="in a holdout")
    percent, salt = fields["percent"].number(), fields["salt"].text() if "salt" in fields else None
    try:
        return holdout_of(percent, salt, sync)
    except DefinitionError as error:
        node.refuse(error.message)


def _at(node: Node) -> time:
    try:
        return time_of_day(node.text())
    except DefinitionError as error:
        node.refuse(error.message)


def _cron(node: Node, cadence: Cadence) -> str:
    try:
        return cron_for(cadence, node.text())
    except DefinitionError as error:
        node.refuse(error.message)


def _ttl(node: Node) -> int:
    days = node.number()
    if days == 0:
        node.refuse("0 would remove everyone from the segment; expected 1 to 180 days")
    if not 1 <= days <= LONGEST_TTL_DAYS:
        node.refuse(f"expected 1 to {LONGEST_TTL_DAYS} days, found {days}")
    return days


def _choice(node: Node, kinds: type[Choice], what: str) -> Choice:
    known = {kind.value: kind for kind in kinds}
    if not isinstance(node.value, str) or node.value not in known:
        node.refuse(f"{node.described()} is not a {what}; expected one of {', '.join(known)}")
    return known[node.value]


def source_document(source: Source) -> dict[str, object]:
    """The mapping of a source as `read` reads it; its keys are not in it."""
    fields: dict[str, object] = {"id": source.id, "name": source.name, "kind": source.kind.value}
    if source.tables:
        return fields | tables_document(source.tables)
    fields["region"] = source.region
    return fields | ({"app": source.app} if source.app is not None else {})


def connection_document(connection: Connection) -> dict[str, object]:
    """The mapping of a connection as `read` reads it; its secret is not in it."""
    mappings = [
        {"from": mapping.source, "to": mapping.id_type.value} | ({} if mapping.take is Take.LATEST else {"take": mapping.take.value})
        for mapping in connection.identity.mappings
    ]
    fields = {name: getattr(connection, name) for name in ("id", "name", "destination", "advertiser", "region")}
    return fields | {"auth": connection.auth.value, "identity": mappings, "send": connection.identity.send.value}


def sync_document(sync: Sync) -> dict[str, object]:
    """The mapping of a sync as `read` reads it; whether it is paused or ended is not in it."""
    fields = {name: getattr(sync, name) for name in ("id", "cohort", "connection", "segment")}
    fields |= {"ttl_days": sync.ttl_minutes // MINUTES_A_DAY, "cadence": sync.cadence.value, "at": f"{sync.at:%H:%M}"}
    fields |= {"cron": sync.cron} if sync.cron else {}
    fields |= {"refresh": sync.refresh.value, "recency": sync.recency.value}
    fields |= {"only": dict(vars(sync.only))} if sync.only else {}
    return fields | ({"holdout": dict(vars(sync.holdout))} if sync.holdout else {})


def contact_document(contact: Contact) -> dict[str, object]:
    """The mapping of a contact as `read` reads it; its URL and secret are not in it."""
    fields: dict[str, object] = {"id": contact.id, "kind": contact.kind.value}
    fields |= {"address": contact.shown} if contact.kind is ContactKind.EMAIL else {}
    return fields | ({"kinds": [each.value for each in contact.kinds]} if contact.kinds else {})
