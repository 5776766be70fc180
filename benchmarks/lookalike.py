"""Who comes into a seed later, ranked by a lookalike, and by how much people did: on the made-up shop, and on real events where they are.

For each instant a lookalike is trained and everybody outside the seed is ranked, by the product and as of that instant; the peer
ranks the same people by their number of events over the same days. Both are judged by who is in the seed a period later.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tradewind.model.cohort import Cohort
    from tradewind.parts import Parts

ROOT = Path(__file__).resolve().parents[1]
PROJECT, SEED, LIKE = "default", "seed", "like"
TENTH = 0.1
FIGURES = ("auc", "auc_popularity", "auc_recency", "tenth", "tenth_popularity")


@dataclass(frozen=True)
class Judged:
    """One seed at one instant: how many were ranked, how many of them came into it later, and how both rankings had them."""

    where: str
    as_of: str
    seed: int
    ranked: int
    came: int
    auc: float
    auc_popularity: float
    auc_recency: float
    tenth: float
    tenth_popularity: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--people", type=int, default=8_000, help="people of the shop")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        found = [*shop(Path(folder), arguments.people), *real(Path(folder))]
    tell(found, as_json=arguments.json)


def shop(folder: Path, people: int) -> list[Judged]:
    """The made-up shop: who buys in the 30 days after."""
    script = ROOT / "src" / "tradewind" / "demo" / "shop.py"
    subprocess.run([sys.executable, str(script), str(folder / "shop"), "--people", str(people)], check=True)
    at = [datetime(2026, 6, day, 4, tzinfo=UTC) for day in (1,)]
    return run(folder / "shop-home", folder / "shop" / "events", "shop: Purchase in 30 days", {"did": "Purchase"}, 30, 90, at)


def real(folder: Path) -> list[Judged]:
    """Real committers: who, not of the seed, commits three times in the next half-year. Nothing where the events are not."""
    events = Path(os.environ.get("TRADEWIND_REAL_EVENTS") or ROOT.parent / "shared" / "data" / "events")
    if not events.is_dir():
        return []
    at = [datetime(year, month, 1, tzinfo=UTC) for year in range(2021, 2026) for month in (1, 7)]
    return run(folder / "real-home", events, "real: commit >= 3 in 180 days", {"did": "commit", "count": ">= 3"}, 180, 730, at)


def run(home: Path, events: Path, where: str, who: dict[str, Any], days: int, back: int, instants: Sequence[datetime]) -> list[Judged]:
    """Import events, define a seed of the last `days` and its lookalike, and judge both rankings at each instant."""
    from tradewind import app
    from tradewind.operations import cohorts
    from tradewind.operations import events as importing

    app.make_home(home, "UTC")
    with app.opened(home) as parts:
        importing.import_files(parts, PROJECT, sorted(events.glob("*.json.gz")), lambda *_told: None)
        rule = who | {"in": {"last": f"{days} days"}}
        cohorts.define(parts, PROJECT, {"id": SEED, "name": "Seed", "kind": "behavioural", "who": rule})
        like = {
            "id": LIKE,
            "name": "Like",
            "kind": "lookalike",
            "seed": SEED,
            "take": {"percent": 10},
            "look_back_days": back,
            "retrain_days": 1,
        }
        made = cohorts.define(parts, PROJECT, like)
        return [judged(parts, made, where, at, timedelta(days=days), home / f"{at:%Y%m%d}") for at in instants]


def judged(parts: Parts, made: Cohort, where: str, at: datetime, later: timedelta, folder: Path) -> Judged:
    """Both rankings of those outside the seed at an instant, judged by who is in it a period later."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tradewind import members
    from tradewind.engines.lookalike.fit import auc
    from tradewind.engines.lookalike.reading import Behaviours, Period
    from tradewind.model.cohort import Lookalike
    from tradewind.model.lookalike import Feature, FeatureKind

    assert isinstance(made.definition, Lookalike)
    question = members.question_of(parts, made, made.definition, at)
    now, then = (members.seed_of(parts, question, moment, folder) for moment in (at, at + later))
    model = parts.lookalikes.model(question, lambda moment: members.seed_of(parts, question, moment, folder), parts.bounds, folder)
    parts.lookalikes.score(question, model, now, parts.bounds, folder / "scored.parquet", named=False)
    scored = pq.read_table(folder / "scored.parquet").sort_by("member")
    period = Period(at - timedelta(days=model.days), at)
    peers = [Feature(FeatureKind.EVENTS), Feature(FeatureKind.SINCE_LAST)]
    counted = Behaviours(parts.events, PROJECT, parts.bounds, folder).others(period, peers, now, named=False)
    did = pa.Table.from_batches(counted).sort_by("member")
    assert did["member"].to_pylist() == scored["member"].to_pylist()
    came = np.isin(np.array(scored["member"].to_pylist()), np.array(pq.read_table(then)["member"].to_pylist()))
    scores, popular, recent = scored["score"].to_numpy(), did["f0"].to_numpy(), -did["f1"].to_numpy()
    size, areas = len(pq.read_table(now)), (auc(each, came) for each in (scores, popular, recent))
    tenths = (first(each, came) for each in (scores, popular))
    return Judged(where, f"{at:%Y-%m-%d}", size, len(scores), int(came.sum()), *areas, *tenths)


def first(scores: Any, came: Any) -> float:
    """The share of those who came that the first tenth has; of people with the same score each counts by its share of them."""
    import numpy as np

    room, found = len(scores) * TENTH, 0.0
    for score in np.unique(scores)[::-1]:
        here = scores == score
        found += came[here].sum() * min(1.0, room / here.sum())
        room -= here.sum()
        if room <= 0:
            break
    return float(found / max(1, came.sum()))


def tell(found: list[Judged], *, as_json: bool) -> None:
    """Print each row, and for each set of events the means and the ratio of the two."""
    means: dict[str, dict[str, float]] = {}
    for where in dict.fromkeys(each.where for each in found):
        rows = [each for each in found if each.where == where]
        of_rows = {name: sum(getattr(each, name) for each in rows) / len(rows) for name in FIGURES}
        of_rows["ratio_tenth"] = of_rows["tenth"] / of_rows["tenth_popularity"]
        means[where] = {name: round(value, 3) for name, value in of_rows.items()}
    if as_json:
        print(json.dumps({"rows": [asdict(each) for each in found], "means": means}))
        return
    table = Table(
        "events and seed", "as of", "seed", "ranked", "came later", "AUC", "by events", "by recency", "first tenth has", "by events"
    )
    for each in found:
        areas = (f"{value:.3f}" for value in (each.auc, each.auc_popularity, each.auc_recency))
        counts = (f"{count:,}" for count in (each.seed, each.ranked, each.came))
        table.add_row(each.where, each.as_of, *counts, *areas, f"{each.tenth:.1%}", f"{each.tenth_popularity:.1%}")
    console = Console(width=160)
    console.print(table)
    for where, figures in means.items():
        console.print(f"{where}, means: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
