"""`tradewind segments`: how many are in each, until when, and whether that is enough at the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import me, noted, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.model.plan import Operation
from tradewind.model.run import Account
from tradewind.operations.plain import plain
from tradewind.planning.arrange import WORDS

if TYPE_CHECKING:
    from tradewind.operations.arranging import Arrangement
    from tradewind.operations.segments import Enough, Point, Portrait
    from tradewind.parts import Parts

Yes = Annotated[bool, typer.Option("--yes", help="Do it.")]

app = typer.Typer(help="What each segment holds, and what is made of it at the platform.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the segments of all syncs, with their size as far as is known."""
    from tradewind.operations import segments

    with parts_of(context) as parts:
        found = segments.listed(parts, project_of(context))
    if as_json:
        show.print_json({"segments": found})
        return
    rows = [
        (each.sync.segment, each.holds, f"{each.changed_at:%Y-%m-%d %H:%M}" if each.changed_at else "never", each.advertiser, each.sync.id)
        for each in found
    ]
    show.table("", ("segment", "identifiers", "changed (UTC)", "advertiser", "sync"), rows)


@app.command("show")
def show_(
    context: typer.Context, sync: Annotated[str, typer.Argument(help="The sync whose segment it is.")], as_json: Json = False
) -> None:
    """Show a segment: its size run by run, when its people lapse, the next renewal, and what it is large enough for."""
    from tradewind.operations import segments

    with parts_of(context) as parts:
        found = segments.portrait(parts, project_of(context), sync)
    if as_json:
        show.print_json(found)
        return
    mine, outlook = found.segment, found.outlook
    show.line(
        f"Segment '{mine.sync.segment}' of advertiser {mine.advertiser}: {outlook.count:,} identifiers, {outlook.uncertain:,} in doubt."
    )
    if outlook.by_type:
        show.line("By type: " + ", ".join(f"{id_type.value} {count:,}" for id_type, count in outlook.by_type) + ".")
    _print_view(found)
    for each in found.sizes:
        show.line(f"{_fits(each)}: {each.size.sentence}")
    for number, sentence in enumerate(found.afterwards, 1):
        show.line(f"At the platform, {number}: {sentence}")
    if found.trial:
        since = f"{found.trial.began_at:%Y-%m-%d %H:%M} UTC"
        show.line(
            f"{found.trial.people:,} people take part since {since}, by lot sent or held out; compare them with: tradewind lift {sync}"
        )
    if found.next:
        what = f"{found.next.due:,} are renewed, in {found.next.requests:,} requests"
        show.line(f"Next run {found.next.at:%Y-%m-%d %H:%M} UTC: {what}, besides whoever comes or goes.")
    if found.saved.requests:
        show.line(f"Renewing late saved {found.saved.identifiers:,} identifiers in {found.saved.requests:,} requests so far.")
    show.table("When they lapse", ("day (UTC)", "identifiers"), [(f"{day}", count) for day, count in outlook.by_day])
    rows = [(each.run.id, "" if each.holds is None else f"{each.holds:,}", *_came_and_went(each)) for each in found.points]
    show.table("Runs", ("run", "held after", "added", "removed", "renewed"), rows)


@app.command("read")
def read_(context: typer.Context, as_json: Json = False) -> None:
    """Ask the platform now what it knows of the segments, through every connection that has a platform token."""
    from tradewind.operations import platform

    with parts_of(context) as parts:
        noted(context, parts, "connection.read", "every connection")
        found = platform.read_all(parts, project_of(context))
    if as_json:
        problems = [{"connection": connection, "problem": str(error)} for connection, error in found.problems]
        show.print_json({"readings": [{"sync": sync, **plain(each)} for sync, each in found.readings], "problems": problems})
    elif found.readings:
        rows = [
            (sync, f"{each.listing.id}" if each.listing else "not listed", each.listing.activity.ids if each.listing else 0,
             each.held)
            for sync, each in found.readings
        ]  # fmt: skip
        show.table("", ("sync", "FirstPartyDataId", "active ids", "sent"), rows)
    elif not found.problems:
        show.line("There is no segment yet that anything was accepted for.")
    for connection, error in found.problems:
        show.note(f"Connection '{connection}': {error}")
    if found.problems:
        raise typer.Exit(max(error.exit_code for _, error in found.problems))


