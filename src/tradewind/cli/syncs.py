"""`tradewind syncs`: keep a segment equal to a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen, print_ended
from tradewind.cli.place import HERE, THERE, noted, parts_of, project_of
from tradewind.cli.report import exit_code, print_proposal, print_report
from tradewind.cli.show import AsOf, Json
from tradewind.crontab import explained
from tradewind.model.sync import Cadence, Leaving, Recency, Refresh, Sync

if TYPE_CHECKING:
    from tradewind.model.run import Run
    from tradewind.parts import Parts
    from tradewind.phases import Watch

app = typer.Typer(help="Keep a segment equal to a cohort.", no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    cohort: Annotated[str, typer.Argument(help="The cohort's id.")],
    connection: Annotated[str, typer.Argument(help="The connection's id.")],
    id_: Annotated[str | None, typer.Option("--id", help="The sync's own id (default: made of the two).")] = None,
    segment: Annotated[str | None, typer.Option(help="The segment's name at the platform; fixed from now on.")] = None,
    ttl_days: Annotated[int, typer.Option(help="Days a member stays unless refreshed, 1 to 180.")] = 30,
    cadence: Annotated[
        Cadence, typer.Option(help="How often `tradewind worker` runs it; a one-time sync is run by hand.")
    ] = Cadence.ONE_TIME,
    at: Annotated[
        str, typer.Option(help="The local time of a daily sync, and of the daily run of one on change; of an hourly one only the minute.")
    ] = "06:00",
    cron: Annotated[str, typer.Option(help="When a sync by cron runs, in the project's time zone, such as '15 6 * * 1-5'.")] = "",
    refresh: Annotated[
        Refresh, typer.Option(help="Whom a run sends again: every member (every_sync), or only who has little time left (before_expiry).")
    ] = Refresh.EVERY_SYNC,
    recency: Annotated[
        Recency,
        typer.Option(
            help="The time a member is sent with, for use in bidding: that of the run (sync), or of what they did last (last_event)."
        ),
    ] = Recency.SYNC,
    holdout: Annotated[
        int | None, typer.Option(help="Percent of the people, 1 to 50, who stay out by lot, to measure what sending does: tradewind lift.")
    ] = None,
    holdout_salt: Annotated[
        str | None, typer.Option(help="Syncs with the same salt hold the same people out (default: each has its own).")
    ] = None,
    split_by: Annotated[
        str | None, typer.Option(help="Add a sync for each value of this user property; the segment's name has {value} in it.")
    ] = None,
    value: Annotated[list[str] | None, typer.Option(help="A value of that property, as often as there are; others go nowhere.")] = None,
    as_json: Json = False,
) -> None:
    """Add a sync. Nothing is sent yet."""
    from tradewind.operations import splits, syncs
    from tradewind.schedule import time_of_day

    with parts_of(context) as parts:
        wish = syncs.Wish(
            cohort, connection, id_, segment, ttl_days, cadence, time_of_day(at), refresh, recency, cron, holdout, holdout_salt
        )
        named, about = syncs.id_of(wish), {"cohort": cohort, "connection": connection}
        if split_by is not None or value:
            noted(context, parts, "split.add", named, **about, split_by=split_by or "")
            made = splits.add(parts, project_of(context), wish, split_by or "", value or [])
            _print_split(made, as_json=as_json)
            return
        noted(context, parts, "sync.add", named, **about)
        sync = syncs.add(parts, project_of(context), wish)
    if as_json:
        show.print_json(sync)
    else:
        show.line(f"Sync '{sync.id}' keeps segment '{sync.segment}' equal to cohort '{sync.cohort}'.")
        if sync.holdout:
            show.line(f"{sync.holdout.percent} percent of the people, by lot, are held out of it.")
        show.line(f"See what it would do with: tradewind syncs plan {sync.id}")


@app.command()
def plan(
    context: typer.Context, sync: Annotated[str, typer.Argument(help="The sync's id.")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Show what a run would do and cost. Nothing is sent."""
    from tradewind.operations import syncs
    from tradewind.operations.costs import costs

    with parts_of(context) as parts, show.steps("planning") as watch:
        _mind(parts, project_of(context))
        proposal = syncs.plan(parts, project_of(context), sync, as_of, watch)
        cost = costs(parts, proposal)
    if as_json:
        show.print_json(vars(proposal) | {"costs": cost})
    else:
        print_proposal(proposal, cost)


