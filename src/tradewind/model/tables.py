"""Tables that a client already has, and how their rows are read: as what people did, or as what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EngineKind(StrEnum):
    """Where the tables are, and what answers questions about them."""

    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"
    CLICKHOUSE = "clickhouse"
    SPARK = "spark"


class ColumnKind(StrEnum):
    """What a column holds, as far as reading it goes."""

    TEXT = "text"
    INTEGER = "whole number"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "time with a zone"
    TIME = "time without a zone"
    DATE = "date"
    JSON = "JSON"
    LIST = "list"
    OTHER = "something else"


class TimeUnit(StrEnum):
    """What a whole number counts since the beginning of 1970, UTC."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"


@dataclass(frozen=True)
class Stated:
    """Where properties are: in the object of a JSON column, and each in a column of its own, as (property, column)."""

    json: str | None = None
    columns: tuple[tuple[str, str], ...] = ()

    def named(self) -> tuple[str, ...]:
        """All columns."""
        return (*([self.json] if self.json else []), *(column for _, column in self.columns))


@dataclass(frozen=True)
class Rows:
    """How the rows of one table are read.

    `table` may name its schema (`sales.orders`). `user` and `device` are columns of ids, of which there is at least one. A row is an
    event: of the kind `event`, or that of the column `event_column`, at `time`, which is a time (without a zone it is in UTC), a date
    or, with `unit`, a whole number. Without either it says what is known of a person, and has always been so unless it has a time.
    `whole` rows state all properties of a person that they have a place for: those that have no value there have none.
    """

    table: str
    user: str | None = None
    device: str | None = None
    time: str | None = None
    unit: TimeUnit | None = None
    event: str | None = None
    event_column: str | None = None
    properties: Stated = Stated()
    user_properties: Stated = Stated()
    whole: bool = False

    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        single = (self.user, self.device, self.time, self.event_column)
        found = [*(name for name in single if name), *self.properties.named(), *self.user_properties.named()]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Tables:
    """Tables of one server: `url` names the environment variable that holds where it is and how to sign in.

    Or files that stay where they are, read by the DuckDB of this process: `path` is their folder, or a file of DuckDB's, inside a folder
    in which tables may lie. A table of a folder is a file of it, or a pattern of files.
    """

    engine: EngineKind
    url: str
    rows: tuple[Rows, ...]
    path: str = ""

    def where(self) -> str:
        """Where they are, in words that hold no secret."""
        return self.path or f"the URL that {self.url} holds"


DATABASES = (".duckdb", ".ddb", ".db")
"""Endings of files of DuckDB's; any other path is a folder."""

FILES = (".parquet", ".csv", ".csv.gz")
"""Endings of the files that a table of a folder may be made of."""
