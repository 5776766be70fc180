"""Definition files applied whole: the catalog, and the lists that static cohorts name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tradewind.access.trail import Deed
from tradewind.catalog.yaml import Documents, read, read_sent, write
from tradewind.database import Transaction
from tradewind.errors import ChangedError, TradewindError
from tradewind.model.cohort import Cohort
from tradewind.model.sync import Leaving, Sync
from tradewind.operations import endings
from tradewind.operations.apply import Change as CatalogChange
from tradewind.operations.apply import Shelves, apply_changes, giving_up, in_words, may_give_up, plan_changes
from tradewind.operations.cohorts import reaches_out
from tradewind.operations.contacts import Drawer
from tradewind.operations.lists import draw_up, outdated
from tradewind.operations.partings import Stake
from tradewind.operations.tables import check_written
from tradewind.parts import Parts
from tradewind.sources.lists import Change, ListChange
from tradewind.sources.sql import ListVersion

Choice = Callable[[Sequence[Stake]], Leaving | None]
"""Asked, before anything is written, how the people of segments that would be given up leave."""


@dataclass(frozen=True)
class Applied:
    """What changed in the catalog, who was in segments that were given up by it, how they leave, and the lists that were filled anew."""

    changes: tuple[CatalogChange, ...]
    stakes: tuple[Stake, ...] = ()
    how: Leaving | None = None
    lists: dict[str, ListChange] = field(default_factory=dict)


def planned(parts: Parts, project: str, files: Iterable[Path], *, prune: bool) -> Applied:
    """What `apply` would change, and who is in the segments that would be given up. Raises as `apply` does."""
    documents = read(files, project)
    plan = _planned(parts, project, documents, prune=prune)
    list(outdated(parts, (each.value for each in documents.cohorts)))  # raises for a list whose file or columns are not there
    return plan


def apply(parts: Parts, project: str, files: Iterable[Path], who: str, *, prune: bool, leaving: Choice = lambda _staked: None) -> Applied:
    """Make the project equal to the files, in one transaction, and their lists equal to the lists' files; `who` does it.

    Raises DefinitionError with file, line and path, and changes nothing, when anything is wrong; and when segments with people
    would be given up and nobody said how they leave.
    """
    documents = read(files, project)
    check_written(parts, project, documents)
    lists = list(outdated(parts, (each.value for each in documents.cohorts)))
    parting = _parting(parts, project, documents, prune=prune, first=bool(lists))
    return _applied(parts, project, documents, parting, lists, who, prune=prune, leaving=leaving(parting.stakes))


def planned_sent(parts: Parts, project: str, text: str, given: Mapping[str, str], *, prune: bool) -> Applied:
    """What `apply_sent` would change, and who is in the segments that would be given up. Raises as `apply_sent` does."""
    return _planned(replace(parts, environment=given), project, _sent(parts, project, text, given), prune=prune)


def apply_sent(
    parts: Parts, project: str, text: str, given: Mapping[str, str], who: str, *, prune: bool, leaving: Leaving | None = None
) -> Applied:
    """Make the project equal to definitions that were sent with the secrets they name; nothing of this machine is read for them.

    A secret `{env: NAME}` is the one `given` by that name. Cohorts of files or databases of this machine may stay as they are, and
    cannot be defined or changed. Raises as `apply` does.
    """
    documents, inside = _sent(parts, project, text, given), replace(parts, environment=given)
    check_written(inside, project, documents)
    parting = _parting(inside, project, documents, prune=prune)
    return _applied(inside, project, documents, parting, [], who, prune=prune, leaving=leaving)


def written(parts: Parts, project: str) -> str:
    """The whole project as YAML that `apply` reads back. Secrets are not in it, and an apply leaves those that are there."""
    catalog = parts.catalog
    catalog.project(project)
    contacts = parts.notify.book.contacts(project)
    return write(catalog.cohorts(project), catalog.connections(project), catalog.syncs(project), parts.sources.all(project), contacts)


def _sent(parts: Parts, project: str, text: str, given: Mapping[str, str]) -> Documents:
    documents = read_sent(text, project)
    known = {cohort.id: cohort for cohort in parts.catalog.cohorts(project)}
    for each in documents.cohorts:
        before = known.get(each.value.id)
        if reaches_out(each.value) and (before is None or before.definition != each.value.definition):
            each.node.refuse(f"a cohort of kind {each.value.kind.value} reads files or databases of the server; define it there")
    tables = {source.id: source.tables for source in parts.sources.all(project)}
    for written in documents.sources:
        if written.value.tables and written.value.tables != tables.get(written.value.id):
            written.node.refuse("a source of kind tables reads a database of the server; define it there")
    told = (*documents.secrets.values(), *documents.platform_tokens.values(), *documents.told.values())
    secrets = [(each.value, each.node) for each in told]
    secrets += [(key, keys.node) for keys in documents.keys.values() for key in keys.value]
    for source, node in secrets:
        if source.kind != "env":
            node.refuse("a file of the server is not read for what is sent; expected {env: NAME}, with that secret beside the text")
        if source.name not in given:
            node.refuse(f"the secret '{source.name}' was not sent beside the text")
    return documents


@dataclass(frozen=True)
class _Parting:
    """What somebody was asked about, or need not be: the syncs that give up their segment, and who is in those segments."""

    syncs: frozenset[Sync] = frozenset()
    stakes: tuple[Stake, ...] = ()


def _parting(parts: Parts, project: str, documents: Documents, *, prune: bool, first: bool = False) -> _Parting:
    """Found by a plan, which whoever gives nothing up does not need, unless it shall come `first`, before work that takes long."""
    if not (first or may_give_up(parts.catalog, project, documents, prune=prune)):
        return _Parting()
    changes = plan_changes(_shelves(parts, ""), parts.destination, project, documents, prune=prune)
    return _parted(parts, project, changes)


def _parted(parts: Parts, project: str, changes: Sequence[CatalogChange]) -> _Parting:
    left = giving_up(changes, parts.catalog.syncs(project))
    return _Parting(frozenset(left), tuple(each for each in endings.stakes(parts, left) if each.count))


def _applied(
    parts: Parts,
    project: str,
    documents: Documents,
    parting: _Parting,
    lists: list[Cohort],
    who: str,
    *,
    prune: bool,
    leaving: Leaving | None,
) -> Applied:
    how = endings.decided(parting.stakes, leaving)
    decisions = endings.partings(parts, parting.stakes, how, "the definitions no longer have it there")
    told = how if parting.stakes else None

    with _drawn_up(parts, lists) as drawn:
        filled = {cohort: change for cohort, (change, _) in drawn.items()}

        def settle(db: Transaction, changes: Sequence[CatalogChange], before: Sequence[Sync]) -> None:
            """Decisions and the trail are written with the change, or nothing is."""
            if frozenset(giving_up(changes, before)) != parting.syncs:
                raise ChangedError("somebody changed the project meanwhile, so that other segments would be given up; apply again")
            for each in decisions:
                parts.catalog.within(db).part(each)
            details = in_words(changes, prune=prune) | ({"leaving": told.value} if told else {})
            details |= {f"list {cohort}": f"{each.added} added, {each.removed} removed" for cohort, each in filled.items()}
            deed = Deed(who, "definitions.apply", project, project, details)
            parts.trail.within(db).write(deed, parts.clock.now())

        changes = apply_changes(_shelves(parts, who), parts.destination, project, documents, prune=prune, settle=settle)
    for _, version in drawn.values():
        parts.list_versions.add(version)
    endings.forget_unneeded(parts)
    return Applied(changes, parting.stakes, told, filled)


def _planned(parts: Parts, project: str, documents: Documents, *, prune: bool) -> Applied:
    check_written(parts, project, documents)
    changes = plan_changes(_shelves(parts, ""), parts.destination, project, documents, prune=prune)
    return Applied(changes, _parted(parts, project, changes).stakes)


def _shelves(parts: Parts, who: str) -> Shelves:
    kept = (parts.catalog, parts.vault, parts.sources, parts.readings, Drawer.of(parts, who))
    return Shelves(*kept, parts.environment, parts.amplitude.check_region, parts.clock.now())


@contextmanager
def _drawn_up(parts: Parts, cohorts: Iterable[Cohort]) -> Iterator[dict[str, tuple[ListChange, ListVersion]]]:
    """The new lists of cohorts, by id; their files are taken away again when one is wrong, or the block fails."""
    drawn: dict[str, tuple[ListChange, ListVersion]] = {}
    try:
        for cohort in cohorts:
            drawn[cohort.id] = draw_up(parts, cohort, None, Change.REPLACE)
        yield drawn
    except TradewindError:
        for change, _ in drawn.values():
            change.path.unlink(missing_ok=True)
        raise
