"""`tradewind destinations`: the catalog of kinds of platform, and what the installation says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen, print_ended
from tradewind.cli.place import me, parts_of, project_of
from tradewind.cli.projects import Kind, ProjectId
from tradewind.cli.show import Json
from tradewind.model.project import ReleaseStage

if TYPE_CHECKING:
    from tradewind.model.project import Offer
    from tradewind.operations.entitlement import Tile

app = typer.Typer(help="Kinds of platform: their stage, who is admitted, what to know before connecting.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the kinds of platform there are, and whether the project may send to them."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        tiles = entitlement.tiles(parts, project_of(context))
    if as_json:
        show.print_json({"destinations": tiles})
    else:
        rows = [(each.spec.kind, each.spec.tile, _stage(each.offer), each.wall.value if each.wall else "ready") for each in tiles]
        show.table("", ("destination", "name", "stage", "for this project"), rows)


@app.command("show")
def show_(context: typer.Context, destination: Kind, as_json: Json = False) -> None:
    """Show one: what to consider, how to set it up, and what stands in the project's way."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        tile = entitlement.tile(parts, project_of(context), destination)
    if as_json:
        show.print_json(tile)
    else:
        _print(tile)


@app.command()
def admit(
    context: typer.Context,
    destination: Kind,
    project: ProjectId,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the admission back.")] = False,
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Admit a project while the beta is closed. Taking it back pauses its syncs there, and asks how their people leave."""
    from tradewind.operations import endings, entitlement

    with parts_of(context) as parts:
        parts.catalog.project(project)
        if not withdraw:
            _print_offer(entitlement.admit(parts, me(), destination, project), as_json=as_json)
            return
        staked = endings.stakes(parts, entitlement.running(parts, project, destination))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        with show.steps("withdrawing") as watch:
            ended = entitlement.withdraw(parts, me(), destination, project, leaving, watch)
    print_ended(f"Project '{project}' is no longer admitted to '{destination}'.", ended, as_json=as_json)


@app.command()
def stage(
    context: typer.Context,
    destination: Kind,
    wanted: Annotated[ReleaseStage, typer.Argument(metavar="STAGE", help="closed_beta (only projects admitted), open_beta or general.")],
    as_json: Json = False,
) -> None:
    """Open a kind of platform to all projects, or close it to those that are not admitted."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        _print_offer(entitlement.set_stage(parts, me(), destination, wanted), as_json=as_json)


@app.command()
def contact(
    context: typer.Context,
    destination: Kind,
    text: Annotated[str, typer.Argument(metavar="CONTACT", help="An address or a name; '' takes it away.")],
    as_json: Json = False,
) -> None:
    """Say whom to ask about a kind of platform: its tile and its refusals show it."""
    from tradewind.operations import entitlement

    with parts_of(context) as parts:
        _print_offer(entitlement.set_contact(parts, me(), destination, text), as_json=as_json)


def _stage(offer: Offer) -> str:
    return offer.stage.value.replace("_", " ").title()


def _print_offer(offer: Offer, *, as_json: bool) -> None:
    if as_json:
        show.print_json(offer)
        return
    admitted = f"; admitted: {', '.join(offer.admitted) or 'nobody'}" if offer.stage is ReleaseStage.CLOSED_BETA else ""
    show.line(f"{offer.destination}: {_stage(offer)}{admitted}; support: {offer.contact or 'nobody named'}.")


def _print(tile: Tile) -> None:
    show.line(f"{tile.spec.tile or tile.spec.name} ({_stage(tile.offer)})")
    if tile.offer.contact:
        show.line(f"Support: {tile.offer.contact}")
    for title, lines in (("Considerations", tile.spec.considerations), ("Setup", tile.spec.setup)):
        show.line()
        show.line(title)
        for text in lines:
            show.line(f"- {text}")
    show.line()
    show.line(f"Regions: {', '.join(f'{each.key} ({each.label})' for each in tile.regions)}")
    if tile.enablement:
        show.line(f"Enabled by {tile.enablement.enabled_by} on {tile.enablement.at:%Y-%m-%d}.")
    show.line(f"Not yet: {tile.remedy}." if tile.wall else "This project may send to it.")
