"""What an identity map finds of everybody: each value judged once and numbered, then counted for any set of people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tradewind.compute import literal
from tradewind.engines.bits import Flags
from tradewind.engines.resolve import UNUSUAL, judged
from tradewind.identity.kinds import is_guid
from tradewind.model.identifier import IdentityMap, IdType, Refusal, Resolution
from tradewind.privacy.sieve import Sieve, without

Numbers = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class _Type:
    """The usable values of one type: whose each is, which identifier (numbered from 0), and whether it is unusual.

    `table` has these identifiers (code, id).
    """

    table: str
    people: Numbers
    code: Numbers
    odd: Flags
    identifiers: int


class Usable:
    """The values of everybody; the identifiers themselves stay in tables of the DuckDB, named with `prefix`."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, prefix: str, snapshot: Path, identity: IdentityMap) -> None:
        """Judge every value of `snapshot`, which has each person's number as `member`, `person`, and the mapped columns."""
        self._duck, types = duck, dict.fromkeys(mapping.id_type for mapping in identity.mappings)
        duck.execute(f"CREATE TEMP TABLE judged AS {judged(duck, snapshot, identity)}")
        duck.execute(
            "CREATE TEMP TABLE seats AS SELECT file_row_number AS seat, member AS n"
            f" FROM read_parquet({literal(snapshot)}, file_row_number=true)"
        )
        try:
            self._types = {each: self._numbered(f"{prefix}_{place}", each) for place, each in enumerate(types)}
            self._refused = {(each, why): self._without(each, why) for each in types for why in Refusal}
        finally:
            duck.execute("DROP TABLE judged; DROP TABLE seats")

    def account(self, members: Flags, sieve: Sieve) -> Resolution:
        """What a resolve of these people would give, without those who are suppressed."""
        usable, values, odd = np.zeros(len(members), np.bool_), 0, 0
        identifiers: dict[IdType, int] = {}
        struck: Counter[IdType] = Counter()
        for id_type, found in self._types.items():
            mine = members[found.people]
            usable[found.people[mine]] = True
            values, odd = values + int(mine.sum()), odd + int((mine & found.odd).sum())
            seen = np.zeros(found.identifiers, np.bool_)
            seen[found.code[mine]] = True
            identifiers[id_type] = int(seen.sum())
            struck[id_type] = self._struck(found.table, seen, sieve) if sieve else 0
        refused: dict[IdType, dict[Refusal, int]] = {id_type: {} for id_type in self._types}
        for (id_type, why), people in self._refused.items():
            if count := int(members[people].sum()):
                refused[id_type][why] = count
        account = Resolution(
            members=int(members.sum()),
            members_usable=int(usable.sum()),
            values=values + sum(sum(kinds.values()) for kinds in refused.values()),
            identifiers=identifiers,
            refused=refused,
            duplicates=values - sum(identifiers.values()),
            warnings={UNUSUAL: odd} if odd else {},
        )
        return without(account, struck)

    def drop(self) -> None:
        """Give the tables back."""
        for found in self._types.values():
            self._duck.execute(f"DROP TABLE IF EXISTS {found.table}")

    def _numbered(self, table: str, id_type: IdType) -> _Type:
        """Number the different identifiers of a type."""
        column, mine = "guid" if is_guid(id_type) else "raw", f"id_type = {literal(id_type.value)} AND reason IS NULL"
        distinct = f"SELECT DISTINCT {column} AS id FROM judged WHERE {mine}"
        self._duck.execute(f"CREATE TABLE {table} AS SELECT (row_number() OVER () - 1)::UINTEGER AS code, id FROM ({distinct})")
        found = self._duck.execute(
            f"SELECT n::UINTEGER AS n, code, coalesce(odd, false) AS odd FROM (FROM judged WHERE {mine}) AS judged"
            f" JOIN {table} ON id = {column} JOIN seats USING (seat)"
        ).fetchnumpy()
        (identifiers,) = self._duck.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
        return _Type(table, found["n"], found["code"], found["odd"].astype(np.bool_), int(identifiers))

    def _without(self, id_type: IdType, why: Refusal) -> Numbers:
        """Whose values were refused for a reason, each as often as they were."""
        query = f"SELECT n::UINTEGER AS n FROM judged JOIN seats USING (seat) WHERE id_type = {literal(id_type.value)} AND reason = "
        return np.asarray(self._duck.execute(query + literal(why.value)).fetchnumpy()["n"], np.uint32)

    def _struck(self, table: str, seen: Flags, sieve: Sieve) -> int:
        """How many of the identifiers that were seen are suppressed."""
        struck = 0
        for batch in self._duck.sql(f"SELECT code, id FROM {table}").to_arrow_reader(1_000_000):
            ids = batch.column(1)
            hits = sieve.hits(ids.storage if isinstance(ids, pa.ExtensionArray) else ids)
            struck += int((hits & seen[batch.column(0).to_numpy()]).sum())
        return struck
