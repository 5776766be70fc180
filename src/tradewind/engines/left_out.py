"""Who is left out of a segment: the members of a run of whom no value gave an identifier, by no mapping."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from tradewind.compute import Bounds, connect, literal, quoted, told_of
from tradewind.engines.look import AMPLITUDE_ID, Names, named_by, nobody
from tradewind.errors import EngineError
from tradewind.model.identifier import REFUSAL_SENTENCES, IdentityMap, Mapping, Refusal, Take


@dataclass(frozen=True)
class Why:
    """What came of one source for one type of identifier; never the value."""

    source: str
    id_type: str
    reason: str
    sentence: str


@dataclass(frozen=True)
class LeftOut:
    """A person without any identifier, with what came of each mapping; `amplitude_id` where the cohort is from Amplitude."""

    person: str
    why: tuple[Why, ...]
    amplitude_id: str | None = None


def left_out(
    members: Path, rejects: Path, identity: IdentityMap, limit: int, bounds: Bounds, names: Names = nobody
) -> tuple[int, tuple[LeftOut, ...]]:
    """How many members have no identifier at all, and the first of them, by the two files of their run.

    Such a member has as many rejects as values were asked for: one for each mapping, or for each value of a list that is
    taken whole. `names` finds persons that the files do not name. Raises EngineError when the files cannot be read.
    """
    try:
        with connect(bounds) as connection:
            columns = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {_read(members)}").fetchall()}
            asked = " + ".join(_asked(mapping, columns) for mapping in identity.mappings)
            person, amplitude_id = (name if name in columns else "NULL" for name in ("person", AMPLITUDE_ID))
            connection.execute(
                f"CREATE TABLE lost AS SELECT member, {person}::VARCHAR AS person, {amplitude_id} AS amplitude_id FROM {_read(members)}"
                f" JOIN (SELECT member, count(*) AS refused FROM {_read(rejects)} GROUP BY member) USING (member) WHERE refused = {asked}"
            )
            (count,) = connection.execute("SELECT count(*) FROM lost").fetchone() or (0,)
            rows = connection.execute(
                "WITH shown AS (FROM lost ORDER BY person, member LIMIT ?)"
                " SELECT shown.person, shown.member, amplitude_id, list([source, id_type, reason] ORDER BY id_type, source)"
                f" FROM shown JOIN {_read(rejects)} AS rejects USING (member) GROUP BY ALL ORDER BY ALL",
                [limit],
            ).fetchall()
    except duckdb.Error as error:
        raise EngineError(f"the files of the run cannot be read: {told_of(error)}") from None
    persons = named_by(names, ((person, member) for person, member, *_ in rows))
    return count, tuple(
        LeftOut(person, tuple(_why(*each) for each in why), amplitude_id)
        for person, (*_, amplitude_id, why) in zip(persons, rows, strict=True)
    )


def _why(source: str, id_type: str, reason: str) -> Why:
    return Why(source, id_type, reason, REFUSAL_SENTENCES[Refusal(reason)])


def _asked(mapping: Mapping, columns: dict[str, str]) -> str:
    """How many values of a member the mapping was asked for, as SQL."""
    if columns.get(mapping.source) != "VARCHAR[]" or mapping.take is Take.LATEST:
        return "1"
    return f"greatest(1, coalesce(len({quoted(mapping.source)}), 0))"


def _read(path: Path) -> str:
    return f"read_parquet({literal(path)})"
