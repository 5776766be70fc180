"""What is known of the data that a run was answered from, for the guards to judge by."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tradewind.cohorts.rules import properties
from tradewind.model.cohort import Behaviour, Lookalike
from tradewind.model.identifier import REFUSAL_SENTENCES, Refusal, Resolution
from tradewind.model.run import Run
from tradewind.model.sync import Binding
from tradewind.parts import Parts
from tradewind.planning.guards import Evidence
from tradewind.planning.refresh import period

CHOSEN = timedelta(minutes=1)
"""A run whose instant lies so long before its opening was asked for as of that instant."""


def evidence(parts: Parts, run: Run, binding: Binding, gone: tuple[str, ...], before: Run | None) -> Evidence:
    """What speaks against the data of a run; `gone` is known already, and `before` is the sync's last delivered run.

    Only behavioural cohorts and lookalikes live on events, and not where a client's tables answer for the project.
    Where a person named the instant, it is for the person to know what the events are.
    """
    sync = parts.catalog.sync(run.project, run.sync)
    cohort = parts.catalog.cohort_at(run.project, sync.cohort, run.cohort_version)
    elsewhere = parts.catalog.project(run.project).source is not None
    if elsewhere or not isinstance(cohort.definition, Behaviour | Lookalike) or run.opened_at - run.as_of >= CHOSEN:
        return Evidence(gone, ahead=run.as_of - run.opened_at)
    newest = parts.events.newest(run.project)
    silence = run.as_of - newest if newest else None
    drifted: list[str] = []
    changed: list[str] = []
    if before is not None:
        event, user = properties(cohort.definition.who) if isinstance(cohort.definition, Behaviour) else ((), ())
        used = {f"event.{name}" for name in event} | {f"user.{name}" for name in user} | {each.source for each in binding.identity.mappings}
        lost = used & parts.events.vanished(run.project, run.opened_at)
        drifted = sorted(lost - parts.events.vanished(run.project, before.opened_at)) if lost else []
        changed = sorted(used & parts.events.changed(run.project, before.opened_at, run.opened_at))
    unread, ahead = parts.events.unread(run.project), run.as_of - run.opened_at
    return Evidence(gone, tuple(drifted), silence, unread, period(sync), ahead=ahead, changed=tuple(changed))


def sought(binding: Binding, resolution: Resolution) -> str:
    """What a connection's map looks for, and how many of the values that it found were refused for what."""
    maps = " and ".join(f"{each.source} to {each.id_type.value}" for each in binding.identity.mappings)
    refused: Counter[Refusal] = Counter()
    for counts in resolution.refused.values():
        refused.update(counts)
    ordered = sorted(refused.items(), key=lambda each: (-each[1], each[0]))
    why = "; ".join(f"{count:,}: {REFUSAL_SENTENCES[reason]}" for reason, count in ordered)
    return f"connection '{binding.connection}' maps {maps} ({why})"
