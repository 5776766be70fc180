"""Lift: arms counted from each person's first day, compared as statsmodels would, and right about simulated campaigns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from town import NOON, Town, drawn, member
from tradewind.errors import DefinitionError
from tradewind.ledger.memory import MemoryLedger
from tradewind.lots import lot
from tradewind.model.sync import Cadence, Sync
from tradewind.operations import syncs
from tradewind.operations.events import import_files
from tradewind.operations.lift import lift
from tradewind.trials.compare import Arm, conversion, worth

DAY = timedelta(days=1)
CAMPAIGNS = 400
"""Simulated, of each kind."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A hundred people."""
    town = Town(tmp_path, MemoryLedger())
    yield town
    town.close()


def run(town: Town, sync: Sync) -> None:
    """Run it by hand, now."""
    syncs.run(town.parts, "default", sync.id, None, lambda *_: None)


def bought(town: Town, deeds: list[tuple[int, datetime, object]]) -> None:
    """People buy something for a price."""
    lines = [
        {"event_type": "Buy", "user_id": f"u{number}", "device_id": f"d{number}", "insert_id": str(place),
         "time": int(at.timestamp() * 1000), "event_properties": {"price": price}}
        for place, (number, at, price) in enumerate(deeds)
    ]  # fmt: skip
    path = town.parts.home / "bought.json"
    path.write_text("\n".join(map(json.dumps, lines)))
    import_files(town.parts, "default", [path], lambda *_: None)


def test_the_arms_are_counted_from_each_ones_first_day(town: Town) -> None:
    """What was bought before, or on a day that is not over, by people of neither arm, or for no price, counts as it should."""
    sync = town.add("tenth", Cadence.DAILY, holdout=30)
    out = drawn(30, "tenth", town.people.numbers)
    town.people.numbers = set(range(1, 61))
    run(town, sync)
    town.clock.sleep(DAY.total_seconds())
    town.people.numbers = set(range(1, 101))
    run(town, sync)
    bought(
        town,
        [
            *((number, NOON - DAY, 1_000) for number in range(1, 101)),
            *((number, NOON + DAY / 2, 10) for number in range(1, 101)),
            *((number, NOON + 2 * DAY, 2.5) for number in range(1, 11)),
            (100, NOON + 2 * DAY, "a gift"),
            (11, NOON + 9 * DAY, 7),
        ],
    )
    town.clock.sleep(3 * DAY.total_seconds())
    found = lift(town.parts, "default", sync.id, "Buy", "price", None, None)
    for arm, mine in ((found.sent, set(range(1, 101)) - out), (found.held_out, out)):
        worth_of = {number: 10.0 * (number <= 60) + 2.5 * (number <= 10) for number in mine}
        assert (arm.people, arm.converted) == (len(mine), sum(number <= 60 or number == 100 for number in mine))
        assert (arm.value, arm.squares) == (sum(worth_of.values()), sum(each**2 for each in worth_of.values()))
    assert (found.neither, found.late, found.ended, found.percent) == (0, False, False, 30)
    one = lift(town.parts, "default", sync.id, "Buy", None, 1, None)
    assert one.sent.converted + one.held_out.converted == 60
    early = lift(town.parts, "default", sync.id, "Buy", None, 1, (NOON + 1.5 * DAY).isoformat())
    assert early.sent.people + early.held_out.people == 60


def test_who_changed_arms_is_in_neither(town: Town) -> None:
    sync = town.add("more", Cadence.DAILY, holdout=20)
    run(town, sync)
    syncs.change(town.parts, "default", "more", syncs.Change(holdout=40))
    run(town, sync)
    found = lift(town.parts, "default", sync.id, "Buy", None, None, None)
    lots = [lot(member(number), "more") for number in range(1, 101)]
    assert found.held_out.people == sum(each < 0.2 for each in lots)
    assert found.sent.people == sum(each >= 0.4 for each in lots)
    assert found.neither == sum(0.2 <= each < 0.4 for each in lots) > 0
    assert (found.conversion.difference, found.conversion.p, found.people_needed, found.days_needed) == (0.0, 1.0, None, None)


def test_there_is_nothing_to_compare_without_a_holdout(town: Town) -> None:
    sync = town.add("all", Cadence.DAILY)
    run(town, sync)
    with pytest.raises(DefinitionError, match="nobody of sync 'all' was held out in a run yet"):
        lift(town.parts, "default", "all", "Buy", None, None, None)
    with pytest.raises(DefinitionError, match="sync 'al' does not exist; did you mean 'all'"):
        lift(town.parts, "default", "al", "Buy", None, None, None)
    run(town, town.add("held", Cadence.DAILY, holdout=10))
    with pytest.raises(DefinitionError, match="0 people of sync 'held' are sent and have had their time"):
        lift(town.parts, "default", "held", "Buy", None, 7, None)


