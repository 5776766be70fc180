"""A DuckDB of one's own for one task: only the files named can be touched, memory is bounded, nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tradewind.compute import literal
from tradewind.errors import EngineError

MEMORY_MIB = 512
"""Memory of one session; what does not fit is spilled to a folder beside the result and removed with the session."""

THREADS = 2


@dataclass(frozen=True)
class Session:
    """An open database, and the folder in which its work may be written; the folder goes when the session ends."""

    connection: duckdb.DuckDBPyConnection
    folder: Path

    def reach(self, file: Path, name: str) -> Path:
        """A link in the folder to an allowed file: DuckDB takes `*`, `?` and `[` in a path for wildcards."""
        link = self.folder / name
        link.symlink_to(file.resolve())
        return link

    def number(self, query: str) -> int:
        """The one whole number that a query answers."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def session(beside: Path, files: Iterable[Path] = (), folders: Iterable[Path] = ()) -> Iterator[Session]:
    """An empty database in memory that may touch its own folder, `files` and `folders`, and nothing else of the machine.

    Its own folder is made in `beside`. The settings are locked. Raises EngineError, without values, when DuckDB fails
    in a way the caller did not expect.
    """
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".work-", dir=beside.resolve()) as own:
        connection = duckdb.connect(":memory:", config=_settings(own))
        try:
            connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            connection.execute(f"SET allowed_paths = {_list(files)}")
            connection.execute(f"SET allowed_directories = {_list([Path(own), *folders])}")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield Session(connection, Path(own))
        except duckdb.Error as error:
            raise EngineError(f"the data could not be worked on: {_advice(error)}") from error
        finally:
            connection.close()


def _list(paths: Iterable[Path]) -> str:
    return f"[{', '.join(literal(str(path.resolve())) for path in paths)}]"


def _settings(spill: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
        "memory_limit": f"{MEMORY_MIB}MiB",
        "threads": THREADS,
        "temp_directory": spill,
    }


def _advice(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"it does not fit into {MEMORY_MIB} MiB of memory and the free disk"
    return "check that the file is whole and the disk has room"
