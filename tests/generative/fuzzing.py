"""How many examples the engines are compared on, and which: few and the same ones in the suite, as many as `./dev fuzz` says otherwise."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings

Test = TypeVar("Test", bound=Callable[..., None])

EXAMPLES = os.environ.get("TRADEWIND_FUZZ_EXAMPLES")
SEED = int(os.environ.get("TRADEWIND_FUZZ_SEED", "1"))

TOLD_EVERY = 10
"""Seconds from one line about how far a test is to the next."""


def fuzzed(examples: int, *, one_in: int = 1) -> Callable[[Test], Test]:
    """So many examples, or those of `./dev fuzz`, or one in so many of these; none is kept on disk."""
    number = max(1, int(EXAMPLES) // one_in) if EXAMPLES else examples
    chosen = settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def decorated(test: Test) -> Test:
        if EXAMPLES:
            given: Any = test
            given.hypothesis.inner_test = _telling(given.hypothesis.inner_test, number)
        bounded: Test = pytest.mark.timeout(36_000 if EXAMPLES else 900)(seed(SEED)(chosen(test)))
        return bounded

    return decorated


def _telling(test: Callable[..., None], number: int) -> Callable[..., None]:
    """The same test, which says now and then how far it is, how fast it goes and how long it will take."""
    begun = told = time.monotonic()
    done = 0

    @wraps(test)
    def counted(*arguments: Any, **named: Any) -> None:
        nonlocal begun, told, done
        if not done:
            begun = told = time.monotonic()
        test(*arguments, **named)
        done, now = done + 1, time.monotonic()
        if done == number or now - told >= TOLD_EVERY:
            told, rate = now, done / max(now - begun, 0.001)
            left = max(number - done, 0) / rate
            print(f"  {test.__name__}: {done:,} of {number:,}, {rate:.1f} a second, {_lasting(left)} left", file=sys.stderr, flush=True)

    return counted


def _lasting(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
