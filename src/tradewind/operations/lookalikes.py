"""Lookalikes: have the model of a cohort made, and see how good it is."""

from __future__ import annotations

from tradewind import members
from tradewind.errors import DefinitionError
from tradewind.model.cohort import Lookalike
from tradewind.model.lookalike import Card
from tradewind.operations.instants import instant
from tradewind.operations.scratch import scratch
from tradewind.parts import Parts


def card(parts: Parts, project: str, cohort_id: str) -> Card | None:
    """The card of the model that a cohort was answered by last; None while there is none, or the cohort is of another kind."""
    cohort = parts.catalog.cohort(project, cohort_id)
    model = parts.lookalikes.models.newest(project, cohort_id) if isinstance(cohort.definition, Lookalike) else None
    return model.card if model else None


def train(parts: Parts, project: str, cohort_id: str, as_of: str | None) -> Card:
    """The card of the model that answers for a cohort now, or at an instant; the model is made if there is none yet.

    Raises DefinitionError when the cohort is of another kind, its seed is too small, or the model no better than chance.
    """
    cohort = parts.catalog.cohort(project, cohort_id)
    if not isinstance(cohort.definition, Lookalike):
        raise DefinitionError(f"cohort '{cohort_id}' is of kind {cohort.kind.value}; only a lookalike is trained")
    moment = instant(as_of, parts.catalog.project(project).zone, parts.clock.now())
    question = members.question_of(parts, cohort, cohort.definition, moment)
    with scratch(parts) as folder:
        return parts.lookalikes.model(question, lambda at: members.seed_of(parts, question, at, folder), parts.bounds, folder).card
