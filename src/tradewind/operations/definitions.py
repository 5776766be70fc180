"""Definition files applied whole: the catalog, and the lists that static cohorts name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tradewind.catalog.yaml import Documents, read, read_sent, write
from tradewind.errors import TradewindError
from tradewind.model.cohort import Cohort
from tradewind.model.sync import Leaving
from tradewind.operations import endings
from tradewind.operations.apply import Change as CatalogChange
from tradewind.operations.apply import Shelves, apply_changes, giving_up, plan_changes
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
    plan = _planned(parts, project, documents, prune=prune)
    lists = list(outdated(parts, (each.value for each in documents.cohorts)))
    return _applied(parts, project, documents, plan, lists, who, prune=prune, leaving=leaving(plan.stakes))


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
    return _applied(inside, project, documents, _planned(inside, project, documents, prune=prune), [], who, prune=prune, leaving=leaving)


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


def _applied(
    parts: Parts, project: str, documents: Documents, plan: Applied, lists: list[Cohort], who: str, *, prune: bool, leaving: Leaving | None
) -> Applied:
    how = endings.decided(plan.stakes, leaving)
    decisions = endings.partings(parts, plan.stakes, how, "the definitions no longer have it there")
    with _drawn_up(parts, lists) as drawn:
        changes = apply_changes(_shelves(parts, who), parts.destination, project, documents, prune=prune, partings=decisions)
    for _, version in drawn.values():
        parts.list_versions.add(version)
    endings.forget_unneeded(parts)
    return Applied(changes, plan.stakes, how if plan.stakes else None, {cohort: change for cohort, (change, _) in drawn.items()})


def _planned(parts: Parts, project: str, documents: Documents, *, prune: bool) -> Applied:
    parts.catalog.project(project)
    check_written(parts, project, documents)
    changes = plan_changes(_shelves(parts, ""), parts.destination, project, documents, prune=prune)
    staked = endings.stakes(parts, giving_up(changes, parts.catalog.syncs(project)))
    return Applied(changes, tuple(each for each in staked if each.count))


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
