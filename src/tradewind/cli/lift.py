"""`tradewind lift`: what sending to a segment does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import AsOf, Json

if TYPE_CHECKING:
    from tradewind.operations.lift import Lift
    from tradewind.trials.compare import Difference


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(lift)


def lift(
    context: typer.Context,
    sync: Annotated[str, typer.Argument(metavar="SYNC", help="A sync with a holdout, or a split: all its parts together.")],
    event: Annotated[str, typer.Option(help="What people do who convert, such as Purchase.")],
    value: Annotated[str | None, typer.Option(help="A property of that event to add up for each person, such as price.")] = None,
    days: Annotated[
        int | None, typer.Option(help="Count only so many days from each person's first, and only people who had them.")
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Compare who was sent with who was held out, since each person's first day: conversion, value, and how sure the difference is."""
    from tradewind.operations import lift as operation

    with parts_of(context) as parts:
        found = operation.lift(parts, project_of(context), sync, event, value, days, as_of)
    if as_json:
        show.print_json(found)
    else:
        _print(found)


def _print(found: Lift) -> None:
    since = f"{found.days} days from" if found.days else "since"
    show.line(f"'{found.event}' {since} each person's first day, as of {found.as_of:%Y-%m-%d %H:%M} UTC; {found.percent} percent held out.")
    rows = [
        (name, f"{arm.people:,}", f"{arm.converted:,}", f"{arm.rate:.2%}", *([f"{arm.mean:,.4g}"] if found.property else []))
        for name, arm in (("sent", found.sent), ("held out", found.held_out))
    ]
    show.table("", ("arm", "people", "converted", "conversion", *([f"{found.property} a person"] if found.property else [])), rows)
    show.line(f"Conversion: {_points(found.conversion)}.")
    if found.value:
        show.line(f"{found.property} a person: {_amounts(found.value)}.")
    show.line(_enough(found))
    if found.neither:
        show.line(f"{found.neither:,} people are in neither arm: the share that is held out was another for a time.")
    if found.late:
        show.line("The sync had sent before it had a holdout: those held out now may have been in the segment before.")
    if found.ended:
        show.line("The sync has sent without a holdout since: people who were held out are in the segment now.")


def _points(found: Difference) -> str:
    relative = "" if found.relative is None else f" ({found.relative:+.1%})"
    interval = f"{found.low * 100:+.2f} to {found.high * 100:+.2f}"
    return f"{found.difference * 100:+.2f} points{relative}, 95 percent interval {interval}, p = {found.p:.3g}"


def _amounts(found: Difference) -> str:
    relative = "" if found.relative is None else f" ({found.relative:+.1%})"
    return f"{found.difference:+,.4g}{relative}, 95 percent interval {found.low:+,.4g} to {found.high:+,.4g}, p = {found.p:.3g}"


def _enough(found: Lift) -> str:
    smallest = f"With this many people a difference of {found.conversion.detectable * 100:.2f} points or more is found four times in five"
    if found.people_needed is None:
        return f"{smallest}; none was found."
    if found.people_needed == 0:
        return f"{smallest}; the one that was found is as large."
    days = "" if not found.days_needed else f", about {found.days_needed:,} days at the pace so far"
    return f"{smallest}; to be sure of one as small as this takes {found.people_needed:,} more people{days}."
