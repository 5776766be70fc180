"""What the columns of an operator's file hold: which identifiers, how many are valid, and why the others are not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from sqlglot import exp

from tradewind.compute import quoted
from tradewind.identity.validate import refusal
from tradewind.model.identifier import IdType, Refusal
from tradewind.sources.files import TableFile, load, open_table
from tradewind.sources.session import Session, session

_VALID = "valid"
_TRADE_DESK_NAMES = ("tdid", "ttd", "trade")
_DEVICE_NAMES = ("idfa", "aaid", "gaid", "adid", "maid", "daid", "device", "advertising")
_PEOPLE_NAMES = {f"{who}{end}" for who in ("user", "customer", "person", "member", "client", "contact", "account") for end in ("", "id")}
_PEOPLE_NAMES.add("uid")


@dataclass(frozen=True)
class ColumnReport:
    """One column: `filled` of `rows` cells have a value; per id type, how many are valid and why the others are not.

    `guess` is the id type that half of the values or more fit; `ambiguous` says that they are GUIDs and the name does
    not tell a device id from a TDID, so a person must. `people` says that the name is one for people. Only a column
    that holds `text` can be used as identifiers.
    """

    name: str
    text: bool
    rows: int
    filled: int
    valid: dict[IdType, int]
    refused: dict[IdType, dict[Refusal, int]]
    guess: IdType | None
    ambiguous: bool
    people: bool


def inspect(file: str, base: Path | None = None) -> tuple[ColumnReport, ...]:
    """A report on each column, in the order of the file. Reads the whole file, in bounded memory.

    Raises DefinitionError when the file is not what it should be, as `files.open_table` and `files.load` say.
    """
    table = open_table(file, base or Path.cwd())
    with session(Path(gettempdir()), [table.path]) as work:
        load(work, table, "incoming")
        return tuple(_report(work, table, name) for name in table.columns)


def _report(work: Session, table: TableFile, name: str) -> ColumnReport:
    counts = ", ".join(
        f"histogram(coalesce({refusal(id_type, exp.column(name, quoted=True)).sql('duckdb')}, '{_VALID}'))" for id_type in IdType
    )
    row = work.connection.execute(f"SELECT count(*), count(nullif({quoted(name)}, '')), {counts} FROM incoming").fetchone()
    rows, filled, *found = row or (0, 0, *({} for _ in IdType))
    by_type: dict[IdType, dict[str, int]] = {id_type: dict(histogram or {}) for id_type, histogram in zip(IdType, found, strict=True)}
    valid = {id_type: counted.pop(_VALID, 0) for id_type, counted in by_type.items()}
    refused = {id_type: {Refusal(reason): count for reason, count in sorted(counted.items())} for id_type, counted in by_type.items()}
    guess, ambiguous = _guess(name, filled, valid) if name in table.texts else (None, False)
    people = guess is None and not ambiguous and re.sub("[^a-z0-9]", "", name.casefold()) in _PEOPLE_NAMES
    return ColumnReport(name, name in table.texts, rows, filled, valid, refused, guess, ambiguous, people)


def _guess(name: str, filled: int, valid: dict[IdType, int]) -> tuple[IdType | None, bool]:
    fitting = [id_type for id_type, count in valid.items() if count and 2 * count >= filled]
    if IdType.DAID not in fitting:
        return (IdType.UID2 if IdType.UID2 in fitting else None), False
    lowered = name.casefold()
    if any(word in lowered for word in _TRADE_DESK_NAMES):
        return IdType.TDID, False
    if any(word in lowered for word in _DEVICE_NAMES):
        return IdType.DAID, False
    return None, True
