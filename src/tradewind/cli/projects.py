"""`tradewind projects`: tenants, their plan, and the kinds of platform they use."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen, print_ended
from tradewind.cli.place import me, parts_of
from tradewind.cli.show import Json
from tradewind.model.project import ProjectPlan

app = typer.Typer(help="Tenants: each with its own events, cohorts, connections and plan.", no_args_is_help=True)

ProjectId = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.")]
Kind = Annotated[str, typer.Argument(metavar="DESTINATION", help="The kind of platform, such as thetradedesk.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the projects with their plans and the destinations enabled in them."""
    with parts_of(context) as parts:
        found = parts.catalog.projects()
    if as_json:
        show.print_json({"projects": found})
    else:
        rows = [(each.id, each.name, each.plan.value, each.zone, ", ".join(each.destinations) or "none") for each in found]
        show.table("", ("project", "name", "plan", "zone", "destinations"), rows)


@app.command()
def add(
    context: typer.Context,
    project: ProjectId,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone whose days cohorts count in, such as America/New_York.")] = "UTC",
    as_json: Json = False,
) -> None:
    """Add a project: on the free plan, with no destination enabled."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        made = entitlement.add_project(parts, me(), project, name or project, zone)
    if as_json:
        show.print_json(made)
    else:
        show.line(f"Project '{made.id}' is there, on the free plan. Work in it with: tradewind --project {made.id} ...")
        show.line(f"To send, it needs the paid one: tradewind projects plan {made.id} paid")


@app.command()
def plan(
    context: typer.Context,
    project: ProjectId,
    wanted: Annotated[ProjectPlan, typer.Argument(metavar="PLAN", help="free or paid.")],
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Give a project another plan. With the free one its syncs are paused: it says who is in their segments, and asks how they leave."""
    from tradewind.operations import endings, entitlement

    with parts_of(context) as parts:
        parts.catalog.project(project)
        syncs = entitlement.running(parts, project) if wanted is ProjectPlan.FREE else ()
        leaving = chosen(endings.stakes(parts, syncs), empty=empty, let_expire=let_expire)
        with show.steps("changing") as watch:
            ended = entitlement.set_plan(parts, me(), project, wanted, leaving, watch)
    print_ended(f"Project '{project}' is on the {wanted.value} plan.", ended, as_json=as_json)


@app.command()
def answer(
    context: typer.Context,
    project: ProjectId,
    source: Annotated[str | None, typer.Option("--from", help="A source of kind tables.")] = None,
    own: Annotated[bool, typer.Option("--own-events", help="From the project's own events again.")] = False,
    as_json: Json = False,
) -> None:
    """Say from where a project's behavioural cohorts are answered: from a source of tables, or from its own events (as at first)."""
    from tradewind.operations import tables

    if (source is None) is not own:
        raise typer.BadParameter("expected --from SOURCE, or --own-events", param_hint="--from")
    with parts_of(context) as parts:
        made = tables.answer_from(parts, me(), project, source)
        doubt = tables.unverified(parts, project)
    if as_json:
        show.print_json(made)
    else:
        show.line(f"Behavioural cohorts of project '{project}' are answered from {f'source {source!r}' if source else 'its own events'}.")
        if doubt:
            show.line(f"Mind: {doubt}.")


@app.command()
def enable(
    context: typer.Context,
    project: ProjectId,
    destination: Kind,
    paid_plan: Annotated[bool, typer.Option("--paid-plan", help="You confirm that the platform's own paid plan is there.")] = False,
    as_json: Json = False,
) -> None:
    """Let a project use a kind of platform, after you confirmed that you have the platform's own paid plan."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        spec = entitlement.tile(parts, project, destination).spec
        confirmed = paid_plan or not spec.paid_plan or _asked(f"Do you have {spec.paid_plan}?")
        tile = entitlement.enable(parts, me(), project, destination, confirmed=confirmed)
    if as_json:
        show.print_json(tile)
    else:
        show.line(f"{tile.spec.tile or tile.spec.name} is enabled in project '{project}'.")


@app.command()
def disable(
    context: typer.Context,
    project: ProjectId,
    destination: Kind,
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Let a project use a kind of platform no more. Its syncs there are paused, and it asks how their people leave."""
    from tradewind.operations import endings, entitlement

    with parts_of(context) as parts:
        staked = endings.stakes(parts, entitlement.running(parts, project, destination))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        with show.steps("disabling") as watch:
            ended = entitlement.disable(parts, me(), project, destination, leaving, watch)
    print_ended(f"Destination '{destination}' is disabled in project '{project}'.", ended, as_json=as_json)


def _asked(question: str) -> bool:
    """A person's yes; no where nobody is there to be asked."""
    return sys.stdin.isatty() and typer.confirm(question)
