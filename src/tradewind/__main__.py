"""`tradewind`, and `python -m tradewind`: the command line, begun so that no command waits for what it has no use for."""

from __future__ import annotations

import gc
import sys


class _NoPandas:
    """Says that pandas is not installed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Leave every other module to those who find them."""
        _ = path, target
        if name == "pandas":
            raise ModuleNotFoundError(name)


def spare_pandas() -> None:
    """Let pyarrow believe that there is no pandas: it would load it, for half a second, with the first array of a process.

    Nothing here hands pandas' values to pyarrow. Who imports pandas afterwards, as statsmodels does, gets it.
    """
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_NoPandas)


def run() -> int:
    """The command of this process; its exit code."""
    gc.set_threshold(50_000, 20, 50)  # else a tenth of a start is spent on looking for garbage among what was just loaded
    spare_pandas()
    from tradewind.cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
