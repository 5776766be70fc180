"""`tradewind segments`: how many are in each, until when, and whether that is enough at the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import parts_of, project_of
from tradewind.cli.show import Json
from tradewind.model.plan import Operation
from tradewind.model.run import Account

if TYPE_CHECKING:
    from tradewind.operations.segments import Point

app = typer.Typer(help="What each segment holds.", no_args_is_help=True)


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
    for each in found.sizes:
        show.line(f"{'Large enough' if each.enough else 'Too small'}: {each.size.sentence}")
    if found.next:
        what = f"{found.next.due:,} are renewed, in {found.next.requests:,} requests"
        show.line(f"Next run {found.next.at:%Y-%m-%d %H:%M} UTC: {what}, besides whoever comes or goes.")
    if found.saved.requests:
        show.line(f"Renewing late saved {found.saved.identifiers:,} identifiers in {found.saved.requests:,} requests so far.")
    show.table("When they lapse", ("day (UTC)", "identifiers"), [(f"{day}", count) for day, count in outlook.by_day])
    rows = [(each.run.id, "" if each.holds is None else f"{each.holds:,}", *_came_and_went(each)) for each in found.points]
    show.table("Runs", ("run", "held after", "added", "removed", "renewed"), rows)


def _came_and_went(point: Point) -> tuple[int, int, int]:
    """Whom a run added, removed and renewed, as the platform accepted it."""
    added, removed, renewed = (
        point.tallies.get(operation, Account()).accepted for operation in (Operation.ADD, Operation.REMOVE, Operation.REFRESH)
    )
    return added, removed, renewed
