"""`tradewind cohorts`: list, add, check, explain, preview, export; and fill the list of a static one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen, print_ended
from tradewind.cli.place import noted, parts_of, project_of
from tradewind.cli.show import AsOf, Json

app = typer.Typer(help="Who belongs to what.", no_args_is_help=True)

CohortId = Annotated[str, typer.Argument(help="The cohort's id.")]


@app.command("list")
def list_(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Those that Amplitude lists for this source, instead of the project's own.")] = None,
    as_json: Json = False,
) -> None:
    """List the project's cohorts; with a source, those that are kept there, with size and when they were last computed."""
    from tradewind.operations import sources

    with parts_of(context) as parts:
        found = sources.cohorts(parts, project_of(context), source) if source else ()
        own = () if source else parts.catalog.cohorts(project_of(context))
    if as_json:
        show.print_json({"cohorts": found if source else [{"id": c.id, "name": c.name, "kind": c.kind, "version": c.version} for c in own]})
    elif source:
        rows = [
            (c.id, c.name, "" if c.size is None else f"{c.size:,}", f"{c.computed_at:%Y-%m-%d %H:%M}" if c.computed_at else "",
             "archived" if c.archived else "", c.kind)
            for c in found
        ]  # fmt: skip
        show.table(f"In Amplitude: {len(found):,}", ("id there", "name", "size", "last computed (UTC)", "", "type"), rows)
    elif own:
        show.table("", ("cohort", "name", "kind", "version"), [(c.id, c.name, c.kind.value, c.version) for c in own])
    else:
        show.line("No cohorts yet. Bring them with: tradewind apply FILE")


@app.command()
def add(
    context: typer.Context,
    cohort: CohortId,
    source: Annotated[str, typer.Option(help="The source whose Amplitude keeps it.")],
    there: Annotated[str, typer.Option("--cohort", help="Its id there, as `cohorts list --source` shows it.")],
    name: Annotated[str | None, typer.Option(help="What people read (default: its name there).")] = None,
    as_json: Json = False,
) -> None:
    """Define a cohort that is pulled from Amplitude. Cohorts of all other kinds are written in files: see `apply`."""
    from tradewind.operations import cohorts

    with parts_of(context) as parts:
        noted(context, parts, "cohort.save", cohort)
        added = cohorts.add(parts, project_of(context), cohort, name, source, there)
    if as_json:
        show.print_json(added)
    else:
        show.line(f"Cohort '{added.id}' is defined. {added.sentence}\nKeep a segment equal to it with: tradewind syncs add")


@app.command()
def check(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(help="Definition files or folders of them.")], as_json: Json = False
) -> None:
    """Check definition files without changing anything."""
    from tradewind.operations import cohorts

    with parts_of(context) as parts:
        found = cohorts.checked(parts, project_of(context), files)
    if as_json:
        show.print_json({"cohorts": found})
    else:
        for each in found:
            show.line(f"{each.id}: {each.sentence}")
        show.line(f"{len(found):,} cohorts are well defined.")


@app.command()
def explain(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Cohort ids; all when none is given.")] = None,
    as_json: Json = False,
) -> None:
    """Say in a sentence who is in a cohort."""
    from tradewind.operations import cohorts

    with parts_of(context) as parts:
        found = cohorts.explained(parts, project_of(context), ids or [])
    if as_json:
        show.print_json({"cohorts": found})
    elif not found:
        show.line("No cohorts yet. Bring them with: tradewind apply FILE")
    else:
        for each in found:
            show.line(f"{each.name} ({each.id})\n  {each.sentence}")


@app.command("show")
def show_(context: typer.Context, cohort: CohortId, as_json: Json = False) -> None:
    """Show a cohort: who is in it in a sentence, and of a lookalike how good its model is."""
    from tradewind.cli import alike
    from tradewind.operations import cohorts, lookalikes

    with parts_of(context) as parts:
        (found,) = cohorts.explained(parts, project_of(context), [cohort])
        card = lookalikes.card(parts, project_of(context), cohort)
    if as_json:
        show.print_json(vars(found) | ({"card": card} if card else {}))
        return
    show.line(f"{found.name} ({found.id}, {found.kind})\n  {found.sentence}")
    if card:
        alike.print_card(card)
    elif found.kind == "lookalike":
        show.line(f"It was not trained yet; that is done when it is first asked for, or with: tradewind cohorts train {found.id}")


@app.command()
def train(context: typer.Context, cohort: CohortId, as_of: AsOf = None, as_json: Json = False) -> None:
    """Make the model of a lookalike, unless that of its training day is there, and show how good it is."""
    from tradewind.cli import alike
    from tradewind.operations import lookalikes

    with parts_of(context) as parts:
        noted(context, parts, "cohort.train", cohort)
        card = lookalikes.train(parts, project_of(context), cohort, as_of)
    if as_json:
        show.print_json(card)
    else:
        alike.print_card(card)


