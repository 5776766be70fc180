"""`tradewind apply`: cohorts, connections, syncs and contacts as YAML in git."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli import show
from tradewind.cli.leaving import Empty, LetExpire, chosen
from tradewind.cli.place import me, parts_of, project_of
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError
from tradewind.model.sync import Leaving

WORDS = {Leaving.EMPTY: "they are taken out by the worker", Leaving.LET_EXPIRE: "they leave by then"}


def add_to(app: typer.Typer) -> None:
    """Hang both commands onto the app."""
    app.command()(apply)
    app.command()(export)


def apply(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Definition files or folders of them.")],
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also delete what the files do not define.")] = False,
    empty: Empty = False,
    let_expire: LetExpire = False,
    as_json: Json = False,
) -> None:
    """Make the project's sources, cohorts, connections, syncs and contacts equal to the files. Nothing is sent.

    Where that gives up segments, it says who is in them and until when, and asks how they leave.
    """
    from tradewind.operations import definitions, endings

    project = project_of(context)
    with parts_of(context) as parts:
        if plan:
            done = definitions.planned(parts, project, files, prune=prune)
        else:
            ask = partial(chosen, empty=empty, let_expire=let_expire)
            done = definitions.apply(parts, project, files, me(), prune=prune, leaving=ask)
    if as_json:
        show.print_json({"planned_only": plan, "changes": done.changes, "given_up": done.stakes, "how": done.how, "lists": done.lists})
        return
    for change in done.changes:
        show.line(f"{change.action.value:9} {change.noun} {change.id}{f'  ({change.note})' if change.note else ''}")
        if change.action.value == "update":
            for each in change.differences:
                show.line(f"            {each.field}: {each.before or 'nothing'} → {each.after or 'nothing'}")
    for cohort, filled in done.lists.items():
        show.line(f"list      cohort {cohort}: {filled.added:,} added, {filled.removed:,} removed, {filled.kept:,} kept")
    for stake in done.stakes:
        show.line(f"given up  sync {stake.sync}: {endings.sentence(stake)}{f': {WORDS[done.how]}' if done.how else ''}")
    show.line("Nothing was changed." if plan else "Done.")


def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Write it to this new file instead of standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Write the project's sources, cohorts, connections, syncs and contacts as YAML that `apply` reads back; secrets are not in it."""
    from tradewind.operations import definitions

    with parts_of(context) as parts:
        text = definitions.written(parts, project_of(context))
    if out:
        if out.exists():
            raise DefinitionError(f"{out} exists already; give another name")
        out.write_text(text, "utf-8")
    if as_json:
        show.print_json({"definitions": text})
    elif not out:
        typer.echo(text, nl=False)
