"""Guards: reasons to hold a plan until a person has looked; one small pure function each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from tradewind.model.plan import Approval, Delta, Operation, Verdict

LEAVERS_ALWAYS_ALLOWED = 500
LEAVERS_SHARE = 0.25
SMALL_SEGMENT = 50
SMALL_SEGMENT_SHARE = 0.5
GROWTH = 10
GROWTH_ALWAYS_ALLOWED = 1_000
PATIENCE = timedelta(hours=48)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
AHEAD = 5 * MINUTE
LACKING_ALWAYS_ALLOWED = 20
LACKING_SHARE = 0.05
UNMATCHED_ALWAYS_ALLOWED = 20
GAP = "gap"
"""The guard of what is pushed."""


@dataclass(frozen=True)
class Evidence:
    """What speaks against the data that a delta comes from.

    `gone` are mapped columns, and `drifted` properties of rule or map, that the data had before and has no more; the values of those
    `changed` are of another kind than before. `silence` is how long before the run's instant the newest event was, None where that says
    nothing. `unread` counts the files that the last import could not read. `period` is the sync's. `rows` is what a download had, of
    `expected` that its source said there are. `lost` counts the messages of a pushed list that did not come. `ahead` is how long after
    the run's opening its instant lies. `unmatched` counts the people of a cohort of whom not one gave an identifier, and `sought` says
    what was looked for and why it was none; `begun` is whether the segment was ever sent to.
    """

    gone: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    silence: timedelta | None = None
    unread: int = 0
    period: timedelta = timedelta()
    rows: int | None = None
    expected: int | None = None
    lost: int = 0
    ahead: timedelta = timedelta()
    unmatched: int = 0
    sought: str = ""
    begun: bool = False
    changed: tuple[str, ...] = ()


SOUND = Evidence()


def judge(delta: Delta, evidence: Evidence = SOUND) -> tuple[Verdict, ...]:
    """Every verdict against a delta and the data it comes from."""
    about_data = (
        column_gone(evidence.gone),
        drift(evidence.drifted, evidence.changed),
        stale(evidence),
        partial(evidence.unread),
        incomplete(evidence),
        gap(evidence.lost),
        early(evidence.ahead),
        unmatched(evidence, delta),
    )
    found = (*about_data, empty(delta), shrink(delta), growth(delta))
    return tuple(verdict for verdict in found if verdict)


def stale(evidence: Evidence) -> Verdict | None:
    """No event for more than two periods of the sync and 48 hours: the feed may have stopped, and who acted since is not known."""
    limit = max(2 * evidence.period, PATIENCE) // HOUR
    if evidence.silence is None or evidence.silence <= max(2 * evidence.period, PATIENCE):
        return None
    hours = -(-evidence.silence // HOUR)
    todo = "import newer events and run again, or run as of an instant that they reach"
    return Verdict("stale", hours, limit, f"the newest event is {hours:,} hours old, and {limit:,} pass unseen: {todo}")


def partial(unread: int) -> Verdict | None:
    """The last import left files out: whoever acted in them may seem to have done nothing."""
    if not unread:
        return None
    files = "1 file that it was given" if unread == 1 else f"{unread:,} files that it was given"
    return Verdict("partial", unread, 0, f"the last import of events did not read {files}: mend and import what is lacking, then run again")


def incomplete(evidence: Evidence) -> Verdict | None:
    """A download lacks more than max(20, 5 %) of the members that its source says there are: it may have ended early."""
    if evidence.rows is None or evidence.expected is None:
        return None
    lacking, limit = evidence.expected - evidence.rows, max(LACKING_ALWAYS_ALLOWED, int(evidence.expected * LACKING_SHARE))
    if lacking <= limit:
        return None
    said = f"the download has {evidence.rows:,} members, and its source lists {evidence.expected:,}"
    return Verdict("incomplete", lacking, limit, f"{said}; at most {limit:,} may lack unseen: run again, or compute the cohort anew there")


def gap(lost: int) -> Verdict | None:
    """A message of a pushed list did not come: who it names, or takes out, is not known."""
    if not lost:
        return None
    said = "1 message of a list did not come" if lost == 1 else f"{lost:,} messages of a list did not come"
    return Verdict(GAP, lost, 0, f"{said}: wait for Amplitude to send it again, or sync the cohort there anew")


def early(ahead: timedelta) -> Verdict | None:
    """The instant is in the future: who will have been away by then, or did something, is not known."""
    if ahead <= AHEAD:
        return None
    minutes = -(-ahead // MINUTE)
    return Verdict(
        "early",
        minutes,
        AHEAD // MINUTE,
        f"the instant lies {minutes:,} minutes in the future: run again as of now, or set the clock",
    )


def unmatched(evidence: Evidence, delta: Delta) -> Verdict | None:
    """There are people, and the map finds no identifier of any of them: it may name what the data does not have.

    A few are let pass in a segment that was sent to before and has nobody now: they may just have none.
    """
    limit = UNMATCHED_ALWAYS_ALLOWED if evidence.begun and not delta.held else 0
    if evidence.unmatched <= limit:
        return None
    todo = "correct the map, or bring data that has such identifiers, and run again"
    sentence = f"none of the {evidence.unmatched:,} people in the cohort gives an identifier that can be sent: {evidence.sought}; {todo}"
    return Verdict("unmatched", evidence.unmatched, limit, sentence)


def drift(drifted: tuple[str, ...], changed: tuple[str, ...]) -> Verdict | None:
    """The last events imported lack a property that the rule or the identity map uses, and did not at the last delivered run.

    Or its values, which were all numbers, say, are texts since then: they compare otherwise.
    """
    lacking = f"used, in events before, and in none of the last imported: {', '.join(drifted)}"
    other = f"used, and of another type than before in the last imported: {', '.join(changed)}"
    said = [*([lacking] if drifted else []), *([other] if changed else [])]
    return Verdict("drift", len(drifted) + len(changed), 0, "; ".join(said)) if said else None


def growth(delta: Delta) -> Verdict | None:
    """More than ten times as many as the segment holds, where it holds any: a rule or a feed may count what it should not."""
    limit = max(GROWTH_ALWAYS_ALLOWED, GROWTH * delta.held)
    if not delta.held or delta.desired <= limit:
        return None
    sentence = f"{delta.desired:,} identifiers would be in a segment that holds {delta.held:,}; at most {limit:,} pass unseen"
    return Verdict("growth", delta.desired, limit, sentence)


def column_gone(gone: tuple[str, ...]) -> Verdict | None:
    """A column of the identity map has gone from the data: its identifiers would all be removed."""
    if not gone:
        return None
    return Verdict("column_gone", len(gone), 0, f"mapped, in the data before, and there no more: {', '.join(gone)}")


def empty(delta: Delta) -> Verdict | None:
    """Nobody is left, although the segment holds people who did not say no."""
    held = delta.held - delta.suppressed
    if delta.desired or not held:
        return None
    return Verdict("empty", held, 0, f"the cohort gives no identifier, and {held:,} would be removed")


def shrink(delta: Delta) -> Verdict | None:
    """More leave than max(500, 25 %) of the segment, or more than half of a segment of at least 50; who said no is not counted."""
    leavers, held = delta.count(Operation.REMOVE) - delta.suppressed, delta.held - delta.suppressed
    limit = max(LEAVERS_ALWAYS_ALLOWED, int(held * LEAVERS_SHARE))
    if held >= SMALL_SEGMENT:
        limit = min(limit, int(held * SMALL_SEGMENT_SHARE))
    if leavers <= limit or not delta.desired:
        return None
    return Verdict("shrink", leavers, limit, f"{leavers:,} of {held:,} identifiers would be removed; at most {limit:,} pass unseen")


def unanswered(verdicts: Iterable[Verdict], approvals: Iterable[Approval]) -> tuple[Verdict, ...]:
    """The verdicts no approval answers. An approval names the guard and a count, and covers no larger one."""
    allowed = {approval.guard: approval.count for approval in approvals}
    return tuple(verdict for verdict in verdicts if verdict.count > allowed.get(verdict.guard, -1))