@app.command()
def preview(
    context: typer.Context,
    cohort: CohortId,
    as_of: AsOf = None,
    connection: Annotated[str | None, typer.Option(help="Also say which identifiers this connection's map finds.")] = None,
    sample: Annotated[int, typer.Option(min=0, max=1000, help="How many members to name.")] = 10,
    waterfall: Annotated[bool, typer.Option("--waterfall", help="Also count whom each rule holds for, and who is left after it.")] = False,
    overlap: Annotated[str | None, typer.Option(help="Also count who is in this other cohort too.")] = None,
    why: Annotated[str | None, typer.Option(help="Also say why this person is in or out: user:ID, or device:ID.")] = None,
    as_json: Json = False,
) -> None:
    """Count who is in a cohort, and name a few."""
    from tradewind.cli import looking
    from tradewind.cli.report import print_resolution
    from tradewind.operations import cohorts, previews

    with parts_of(context) as parts:
        project, about = project_of(context), previews.Subject(cohort, as_of=as_of)
        noted(context, parts, "cohort.preview", cohort)
        seen = cohorts.preview(parts, project, cohort, as_of, connection, sample)
        sizes = previews.sizes(parts, project, about) if waterfall else None
        shared = previews.overlap(parts, project, about, overlap) if overlap else None
        reason = previews.why(parts, project, about, why) if why else None
    if as_json:
        more = {"who": sizes.who if sizes else None, "overlap": shared, "why": reason}
        show.print_json(vars(seen) | {name: found for name, found in more.items() if found})
        return
    share = f" ({seen.members / seen.universe:.1%})" if seen.universe else ""
    show.line(f"{seen.members:,} of {seen.universe:,} people{share} as of {seen.as_of:%Y-%m-%d %H:%M} UTC")
    if seen.resolution:
        print_resolution(seen.resolution)
    for person in seen.sample:
        show.line(f"  {person}")
    if sizes:
        looking.print_waterfall(sizes)
    if shared and overlap:
        looking.print_overlap(shared, cohort, overlap)
    if reason:
        looking.print_why(reason)


@app.command()
def compare(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Definition files or folders of them.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Count whom the definitions in files would add to the cohorts as they are now, and remove from them. Changes nothing."""
    from tradewind.cli.looking import print_comparisons
    from tradewind.operations import previews

    with parts_of(context) as parts:
        found = previews.compared(parts, project_of(context), files, as_of)
    if as_json:
        show.print_json({"cohorts": found})
    elif found:
        print_comparisons(found)
    else:
        show.line("No behavioural cohort in these files is defined otherwise than it is now.")


@app.command()
def export(
    context: typer.Context,
    cohort: CohortId,
    to: Annotated[Path, typer.Option("--to", help="A .csv or .parquet file to write; it will hold personal data.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write the members of a cohort to a file."""
    from tradewind.operations import cohorts

    with parts_of(context) as parts:
        noted(context, parts, "cohort.export", cohort)
        members = cohorts.export(parts, project_of(context), cohort, as_of, to)
    if as_json:
        show.print_json({"cohort": cohort, "members": members, "file": to})
    else:
        show.line(f"{members:,} members written to {to}, readable by you alone.")


@app.command()
def fill(
    context: typer.Context,
    cohort: CohortId,
    file: Annotated[str | None, typer.Argument(help="A CSV or Parquet file (default: the one the definition names).")] = None,
    how: Annotated[str, typer.Option(help="replace, add or remove.")] = "replace",
    as_json: Json = False,
) -> None:
    """Replace the list of a static cohort, or add rows to it, or remove some."""
    from tradewind.errors import DefinitionError
    from tradewind.operations import lists
    from tradewind.sources.lists import Change

    if how not in set(Change):
        raise DefinitionError(f"'{how}' is not a way to change a list; write replace, add or remove")
    with parts_of(context) as parts:
        noted(context, parts, "cohort.fill", cohort, how=how)
        done = lists.fill(parts, project_of(context), cohort, file, Change(how))
    if as_json:
        show.print_json(done)
        return
    show.line(f"List of '{cohort}': {done.rows:,} rows read, {done.added:,} added, {done.removed:,} removed, {done.kept:,} kept.")
    for refused in done.refused:
        show.line(f"  {refused.rows:,} rows refused: {refused.reason}")


@app.command()
def remove(context: typer.Context, cohort: CohortId, empty: Empty = False, let_expire: LetExpire = False, as_json: Json = False) -> None:
    """Archive a cohort and remove its syncs. Says who is in their segments and until when, and asks how they leave."""
    from tradewind.operations import endings

    project = project_of(context)
    with parts_of(context) as parts:
        staked = endings.stakes(parts, endings.of_cohort(parts, project, cohort))
        leaving = chosen(staked, empty=empty, let_expire=let_expire)
        noted(context, parts, "cohort.remove", cohort)
        with show.steps("removing") as watch:
            ended = endings.remove_cohort(parts, project, cohort, leaving, watch)
    print_ended(f"Cohort '{cohort}' is archived, and its syncs are removed.", ended, as_json=as_json)
