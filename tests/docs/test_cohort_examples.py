"""The twelve cohorts of examples/cohorts find whom plain Python finds among the same events, in the engine and in the preview."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from product import Product
from tradewind.demo import shop

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cohorts"
DAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Product, dict[str, set[str]]]:
    """The product over the shop of the page, and who is in each cohort by the key."""
    folder = tmp_path_factory.mktemp("shop")
    shop.make(folder / "shop", people=1_500, days=90, seed=7, as_of=DAY)
    product = Product(folder)
    product.ok("init", "--zone", "America/New_York")
    product.ok("events", "import", str(folder / "shop" / "events"))
    product.ok("apply", str(EXAMPLE / "tradewind.yaml"))
    key = runpy.run_path(str(EXAMPLE / "key.py"))
    read: Callable[..., Any] = key["read"]
    found: dict[str, set[str]] = key["cohorts"](read(folder / "shop" / "events", DAY), DAY)
    return product, found


def table() -> dict[str, int]:
    """What the page says of each: how many it finds."""
    text = (EXAMPLE / "README.md").read_text("utf-8")
    return {name: int(count) for name, count in re.findall(r"^\| `([a-z-]+)` \|.*\| (\d+) \|$", text, re.MULTILINE)}


def test_the_page_names_all_twelve_and_counts_them_rightly(answers: tuple[Product, dict[str, set[str]]]) -> None:
    assert table() == {name: len(members) for name, members in answers[1].items()}
    assert len(table()) == 12


@pytest.mark.parametrize("cohort", table())
def test_an_example_finds_whom_the_key_names(answers: tuple[Product, dict[str, set[str]]], cohort: str) -> None:
    product, key = answers
    file = product.folder / f"{cohort}.parquet"
    assert product.ok("cohorts", "export", cohort, "--as-of", DAY.isoformat(), "--to", str(file))["members"] == len(key[cohort])
    assert set(pq.read_table(file).column("person").to_pylist()) == key[cohort]
    assert product.ok("cohorts", "preview", cohort, "--as-of", DAY.isoformat())["members"] == len(key[cohort])
