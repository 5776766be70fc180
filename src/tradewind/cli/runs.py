"""`tradewind runs`: what happened, to the last identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradewind.cli import show
from tradewind.cli.place import HERE, THERE, noted, parts_of, project_of
from tradewind.cli.report import exit_code, print_left_out, print_report
from tradewind.cli.show import Json
from tradewind.errors import DefinitionError
from tradewind.model.plan import Approval

if TYPE_CHECKING:
    from tradewind.model.run import Run
    from tradewind.parts import Parts
    from tradewind.phases import Watch

app = typer.Typer(help="What happened in each run.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(help="The run's id.")]


@app.command("list")
def list_(
    context: typer.Context,
    sync: Annotated[str | None, typer.Option(help="Only the runs of this sync.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from tradewind.operations import runs

    with parts_of(context) as parts:
        found = runs.listed(parts, project_of(context), sync, limit)
    if as_json:
        show.print_json({"runs": found})
    elif not found:
        show.line("No runs yet. Start one with: tradewind syncs run SYNC")
    else:
        rows = [
            (
                run.id,
                run.sync,
                run.kind.value,
                f"{run.as_of:%Y-%m-%d %H:%M}",
                run.state.value,
                run.outcome.value if run.outcome else "",
                run.reason,
            )
            for run in found
        ]
        show.table("", ("run", "sync", "kind", "as of (UTC)", "state", "outcome", "reason"), rows)


@app.command("show")
def show_(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Show a run: the way from people to the platform."""
    from tradewind.operations import runs

    with parts_of(context) as parts:
        report = runs.report(parts, project_of(context), run)
    print_report(report, as_json=as_json)


@app.command()
def rejects(
    context: typer.Context,
    run: RunId,
    limit: Annotated[int, typer.Option(min=1, help="How many to show of each kind.")] = 100,
    people_only: Annotated[bool, typer.Option("--people", help="Only people who have no identifier at all, one line each.")] = False,
    as_json: Json = False,
) -> None:
    """List who gave no identifier and why, and which identifiers the platform refused."""
    from tradewind.operations import runs

    if people_only:
        with parts_of(context) as parts:
            print_left_out(*runs.people_left_out(parts, project_of(context), run, limit), as_json=as_json)
        return
    with parts_of(context) as parts:
        count, people = runs.people_refused(parts, project_of(context), run, limit)
        noted(context, parts, "run.refused", run)
        refused = runs.platform_refused(parts, project_of(context), run, limit)
    if as_json:
        show.print_json({"people_count": count, "people": people, "platform": refused})
        return
    there = any(p.amplitude_id for p in people)
    show.table(
        f"{count:,} values gave no identifier",
        (*(["Amplitude id"] if there else []), "person", "source", "for", "why"),
        [(*([p.amplitude_id or ""] if there else []), p.person, p.source, p.id_type, p.sentence) for p in people],
    )
    show.table(
        f"{len(refused):,} refused by the platform", ("identifier", "type", "wish", "code"),
        [(r.identifier, r.id_type, r.operation.value, r.code) for r in refused],
    )  # fmt: skip


@app.command()
def batches(context: typer.Context, run: RunId, as_json: Json = False) -> None:
    """List what was sent, request by request, with the platform's answers; and what its refusals mean."""
    from tradewind.operations import batches as operation

    with parts_of(context) as parts:
        found = operation.listed(parts, project_of(context), run)
        refused = operation.refusals(parts, project_of(context), run)
    if as_json:
        show.print_json({"batches": found, "refused": refused})
        return
    rows = [
        (
            each.batch.number,
            each.batch.operation.value,
            each.batch.id_type.value,
            each.batch.rows,
            each.state.value,
            "; ".join(f"{one.answered_at:%H:%M:%S} {one.answer.value}{f' ({one.status})' if one.status else ''}" for one in each.attempts),
        )
        for each in found
    ]
    show.table("", ("batch", "wish", "type", "identifiers", "state", "answers"), rows)
    for why in refused:
        show.line(f"{why.code}: {why.count:,}. {why.advice}")


@app.command()
def approve(
    context: typer.Context,
    run: RunId,
    guard: Annotated[list[str], typer.Option(help="What is allowed, as GUARD=COUNT; once for each guard that holds the run.")],
    as_json: Json = False,
) -> None:
    """Let a held run go on."""
    from tradewind.operations import runs

    approvals = tuple(_approval(text) for text in guard)
    with parts_of(context) as parts:
        noted(context, parts, "run.approve", run, **{each.guard: str(each.count) for each in approvals})
        with show.steps("running") as watch:
            done = _approved(parts, project_of(context), run, approvals, watch)
        report = runs.report(parts, project_of(context), run)
    print_report(report, as_json=as_json)
    raise typer.Exit(exit_code(done))


def _approved(parts: Parts, project: str, run: str, approvals: tuple[Approval, ...], watch: Watch) -> Run:
    """The run as far as it went on: by the server of the home where one is at work, else here."""
    from tradewind.operations import handing, runs, syncs

    if not handing.served(parts):
        gone_on = runs.approve(parts, project, run, approvals, watch)
        show.note(HERE)
        return gone_on
    allowed = runs.allow(parts, project, run, approvals)
    show.note(THERE)
    rested = handing.followed(parts, [allowed], watch)
    return rested[0] if rested else syncs.go_on(parts, runs.found(parts, project, run), watch)


@app.command()
def discard(
    context: typer.Context,
    run: RunId,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "discarded by hand",
    as_json: Json = False,
) -> None:
    """End a run that is held, or was cut short before anything was sent."""
    from tradewind.operations import runs

    with parts_of(context) as parts:
        noted(context, parts, "run.discard", run)
        done = runs.discard(parts, project_of(context), run, reason)
    if as_json:
        show.print_json(done)
    else:
        show.line(f"Run {done.id} is discarded; nothing of it was sent.")


@app.command()
def cancel(
    context: typer.Context,
    run: RunId,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "cancelled by hand",
    as_json: Json = False,
) -> None:
    """Tell a run to stop, at whatever it is. Nothing more of it is sent; what was sent stays, and its account says how much that was."""
    from tradewind.model.run import RunState
    from tradewind.operations import runs

    with parts_of(context) as parts, show.steps("stopping") as watch:
        noted(context, parts, "run.cancel", run)
        done = runs.cancel(parts, project_of(context), run, reason, watch)
    if as_json:
        show.print_json(done)
    elif done.state is RunState.CLOSED:
        show.line(f"Run {done.id} is {done.outcome}; see what of it was sent with: tradewind runs show {done.id}")
    else:
        show.line(f"A worker is at run {done.id}; it stops when the answers under way are there, or the query it is at has ended.")


def _approval(text: str) -> Approval:
    name, _, count = text.partition("=")
    if not count.isdecimal():
        raise DefinitionError(f"'{text[:60]}' is not an approval; write GUARD=COUNT, such as shrink=812")
    return Approval(name, int(count))