@app.command()
def run(
    context: typer.Context, sync: Annotated[str, typer.Argument(help="The sync's id.")], as_of: AsOf = None, as_json: Json = False
) -> None:
    """Run a sync now, or go on with a run that was cut short; by the id of a split, all its parts as of one instant."""
    from tradewind.operations import runs, splits

    project = project_of(context)
    with parts_of(context) as parts:
        _mind(parts, project)
        split = splits.is_one(parts, project, sync)
        noted(context, parts, "split.run" if split else "sync.run", sync)
        with show.steps("running") as watch:
            done = _run(parts, project, sync, as_of, watch, split=split)
        reports = [runs.report(parts, project, each.id) for each in done]
    if split and as_json:
        show.print_json({"runs": reports})
    else:
        for report in reports:
            print_report(report, as_json=as_json)
    raise typer.Exit(max(map(exit_code, done)))


def _run(parts: Parts, project: str, sync: str, as_of: str | None, watch: Watch, *, split: bool) -> tuple[Run, ...]:
    """The runs as far as they came: by the server of the home where one is at work, else here. One as of another instant is always here."""
    from tradewind.operations import handing, splits, syncs

    if as_of is None and handing.served(parts):
        asked = splits.ask(parts, project, sync) if split else (syncs.ask(parts, project, sync),)
        show.note(THERE)
        if done := handing.followed(parts, asked, watch):
            return done
    ran = splits.run(parts, project, sync, as_of, watch) if split else (syncs.run(parts, project, sync, as_of, watch),)
    show.note(HERE)
    return ran


@app.command("dry-run")
def dry_run(context: typer.Context, sync: Annotated[str, typer.Argument(help="The sync's id.")], as_json: Json = False) -> None:
    """Work out what a run would do now, and keep that among the runs. Nothing is sent, and no later run goes by it."""
    from tradewind.operations import runs

    project = project_of(context)
    with parts_of(context) as parts:
        _mind(parts, project)
        noted(context, parts, "sync.dry_run", sync)
        with show.steps("planning") as watch:
            done = _rehearsed(parts, project, sync, watch)
        report = runs.report(parts, project, done.id)
    print_report(report, as_json=as_json)


def _rehearsed(parts: Parts, project: str, sync: str, watch: Watch) -> Run:
    from tradewind.operations import handing, syncs

    if handing.served(parts):
        asked = syncs.rehearse(parts, project, sync)
        show.note(THERE)
        if done := handing.followed(parts, [asked], watch):
            return done[0]
    rehearsed = syncs.rehearse_now(parts, project, sync, watch)
    show.note(HERE)
    return rehearsed


def _print_split(made: Sequence[Sync], *, as_json: bool) -> None:
    if as_json:
        show.print_json({"syncs": made})
        return
    for sync in made:
        show.line(f"Sync '{sync.id}' keeps segment '{sync.segment}' equal to {_people(sync)}.")
    show.line(f"Run them together with: tradewind syncs run {made[0].only.split if made[0].only else made[0].id}")


def _people(sync: Sync) -> str:
    return f"{sync.cohort}, user.{sync.only.property} = {sync.only.value}" if sync.only else sync.cohort


def _mind(parts: Parts, project: str) -> None:
    """Warn where a source answers whose server was not verified."""
    from tradewind.operations import tables

    if doubt := tables.unverified(parts, project):
        show.note(f"Mind: {doubt}.")


SyncId = Annotated[str, typer.Argument(metavar="SYNC", help="The sync's id.")]


@app.command()
def change(
    context: typer.Context,
    sync: SyncId,
    ttl_days: Annotated[int | None, typer.Option(help="Days a member stays unless refreshed, 1 to 180.")] = None,
    cadence: Annotated[Cadence | None, typer.Option(help="How often `tradewind worker` runs it.")] = None,
    at: Annotated[str | None, typer.Option(help="The local time of day it runs at.")] = None,
    cron: Annotated[str | None, typer.Option(help="When a sync by cron runs, in the project's time zone.")] = None,
    refresh: Annotated[Refresh | None, typer.Option(help="Whom a run sends again.")] = None,
    recency: Annotated[Recency | None, typer.Option(help="The time a member is sent with, for use in bidding.")] = None,
    holdout: Annotated[int | None, typer.Option(help="Percent of the people, 1 to 50, who stay out by lot; 0 ends the holdout.")] = None,
    holdout_salt: Annotated[str | None, typer.Option(help="Syncs with the same salt hold the same people out.")] = None,
    as_json: Json = False,
) -> None:
    """Change a sync, or by the id of a split all its parts. What is not given stays; cohort, connection and segment never change."""
    from tradewind.operations import edits, splits, syncs
    from tradewind.schedule import time_of_day

    wish = syncs.Change(ttl_days, cadence, None if at is None else time_of_day(at), refresh, recency, cron, holdout, holdout_salt)
    with parts_of(context) as parts:
        noted(context, parts, "sync.change", sync, **edits.of_sync(parts, project_of(context), sync, wish))
        changed = splits.change(parts, project_of(context), sync, wish)
    if as_json:
        show.print_json({"syncs": changed})
    for each in () if as_json else changed:
        held_out = f", {each.holdout.percent} percent held out" if each.holdout else ""
        stay = f"{each.ttl_minutes // 1440} days to live"
        show.line(f"Sync '{each.id}' runs {_cadence(each)}: {stay}, refresh {each.refresh.value}, recency {each.recency.value}{held_out}.")


