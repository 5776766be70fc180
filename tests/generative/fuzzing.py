"""How many examples the engines are compared on, and which: few and the same ones in the suite, as many as `./dev fuzz` says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings

Test = TypeVar("Test", bound=Callable[..., None])

EXAMPLES = os.environ.get("TRADEWIND_FUZZ_EXAMPLES")
SEED = int(os.environ.get("TRADEWIND_FUZZ_SEED", "1"))


def fuzzed(examples: int) -> Callable[[Test], Test]:
    """So many examples, or those of `./dev fuzz`; none is kept on disk."""
    number = int(EXAMPLES) if EXAMPLES else examples
    chosen = settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate] if EXAMPLES else [Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def decorated(test: Test) -> Test:
        bounded: Test = pytest.mark.timeout(36_000 if EXAMPLES else 900)(seed(SEED)(chosen(test)))
        return bounded

    return decorated
