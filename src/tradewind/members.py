"""Who is in a cohort at an instant, whatever its kind; cohorts it is made of are answered first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tradewind.cohorts.check import order
from tradewind.engines.lookalike.room import Question
from tradewind.engines.preview import Asked, Through, Turn
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.cohort import Behaviour, Cohort, InCohort, Lookalike, Pulled, Pushed, Rule, Select, StaticList
from tradewind.model.destination import Connection
from tradewind.model.identifier import IdentityMap, Resolution, Send, Take
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.model.sync import SyncState
from tradewind.parts import Parts
from tradewind.sources import lists

NONE: Mapping[str, Cohort] = {}


def evaluate(
    parts: Parts,
    cohort: Cohort,
    as_of: datetime,
    wanted: Sequence[Wanted],
    folder: Path,
    *,
    recency: bool = False,
    named: bool = True,
) -> Snapshot:
    """Write the members of a cohort to `folder/members.parquet`, with the wanted columns beside each; with `recency` their last event too.

    Unless `named`, the column `person` is left out where it would have to be looked up.

    Raises DefinitionError when the cohort or one it is made of cannot be, EngineError when the data cannot answer.
    """
    nested = _answer_parts(parts, cohort, as_of, folder, recency=recency)
    project = parts.catalog.project(cohort.project)
    return _answer(parts, project, cohort, as_of, wanted, nested, folder / "members.parquet", recency=recency, named=named)


def asked(parts: Parts, cohort: Cohort, as_of: datetime, folder: Path, instead: Mapping[str, Cohort] = NONE) -> Asked:
    """A cohort as a question for `parts.previews`; files of the members of those that no rule answers are written to `folder`.

    Cohorts that it is made of are those `instead`, and of the catalog what these do not have.

    Raises DefinitionError when the cohort or one it is made of cannot be, EngineError when a source cannot answer.
    """
    project = parts.catalog.project(cohort.project)
    nested: dict[str, Rule | Path] = {}
    for part in _built_of(parts, cohort, instead):
        nested[part.id] = _rule_or_file(parts, project, part, as_of, folder / "nested" / f"{part.id}.parquet")
    if isinstance(cohort.definition, Behaviour):
        return Asked(project, cohort.definition.who, as_of, nested)
    own = _rule_or_file(parts, project, cohort, as_of, folder / "nested" / f"{cohort.id}.parquet")
    return Asked(project, InCohort(cohort.id), as_of, {cohort.id: own})


def usable(parts: Parts, question: Asked, identity: IdentityMap, folder: Path, turn: Turn) -> Resolution | None:
    """What an identity map finds of those for whom a rule holds, without who is suppressed; None as `Previews` says."""
    through = Through(identity, wanted_by(identity), parts.suppressions.sieve(question.project.id), folder)
    return parts.previews.identifiers(question, through, turn)


def resolved(parts: Parts, project: str, snapshot: Snapshot, identity: IdentityMap, folder: Path) -> Resolution:
    """What an identity map finds of a snapshot, without who is suppressed; the files of it stay in `folder`."""
    found = parts.resolve(snapshot.path, identity, folder / "identifiers", folder / "rejects.parquet", 1, parts.bounds)
    return parts.suppressions.sieve(project).strike(folder / "identifiers", found)


def identity_of(cohort: Cohort, connection: Connection) -> IdentityMap:
    """The identity map in force: a list or SELECT that names its own identifier columns overrules the connection's."""
    own = () if isinstance(cohort.definition, Behaviour | Lookalike) else cohort.definition.identifiers
    chosen = IdentityMap(own, Send.ALL) if own else connection.identity
    if not chosen.mappings:
        raise ConfigurationError(f"connection '{connection.id}' maps no identifiers; map one, such as user.advertising_id=DAID")
    return chosen


def wanted_by(identity: IdentityMap) -> tuple[Wanted, ...]:
    """The columns an identity map needs beside each member, each once."""
    sources = {mapping.source: False for mapping in identity.mappings}
    sources.update({mapping.source: True for mapping in identity.mappings if mapping.take is Take.ALL})
    return tuple(Wanted(source, all_values) for source, all_values in sources.items())


def _answer_parts(parts: Parts, cohort: Cohort, as_of: datetime, folder: Path, *, recency: bool = False) -> dict[str, Path]:
    """The member files of every cohort this one is made of, those they are made of first."""
    project = parts.catalog.project(cohort.project)
    nested: dict[str, Path] = {}
    for part in _built_of(parts, cohort):
        out = folder / "nested" / f"{part.id}.parquet"
        nested[part.id] = _answer(parts, project, part, as_of, (), nested, out, recency=recency).path
    return nested


def _built_of(parts: Parts, cohort: Cohort, instead: Mapping[str, Cohort] = NONE) -> tuple[Cohort, ...]:
    """The cohorts that one is made of, parts first; neither it nor those `instead` of the catalog's need be saved."""
    known = {each.id: each for each in parts.catalog.cohorts(cohort.project)} | dict(instead) | {cohort.id: cohort}
    return order(known.values(), [cohort.id])[:-1]


