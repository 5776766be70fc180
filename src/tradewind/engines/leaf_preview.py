"""Previews by an engine that answers whole rules alone: a question for each clause, and rules put together of answers."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tradewind.cohorts.rules import leaves
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.engines.base import Engine
from tradewind.engines.preview import Asked, Clause, Node, Overlap, Sizes, Through, Turn
from tradewind.errors import EngineError
from tradewind.model.cohort import All, AnyOf, Behaviour, Cohort, CohortKind, Did, InCohort, Not, Rule
from tradewind.model.identifier import Resolution

_EVERYBODY = Not(Did("nothing that is ever done"))


class LeafPreviews:
    """Answers by `engine`, whose answers are files; a question costs as many evaluations as it has clauses, and one more."""

    def __init__(self, engine: Engine, bounds: Bounds) -> None:
        self._engine, self._bounds = engine, bounds

    def sizes(self, asked: Asked, turn: Turn) -> Sizes:
        with self._open(turn) as table:
            columns = table.fill(asked)
            tree = _tree(asked.rule, columns)
            conditions = [each for node in tree.walk() for each in (node.holds, node.left)]
            who = tree.counted(iter(table.row(", ".join(f"count(*) FILTER (WHERE {each})" for each in conditions))))
            (universe,) = table.row("count(*)")
        return Sizes(who.members, int(universe), who)

    def overlap(self, this: Asked, that: Asked, turn: Turn) -> Overlap:
        with self._open(turn) as table:
            one, other = table.members(this, "one"), table.members(that, "other")
            joined = f"SELECT one.member AS a, other.member AS b FROM {one} AS one FULL JOIN {other} AS other USING (member)"
            counts = "count(a) FILTER (WHERE b IS NOT NULL), count(*) - count(b), count(*) - count(a)"
            both, left, right = table.duck.execute(f"SELECT {counts} FROM ({joined})").fetchall()[0]
        return Overlap(int(both), int(left), int(right))

    def sample(self, asked: Asked, limit: int, turn: Turn) -> tuple[str, ...]:
        with self._open(turn) as table:
            found = table.members(asked, "sampled", named=True)
            return tuple(
                person for (person,) in table.duck.execute(f"SELECT person FROM {found} ORDER BY person LIMIT {limit:d}").fetchall()
            )

    def why(self, asked: Asked, person: str, turn: Turn) -> Clause | None:
        """Which rules hold for a person; not how often, since answers are not kept."""
        with self._open(turn) as table:
            tree = _tree(asked.rule, table.fill(asked))
            member = hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1]
            shown = ", ".join(node.holds for node in tree.walk())
            rows = table.duck.execute(f"SELECT {shown} FROM people WHERE member = ?", [member]).fetchall()
        return tree.explained(iter(rows[0])) if rows else None

    def identifiers(self, asked: Asked, through: Through, turn: Turn) -> Resolution | None:  # noqa: ARG002 - whole answers have them
        return None

    def close(self) -> None:
        """Nothing is held between questions."""

    @contextmanager
    def _open(self, turn: Turn) -> Iterator[_Answers]:
        turn.check()
        try:
            with connect(self._bounds) as duck, tempfile.TemporaryDirectory(prefix="preview-", dir=self._bounds.spill) as name:
                yield _Answers(self._engine, duck, Path(name), turn)
        except duckdb.Error as error:
            raise EngineError(f"the preview failed: {told_of(error)}") from None


@dataclass(frozen=True)
class _Answers:
    """Files of answers to one question, and the table `people` that is made of them."""

    engine: Engine
    duck: duckdb.DuckDBPyConnection
    folder: Path
    turn: Turn

    def fill(self, asked: Asked) -> dict[Rule, str]:
        """Make `people`: a row for everybody whom the rule can speak of, a column for each clause; gives the columns."""
        clauses = list(dict.fromkeys(leaves(asked.rule)))
        named = [clause for clause in clauses if isinstance(clause, InCohort)]
        either = [AnyOf((each, Not(each))) for each in named]
        everybody = self._evaluate(asked, AnyOf((_EVERYBODY, *named)), "everybody")
        columns: dict[Rule, str] = {}
        joins = []
        for number, clause in enumerate(clauses):
            column = columns[clause] = f"c{number}"
            match clause:
                case InCohort():
                    path = self._nested(asked, clause)
                case _:
                    path = self._evaluate(asked, All((clause, *either)), column)
            found = f"SELECT DISTINCT member, true AS {column} FROM read_parquet({literal(path)})"
            joins.append(f"LEFT JOIN ({found}) AS t{number} USING (member)")
        shown = ", ".join(["member", *(f"coalesce({column}, false) AS {column}" for column in columns.values())])
        self.duck.execute(f"CREATE TABLE people AS SELECT {shown} FROM read_parquet({literal(everybody)}) {' '.join(joins)}")
        return columns

    def members(self, asked: Asked, name: str, *, named: bool = False) -> str:
        """What reads the members of a whole rule."""
        return f"read_parquet({literal(self._evaluate(asked, asked.rule, name, named=named))})"

    def row(self, what: str) -> tuple[Any, ...]:
        """One row over `people`."""
        found: tuple[Any, ...] = self.duck.execute(f"SELECT {what} FROM people").fetchall()[0]
        return found

    def _evaluate(self, asked: Asked, rule: Rule, name: str, *, named: bool = False) -> Path:
        self.turn.check()
        nested = {leaf.cohort: self._nested(asked, leaf) for leaf in leaves(rule) if isinstance(leaf, InCohort)}
        cohort = Cohort(asked.project.id, "preview", "Preview", CohortKind.BEHAVIOURAL, Behaviour(rule))
        out = self.folder / f"{name}.parquet"
        self.engine.evaluate(asked.project, cohort, asked.as_of, (), nested, out, named=named)
        return out

    def _nested(self, asked: Asked, clause: InCohort) -> Path:
        """The members of a cohort that is named; answered once for each question, since two may mean different cohorts by a name."""
        given, out = asked.answer(clause), self.folder / f"cohort-{id(asked.nested)}-{clause.cohort}.parquet"
        if isinstance(given, Path):
            return given
        return out if out.exists() else self._evaluate(asked, given, out.stem, named=True)


@dataclass(frozen=True)
class _Branch:
    """A rule, the condition on `people` by which it holds, and the one for it and those before it beside it."""

    rule: Rule
    holds: str
    left: str
    parts: tuple[_Branch, ...]

    def walk(self) -> Iterator[_Branch]:
        yield self
        for part in self.parts:
            yield from part.walk()

    def counted(self, counts: Iterator[int]) -> Node:
        members, after = int(next(counts)), int(next(counts))
        return Node(self.rule, members, after, tuple(part.counted(counts) for part in self.parts))

    def explained(self, held: Iterator[bool]) -> Clause:
        holds = bool(next(held))
        return Clause(self.rule, holds, parts=tuple(part.explained(held) for part in self.parts))


def _tree(rule: Rule, columns: dict[Rule, str], before: str = "", word: str = "") -> _Branch:
    parts: list[_Branch] = []
    match rule:
        case All(rules) | AnyOf(rules):
            own = "AND" if isinstance(rule, All) else "OR"
            for part in rules:
                parts.append(_tree(part, columns, parts[-1].left if parts else "", own))
            holds = parts[-1].left
        case Not(part):
            parts.append(_tree(part, columns))
            holds = f"(NOT {parts[0].holds})"
        case _:
            holds = columns[rule]
    return _Branch(rule, holds, f"({before} {word} {holds})" if before else holds, tuple(parts))