@app.command()
def attach(
    context: typer.Context,
    sync: Annotated[str, typer.Argument(help="The sync whose segment it is.")],
    data_group: Annotated[str, typer.Option(help="Name of the data group; that of the segment, if it is left out.")] = "",
    audience: Annotated[str, typer.Option(help="Name of the audience; that of the segment, if it is left out.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put a segment into a data group and an audience at the platform. Shows what would change; nothing is done without --yes."""
    from tradewind.operations import arranging

    with parts_of(context) as parts:
        _arrange(parts, project_of(context), arranging.plan_attach(parts, project_of(context), sync, data_group, audience), yes, as_json)


@app.command()
def seed(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the seed is called at the platform.")],
    syncs: Annotated[list[str], typer.Argument(help="The syncs whose segments it is made of; whoever is in any of them is in the seed.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a seed of segments at the platform, or change one. Shows what would change; nothing is done without --yes."""
    from tradewind.operations import arranging

    with parts_of(context) as parts:
        _arrange(parts, project_of(context), arranging.plan_seed(parts, project_of(context), name, syncs), yes, as_json)


def _arrange(parts: Parts, project: str, plan: Arrangement, yes: bool, as_json: bool) -> None:
    from tradewind.operations import arranging

    done = arranging.carry_out(parts, project, plan, plan.mark, me()) if yes else ()
    if as_json:
        show.print_json({"planned_only": not yes, "steps": plan.steps, "done": done})
        return
    for step in plan.steps:
        show.line(f"{'change' if step.changes else 'as it is':8}  {step.sentence}")
    for each in done:
        show.line(f"{WORDS[each.use]} '{each.name}' has the id {each.id}")
    if not yes:
        show.line("Nothing was changed. To do it, add --yes." if plan.changes else "Nothing is to be done.")


def _print_view(found: Portrait) -> None:
    """What the platform says of it by itself."""
    reading, reader = found.reading, found.reader
    if reader is None:
        show.line("What the platform itself knows of it is not asked: the connection has no platform token.")
        return
    if reader.problem:
        show.line(f"The platform could not be asked: {reader.problem}")
    if reading is None:
        show.line("The platform was not asked about it yet; ask now with: tradewind segments read")
    elif reading.listing is None:
        show.line(
            f"The platform does not list it ({reading.read_at:%Y-%m-%d %H:%M} UTC); it does so 24 to 48 hours after the first delivery."
        )
    else:
        seen = reading.listing.activity
        where = f"web {seen.web:,}, in apps {seen.in_app:,}, connected TV {seen.connected_tv:,}"
        who = f"{seen.persons:,} persons, {seen.households:,} households"
        show.line(
            f"The platform lists it as FirstPartyDataId {reading.listing.id}: {seen.ids:,} active ids ({where}; {who}), "
            f"of {reading.held:,} that were sent ({reading.read_at:%Y-%m-%d %H:%M} UTC)."
        )


def _fits(each: Enough) -> str:
    if each.size.active and not each.asked:
        return "Too small" if not each.enough else "Perhaps large enough"
    return "Large enough" if each.enough else "Too small"


def _came_and_went(point: Point) -> tuple[int, int, int]:
    """Whom a run added, removed and renewed, as the platform accepted it."""
    added, removed, renewed = (
        point.tallies.get(operation, Account()).accepted for operation in (Operation.ADD, Operation.REMOVE, Operation.REFRESH)
    )
    return added, removed, renewed