@app.command()
def pause(context: typer.Context, sync: SyncId, empty: Empty = False, let_expire: LetExpire = False, as_json: Json = False) -> None:
    """Let a sync run no more until it is resumed. Says who is in its segment and until when, and asks how they leave."""
    from tradewind.operations import endings

    project = project_of(context)
    with parts_of(context) as parts:
        staked = endings.stakes(parts, endings.of_sync(parts, project, sync))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        noted(context, parts, "sync.pause", sync, **({"leaving": leaving.value} if leaving else {}))
        with show.steps("pausing") as watch:
            ended = endings.pause(parts, project, sync, leaving, watch)
    print_ended(f"Sync '{sync}' is paused.", ended, as_json=as_json)


@app.command()
def resume(context: typer.Context, sync: SyncId, as_json: Json = False) -> None:
    """Let a paused sync run again: the next run makes the segment equal to the cohort as it is then."""
    from tradewind.operations import endings

    with parts_of(context) as parts:
        noted(context, parts, "sync.resume", sync)
        resumed = endings.resume(parts, project_of(context), sync)
    if as_json:
        show.print_json(resumed)
    else:
        show.line(f"Sync '{resumed.id}' is active again. Run it with: tradewind syncs run {resumed.id}")


@app.command()
def remove(context: typer.Context, sync: SyncId, empty: Empty = False, let_expire: LetExpire = False, as_json: Json = False) -> None:
    """Remove a sync; its history stays. Says who is in its segment and until when, and asks how they leave."""
    from tradewind.operations import endings

    project = project_of(context)
    with parts_of(context) as parts:
        staked = endings.stakes(parts, endings.of_sync(parts, project, sync))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        noted(context, parts, "sync.remove", sync, **({"leaving": leaving.value} if leaving else {}))
        with show.steps("removing") as watch:
            ended = endings.remove_sync(parts, project, sync, leaving, watch)
    print_ended(f"Sync '{sync}' is removed.", ended, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the project's syncs, and who is still in segments that were given up or whose sync is paused."""
    from tradewind.operations import partings

    with parts_of(context) as parts:
        syncs = parts.catalog.syncs(project_of(context))
        leaving = partings.remaining(parts, project_of(context))
    if as_json:
        show.print_json({"syncs": syncs, "leaving": leaving})
        return
    if not syncs:
        show.line("No syncs yet. Add one with: tradewind syncs add COHORT CONNECTION")
    else:
        rows = [
            (
                s.id,
                _people(s),
                s.connection,
                s.segment,
                f"{s.ttl_minutes // 1440} days",
                _cadence(s),
                s.refresh.value,
                s.recency.value,
                s.state.value,
            )
            for s in syncs
        ]
        show.table("", ("sync", "cohort", "connection", "segment", "ttl", "cadence", "refresh", "recency", "state"), rows)
    for each in leaving:
        how = "leave by" if each.how is Leaving.LET_EXPIRE else "are to be taken out, or leave by"
        show.line(
            f"Segment '{each.target.segment}' of advertiser {each.target.advertiser} (sync '{each.sync}'): {each.count:,} identifiers"
        )
        show.line(f"  {how} {each.until:%Y-%m-%d %H:%M} UTC: {each.reason}")


def _cadence(sync: Sync) -> str:
    match sync.cadence:
        case Cadence.ONE_TIME:
            return sync.cadence.value
        case Cadence.HOURLY:
            return f"hourly at :{sync.at:%M} UTC"
        case Cadence.DAILY:
            return f"daily at {sync.at:%H:%M}"
        case Cadence.CRON:
            return f"{sync.cron} ({explained(sync.cron)})"
        case Cadence.ON_CHANGE:
            return f"on change, and daily at {sync.at:%H:%M}"
