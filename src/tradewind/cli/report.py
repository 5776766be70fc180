"""The picture of a run: the way from people to the platform, with every identifier accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tradewind.cli import show
from tradewind.errors import DeliveryError
from tradewind.model.identifier import REFUSAL_SENTENCES, Resolution
from tradewind.model.plan import Decision, Operation, Plan
from tradewind.model.run import Run, RunKind, RunOutcome, RunState
from tradewind.model.snapshot import Snapshot

if TYPE_CHECKING:
    from tradewind.engines.left_out import LeftOut
    from tradewind.operations.costs import Costs
    from tradewind.operations.runs import RunReport
    from tradewind.operations.syncs import Proposal

HELD = 12
"""The exit code of a run that a guard holds: an answer, not an accident."""

Row = tuple[str, int, str]

OPERATIONS = {Operation.ADD: "to add", Operation.REMOVE: "to remove", Operation.REFRESH: "to refresh"}


def print_left_out(count: int, people: Sequence[LeftOut], *, as_json: bool) -> None:
    """People without an identifier: each with what came of every property that could have given one."""
    if as_json:
        show.print_json({"people_count": count, "people": people})
        return
    there = any(each.amplitude_id for each in people)
    rows = [
        (*([each.amplitude_id or ""] if there else []), each.person, "; ".join(f"{why.source}: {why.sentence}" for why in each.why))
        for each in people
    ]
    show.table(f"{count:,} people have no identifier", (*(["Amplitude id"] if there else []), "person", "why"), rows)


KINDS = {
    RunKind.KEEP: "It only renews who would lapse, since run {keeps} could not go on; nobody was added or removed.",
    RunKind.OPT_OUT: "It only takes out people who said no; nobody else was added, removed or renewed.",
    RunKind.DRAIN: "It takes everybody out of a segment that was given up; nobody was added.",
    RunKind.DRY: "It is a dry run: what would be done was worked out, and nothing was sent.",
    RunKind.RESTORE: "It sent nothing: the record was put back from a backup, so everybody is in doubt, and the next run sends them anew.",
}
"""What a run is for, where it does not make a segment equal to its cohort."""


def print_report(report: RunReport, *, as_json: bool) -> None:
    """A run, as a table or as JSON."""
    if as_json:
        show.print_json(report)
        return
    run = report.run
    state = run.outcome.value if run.outcome else run.state.value
    show.line(f"Run {run.id}: {report.cohort} → {report.binding.target.segment}")
    show.line(f"as of {run.as_of:%Y-%m-%d %H:%M} UTC, {state}{f': {run.reason}' if run.reason else ''}")
    rows = [*(_people(report.resolution) if report.resolution else ()), *(_changes(report.plan) if report.plan else ())]
    rows += list(_answers(report))
    show.table("", ("", "count", ""), rows)
    for sentence in _data(report.snapshot) if report.snapshot else ():
        show.line(sentence)
    if run.missed:
        show.line(f"Before it {run.missed:,} slots passed without a run; this one makes up for all of them.")
    if run.kind in KINDS:
        show.line(KINDS[run.kind].format(keeps=run.keeps))
    if report.left_to_expire and report.left_to_expire.until:
        until, why = report.left_to_expire.until, report.left_to_expire.reason
        show.line(f"Who is still there leaves by {until:%Y-%m-%d %H:%M} UTC: {why}.")
    if report.removal:
        soon = report.removal
        show.line(
            f"{soon.removed:,} identifiers were out within {soon.median:,.1f} s of the arrival of the events that say so "
            f"(half of them; 95 of 100 within {soon.p95:,.1f} s)."
        )
    for kept in report.kept:
        show.line(f"Meanwhile {kept.account.accepted:,} of {kept.account.planned:,} who would lapse were renewed, by run {kept.run}.")
    if run.state is RunState.SETTLING and report.plan:
        show.line(_settling(report.plan))
    if report.plan and (run.state is RunState.HELD or run.kind is RunKind.DRY):
        print_verdicts(report.plan, run.id if run.state is RunState.HELD else None)
    if report.lapses_at:
        show.line(f"Sent again before {report.lapses_at:%Y-%m-%d %H:%M} UTC, members stay; otherwise they lapse then.")


def _data(snapshot: Snapshot) -> Iterator[str]:
    """What is to be said of the data that the members came from."""
    if snapshot.rows is not None:
        listed = "" if snapshot.expected is None else f", which lists {snapshot.expected:,} for the cohort"
        yield f"{snapshot.rows:,} members came from Amplitude{listed}; {snapshot.nameless:,} of them have no id."
    if snapshot.whole is not None:
        yield f"{snapshot.members:,} of {snapshot.whole:,} of the cohort are in this part of the split; {snapshot.unlisted:,} are in none."
    if snapshot.holdout:
        yield f"{snapshot.held_out:,} of {snapshot.members:,} people are held out by lot ({snapshot.holdout.percent} percent)."
    if snapshot.missing:
        yield f"Mapped, but nowhere in the data: {', '.join(snapshot.missing)}."


def exit_code(run: Run) -> int:
    """What a command ends with after a run: one that is held, incomplete or not settled must not look like success to a program."""
    if run.state is RunState.HELD:
        return HELD
    return DeliveryError.exit_code if run.outcome is RunOutcome.INCOMPLETE or run.state is RunState.SETTLING else 0


def _settling(plan: Plan) -> str:
    at = plan.delta.settles_at
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "a while"
    return (
        f"An earlier request that said the contrary of {plan.delta.twice:,} of them was never answered and may still be applied. "
        f"They are sent again after {when}: by the worker, or when the sync is run again."
    )


def print_proposal(proposal: Proposal, costs: Costs) -> None:
    """What a run would do, and what that takes."""
    show.line(f"Plan of {proposal.sync.id} as of {proposal.as_of:%Y-%m-%d %H:%M} UTC: {proposal.plan.decision.value}. Nothing was sent.")
    show.table("", ("", "count", ""), [*_people(proposal.resolution), *_changes(proposal.plan)])
    lasts = "" if costs.seconds is None else f", about {max(1, round(costs.seconds / 60)):,} min at the pace of the last run"
    show.line(f"{costs.requests:,} requests, {costs.octets / 1e6:,.1f} MB{lasts}.")
    if proposal.snapshot.missing:
        show.line(f"Mapped, but nowhere in the data: {', '.join(proposal.snapshot.missing)}.")
    if proposal.plan.decision is Decision.HOLD:
        print_verdicts(proposal.plan, None)


def print_resolution(resolution: Resolution) -> None:
    """What an identity map made of the members."""
    show.table("", ("", "count", ""), _people(resolution))


def print_verdicts(plan: Plan, run: str | None) -> None:
    """Why a plan waits for a person, and what the person can say."""
    for verdict in plan.verdicts:
        show.line(f"Held by guard '{verdict.guard}': {verdict.sentence}.")
    if run:
        words = " ".join(f"--guard {verdict.guard}={verdict.count}" for verdict in plan.verdicts)
        show.line(f"If that is right: tradewind runs approve {run} {words}")
        show.line(f"If not: tradewind runs discard {run}")


def _people(resolution: Resolution) -> Iterator[Row]:
    yield "members", resolution.members, "people in the cohort"
    yield "with an identifier", resolution.members_usable, "at least one that can be sent"
    for id_type, reasons in resolution.refused.items():
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            yield f"  {id_type.value} {reason.value}", count, REFUSAL_SENTENCES[reason]
    for name, count in resolution.warnings.items():
        yield f"  {name}", count, "sent, but of a form seldom seen"
    yield "duplicates", resolution.duplicates, "values that name an identifier counted already"
    for id_type, count in resolution.identifiers.items():
        yield f"identifiers {id_type.value}", count, "distinct, to be in the segment"


def _changes(plan: Plan) -> Iterator[Row]:
    yield "held before", plan.delta.held, "in the segment as far as we know"
    for operation, words in OPERATIONS.items():
        yield words, plan.delta.count(operation), ""
    if plan.delta.waiting:
        yield "waiting", plan.delta.waiting, "may still be in another segment of the split"
    if plan.delta.unchanged:
        yield "unchanged", plan.delta.unchanged, "stay, and have time left"


def _answers(report: RunReport) -> Iterator[Row]:
    account = report.account
    if not account.planned:
        return
    again = (
        f"in {report.requests:,} requests, {report.repeated:,} of them repeated" if report.repeated else f"in {report.requests:,} requests"
    )
    yield "planned", account.planned, "= accepted + rejected + unknown + not sent"
    yield "accepted", account.accepted, again
    yield "rejected", account.rejected, ", ".join(f"{code}: {count:,}" for code, count in report.refused.items())
    yield "unknown", account.unknown, "sent, answer lost" if account.unknown else ""
    yield "not sent", account.not_sent, ""
    if report.holds is not None:
        yield "held now", report.holds, "in the segment as far as we know"
