"""Lift: what sending to a segment does, by comparing those who are sent with those who are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from tradewind.compute import Bounds
from tradewind.engines.outcomes import outcomes, own_deeds, written_deeds
from tradewind.engines.server import Served, ServerEngine
from tradewind.errors import DefinitionError
from tradewind.operations import splits
from tradewind.operations.instants import instant
from tradewind.operations.scratch import scratch
from tradewind.operations.tables import of_tables
from tradewind.parts import Parts
from tradewind.trials.compare import Arm, Difference, conversion, worth
from tradewind.trials.sql import Trial

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
    """Compare the arms of a sync, or of all parts of a split together, by an event, and by the sum of one of its properties.

    Raises DefinitionError when the sync never had a holdout, or an arm has nobody yet; ConfigurationError without the extra `science`,
    EngineError when the events cannot be read.
    """
    if days is not None and not 1 <= days <= LONGEST:
        raise DefinitionError(f"{days} days are not possible; give 1 to {LONGEST}")
    trials = _trials(parts, project, sync)
    trial, people = _together(trials), [parts.home / each.path for each in trials]
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    bounds = replace(parts.bounds, memory=LITTLE, threads=1)
    with scratch(parts) as folder:
        deeds = _deeds(parts, trial, event, value, moment, folder, bounds)
        sent, held_out, neither = outcomes(deeds, trial, people, days, moment, bounds)
    for arm, name in ((sent, "sent"), (held_out, "held out")):
        if arm.people < 2:
            raise DefinitionError(
                f"{arm.people} people of sync '{sync}' are {name} and have had their time; two of each arm are the least that compare"
            )
    found = conversion(sent, held_out)
    both = sent.people + held_out.people
    needed = None if found.growth is None else max(0, round(both * (found.growth - 1)))
    elapsed = max((moment - trial.began_at) / timedelta(days=1), 0.0)
    return Lift(
        sync, event, value, days, trial.began_at, moment, trial.least, sent, held_out, neither, trial.late, trial.ended,
        found, worth(sent, held_out) if value else None,
        needed, None if needed is None else round(elapsed * needed / both),
    )  # fmt: skip


def _trials(parts: Parts, project: str, name: str) -> list[Trial]:
    """Who takes part: in the sync of this id, or in each part of the split."""
    syncs = [each.id for each in splits.of(parts, project, name)] if splits.is_one(parts, project, name) else [name]
    found = [trial for each in syncs if (trial := parts.trials.newest(project, each))]
    if not found:
        if syncs == [name]:
            parts.catalog.sync(project, name)
        raise DefinitionError(f"nobody of sync '{name}' was held out in a run yet; give it a holdout such as 10 percent, and run it")
    if len({each.salt for each in found}) > 1:
        raise DefinitionError(f"the parts of split '{name}' hold different people out; compare each part by itself")
    return found


def _together(trials: Sequence[Trial]) -> Trial:
    """The trials of the parts of a split as one; that of a sync is itself."""
    least, most = min(each.least for each in trials), max(each.most for each in trials)
    late, ended = any(each.late for each in trials), any(each.ended for each in trials)
    return replace(trials[0], least=least, most=most, late=late, ended=ended, began_at=min(each.began_at for each in trials))


def _deeds(parts: Parts, trial: Trial, event: str, value: str | None, moment: datetime, folder: Path, bounds: Bounds) -> str:
    """Who did the event, from where the cohorts of the project are answered: its own events, or a client's tables."""
    source = parts.catalog.project(trial.project).source
    if source is None:
        return own_deeds(parts.events, trial.project, event, value, moment)
    tables = of_tables(parts, trial.project, source).tables
    assert tables is not None
    file = folder / "deeds.parquet"
    ServerEngine(Served(parts.server(tables, bounds), tables.rows, {}), bounds).deeds(event, value, trial.began_at, moment, file)
    return written_deeds(file)
