"""What is imported only in the midst of some work, so that a measurement can have it imported before."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

NAMES = ("encodings.idna", "sqlite3", "numpy.ma", "pyarrow.vendored.version", "pyarrow.pandas_compat", "pandas")


def load() -> None:
    """Imports do not count: pyarrow loads pandas in the midst of its work, where that is installed."""
    for name in NAMES:
        with suppress(ModuleNotFoundError):
            import_module(name)
