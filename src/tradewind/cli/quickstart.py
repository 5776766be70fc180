"""`tradewind quickstart FILE`: a first segment from a list that is there already."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.connections import secret_from
from tradewind.cli.place import home_of, noted, parts_of, project_of
from tradewind.cli.report import exit_code, print_proposal, print_report
from tradewind.errors import DefinitionError
from tradewind.model.destination import Auth, Connection
from tradewind.model.identifier import IdentityMap, Mapping

if TYPE_CHECKING:
    from tradewind.parts import Parts
    from tradewind.sources.columns import ColumnReport


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the app."""
    app.command()(quickstart)


def quickstart(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A CSV or Parquet file with identifiers.")],
    column: Annotated[list[str] | None, typer.Option(help="COLUMN=TYPE (TDID, DAID, UID2, none) where a column cannot be told.")] = None,
    connection: Annotated[str | None, typer.Option(help="An existing connection to send through.")] = None,
    advertiser: Annotated[str | None, typer.Option(help="The Advertiser ID of a new connection.")] = None,
    region: Annotated[str | None, typer.Option(help="The data center region of a new connection.")] = None,
    auth: Annotated[Auth, typer.Option(help="What the secret of a new connection is.")] = Auth.SIGNATURE,
    secret_env: Annotated[str | None, typer.Option(help="Read the secret from this environment variable.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="Read the secret from this file.")] = None,
    name: Annotated[str | None, typer.Option(help="The cohort's name (default: the file's).")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    as_json: show.Json = False,
) -> None:
    """Find the identifiers in a list, show the plan, and send it: a first segment in minutes."""
    from tradewind.operations import quickstart as operation
    from tradewind.operations import runs, syncs
    from tradewind.operations.costs import costs

    project, reports = project_of(context), operation.look(file)
    if not as_json:
        _print_columns(reports)
    mappings = _settle(reports, list(column or []))
    _make_home(context)
    with parts_of(context) as parts:
        noted(context, parts, "quickstart", name or Path(file).name)
        cohort = operation.cohort_of(parts, project, file, mappings, name)
        chosen = connection or _new_connection(parts, project, advertiser, region, auth, (secret_env, secret_file), mappings)
        sync, _ = operation.prepare(parts, cohort, chosen)
        with show.steps("planning") as watch:
            proposal = syncs.plan(parts, project, sync.id, None, watch)
        if not as_json:
            print_proposal(proposal, costs(parts, proposal))
        if not yes and not (sys.stdin.isatty() and typer.confirm("Send this?")):
            show.note(f"Nothing was sent. Send it with: tradewind syncs run {sync.id}")
            return
        with show.steps("sending") as watch:
            done = syncs.run(parts, project, sync.id, None, watch)
        report = runs.report(parts, project, done.id)
    print_report(report, as_json=as_json)
    raise typer.Exit(exit_code(done))


def _make_home(context: typer.Context) -> None:
    from tradewind.app import is_home, make_home

    if not is_home(home_of(context)):
        made = make_home(home_of(context), "UTC")
        show.note(f"Made {made.home} with a key and project 'default'.")


def _settle(reports: tuple[ColumnReport, ...], said: list[str]) -> tuple[Mapping, ...]:
    """Ask about every column that only a person can tell."""
    from tradewind.operations import quickstart as operation

    mappings, questions = operation.choose(reports, said)
    for name in questions:
        if not sys.stdin.isatty():
            raise DefinitionError(
                f"column '{name}' holds GUIDs of an unknown kind; say --column '{name}=DAID' (device ids), '{name}=TDID', or '{name}=none'"
            )
        said.append(f"{name}={typer.prompt(f'Column {name} holds GUIDs. Device ids (DAID), TDID, or none', default='DAID')}")
    return operation.choose(reports, said)[0] if questions else mappings


def _new_connection(
    parts: Parts, project: str, advertiser: str | None, region: str | None, auth: Auth, secret: tuple[str | None, Path | None],
    mappings: tuple[Mapping, ...],
) -> str:  # fmt: skip
    """The connection to send through: the only one there is, or one made of what is given or asked for."""
    from tradewind.operations import connections

    there = parts.catalog.connections(project)
    if len(there) == 1 and not (advertiser or region):
        show.note(f"Sending through connection '{there[0].id}'.")
        return there[0].id
    if there and not (advertiser or region):
        raise DefinitionError(f"there are {len(there)} connections; say which with --connection: {', '.join(c.id for c in there)}")
    regions = ", ".join(region.key for region in parts.destination("thetradedesk").regions)
    advertiser = advertiser or _ask("Advertiser ID", "--advertiser")
    region = region or _ask(f"Data center region ({regions})", "--region")
    id_ = f"{advertiser.lower()}-{region}"
    identity = IdentityMap(mappings)
    wanted = Connection(project, id_, f"{advertiser} ({region})", "thetradedesk", advertiser, region, auth, identity)
    return connections.add(parts, wanted, secret_from(*secret)).id


def _ask(what: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise DefinitionError(f"no terminal to ask at; give {option}")
    return str(typer.prompt(what))


def _print_columns(reports: tuple[ColumnReport, ...]) -> None:
    rows = []
    for report in reports:
        kind = report.guess
        valid = (
            f"{report.valid[kind]:,} valid {kind.value}" if kind else ("GUIDs of an unknown kind" if report.ambiguous else "no identifiers")
        )
        why = ", ".join(f"{count:,} {reason.value}" for reason, count in report.refused[kind].items()) if kind else ""
        rows.append((report.name, report.rows, report.filled, valid, why))
    show.table("", ("column", "rows", "filled", "found", "not usable"), rows)
