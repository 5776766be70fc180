"""What only shows when cohorts are seen together: parts that do not exist, circles, and the order to evaluate in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from tradewind.cohorts.rules import leaves
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Behaviour, Cohort, InCohort, Lookalike


def nested(cohort: Cohort) -> tuple[str, ...]:
    """The ids of the cohorts that a cohort is made of, by its rule or as its seed, each once, in the order named."""
    if isinstance(cohort.definition, Lookalike):
        return (cohort.definition.seed,)
    if not isinstance(cohort.definition, Behaviour):
        return ()
    return tuple(dict.fromkeys(leaf.cohort for leaf in leaves(cohort.definition.who) if isinstance(leaf, InCohort)))


def check(cohorts: Iterable[Cohort]) -> tuple[DefinitionError, ...]:
    """Everything wrong across the cohorts of one project: unknown parts, the same id twice, circles."""
    listed = list(cohorts)
    known = {cohort.id: cohort for cohort in listed}
    found = [_unknown(cohort, part, known) for cohort in listed for part in nested(cohort) if part not in known]
    seen: set[str] = set()
    for cohort in listed:
        if cohort.id in seen:
            found.append(DefinitionError(f"the id '{cohort.id}' is given to two cohorts; ids are chosen once", path=cohort.id))
        seen.add(cohort.id)
    try:
        _sorted(known, known)
    except DefinitionError as error:
        found.append(error)
    return tuple(found)


def order(cohorts: Iterable[Cohort], wanted: Iterable[str]) -> tuple[Cohort, ...]:
    """The wanted cohorts and all they are built of, parts first.

    Raises DefinitionError for an id that is not there and for a circle.
    """
    known = {cohort.id: cohort for cohort in cohorts}
    needed: dict[str, None] = {}
    pending: list[tuple[str, Cohort | None]] = [(identifier, None) for identifier in wanted]
    while pending:
        identifier, parent = pending.pop()
        if identifier in needed:
            continue
        if identifier not in known:
            raise _unknown(parent, identifier, known)
        needed[identifier] = None
        pending.extend((part, known[identifier]) for part in nested(known[identifier]))
    return tuple(known[identifier] for identifier in _sorted(known, sorted(needed)))


def _sorted(known: Mapping[str, Cohort], ids: Iterable[str]) -> list[str]:
    parts = {identifier: [part for part in nested(known[identifier]) if part in known] for identifier in ids}
    try:
        return list(TopologicalSorter(parts).static_order())
    except CycleError as error:
        circle: list[str] = error.args[1]
        raise DefinitionError(
            f"is part of itself: {' in '.join(circle)}; take one of these parts out", path=_place(known[circle[0]])
        ) from error


def _unknown(parent: Cohort | None, part: str, known: Mapping[str, Cohort]) -> DefinitionError:
    near = get_close_matches(part, known, 1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return DefinitionError(f"there is no cohort '{part}' in this project{hint}", path=_place(parent) if parent else None)


def _place(cohort: Cohort) -> str:
    """Where a cohort names those that it is made of."""
    return f"{cohort.id}.{'seed' if isinstance(cohort.definition, Lookalike) else 'who'}"
