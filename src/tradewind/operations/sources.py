"""Sources: add one, change it, see what its keys open and what is left of its budget, and which cohorts it has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewind.engines.serving import fit
from tradewind.errors import DefinitionError, RefusedKeyError
from tradewind.model.cohort import Pulled
from tradewind.model.destination import Secret
from tradewind.model.source import KeyPair, Source, SourceKind
from tradewind.model.tables import Tables
from tradewind.operations.downloads import Downloads, pulling
from tradewind.operations.standing import standing
from tradewind.parts import Parts
from tradewind.sources.amplitude.amplitude import OTHER
from tradewind.sources.amplitude.base import Listed
from tradewind.sources.amplitude.budget import Budget
from tradewind.vault.sql import KEY_PAIR


@dataclass(frozen=True)
class Shown:
    """A source and what is known of it: of one in Amplitude what shows whether its keys changed, what is left of the month's downloads,
    and the cohorts that are pulled through it; of one of tables how far its server can be trusted, and whether it answers for its project.
    """

    source: Source
    keys: str | None
    budget: Budget | None
    cohorts: tuple[str, ...]
    standing: str = ""
    answers: bool = False


@dataclass(frozen=True)
class Tested:
    """Whether the keys of a source open what they should, in one sentence; `cohorts` counts those that Amplitude lists."""

    ready: bool
    sentence: str
    cohorts: int | None = None
    region: str | None = None


@dataclass(frozen=True)
class Change:
    """What a person changes of a source; what is None stays."""

    name: str | None = None
    region: str | None = None
    app: int | None = None
    keys: KeyPair | None = None


def key_pair(api_key: Secret, secret_key: Secret) -> KeyPair:
    """The two keys as one pair. Raises DefinitionError when they cannot be one."""
    if not api_key.value or not secret_key.value:
        raise DefinitionError("one of the keys is empty; copy both from the settings of the project in Amplitude")
    if ":" in api_key.value:
        raise DefinitionError("the API key holds a colon, which no API key of Amplitude does; copy it again")
    return KeyPair(api_key.value, secret_key.value)


def add(parts: Parts, source: Source, keys: KeyPair) -> Source:
    """Save a new source and seal its keys. Raises DefinitionError when the id is taken, or there is no such region."""
    if any(each.id == source.id for each in parts.sources.all(source.project)):
        raise DefinitionError(f"source '{source.id}' exists already; change it with: tradewind sources change {source.id}")
    parts.catalog.project(source.project)
    return _save(parts, source, keys)


def change(parts: Parts, project: str, source_id: str, wish: Change) -> Source:
    """Save what changed of a source.

    Raises DefinitionError as `add` does, for a move between sandbox and a real region, and when other keys are of an account
    that has not the downloads which the syncs through this source need.
    """
    before = check_in_amplitude(parts.sources.one(project, source_id))
    after = replace(before, name=wish.name or before.name, region=wish.region or before.region)
    return _save(parts, after if wish.app is None else replace(after, app=wish.app), wish.keys)


def _save(parts: Parts, source: Source, keys: KeyPair | None) -> Source:
    parts.amplitude.check_region(source.region)
    after = replace(source, account=parts.vault.account(keys.api_key)) if keys else source
    with parts.catalog.database.transaction() as db:
        parts.sources.within(db).save(after)
        vault = parts.vault.within(db)
        if keys and not vault.holds(source.project, source.id, keys.together(), KEY_PAIR):
            vault.seal(source.project, source.id, keys.together(), KEY_PAIR)
        needs = Downloads(parts.catalog.within(db), parts.sources.within(db))
        for sync, cohorts in pulling(parts.catalog.within(db), source.project):
            if any(_is_of(each.definition, source) for each in cohorts):
                needs.check(sync, cohorts)
    return after


def remove(parts: Parts, project: str, source_id: str) -> None:
    """Take a source away, with its keys. Raises DefinitionError while a cohort uses it."""
    with parts.catalog.database.transaction() as db:
        parts.sources.within(db).remove(project, source_id)
        parts.vault.within(db).forget(project, source_id, KEY_PAIR)
        parts.events.forget_source(db, project, source_id)


def shown(parts: Parts, project: str, source_id: str) -> Shown:
    """A source with what it has left. Asks nobody outside."""
    source = parts.sources.one(project, source_id)
    if source.tables is not None:
        return Shown(source, None, None, (), standing(source), parts.catalog.project(project).source == source_id)
    pulled = [each.id for each in parts.catalog.cohorts(project) if _is_of(each.definition, source)]
    print_ = parts.vault.fingerprint(project, source.id, KEY_PAIR)
    return Shown(source, print_, parts.amplitude.budget(source, parts.clock.now()), tuple(pulled))


def cohorts(parts: Parts, project: str, source_id: str) -> tuple[Listed, ...]:
    """The cohorts that Amplitude lists, by name. Raises ConfigurationError when it does not know the keys."""
    source = check_in_amplitude(parts.sources.one(project, source_id))
    try:
        found = parts.amplitude.client(source, parts.clock).cohorts()
    except RefusedKeyError as error:
        raise RefusedKeyError(
            f"Amplitude does not know the keys of source '{source_id}'; test it to see why, with: tradewind sources test {source_id}"
        ) from error
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.id)))


def test(parts: Parts, project: str, source_id: str) -> Tested:
    """Ask for the list of cohorts; where the keys are refused, the other region is asked too, since its keys look the same.

    Of a source of tables, ask whether they are still what it says. Raises RetryableError when Amplitude does not answer,
    ConfigurationError when the source has no keys, and of tables as a session does when their server cannot be asked.
    """
    source = parts.sources.one(project, source_id)
    if source.tables is not None:
        return _tables(parts, source.tables)
    try:
        found = parts.amplitude.client(source, parts.clock).cohorts()
    except RefusedKeyError:
        return _elsewhere(parts, source)
    sentence = f"Amplitude in region '{source.region}' knows the keys, and lists {len(found):,} cohort{'' if len(found) == 1 else 's'}."
    return Tested(True, sentence, len(found), source.region)


def check_in_amplitude(source: Source) -> Source:
    """The same source. Raises DefinitionError when it is none in Amplitude."""
    if source.kind is not SourceKind.AMPLITUDE:
        raise DefinitionError(f"source '{source.id}' is of kind {source.kind.value}; expected one of kind {SourceKind.AMPLITUDE.value}")
    return source


def _tables(parts: Parts, tables: Tables) -> Tested:
    try:
        with parts.server(tables, parts.bounds)() as session:
            about = fit(tables, session)
    except DefinitionError as error:
        return Tested(False, f"The tables are not what the source says: {error}.")
    count = len(tables.rows)
    return Tested(True, f"{about} has {'the table' if count == 1 else f'all {count} tables'} as the source says.")


def _elsewhere(parts: Parts, source: Source) -> Tested:
    """What the other region says of keys that the source's own does not know."""
    here, other = source.region, OTHER[source.region]
    if other not in parts.amplitude.hosts:
        return Tested(
            False, f"Amplitude in region '{here}' does not know the keys, and there is no other region to ask here; give both keys again."
        )
    try:
        parts.amplitude.client(source, parts.clock, other).cohorts()
    except RefusedKeyError:
        return Tested(
            False,
            f"Neither region '{here}' nor '{other}' knows the keys: one of them is wrong, or was revoked. "
            f"Copy both again from the project's settings in Amplitude, and change the source, with: tradewind sources change {source.id}",
        )
    return Tested(
        False,
        f"The keys are right and the region is not: '{here}' does not know them, '{other}' does. "
        f"Give it region '{other}' with: tradewind sources change {source.id} --region {other}",
        region=other,
    )


def _is_of(definition: object, source: Source) -> bool:
    return isinstance(definition, Pulled) and definition.source == source.id


def kind(text: str) -> SourceKind:
    """The kind of source a person names. Raises DefinitionError."""
    if text not in set(SourceKind):
        raise DefinitionError(f"'{text[:60]}' is not a kind of source; expected {', '.join(SourceKind)}")
    return SourceKind(text)
