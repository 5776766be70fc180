"""Asks an engine every row of the tables of the cohort language, and says what it answers and what is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.engines.base import Engine
from tradewind.engines.spec.rows import Case, Table, last_of
from tradewind.engines.spec.tables import TABLES
from tradewind.errors import EngineError
from tradewind.model.cohort import Cohort
from tradewind.model.project import Project, ProjectPlan

SPEC = hashlib.sha256(repr(TABLES).encode()).hexdigest()[:16]
"""Differs when the language means something else, or something more."""

Told = dict[str, datetime | None]
"""The users who are in, and what each did last where that is asked; else None."""


@dataclass(frozen=True)
class Answer:
    """A row of a table, who should be in, and who is; `found` is None where the engine failed, and `why` says so."""

    table: Table
    case: Case
    expected: Told
    found: Told | None
    why: str = ""

    @property
    def right(self) -> bool:
        """Whether the engine answers as it should."""
        return self.found == self.expected


def project_of(table: Table) -> Project:
    """A project in the zone of a table."""
    return Project("default", "Default", ProjectPlan.PAID, table.zone, ())


def cohort_of(case: Case) -> Cohort:
    """The cohort that a row's rule is."""
    return parse_cohort(read_text(f"{{id: c, name: C, kind: behavioural, who: {case.rule}}}"), "default")


def expected(case: Case) -> Told:
    """Who should be in."""
    return last_of(case.last) if case.last is not None else dict.fromkeys(case.members.split())


def nested(table: Table, folder: Path) -> dict[str, Path]:
    """Member files of the cohorts that a table names, as they would have been left."""
    return {name: _members(users, folder / f"{name}.parquet", table.cohorts_last.get(name)) for name, users in table.cohorts.items()}


def ask(engine: Engine, table: Table, case: Case, folder: Path) -> Told:
    """Who is in, as the engine answers. Raises as an engine does."""
    out, dated = folder / "members.parquet", case.last is not None
    snapshot = engine.evaluate(project_of(table), cohort_of(case), table.as_of, (), nested(table, folder), out, recency=dated)
    last = (lambda row: row["last_event"] and row["last_event"].replace(tzinfo=UTC)) if dated else lambda _row: None
    return {row["person"].removeprefix("user:"): last(row) for row in pq.read_table(snapshot.path).to_pylist()}


def ask_all(engine_of: Callable[[Table], Engine], folder: Path) -> Iterator[Answer]:
    """Every row of every table, one after another; `engine_of` gives an engine that knows a table's events."""
    for table in TABLES:
        engine = engine_of(table)
        for case in table.cases:
            try:
                yield Answer(table, case, expected(case), ask(engine, table, case, folder))
            except EngineError as error:
                yield Answer(table, case, expected(case), None, str(error))


def _members(users: str, path: Path, last: str | None) -> Path:
    persons = [f"user:{user}" for user in users.split()]
    members = [hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1] for person in persons]
    table = pa.table({"member": pa.array(members, pa.binary()), "person": pa.array(persons, pa.string())})
    if last is not None:
        table = table.append_column("last_event", pa.array([last_of(last)[user] for user in users.split()], pa.timestamp("us")))
    pq.write_table(table, path)
    return path
