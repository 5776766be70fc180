"""Reading files of a run back for a person: who is in, and who gave no identifier and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from tradewind.model.identifier import REFUSAL_SENTENCES, Refusal


@dataclass(frozen=True)
class Reject:
    """A person whose value from `source` is no identifier of type `id_type`, and why; never the value."""

    person: str
    source: str
    id_type: str
    reason: str
    sentence: str


def count_rejects(path: Path) -> int:
    """How many rejects a file holds."""
    return int(pq.read_metadata(path).num_rows)


def read_rejects(path: Path, limit: int) -> tuple[Reject, ...]:
    """The first rejects of a file."""
    found: list[Reject] = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=max(1, min(limit, 10_000)), columns=["person", "source", "id_type", "reason"]):
            for row in batch.to_pylist():
                if len(found) >= limit:
                    return tuple(found)
                found.append(Reject(row["person"], row["source"], row["id_type"], row["reason"], REFUSAL_SENTENCES[Refusal(row["reason"])]))
    return tuple(found)


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
