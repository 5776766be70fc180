"""Real committers: who comes into the seed in the half-year after is found better than by how much people did, in the same run."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import plain

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "lookalike.py"


def benchmark() -> ModuleType:
    """`./dev bench lookalike` does the same at more instants, and for the made-up shop."""
    spec = importlib.util.spec_from_file_location("bench_lookalike", BENCHMARK)
    assert spec
    assert spec.loader
    module = sys.modules["bench_lookalike"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_frequent_committers_to_be_are_found_better_than_by_how_much_people_did(tmp_path: Path) -> None:
    events = plain.real_events()
    if events is None:
        pytest.skip("the real events are not here; TRADEWIND_REAL_EVENTS names their folder")
    bench, frequent = benchmark(), {"did": "commit", "count": ">= 3"}
    instants = [datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)]
    found = bench.run(tmp_path / "home", events, "real", frequent, 180, 730, instants)
    for each in found:
        print(f"{each.as_of}: {each.came} of {each.ranked} came; AUC {each.auc:.3f}, by events {each.auc_popularity:.3f}")
        assert each.came >= 15
        assert each.auc > each.auc_popularity + 0.1
        assert each.auc > 0.8
        assert each.tenth > 2 * each.tenth_popularity
