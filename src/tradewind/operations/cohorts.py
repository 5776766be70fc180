"""Cohorts: check definitions, explain them, see who is in, and export the members."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind import members
from tradewind.access.trail import Deed
from tradewind.catalog.rules import missing, pick
from tradewind.catalog.yaml import read
from tradewind.cohorts.check import check
from tradewind.cohorts.document import read_value
from tradewind.cohorts.explain import explain as sentence_of
from tradewind.cohorts.parse import parse_cohort
from tradewind.engines.look import export_persons, read_persons
from tradewind.engines.preview import Turn
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Behaviour, Cohort, CohortKind, Pulled, Select, StaticList
from tradewind.model.identifier import Resolution
from tradewind.operations import sources
from tradewind.operations.instants import instant
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts


@dataclass(frozen=True)
class Explained:
    """A cohort and the sentence a marketer reads."""

    id: str
    name: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Preview:
    """Who is in a cohort: how many, of how many, a few of them, and what a connection's identity map makes of them."""

    cohort: str
    as_of: datetime
    members: int
    universe: int
    sample: tuple[str, ...]
    resolution: Resolution | None


def checked(parts: Parts, project: str, files: Iterable[Path]) -> tuple[Explained, ...]:
    """Check definition files against one another and the project; the sentences of their cohorts.

    Raises DefinitionError for the first thing wrong. Reads only.
    """
    documents = read(files, project)
    written = {each.value.id: each.value for each in documents.cohorts}
    known = {cohort.id: cohort for cohort in parts.catalog.cohorts(project)} | written
    for error in check(known.values()):
        place = next((each.node for each in documents.cohorts if each.value.id == (error.path or "").partition(".")[0]), None)
        if place:
            place.refuse(error.message)
        raise error
    homes = {each.id for each in parts.sources.all(project)} | {each.value.id for each in documents.sources}
    for each in documents.cohorts:
        definition = each.value.definition
        if isinstance(definition, Pulled) and definition.source not in homes:
            each.node.refuse(missing("source", definition.source, dict.fromkeys(homes)))
    return tuple(_explained(cohort, _names(known.values())) for cohort in written.values())


def explained(parts: Parts, project: str, cohort_ids: Iterable[str]) -> tuple[Explained, ...]:
    """The sentences of cohorts of the catalog; of all of them when none is named."""
    wanted = [parts.catalog.cohort(project, each) for each in cohort_ids] or parts.catalog.cohorts(project)
    names = parts.catalog.cohort_names(project)
    return tuple(_explained(cohort, names) for cohort in wanted)


def sentence(cohort: Cohort, names: Mapping[str, str]) -> str:
    """What a marketer reads of a cohort; `names` are those of all that it may name, by id."""
    return sentence_of(cohort, names)


def reaches_out(cohort: Cohort) -> bool:
    """Whether a cohort names files or databases of the machine it is defined on."""
    match cohort.definition:
        case StaticList():
            return True
        case Select(source=source, files=files):
            return bool(source or files)
        case _:
            return False


def define(parts: Parts, project: str, document: Mapping[str, object], who: str = "") -> Cohort:
    """Save a cohort as a program writes it; with `who`, the audit trail says in the same transaction which version it has and had.

    Cohorts that name files or databases of this machine are for who works on it. A list names none: its rows are sent. Raises
    DefinitionError for anything that a file of it would be refused for.
    """
    known = {each.id: each for each in parts.catalog.cohorts(project)}
    if document.get("kind") == CohortKind.STATIC.value and "file" not in document:
        before = known.get(str(document.get("id")))
        kept = before.definition.file if before and isinstance(before.definition, StaticList) else f"{document.get('id')}.csv"
        cohort = parse_cohort(read_value({**document, "file": kept}, f"cohort {document.get('id')}"), project)
    else:
        cohort = parse_cohort(read_value(document, f"cohort {document.get('id')}"), project)
        if reaches_out(cohort):
            raise DefinitionError(
                f"this cohort of kind {cohort.kind.value} reads files or databases of the server; define it there with: tradewind apply",
                path="kind",
            )
    last = known.get(cohort.id)
    known[cohort.id] = cohort
    for error in check(known.values()):
        raise error
    if isinstance(cohort.definition, Pulled):
        sources.check_in_amplitude(parts.sources.one(project, cohort.definition.source))
    with parts.catalog.database.transaction() as db:
        saved = parts.catalog.within(db).save_cohort(cohort)
        if who:
            version = f"{last.version} -> {saved.version}" if last else str(saved.version)
            parts.trail.within(db).write(Deed(who, "cohort.save", saved.id, project, {"version": version}), parts.clock.now())
    return saved


