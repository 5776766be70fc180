"""The twelve cohorts of examples/cohorts find whom plain Python finds, in engine and preview: in the shop, and among real people."""

from __future__ import annotations

import gzip
import json
import re
import runpy
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import plain
from event_desk import Desk
from product import Product
from tradewind.clock import StandingClock
from tradewind.cohorts.document import read_value
from tradewind.cohorts.parse import parse_cohort
from tradewind.compute import Bounds
from tradewind.demo import shop
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.preview import Asked, Turn
from tradewind.events.importing import import_events
from tradewind.model.cohort import Behaviour
from tradewind.model.project import Project, ProjectPlan

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


WORDS = {"file_changed": "View Item", "merge": "Purchase"}
"""What people did in repositories, in the words of the shop; a commit of three files or more fills a cart, any other opens the app."""

KINDS = {".py": "hats", ".ts": "shoes", ".md": "bags", ".yml": "coats"}
"""What kind of file is what kind of thing; any other is what it is."""


def in_words_of_the_shop(folder: Path) -> Iterator[str]:
    """Real events since 2025, as lines; until March 2026 everybody pays."""
    for event in plain.load(folder):
        if event["event_time"] >= "2025":
            said = event["event_properties"]
            filled = (said.get("files") or 0) >= 3
            kind = WORDS.get(event["event_type"], "Add to Cart" if filled else "Open App")
            traits = event["user_properties"] | ({"plan": "growth"} if event["event_time"] < "2026-04" else {})
            properties = {
                "category": KINDS.get(said.get("ext"), said.get("ext")),
                "price": (said.get("files") or int(event["event_time"][15])) * 24.5,
            }
            yield json.dumps(event | {"event_type": kind, "event_properties": properties, "user_properties": traits}) + "\n"


def test_the_examples_find_among_real_people_whom_the_key_names(tmp_path: Path) -> None:
    real = plain.real_events()
    if real is None:
        pytest.skip("the real events are not here; set TRADEWIND_REAL_EVENTS to their folder")
    desk = Desk(tmp_path)
    with gzip.open(desk.folder / "all.json.gz", "wt", encoding="utf-8", compresslevel=1) as lines:
        lines.writelines(in_words_of_the_shop(real))
    clock = StandingClock(datetime(2026, 7, 1, tzinfo=UTC))
    import_events(desk.store, "p", [desk.folder / "all.json.gz"], on_progress=desk.on_progress, clock=clock)
    key = runpy.run_path(str(EXAMPLE / "key.py"))
    wanted: dict[str, set[str]] = key["cohorts"](key["read"](desk.folder, DAY), DAY)
    as_of, project = key["begins"](DAY), Project("p", "P", ProjectPlan.PAID, "America/New_York", ())
    engine, previews, nested = DuckDBEngine(desk.store, Bounds()), DuckDBPreviews(desk.store, Bounds()), dict[str, Path]()
    for document in yaml.safe_load((EXAMPLE / "tradewind.yaml").read_text("utf-8"))["cohorts"]:
        cohort = parse_cohort(read_value(document), "p")
        assert isinstance(cohort.definition, Behaviour)
        file = tmp_path / f"{cohort.id}.parquet"
        engine.evaluate(project, cohort, as_of, (), nested, file)
        assert set(pq.read_table(file).column("person").to_pylist()) == wanted[cohort.id], cohort.id
        asked = Asked(project, cohort.definition.who, as_of, dict(nested))
        nested[cohort.id] = file
        assert previews.sizes(asked, Turn()).members == len(wanted[cohort.id]), cohort.id
    found = {name: len(members) for name, members in wanted.items()}
    assert all(found.values()), f"a cohort of nobody proves nothing: {found}"
    previews.close()
    desk.close()
