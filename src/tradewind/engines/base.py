"""What an engine must answer: the members of a rule at an instant, and the raw columns that identifiers are found in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tradewind.cohorts.check import nested as parts_of
from tradewind.compute import Bounds
from tradewind.errors import Bug
from tradewind.model.cohort import Behaviour, Cohort, Rule
from tradewind.model.identifier import IdentityMap, Resolution
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted


def rule_of(cohort: Cohort, nested: Mapping[str, Path]) -> Rule:
    """The rule to evaluate. Raises Bug for a cohort of another kind, or one built of cohorts that `nested` does not answer."""
    if not isinstance(cohort.definition, Behaviour):
        raise Bug(f"cohort '{cohort.id}' is of kind {cohort.kind.value}; its source answers for it, not an engine")
    if unanswered := set(parts_of(cohort)) - set(nested):
        raise Bug(f"cohort '{cohort.id}' is built of {', '.join(sorted(unanswered))}, which nobody answered first")
    return cohort.definition.who


class Engine(Protocol):
    """Evaluates behavioural cohorts over the events of a project.

    `as_of` is aware; only events before it count. `nested` names, for every cohort that the rule is built of, the member
    file of the same instant. Files appear whole or not at all. Errors are EngineErrors, in one sentence.
    """

    def evaluate(
        self,
        project: Project,
        cohort: Cohort,
        as_of: datetime,
        wanted: Sequence[Wanted],
        nested: Mapping[str, Path],
        out: Path,
        *,
        recency: bool = False,
        named: bool = True,
    ) -> Snapshot:
        """Write the members with their wanted columns to `out` (Parquet as `Snapshot` says, in no particular order).

        With `recency` the column `last_event` is there too: `cohorts.compile` says of which clauses. Files of `nested` that have
        it are asked as well. Unless `named`, the column `person` may be left out, which costs a good part: `persons` finds it later.
        """

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        """Write the rows of `members` (`member`, `person` and whatever else) with the wanted columns beside them to `out`."""

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        """The persons of these members, a few, as the events before the instant name them; without those that no event names."""

    def close(self) -> None:
        """Give back what the engine holds; it answers nothing afterwards."""


class Resolve(Protocol):
    """Finds the identifiers of a snapshot's members; what it writes and raises stands at `engines.resolve`."""

    def __call__(self, snapshot: Path, identity: IdentityMap, out: Path, rejects: Path, buckets: int, bounds: Bounds) -> Resolution:
        """Write `buckets` files of identifiers into the folder `out`, and the refused values to `rejects`; return the account."""