def test_the_arithmetic_is_that_of_statsmodels() -> None:
    from statsmodels.stats import proportion as theirs
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    for few, of, many, others in ((7, 100, 130, 900), (0, 50, 3, 400), (500, 1_000, 4_700, 9_000), (3, 3, 1, 2)):
        found = conversion(Arm(others, many), Arm(of, few))
        low, high = theirs.confint_proportions_2indep(many, others, few, of, method="newcomb", compare="diff")
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
        p = theirs.proportions_ztest([many, few], [others, of])[1]
        assert found.p == pytest.approx(1.0 if np.isnan(p) else p, abs=1e-9)
    draw = np.random.default_rng(3)
    one, other = draw.gamma(1, 20, 400) * (draw.random(400) < 0.2), draw.gamma(1, 15, 60) * (draw.random(60) < 0.2)
    welch = CompareMeans(DescrStatsW(one), DescrStatsW(other))
    mine = worth(*(Arm(len(each), int((each > 0).sum()), float(each.sum()), float((each**2).sum())) for each in (one, other)))
    assert (mine.low, mine.high) == pytest.approx(welch.tconfint_diff(usevar="unequal"))
    assert mine.p == pytest.approx(welch.ttest_ind(usevar="unequal")[1])


@pytest.mark.parametrize(("people", "base", "effect"), [(3_000, 0.05, 0.02), (800, 0.10, 0.0), (400, 0.02, 0.0), (20_000, 0.03, -0.005)])
def test_intervals_hold_the_truth_as_often_as_they_say(people: int, base: float, effect: float) -> None:
    """Of many campaigns with a known effect, a tenth of the people held out: 95 in 100 intervals hold it, and where there is none
    5 in 100 find one. Four standard errors of so many campaigns are allowed for."""
    draw, held = np.random.default_rng(11), people // 10
    held_out, sent = draw.binomial(held, base, CAMPAIGNS), draw.binomial(people - held, base + effect, CAMPAIGNS)
    found = [conversion(Arm(people - held, int(many)), Arm(held, int(few))) for many, few in zip(sent, held_out, strict=True)]
    covered = np.mean([each.low <= effect <= each.high for each in found])
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / CAMPAIGNS) < covered
    if effect == 0:
        assert np.mean([each.p < 0.05 for each in found]) < 0.05 + 4 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)


@pytest.mark.parametrize("gain", [0.0, 2.0])
def test_intervals_of_value_hold_the_truth_too(gain: float) -> None:
    """Few buy, and what they spend is skewed."""
    draw, people, held = np.random.default_rng(12), 4_000, 800

    def spent(size: int, more: float) -> list[Arm]:
        buys = draw.random((CAMPAIGNS, size)) < 0.08
        value = buys * (draw.lognormal(3, 0.8, (CAMPAIGNS, size)) + more)
        return [Arm(size, int(n), float(s), float(q)) for n, s, q in zip(buys.sum(1), value.sum(1), (value**2).sum(1), strict=True)]

    truth = 0.08 * gain
    found = [worth(*pair) for pair in zip(spent(people - held, gain), spent(held, 0.0), strict=True)]
    allowed = 4 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)
    assert 0.95 - allowed < np.mean([each.low <= truth <= each.high for each in found])
    if gain == 0:
        assert np.mean([each.p < 0.05 for each in found]) < 0.05 + allowed


def test_as_many_people_as_are_said_to_be_needed_find_the_difference() -> None:
    """Four times in five, within the error of so many campaigns."""
    base, effect, held = 0.05, 0.02, 0.2
    first = conversion(Arm(800, 56), Arm(200, 10))
    assert first.difference == pytest.approx(effect)
    assert first.growth is not None
    people = round(1_000 * first.growth)
    draw, out = np.random.default_rng(13), round(people * held)
    sent, few = draw.binomial(people - out, base + effect, CAMPAIGNS), draw.binomial(out, base, CAMPAIGNS)
    found = [conversion(Arm(people - out, int(a)), Arm(out, int(b))).p < 0.05 for a, b in zip(sent, few, strict=True)]
    assert 0.7 < np.mean(found) < 0.9
    assert replace(first, held_out=0.0).relative is None