def _rule_or_file(parts: Parts, project: Project, cohort: Cohort, as_of: datetime, out: Path) -> Rule | Path:
    if isinstance(cohort.definition, Behaviour):
        return cohort.definition.who
    return _answer(parts, project, cohort, as_of, (), {}, out, recency=False).path


def _answer(
    parts: Parts,
    project: Project,
    cohort: Cohort,
    as_of: datetime,
    wanted: Sequence[Wanted],
    nested: dict[str, Path],
    out: Path,
    *,
    recency: bool,
    named: bool = True,
) -> Snapshot:
    out.parent.mkdir(parents=True, exist_ok=True)
    match cohort.definition:
        case Behaviour():
            return parts.engine.evaluate(project, cohort, as_of, wanted, nested, out, recency=recency, named=named)
        case StaticList() as definition:
            version = parts.list_versions.newest(project.id, cohort.id)
            if version is None:
                raise DefinitionError(
                    f"the list of cohort '{cohort.id}' has no rows yet; send a CSV or Parquet file on its page of the console, by POST to "
                    f"its /list, or with: tradewind cohorts fill {cohort.id} FILE"
                )
            path = parts.lists.path(project.id, cohort.id, version.version)
            given = lists.evaluate(definition, path, wanted, as_of, out)
        case Select() as definition:
            given = parts.select(project, as_of).evaluate(definition, wanted, as_of, out)
        case Pulled() as definition:
            source, beside = parts.sources.one(project.id, definition.source), _beside(parts, project, definition)
            given = parts.amplitude.evaluate(source, definition, wanted, beside, as_of, parts.clock, out)
        case Pushed() as definition:
            given = parts.pushed.evaluate(definition, project.id, wanted, as_of, out)
        case Lookalike() as definition:
            given = _alike(parts, cohort, definition, as_of, nested, out, named=named)
            return _attach(parts, project, replace(given, missing=tuple(each.source for each in wanted)), wanted)
    return _attach(parts, project, given, wanted) if definition.people else given


def _alike(
    parts: Parts, cohort: Cohort, wish: Lookalike, as_of: datetime, nested: Mapping[str, Path], out: Path, *, named: bool
) -> Snapshot:
    """The members of a lookalike; its seed is the one answered already, at other instants it is asked for by itself."""
    question = question_of(parts, cohort, wish, as_of)

    def seed_at(moment: datetime) -> Path:
        known = nested.get(wish.seed) if moment == as_of else None
        return known or seed_of(parts, question, moment, out.parent / f"{out.stem}-seed")

    return parts.lookalikes.evaluate(question, seed_at, parts.bounds, out, named=named)


def question_of(parts: Parts, cohort: Cohort, wish: Lookalike, as_of: datetime, instead: Mapping[str, Cohort] = NONE) -> Question:
    """A lookalike as a question for `parts.lookalikes`. Raises DefinitionError where a client's tables answer for the project."""
    project = parts.catalog.project(cohort.project)
    if project.source:
        raise DefinitionError(f"lookalike '{cohort.id}' learns from a project's own events; this one is answered from '{project.source}'")
    return Question(project, cohort, wish, _built_of(parts, cohort, instead), as_of)


def seed_of(parts: Parts, question: Question, moment: datetime, folder: Path) -> Path:
    """The members of the seed of a lookalike at an instant."""
    return evaluate(parts, question.built_of[-1], moment, (), folder / f"{moment:%Y%m%dT%H%M%S}", named=False).path


def stand(parts: Parts, cohort: Cohort, as_of: datetime, folder: Path) -> None:
    """Write down who is in the lookalikes of a run, the cohort or those it is made of: they stay until clearly below the line."""
    for each in (*_built_of(parts, cohort), cohort):
        if isinstance(each.definition, Lookalike):
            path = folder / "members.parquet" if each is cohort else folder / "nested" / f"{each.id}.parquet"
            parts.lookalikes.stand(question_of(parts, each, each.definition, as_of), path)


def _beside(parts: Parts, project: Project, definition: Pulled) -> tuple[Wanted, ...]:
    """What all syncs of the project want of the same cohort in Amplitude, so that one download does for all."""
    cohorts = {each.id: each.definition for each in parts.catalog.cohorts(project.id)}
    connections = {each.id: each for each in parts.catalog.connections(project.id)}
    found: list[Wanted] = []
    for sync in parts.catalog.syncs(project.id):
        other = cohorts.get(sync.cohort)
        if sync.state is SyncState.ENDED or not isinstance(other, Pulled):
            continue
        if (other.source, other.cohort) == (definition.source, definition.cohort):
            found += wanted_by(IdentityMap(other.identifiers or connections[sync.connection].identity.mappings))
    return tuple(found)


def _attach(parts: Parts, project: Project, given: Snapshot, wanted: Sequence[Wanted]) -> Snapshot:
    """A list of people that lacks a mapped column takes it from what those people did."""
    lacking = [each for each in wanted if each.source in given.missing and not each.source.startswith("column.")]
    if not lacking:
        return given
    whole = given.path.with_name(f"{given.path.stem}-whole.parquet")
    attached = parts.engine.attach(project, given.path, given.as_of, lacking, whole)
    whole.replace(given.path)
    still = (*(source for source in given.missing if source.startswith("column.")), *attached.missing)
    return replace(given, missing=still)
