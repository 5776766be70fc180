"""The engine of a project: its own events unless the project says that tables answer for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tradewind.engines.base import Engine
from tradewind.engines.preview import Asked, Clause, Overlap, Previews, Sizes, Through, Turn
from tradewind.model.cohort import Cohort
from tradewind.model.identifier import Resolution
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot, Wanted


class ChosenEngine:
    """Asks `own`, or for a project that has a source of tables the engine that `of` gives."""

    def __init__(self, own: Engine, of: Callable[[Project], Engine]) -> None:
        self._own, self._of = own, of

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
        return self._engine(project).evaluate(project, cohort, as_of, wanted, nested, out, recency=recency, named=named)

    def attach(self, project: Project, members: Path, as_of: datetime, wanted: Sequence[Wanted], out: Path) -> Snapshot:
        return self._engine(project).attach(project, members, as_of, wanted, out)

    def persons(self, project: Project, members: Collection[bytes], as_of: datetime) -> dict[bytes, str]:
        return self._engine(project).persons(project, members, as_of)

    def close(self) -> None:
        self._own.close()

    def _engine(self, project: Project) -> Engine:
        return self._of(project) if project.source else self._own


class ChosenPreviews:
    """Asks `own`, or for a project that has a source of tables `elsewhere`."""

    def __init__(self, own: Previews, elsewhere: Previews) -> None:
        self._own, self._elsewhere = own, elsewhere

    def sizes(self, asked: Asked, turn: Turn) -> Sizes:
        return self._of(asked).sizes(asked, turn)

    def overlap(self, this: Asked, that: Asked, turn: Turn) -> Overlap:
        return self._of(this).overlap(this, that, turn)

    def sample(self, asked: Asked, limit: int, turn: Turn) -> tuple[str, ...]:
        return self._of(asked).sample(asked, limit, turn)

    def why(self, asked: Asked, person: str, turn: Turn) -> Clause | None:
        return self._of(asked).why(asked, person, turn)

    def identifiers(self, asked: Asked, through: Through, turn: Turn) -> Resolution | None:
        return self._of(asked).identifiers(asked, through, turn)

    def close(self) -> None:
        self._own.close()

    def _of(self, asked: Asked) -> Previews:
        return self._elsewhere if asked.project.source else self._own
