"""The uses of a cohort on the demo's shop, whose answer key was written by other code: a holdout measured, a split to the identifier,
a lookalike beside the best guess there is and the guess that who does most is next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from town import Town
from tradewind.catalog import yaml
from tradewind.demo import shop
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.identity.kinds import to_text
from tradewind.model.identifier import IdentityMap, IdType, Mapping
from tradewind.model.sync import Cadence, Sync
from tradewind.operations import cohorts, lookalikes, splits, syncs
from tradewind.operations.events import import_files
from tradewind.operations.lift import lift

DAY = date(2026, 6, 30)
PEOPLE, SEED = 2_500, 7


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shop")
    shop.make(out, PEOPLE, 90, SEED, DAY)
    return out


@pytest.fixture
def town(tmp_path: Path, made: Path) -> Iterator[Town]:
    """A project in the shop's zone with its events and cohorts, at the beginning of the key's first day there."""
    town = Town(tmp_path, zone=shop.ZONE.key)
    town.parts = replace(town.parts, engine=DuckDBEngine(town.parts.events, town.parts.bounds))
    town.at(datetime.combine(DAY, datetime.min.time(), shop.ZONE))
    types = (("advertising_id", IdType.DAID), ("uid2", IdType.UID2), ("tdid", IdType.TDID))
    identity = IdentityMap(tuple(Mapping(f"user.{name}", id_type) for name, id_type in types))
    main = town.parts.catalog.connection("default", "main")
    town.parts.catalog.save_connection(replace(main, identity=identity))
    for written in yaml.read([made / "cohorts.yaml"], "default").cohorts:
        town.parts.catalog.save_cohort(written.value)
    import_files(town.parts, "default", [made / "events"], lambda *_: None)
    yield town
    town.close()


def held(town: Town, sync: Sync) -> set[str]:
    """What the platform has in the segment, written as the key writes it."""
    found = town.platform.held("https://memory.invalid", "adv1", sync.segment)
    return {f"{id_type} {to_text(IdType(id_type), value)}" for id_type, value in found}


def test_the_lift_of_the_campaign_is_the_planted_one(town: Town, made: Path) -> None:
    """The arms are the key's, to the person and to the cent; the planted effect is in the interval, and none is not."""
    key: dict[str, Any] = json.loads((made / "answer-key.json").read_text())["campaign"]
    wish = syncs.Wish(key["cohort"], "main", "offer", "Offer", cadence=Cadence.DAILY, holdout=key["percent"], salt=key["salt"])
    syncs.run(town.parts, "default", syncs.add(town.parts, "default", wish).id, None, lambda *_: None)
    import_files(town.parts, "default", [made / "campaign"], lambda *_: None)
    town.clock.sleep(timedelta(days=shop.LATER_DAYS + 1).total_seconds())
    found = lift(town.parts, "default", "offer", key["event"], "amount", None, None)
    for arm, expected in ((found.sent, key["arms"]["sent"]), (found.held_out, key["arms"]["held_out"])):
        assert (arm.people, arm.converted, arm.value) == (expected["people"], expected["converted"], expected["value"])
    print(f"{found.conversion.low:.3f} < {key['effect']:.3f} < {found.conversion.high:.3f}, p = {found.conversion.p:.2g}")
    assert found.conversion.low < key["effect"] < found.conversion.high
    assert found.conversion.p < 0.05


def test_the_lookalike_of_the_club_is_nearly_as_good_as_the_best_guess(town: Town, made: Path) -> None:
    """Between the guess by how much people did, which the card states too, and the one that knows everybody's chance."""
    key: dict[str, Any] = json.loads((made / "answer-key.json").read_text())["club"]
    import_files(town.parts, "default", [made / "club"], lambda *_: None)
    for written in yaml.read([made / "club.yaml"], "default").cohorts:
        town.parts.catalog.save_cohort(written.value)
    card = lookalikes.train(town.parts, "default", "like-club", None)
    assert (card.seed, card.trained_as_of) == (key["members"], town.clock.now())
    most, best = key["by_events"], key["by_chance"]
    print(f"AUC by events {card.baseline:.3f}, by the model {card.auc:.3f}, by the chances {best['auc']:.3f}")
    assert most["auc"] + 0.1 < card.auc < best["auc"] + 0.02
    assert card.baseline + 0.1 < card.auc
    assert card.weights[0].words == "did Read Guide often"
    like = set(cohorts.preview(town.parts, "default", "like-club", None, None, PEOPLE).sample)
    found = len(like & set((made / "club-later.txt").read_text().split()))
    fewest, most_of_all = (each["later_in_first_tenth"] for each in (most, best))
    print(f"of {key['later']} who join later the first tenth has {found}; by events {fewest}, by chance {most_of_all}")
    assert 1.5 * fewest < found < 1.2 * most_of_all


def test_each_plan_has_its_people_to_the_identifier(town: Town, made: Path) -> None:
    """What two people on different plans share is in the segment that came first, and in no other."""
    made_shop = shop.Shop(SEED, PEOPLE, shop._midnight(DAY - timedelta(days=90)), 90 + shop.LATER_DAYS + 1)
    engaged = shop.cohorts_of(shop.people_before(made_shop.events, DAY))["engaged-paid"]
    by_plan = {plan: shop.account([each for each in engaged if each.traits["plan"] == plan])[1] for plan in ("enterprise", "growth")}
    wish = syncs.Wish("engaged-paid", "main", "engaged", "Engaged on {value}")
    parts = splits.add(town.parts, "default", wish, "plan", ["growth", "enterprise"])
    splits.run(town.parts, "default", "engaged", None, lambda *_: None)
    found = {each.only.value: held(town, each) for each in parts if each.only}
    assert min(map(len, found.values())) > 10
    assert found == {"enterprise": by_plan["enterprise"], "growth": by_plan["growth"] - by_plan["enterprise"]}
    assert set().union(*found.values()) == set((made / "answer-key" / f"engaged-paid-{DAY}.txt").read_text().splitlines())
