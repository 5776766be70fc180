"""Reading files of a run back for a person: who is in, and who gave no identifier and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from tradewind.model.identifier import REFUSAL_SENTENCES, Refusal

AMPLITUDE_ID = "amplitude_id"
"""The column beside members who come from Amplitude."""

UNNAMED = "(not known any more)"
"""Stands for a person whom neither the files of a run nor the events name."""

Names = Callable[[Collection[bytes]], Mapping[bytes, str]]
"""Finds the persons of a few members; it may not know all of them."""


@dataclass(frozen=True)
class Reject:
    """A person whose value from `source` is no identifier of type `id_type`, and why; never the value.

    `amplitude_id` finds the person again in Amplitude, where the cohort is from there.
    """

    person: str
    source: str
    id_type: str
    reason: str
    sentence: str
    amplitude_id: str | None = None


def count_rejects(path: Path) -> int:
    """How many rejects a file holds."""
    return int(pq.read_metadata(path).num_rows)


def nobody(_members: Collection[bytes]) -> Mapping[bytes, str]:
    """No names, for files that have them all."""
    return {}


def named_by(names: Names, rows: Iterable[tuple[str | None, bytes]]) -> list[str]:
    """The person of each row: as it stands there, else as `names` knows the member."""
    told = list(rows)
    unnamed = {member for person, member in told if person is None}
    found = names(unnamed) if unnamed else {}
    return [found.get(member, UNNAMED) if person is None else person for person, member in told]


def read_rejects(path: Path, limit: int, members: Path | None = None, names: Names = nobody) -> tuple[Reject, ...]:
    """The first rejects of a file; with the file of the run's members, their Amplitude ids too where it has them.

    `names` finds persons that the file does not name.
    """
    found: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=max(1, min(limit, 10_000)), columns=["member", "person", "source", "id_type", "reason"]):
            found += batch.slice(0, limit - len(found)).to_pylist()
            if len(found) >= limit:
                break
    persons = named_by(names, ((row["person"], row["member"]) for row in found))
    amplitude = beside(members, AMPLITUDE_ID, {row["member"] for row in found}) if members and members.exists() else {}
    return tuple(
        Reject(
            person, row["source"], row["id_type"], row["reason"], REFUSAL_SENTENCES[Refusal(row["reason"])], amplitude.get(row["member"])
        )
        for person, row in zip(persons, found, strict=True)
    )


def beside(members: Path, column: str, wanted: Collection[bytes]) -> dict[bytes, str]:
    """What a file of members has in a column beside these; nothing where it lacks the column."""
    found: dict[bytes, str] = {}
    with pq.ParquetFile(members) as file:
        if column not in file.schema_arrow.names:
            return found
        values = pa.array(sorted(wanted), file.schema_arrow.field("member").type)
        for batch in file.iter_batches(columns=["member", column]):
            mine = batch.filter(pc.is_in(batch.column("member"), value_set=values))
            found |= {row["member"]: row[column] for row in mine.to_pylist()}
    return found


def read_persons(path: Path, limit: int) -> tuple[str, ...]:
    """The first persons of a member file."""
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=max(1, limit), columns=["person"]), None)
    return tuple(str(person) for person in batch.column("person").to_pylist()[:limit]) if batch is not None else ()


def export_persons(path: Path, to: Path) -> None:
    """Write the persons of a member file to a CSV or Parquet file, by its ending; as a stream."""
    with pq.ParquetFile(path) as file:
        schema = pa.schema([file.schema_arrow.field("person")])
        writer = pq.ParquetWriter(to, schema) if to.suffix == ".parquet" else pv.CSVWriter(to, schema)
        with writer:
            for batch in file.iter_batches(columns=["person"]):
                writer.write_batch(batch)
