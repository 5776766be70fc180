"""`in_cohort: engaged`, `not_in_cohort: engaged`: who is a member of another cohort at the same instant."""

from __future__ import annotations

import re

from sqlglot import exp

from tradewind.cohorts.clauses.form import PERSON, Facts, Form, Names, last_event
from tradewind.cohorts.document import Node
from tradewind.cohorts.operators import there
from tradewind.model.cohort import InCohort, Not, Rule

_COHORT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class InCohortForm(Form[InCohort]):
    """Membership in another cohort."""

    words = ("in_cohort", "not_in_cohort")

    def parse(self, node: Node, word: str) -> Rule:
        entry = node.fields(required=(word,), what=f"beside '{word}'")[word]
        cohort = entry.text()
        if not _COHORT_ID.fullmatch(cohort):
            entry.refuse(f"expected the id of a cohort (lower-case letters, digits and hyphens), found {entry.described()}")
        return InCohort(cohort) if word == "in_cohort" else Not(InCohort(cohort))

    def document(self, clause: InCohort) -> dict[str, object]:
        return {"in_cohort": clause.cohort}

    def negated(self, clause: InCohort) -> dict[str, object]:
        return {"not_in_cohort": clause.cohort}

    def phrase(self, clause: InCohort, names: Names) -> str:
        return f"who are in the cohort '{names.get(clause.cohort, clause.cohort)}'"

    def denied(self, clause: InCohort, names: Names) -> str:
        return f"who are not in the cohort '{names.get(clause.cohort, clause.cohort)}'"

    def verdict(self, clause: InCohort, facts: Facts) -> exp.Expr:
        return there(exp.column(PERSON, facts.cohort(clause.cohort)))

    def moments(self, clause: InCohort, facts: Facts) -> list[exp.Expr]:
        return [last_event(facts.cohort(clause.cohort))] if clause.cohort in facts.recent else []
