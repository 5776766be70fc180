"""Sources of kind tables: whether they are what they say, whether their server agrees, and who is answered from them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tradewind.access.trail import Deed
from tradewind.catalog.sources.tables import FIELDS, parse_tables
from tradewind.catalog.yaml import Documents
from tradewind.cohorts.document import read_file
from tradewind.engines.server import ServerEngine
from tradewind.engines.serving import fit
from tradewind.engines.spec.ask import SPEC, Answer, ask_all
from tradewind.engines.spec.inline import inline
from tradewind.engines.spec.tables import TABLES
from tradewind.errors import DefinitionError
from tradewind.model.project import Project
from tradewind.model.source import Source, SourceKind, Verification
from tradewind.model.sync import Cadence, SyncState
from tradewind.model.tables import Tables
from tradewind.operations.changes import silent_part
from tradewind.operations.standing import is_verified, standing
from tradewind.parts import Parts

OnRow = Callable[[int, int], None]
"""Told how many rows have been asked, of how many."""


@dataclass(frozen=True)
class Verified:
    """What a server answered: all it was asked, and what it got wrong."""

    verification: Verification
    wrong: tuple[Answer, ...]


def read(file: Path, project: str, id_: str, name: str) -> Source:
    """A source of the tables that a YAML file maps. Raises DefinitionError with file, line and path."""
    node = read_file(file)
    fields = node.fields(optional=FIELDS, what="in a source of kind tables")
    return Source(project, id_, name, SourceKind.TABLES, "", tables=parse_tables(node, fields))


def add(parts: Parts, source: Source) -> Source:
    """Save a new source of tables, or a change of one, after its server was asked whether the tables are what it says.

    Raises DefinitionError with the path of what is not, ConfigurationError when the server refuses, EngineError when it does not answer.
    """
    assert source.tables is not None
    check(parts, source.tables)
    parts.catalog.project(source.project)
    parts.sources.save(source)
    return parts.sources.one(source.project, source.id)


def check(parts: Parts, tables: Tables) -> str:
    """Whether tables are what a source says of them; returns the server's name and version. Raises as `add` does."""
    with parts.server(tables, parts.bounds)() as session:
        return fit(tables, session)


def check_written(parts: Parts, project: str, documents: Documents) -> None:
    """The same of every source of definition files that is new or another than the saved one. Raises with file and line."""
    known = {each.id: each.tables for each in parts.sources.all(project)}
    for written in documents.sources:
        tables = written.value.tables
        if tables is not None and tables != known.get(written.value.id):
            try:
                check(parts, tables)
            except DefinitionError as error:
                written.node.refuse(f"{error.path}: {error.message}" if error.path else error.message)


def unverified(parts: Parts, project: str) -> str:
    """The sentence for a project that is answered from a source that is not verified; empty for any other."""
    name = parts.catalog.project(project).source
    if name is None:
        return ""
    source = parts.sources.one(project, name)
    if is_verified(source):
        return ""
    return f"source '{name}', which answers for this project, is {standing(source)}; verify it with: tradewind sources verify {name}"


def verify(parts: Parts, project: str, source_id: str, told: OnRow) -> Verified:
    """Ask a source's server every row of the language, with its events inside the question, and write down whether it agrees.

    Nothing of the client's is read. Raises DefinitionError for a source of another kind, and as a session does.
    """
    source = of_tables(parts, project, source_id)
    assert source.tables is not None
    asked, total = 0, sum(len(table.cases) for table in TABLES)
    wrong: list[Answer] = []
    parts.home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=parts.home) as folder, parts.server(source.tables, parts.bounds)() as session:
        about = session.about()
        answers = ask_all(
            lambda table: ServerEngine(inline(table.events, session.dialect, lambda: nullcontext(session)), parts.bounds), Path(folder)
        )
        for answer in answers:
            asked += 1
            wrong += [] if answer.right else [answer]
            told(asked, total)
    found = Verification(parts.clock.now(), SPEC, asked - len(wrong), asked, about)
    parts.sources.verified(project, source_id, found)
    return Verified(found, tuple(wrong))


def of_tables(parts: Parts, project: str, source_id: str) -> Source:
    """A source of this kind. Raises DefinitionError."""
    source = parts.sources.one(project, source_id)
    if source.kind is not SourceKind.TABLES:
        raise DefinitionError(f"source '{source_id}' is of kind {source.kind.value}; expected one of kind {SourceKind.TABLES.value}")
    return source


def answer_from(parts: Parts, who: str, project: str, source_id: str | None) -> Project:
    """Say from which source of tables the behavioural cohorts of a project are answered; None: from its own events.

    Raises DefinitionError for a source of another kind, and while a sync on change has a cohort whose data would no longer tell.
    """
    if source_id is not None:
        of_tables(parts, project, source_id)
        _check_cadences(parts, project)
    with parts.catalog.database.transaction() as db:
        before = parts.catalog.within(db).project(project).source
        parts.catalog.within(db).set_source(project, source_id)
        deed = Deed(who, "project.source", project, project, {"before": before or "", "after": source_id or ""})
        parts.trail.within(db).write(deed, parts.clock.now())
    return parts.catalog.project(project)


def _check_cadences(parts: Parts, project: str) -> None:
    cohorts = parts.catalog.cohorts(project)
    for sync in parts.catalog.syncs(project):
        if sync.cadence is Cadence.ON_CHANGE and sync.state is not SyncState.ENDED and silent_part(cohorts, sync.cohort, tables=True):
            raise DefinitionError(
                f"sync '{sync.id}' runs when the events change, which tables do not tell; give it the cadence hourly, daily or cron"
            )
