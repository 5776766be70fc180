"""Opens DuckDB the one way the product uses it: in memory, bounded, in UTC, without extensions from outside, and locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

UNCHANGED: Mapping[str, str] = {}


@dataclass(frozen=True)
class Bounds:
    """What one computation may use: memory as DuckDB writes it (`1GiB`), threads, a folder to spill into, and where its files lie.

    Where there is a `below`, files below these folders alone can be read and written, and nothing can be attached or installed.

    `within` is a DuckDB that is open already and is used with its own bounds: opening one costs 25 ms, which counts where
    thousands of small computations follow one another.
    """

    memory: str = "1GiB"
    threads: int = 2
    spill: Path | None = None
    below: tuple[Path, ...] = ()
    within: duckdb.DuckDBPyConnection | None = field(default=None, repr=False, compare=False)


def connect(bounds: Bounds, settings: Mapping[str, str] = UNCHANGED, *, locked: bool = True) -> duckdb.DuckDBPyConnection:
    """A new in-memory DuckDB within the bounds, or a new session of the one that they name. The caller closes it.

    `settings` hold for all its sessions, and no statement changes them or any other afterwards; one that is not `locked` is for who
    has to attach something first, and locks it then.
    """
    if bounds.within is not None:
        return bounds.within.cursor()
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": bounds.memory,
        "threads": str(bounds.threads),
        "preserve_insertion_order": "false",
    }
    if bounds.spill is not None:
        bounds.spill.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(bounds.spill)
    connection = duckdb.connect(":memory:", config=config)
    for name, value in {"TimeZone": "'UTC'", **settings}.items():
        connection.execute(f"SET GLOBAL {name} = {value}")
    if bounds.below:
        connection.execute(f"SET allowed_directories = [{', '.join(map(literal, bounds.below))}]")
        connection.execute("SET enable_external_access = false")
    if locked:
        connection.execute("SET lock_configuration = true")
    return connection


_OF_THE_MACHINE = ("IO Error", "Out of Memory Error", "INTERRUPT Error")
"""How what DuckDB says begins where it is of the machine: Arrow hands every failure in a stream on as an OSError without a number."""


def told_of(error: Exception) -> str:
    """What of a failure of DuckDB, Arrow or the disk may be told, in one line: of others than the machine's the kind alone.

    Their words name the value that they failed at, or the statement.
    """
    words = str(error).partition("\n")[0]
    of_the_disk = isinstance(error, OSError) and (error.errno is not None or words.startswith(_OF_THE_MACHINE))
    if words and (of_the_disk or isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException))):
        return words
    return f"it was given up ({type(error).__name__.removesuffix('Exception')})"


def literal(text: str | Path) -> str:
    """A text as a SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """The name of a column or table as SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def duckdb_version() -> str:
    """The version of DuckDB at work."""
    return duckdb.__version__
