"""What a preview must answer while a rule is being written: sizes, overlaps, a few people, and why each is in or out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tradewind.errors import Bug, OvertakenError
from tradewind.model.cohort import InCohort, Rule
from tradewind.model.identifier import IdentityMap, Resolution
from tradewind.model.project import Project
from tradewind.model.snapshot import Wanted
from tradewind.privacy.sieve import Sieve

AGAIN = 0.05
"""Seconds after which a question that goes on is told again to break off."""

Nested = Mapping[str, Rule | Path]
"""How each cohort that is named is answered: by its rule, or by a file of its members."""


@dataclass(frozen=True)
class Asked:
    """A rule to look at. `as_of` is aware; only events before it count. `nested` has what its rules name, and what those name."""

    project: Project
    rule: Rule
    as_of: datetime
    nested: Nested

    def answer(self, clause: InCohort) -> Rule | Path:
        """How a cohort is answered. Raises Bug for one that nobody answered."""
        found = self.nested.get(clause.cohort)
        if found is None:
            raise Bug(f"the rule is built of {clause.cohort}, which nobody answered first")
        return found


@dataclass(frozen=True)
class Node:
    """A rule and how many it holds for, of those its cohort can speak of.

    `after` is how many are left (below `any`: found) when it and the rules before it beside it are taken together.
    """

    rule: Rule
    members: int
    after: int
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """How many belong, of how many the rule can speak of; and the same for each of its rules."""

    members: int
    universe: int
    who: Node


@dataclass(frozen=True)
class Overlap:
    """How many are in both of two cohorts, and in one of them alone."""

    both: int
    only_this: int
    only_that: int


@dataclass(frozen=True)
class Clause:
    """A rule and whether it holds for one person.

    Of a deed, how often it was counted and when last (aware, UTC); of a user property, its value; each None where it does not apply.
    """

    rule: Rule
    holds: bool
    times: int | None = None
    last: datetime | None = None
    value: str | None = field(default=None, repr=False)
    parts: tuple[Clause, ...] = ()


@dataclass(frozen=True)
class Through:
    """How identifiers are found: by which map, in which columns, without whom; `folder` is for the work of it."""

    identity: IdentityMap
    wanted: Sequence[Wanted]
    sieve: Sieve
    folder: Path


class Turn:
    """The right of one question to be answered, until it is ended from elsewhere: what is under way for it then breaks off."""

    def __init__(self) -> None:
        self._changed, self._ended = threading.Condition(), False
        self._break: Callable[[], None] | None = None

    def end(self) -> None:
        """Let it be answered no more."""
        with self._changed:
            under_way, self._ended = self._break is not None and not self._ended, True
        if under_way:
            threading.Thread(target=self._break_off, daemon=True).start()

    def check(self) -> None:
        """Raises OvertakenError when it was ended."""
        if self._ended:
            raise OvertakenError("a newer question took the place of this one")

    @contextmanager
    def breaking(self, off: Callable[[], None]) -> Iterator[None]:
        """Call `off`, from another thread, when the turn is ended within the block, again and again until the block is left."""
        with self._changed:
            self.check()
            self._break = off
        try:
            yield
        finally:
            with self._changed:
                self._break = None
                self._changed.notify_all()

    def _break_off(self) -> None:
        """Until it is: an engine forgets what it was told before it began to work on a question."""
        with self._changed:
            while self._break is not None:
                self._break()
                self._changed.wait(AGAIN)


class Previews(Protocol):
    """Answers questions about rules over the events of projects; one after another, each exactly.

    Raises EngineError, in one sentence, when the data cannot answer, and OvertakenError when the turn is ended.
    """

    def sizes(self, asked: Asked, turn: Turn) -> Sizes:
        """How many belong, by the rule and by each of its rules."""

    def overlap(self, this: Asked, that: Asked, turn: Turn) -> Overlap:
        """How many two rules of one project hold for at one instant: both, and each alone."""

    def sample(self, asked: Asked, limit: int, turn: Turn) -> tuple[str, ...]:
        """The first persons who belong, in the order of persons."""

    def why(self, asked: Asked, person: str, turn: Turn) -> Clause | None:
        """What was found of one person for each rule; None for somebody of whom nothing is known."""

    def identifiers(self, asked: Asked, through: Through, turn: Turn) -> Resolution | None:
        """What a resolve would give of those who belong; None where a file alone knows some of them: their columns are there."""

    def close(self) -> None:
        """Give back what is held; nothing is answered afterwards."""
