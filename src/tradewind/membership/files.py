"""The files of identifiers: what a cohort gives (Parquet), and what a target holds, with what is believed (Arrow)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.durable import sync
from tradewind.errors import EngineError
from tradewind.membership.buckets import WIDTHS, Buckets, bucket_name
from tradewind.membership.facts import FACT, NEVER, Facts, from_arrow, to_arrow
from tradewind.membership.rows import NO_FACT, Rows, rows_of
from tradewind.model.identifier import IdType
from tradewind.model.snapshot import LAST_EVENT

Events = npt.NDArray[np.int64]

MEND = "tradewind ledger verify says what can be mended"

FEW_FACTS = 127
"""So many facts are told apart by one byte an identifier; a first sync has one for each batch of the bucket."""


@contextmanager
def readable(held: Buckets | None) -> Iterator[None]:
    """Says in a sentence when files of the membership or of the run are gone or damaged. Raises EngineError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        others = f", or in {held.folder}, what the segment holds as far as we know," if held else ""
        raise EngineError(f"the files of the run{others} cannot be worked on: gone, damaged, or no room; {MEND}") from error


def storage(id_type: IdType) -> pa.DataType:
    """How identifiers of a type lie in Arrow: of fixed width where they have one."""
    width = WIDTHS.get(id_type)
    return pa.binary(width) if width else pa.binary()


def no_rows(id_type: IdType) -> Rows:
    """No identifier of a type."""
    return rows_of(pa.array([], storage(id_type)))


def no_belief(id_type: IdType) -> Rows:
    """The same of a membership."""
    return rows_of(pa.array([], storage(id_type)), None, np.zeros(0, FACT))


def wanted(desired: Buckets, id_type: IdType) -> Iterator[Rows]:
    """The identifiers of one type that a cohort gives, bucket by bucket; the facts are the last events, where the files have them."""
    for number in range(desired.count if id_type in desired.types else 0):
        with pq.ParquetFile(desired.place(id_type) / bucket_name(number), pre_buffer=False) as file:
            dated = LAST_EVENT in file.schema_arrow.names
            table = file.read(["id", LAST_EVENT] if dated else ["id"], use_threads=False)
        column = table.column("id").combine_chunks()
        ids = (column.storage if isinstance(column, pa.ExtensionArray) else column).cast(storage(id_type))
        if not dated:
            yield rows_of(ids, None, NO_FACT)
            continue
        last = table.column(LAST_EVENT).cast(pa.timestamp("us")).combine_chunks().cast(pa.int64()).fill_null(NEVER)
        yield rows_of(ids, np.arange(len(ids), dtype=np.int32), last.to_numpy())


def write_wanted(path: Path, ids: pa.Array[Any], events: Events | None) -> None:
    """Write a file that `wanted` reads: identifiers in their order, those of 16 bytes as UUIDs, and their last events, if any has one."""
    guids = isinstance(ids.type, pa.FixedSizeBinaryType)
    columns: dict[str, pa.Array[Any]] = {"id": pa.ExtensionArray.from_storage(pa.uuid(), ids) if guids else ids}
    if events is not None:
        columns[LAST_EVENT] = pa.array(events.view("datetime64[us]"))  # NEVER is how numpy writes no moment, too
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)


def last_events(rows: Rows) -> Events | None:
    """When the person of each identifier that `wanted` gave last did something, in microseconds of UTC, or NEVER; None if no file says."""
    return rows.facts[rows.codes] if rows.facts.dtype == np.int64 else None


def believed(held: Buckets | None, id_type: IdType) -> Iterator[Rows]:
    """What a target holds of one type, bucket by bucket; the facts are of `facts.FACT`."""
    for number in range(held.count if held and id_type in held.types else 0):
        assert held is not None, "where nothing is held there are no buckets"
        yield read_bucket(held.place(id_type) / bucket_name(number, "arrow"), id_type)


def read_bucket(path: Path, id_type: IdType) -> Rows:
    """One file of a membership. Raises ArrowInvalid when it is damaged, OSError when it is gone."""
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as file:
        if file.num_record_batches != 1:
            raise pa.ArrowInvalid("not a file of one batch")
        batch = file.get_batch(0)
    batch.validate(full=True)
    ids, beliefs = batch.column("id"), batch.column("fact")
    if ids.type != storage(id_type) or not isinstance(beliefs, pa.DictionaryArray):
        raise pa.ArrowInvalid("not a file of a membership")
    return rows_of(ids, beliefs.indices.to_numpy().astype(np.int32), from_arrow(beliefs.dictionary))


def read_facts(path: Path) -> tuple[Facts, npt.NDArray[np.int64]]:
    """What one file of a membership believes, and of how many each; the identifiers are not read. Raises as `read_bucket` does."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        beliefs = file.get_batch(0).column("fact")
        beliefs.validate(full=True)
        if not isinstance(beliefs, pa.DictionaryArray):
            raise pa.ArrowInvalid("not a file of a membership")
        facts = from_arrow(beliefs.dictionary)
        return facts, np.bincount(beliefs.indices.to_numpy(), minlength=len(facts))


def write_bucket(path: Path, rows: Rows) -> None:
    """Write one file of a membership and wait until it is on the disk. Identifiers are as good as random and would not shrink."""
    told = rows.compact()
    codes: npt.NDArray[np.integer[Any]] = told.codes.astype(np.int8 if len(told.facts) <= FEW_FACTS else np.int32)
    beliefs = pa.DictionaryArray.from_arrays(codes, to_arrow(told.facts))
    batch = pa.record_batch({"id": told.ids, "fact": beliefs})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    sync(path)