def add(parts: Parts, project: str, cohort_id: str, name: str | None, source: str, there: str) -> Explained:
    """Define a cohort that is pulled: the one with the id `there` that Amplitude lists for a source, under its own name if none is given.

    Raises DefinitionError when the id is taken or Amplitude lists no such cohort, and as `sources.cohorts` does.
    """
    known = {each.id: each for each in parts.catalog.cohorts(project)}
    if cohort_id in known:
        raise DefinitionError(f"cohort '{cohort_id[:80]}' exists already; change its definition with: tradewind apply FILE")
    found = pick({each.id: each for each in sources.cohorts(parts, project, source)}, there, "cohort in Amplitude")
    if found.archived:
        raise DefinitionError(f"cohort '{there}' is archived in Amplitude, which then gives no members; restore it there first")
    cohort = define(
        parts,
        project,
        {"id": cohort_id, "name": name or found.name, "kind": CohortKind.AMPLITUDE.value, "source": source, "cohort": there},
    )
    return _explained(cohort, _names([*known.values(), cohort]))


def preview(parts: Parts, project: str, cohort_id: str, as_of: str | None, connection: str | None, limit: int) -> Preview:
    """Who would be in a cohort now, and with a connection, with which identifiers. Writes nothing that lasts."""
    cohort = parts.catalog.cohort(project, cohort_id)
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    identity = members.identity_of(cohort, parts.catalog.connection(project, connection)) if connection else None
    with scratch(parts) as folder:
        if isinstance(cohort.definition, Behaviour):
            asked, turn = members.asked(parts, cohort, moment, folder), Turn()
            sizes, sample = parts.previews.sizes(asked, turn), parts.previews.sample(asked, limit, turn)
            count, universe = sizes.members, sizes.universe
            resolution = members.usable(parts, asked, identity, folder, turn) if identity else None
            if resolution or not identity:
                return Preview(cohort.id, moment, count, universe, sample, resolution)
        behavioural, wanted = isinstance(cohort.definition, Behaviour), members.wanted_by(identity) if identity else ()
        snapshot = members.evaluate(parts, cohort, moment, wanted, folder, named=not behavioural)
        if not behavioural:
            count = universe = snapshot.members
            sample = read_persons(snapshot.path, limit)
        resolution = members.resolved(parts, project, snapshot, identity, folder) if identity else None
        return Preview(cohort.id, moment, count, universe, sample, resolution)


def export(parts: Parts, project: str, cohort_id: str, as_of: str | None, to: Path) -> int:
    """Write the members' persons to a CSV or Parquet file, by its ending; returns how many. The file is the operator's alone."""
    if to.suffix not in {".csv", ".parquet"}:
        raise DefinitionError(f"'{to.name}' ends in neither .csv nor .parquet; the ending says what to write")
    if not to.parent.is_dir():
        raise DefinitionError(f"the folder {to.parent} does not exist")
    if to.is_dir():
        raise DefinitionError(f"{to} is a folder; name a file to write")
    cohort = parts.catalog.cohort(project, cohort_id)
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    with scratch(parts) as folder:
        snapshot = members.evaluate(parts, cohort, moment, (), folder)
        finished = folder / to.name
        export_persons(snapshot.path, finished)
        finished.chmod(0o600)
        try:
            shutil.move(finished, to)
        except OSError as error:
            raise DefinitionError(f"{to} cannot be written: {error.strerror}") from error
    return snapshot.members


def _names(cohorts: Iterable[Cohort]) -> dict[str, str]:
    return {each.id: each.name for each in cohorts}


def _explained(cohort: Cohort, names: Mapping[str, str]) -> Explained:
    return Explained(cohort.id, cohort.name, cohort.kind.value, sentence_of(cohort, names))
