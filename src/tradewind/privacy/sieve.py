"""The sieve: which of many identifiers are suppressed, without any of the suppressed being known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.durable import sync
from tradewind.errors import EngineError
from tradewind.model.identifier import IdType, Refusal, Resolution
from tradewind.privacy.keyed import DIGEST, Keyer, Numbers

Found = npt.NDArray[np.bool_]

ROWS = 32_768
"""Identifiers looked at in one go: what is worked with stays in the processor's own memory."""

SPARSE = 16
"""Places of the table for each suppressed identifier: one in sixteen of all others is looked at a second time."""

SMALLEST, LARGEST = 1 << 16, 1 << 26


class Sieve:
    """The suppressed identifiers of a project at one moment, as their hashes."""

    def __init__(self, keyer: Keyer, quick: Numbers, digests: bytes) -> None:
        """`digests` holds those of the same identifiers one after another."""
        order = np.argsort(quick, kind="stable")
        self._keyer, self._quick = keyer, quick[order]
        self._digests = np.frombuffer(digests, np.uint8).reshape(len(quick), DIGEST)[order]
        places = min(LARGEST, max(SMALLEST, 1 << (SPARSE * max(1, len(quick)) - 1).bit_length()))
        self._mask = np.uint64(places - 1)
        self._table = np.zeros(places if len(quick) else 0, np.bool_)
        self._table[self._quick & self._mask] = True

    def __bool__(self) -> bool:
        return bool(len(self._quick))

    def hits(self, ids: pa.Array[Any]) -> Found:
        """For each identifier (a binary array without nulls) whether it is suppressed."""
        found = np.zeros(len(ids), np.bool_)
        for start in range(0, len(ids) if self else 0, ROWS):
            part = ids.slice(start, ROWS)
            rows, first, last = self._likely(self._keyer.quick(part))
            for row, low, high in zip(rows, first, last, strict=True):
                digest = self._keyer.digest(part[row].as_py())
                found[start + row] = any(self._digests[place].tobytes() == digest for place in range(low, high))
        return found

    def strike(self, folder: Path, resolution: Resolution) -> Resolution:
        """Take the suppressed out of the files of a resolve, and out of its account. Raises EngineError when one cannot be worked on."""
        struck: Counter[IdType] = Counter()
        try:
            for id_type in resolution.identifiers if self else ():
                for path in sorted((folder / id_type.value).iterdir()):
                    struck[id_type] += self._strike(path)
        except (pa.ArrowException, OSError) as error:
            raise EngineError(f"the suppressed could not be taken out of {folder}: {type(error).__name__}") from error
        return without(resolution, struck)

    def count(self, identifiers: Iterable[pa.Array[Any]]) -> int:
        """How many of these identifiers are suppressed; they are looked at only where anybody is."""
        return sum(int(self.hits(ids).sum()) for ids in identifiers) if self else 0

    def _likely(self, quick: Numbers) -> tuple[list[int], list[int], list[int]]:
        """The rows whose quick hash is on the list, and where: of all others one in 2^64 for each suppressed."""
        near = np.flatnonzero(self._table[quick & self._mask])
        first, last = np.searchsorted(self._quick, quick[near]), np.searchsorted(self._quick, quick[near], "right")
        likely = last > first
        return near[likely].tolist(), first[likely].tolist(), last[likely].tolist()

    def _strike(self, path: Path) -> int:
        """Write one file anew without them, and say how many; a file that has none stays as it is."""
        hits = np.concatenate([np.zeros(0, np.bool_), *(self.hits(ids) for ids in _groups(path))])
        if not hits.any():
            return 0
        table = pq.read_table(path, partitioning=None)
        fresh = path.with_name(f".{path.name}")
        pq.write_table(table.filter(pa.array(~hits)), fresh, store_schema=False)
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)
        return int(hits.sum())


def without(resolution: Resolution, struck: Mapping[IdType, int]) -> Resolution:
    """The account of a resolve after so many identifiers of each type were taken out of it; it adds up as before."""
    identifiers = {id_type: rows - struck.get(id_type, 0) for id_type, rows in resolution.identifiers.items()}
    refused = {
        id_type: reasons | ({Refusal.SUPPRESSED: struck[id_type]} if struck.get(id_type) else {})
        for id_type, reasons in resolution.refused.items()
    }
    return replace(resolution, identifiers=identifiers, refused=refused)


def _groups(path: Path) -> Iterable[pa.Array[Any]]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=["id"], use_threads=False).column("id").combine_chunks()
            yield ids.storage if isinstance(ids, pa.ExtensionArray) else ids
