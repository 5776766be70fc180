"""The engines that are too large for every test: each is begun once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from engines.laid import Place, clickhouse, spark, why_no_spark

PlaceOf = Callable[[str], Place]


@pytest.fixture(scope="session")
def place_of() -> Iterator[PlaceOf]:
    """`clickhouse` or `spark`; skips, and says why, where there can be none."""
    with ExitStack() as stack:

        @cache
        def place(kind: str) -> Place:
            if kind == "spark" and (reason := why_no_spark()):
                pytest.skip(reason)
            return stack.enter_context({"clickhouse": clickhouse, "spark": spark}[kind]())

        yield place
