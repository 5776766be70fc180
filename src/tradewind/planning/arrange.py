"""Steps that put segments into a data group, an audience or a seed at the platform, to be looked at first; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from tradewind.errors import DefinitionError
from tradewind.model.platform import Arranged, Listing, Step, Use

NEW = "new"
"""Stands for the id of a data group that a step before makes."""

WORDS = {Use.DATA_GROUP: "data group", Use.AUDIENCE: "audience", Use.SEED: "seed"}


def grouped(listing: Listing, found: Sequence[Arranged], name: str) -> Step:
    """A segment is in the data group of a name. Raises DefinitionError when several have that name."""
    before = _one(found, Use.DATA_GROUP, name)
    own, shown = str(listing.id), f"segment '{listing.name}' (FirstPartyDataId {listing.id})"
    if before is None:
        return Step(None, Arranged(Use.DATA_GROUP, "", name, (own,)), f"make data group '{name}' of {shown}")
    if own in before.holds:
        return Step(before, before, f"data group '{name}' ({before.id}) holds {shown} already")
    after = replace(before, holds=(*before.holds, own))
    others = f"{len(before.holds)} other{'s' if len(before.holds) != 1 else ''}"
    return Step(before, after, f"add {shown} to data group '{name}' ({before.id}) of {others}: whoever is in any of them is in the group")


def gathered(group: Arranged, found: Sequence[Arranged], name: str) -> Step:
    """A data group is in the audience of a name. Raises DefinitionError when several have that name, or the audience leaves it out."""
    before = _one(found, Use.AUDIENCE, name)
    own, shown = group.id or NEW, f"data group '{group.name}'"
    if before is None:
        return Step(None, Arranged(Use.AUDIENCE, "", name, (own,)), f"make audience '{name}' of {shown}")
    if own in before.without:
        raise DefinitionError(
            f"audience '{name}' ({before.id}) leaves out whoever is in {shown}; change that there, or choose another name"
        )
    if own in before.holds:
        return Step(before, before, f"audience '{name}' ({before.id}) has {shown} already")
    after = replace(before, holds=(*before.holds, own))
    narrower = f": whoever is in it must then be in all {len(after.holds)}" if before.holds else ""
    return Step(before, after, f"add {shown} to audience '{name}' ({before.id}){narrower}")


def seeded(listings: Sequence[Listing], found: Sequence[Arranged], name: str, least: int) -> Step:
    """A seed of a name is made of these segments and no others.

    Raises DefinitionError when they are too small, or several have that name.
    """
    most = sum(each.activity.ids for each in listings)
    if most < least:
        sizes = ", ".join(f"'{each.name}' {each.activity.ids:,}" for each in listings)
        raise DefinitionError(
            f"a seed needs {least:,} active ids, and these segments have {most:,} ({sizes}); "
            "add segments, or wait until the platform saw more"
        )
    before = _one(found, Use.SEED, name)
    wanted = tuple(str(each.id) for each in listings)
    names = ", ".join(f"'{each.name}'" for each in listings)
    count = f"{most:,} active ids" if len(listings) == 1 else f"at most {most:,} active ids; who is in several counts once"
    if before is None:
        return Step(None, Arranged(Use.SEED, "", name, wanted), f"make seed '{name}' of {names} ({count})")
    if set(before.holds) == set(wanted):
        return Step(before, before, f"seed '{name}' ({before.id}) is made of {names} already")
    gone = len(set(before.holds) - set(wanted))
    left = f"; {gone} segment{'s' if gone != 1 else ''} of it {'go' if gone != 1 else 'goes'}" if gone else ""
    rest = "what else it was made of at the platform is replaced"
    return Step(before, replace(before, holds=wanted), f"make seed '{name}' ({before.id}) of {names} ({count}){left}; {rest}")


def resolved(step: Step, group: str) -> Arranged:
    """What a step makes, with the id of the data group that was made before it."""
    return replace(step.after, holds=tuple(group if each == NEW else each for each in step.after.holds))


def mark_of(steps: Sequence[Step]) -> str:
    """Sixteen characters that are another's as soon as anything in the steps is."""
    return hashlib.sha256(repr(tuple(steps)).encode()).hexdigest()[:16]


def _one(found: Sequence[Arranged], use: Use, name: str) -> Arranged | None:
    if len(found) > 1:
        raise DefinitionError(f"the platform has {len(found)} {WORDS[use]}s called '{name}'; choose a name that one or none has")
    return found[0] if found else None
