"""Splits: one cohort sent as one segment for each value of a property; each value is a sync, and all of them run together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tradewind.catalog.rules import split_into
from tradewind.errors import DefinitionError
from tradewind.model.run import Run
from tradewind.model.sync import Sync
from tradewind.operations import syncs
from tradewind.operations.instants import instant
from tradewind.operations.syncs import Change, Wish
from tradewind.parts import Parts
from tradewind.phases import Watch
from tradewind.splits import to_be_let_in


def add(parts: Parts, project: str, wish: Wish, split_by: str, values: Sequence[str]) -> tuple[Sync, ...]:
    """Add a sync for each value, all or none; the segment of the wish has `{value}` in its name. Raises as `syncs.add` does."""
    template = Sync(project, syncs.id_of(wish), wish.cohort, wish.connection, wish.segment or "", wish.ttl_days * syncs.DAY, wish.cadence)
    with parts.catalog.database.transaction() as db:
        inside = replace(parts, catalog=parts.catalog.within(db), sources=parts.sources.within(db))
        return tuple(
            syncs.add(inside, project, replace(wish, id=each.id, segment=each.segment or None, only=each.only))
            for each in split_into(template, split_by, values)
        )


def of(parts: Parts, project: str, split: str) -> tuple[Sync, ...]:
    """The parts of a split, by id. Raises DefinitionError when there is none of this id."""
    found = tuple(each for each in parts.catalog.syncs(project) if each.only and each.only.split == split)
    if not found:
        raise DefinitionError(f"there is no split '{split}' in project '{project}'; tradewind syncs list shows them")
    return found


def is_one(parts: Parts, project: str, name: str) -> bool:
    """Whether an id is that of a split, and of no sync."""
    there = parts.catalog.syncs(project)
    return not any(each.id == name for each in there) and any(each.only and each.only.split == name for each in there)


def change(parts: Parts, project: str, name: str, wish: Change) -> tuple[Sync, ...]:
    """Change a sync, or by the id of a split all its parts, or none. Raises as `syncs.change` does."""
    if not is_one(parts, project, name):
        return (syncs.change(parts, project, name, wish),)
    with parts.catalog.database.transaction() as db:
        inside = replace(parts, catalog=parts.catalog.within(db), sources=parts.sources.within(db))
        return tuple(syncs.change(inside, project, each.id, wish) for each in of(inside, project, name))


def ask(parts: Parts, project: str, split: str) -> tuple[Run, ...]:
    """Open a run of every part for the worker to do, all as of one instant. Raises as `syncs.ask` does."""
    moment = parts.clock.now()
    return tuple(syncs.ask(parts, project, each.id, moment) for each in of(parts, project, split))


def run(parts: Parts, project: str, split: str, as_of: str | None, watch: Watch) -> tuple[Run, ...]:
    """Run all parts of a split as of one instant, and those once more into which people could only come when they had left another.

    Raises as `syncs.run` does; what ran before stays.
    """
    began, mine = parts.clock.now(), of(parts, project, split)
    moment = instant(as_of, parts.catalog.project(project).zone, began).isoformat()
    done = [syncs.run(parts, project, each.id, moment, watch) for each in mine]
    return (*done, *(syncs.let_in(parts, sync, last, watch) for sync, last in to_be_let_in(parts, mine, began)))
