"""Lift: what sending to a segment does, by comparing those who are sent with those who are held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tradewind.engines.outcomes import outcomes
from tradewind.errors import DefinitionError
from tradewind.operations.instants import instant
from tradewind.parts import Parts
from tradewind.trials.compare import Arm, Difference, conversion, worth

LITTLE = "256MiB"
"""Memory of a comparison: it goes on beside runs."""

LONGEST = 365


@dataclass(frozen=True)
class Lift:
    """The two arms and their difference. `days_needed` is how much longer it takes, at the pace so far, until a difference as large as
    that in conversion is found four times in five: 0 when there are enough people, None when there is no difference."""

    sync: str
    event: str
    property: str | None
    days: int | None
    began_at: datetime
    as_of: datetime
    percent: int
    sent: Arm
    held_out: Arm
    neither: int
    late: bool
    ended: bool
    conversion: Difference
    value: Difference | None
    people_needed: int | None
    days_needed: int | None


def lift(parts: Parts, project: str, sync: str, event: str, value: str | None, days: int | None, as_of: str | None) -> Lift:
    """Compare the arms of a sync by an event, and by the sum of one of its properties.

    Raises DefinitionError when the sync never had a holdout, the event is nowhere in the project's, or an arm has nobody yet;
    ConfigurationError without the extra `science`, EngineError when the events cannot be read.
    """
    if days is not None and not 1 <= days <= LONGEST:
        raise DefinitionError(f"{days} days are not possible; give 1 to {LONGEST}")
    trial = parts.trials.newest(project, sync)
    if trial is None:
        parts.catalog.sync(project, sync)
        raise DefinitionError(f"nobody of sync '{sync}' was held out in a run yet; give it a holdout such as 10 percent, and run it")
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    bounds = replace(parts.bounds, memory=LITTLE, threads=1)
    sent, held_out, neither = outcomes(parts.events, trial, parts.home / trial.path, event, value, days, moment, bounds)
    for arm, name in ((sent, "sent"), (held_out, "held out")):
        if arm.people < 2:
            raise DefinitionError(
                f"{arm.people} people of sync '{sync}' are {name} and have had their time; two of each arm are the least that compare"
            )
    found = conversion(sent, held_out)
    people = sent.people + held_out.people
    needed = None if found.growth is None else max(0, round(people * (found.growth - 1)))
    elapsed = max((moment - trial.began_at) / timedelta(days=1), 0.0)
    return Lift(
        sync, event, value, days, trial.began_at, moment, trial.least, sent, held_out, neither, trial.late, trial.ended,
        found, worth(sent, held_out) if value else None,
        needed, None if needed is None else round(elapsed * needed / people),
    )  # fmt: skip
