"""The local lookalike: what is learned from whom, what is refused, who is in and who stays."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_desk import Desk
from keen import BEGIN, NOW, PEOPLE, lives
from tradewind.compute import Bounds, connect, literal
from tradewind.engines.lookalike.apart import by_name, by_time, training_day
from tradewind.engines.lookalike.fit import Sample, auc, fit, judge, matters
from tradewind.engines.lookalike.reading import GENERAL, Behaviours, Period
from tradewind.engines.lookalike.room import STAYS, Lookalikes, Question
from tradewind.engines.lookalike.sql import Models
from tradewind.errors import DefinitionError, EngineError
from tradewind.events.shape import person_key
from tradewind.model.cohort import (
    ANY_EVENT,
    All,
    Behaviour,
    Cohort,
    CohortKind,
    Did,
    InSequence,
    Last,
    Lookalike,
    MoreOften,
    New,
    Rule,
    Since,
    StaticList,
    Step,
    UserProperty,
)
from tradewind.model.cohort import Operator as Op
from tradewind.model.lookalike import Apart, Feature, FeatureKind
from tradewind.model.project import Project, ProjectPlan

PROJECT = Project("p", "P", ProjectPlan.PAID, "UTC", ())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.close()


def cohort(name: str, rule: Rule) -> Cohort:
    return Cohort("p", name, name.title(), CohortKind.BEHAVIOURAL, Behaviour(rule))


def like(seed: str, **wish: Any) -> Cohort:
    return Cohort("p", "like", "Like", CohortKind.LOOKALIKE, Lookalike(seed, **wish))


def member_file(path: Path, numbers: set[int]) -> Path:
    """The members of a seed as a source writes them."""
    listed = ", ".join(f"('user:u{number}')" for number in sorted(numbers)) or "(NULL)"
    with connect(Bounds()) as connection:
        rows = f"SELECT {person_key('person')}::BLOB AS member, person FROM (VALUES {listed}) t(person) WHERE person IS NOT NULL"
        connection.execute(f"COPY ({rows}) TO {literal(path)} (FORMAT parquet)")
    return path


def question(made: Cohort, as_of: datetime = NOW, *built_of: Cohort) -> Question:
    assert isinstance(made.definition, Lookalike)
    seed = built_of or (Cohort("p", made.definition.seed, "Seed", CohortKind.STATIC, StaticList("a.csv", (), "id")),)
    return Question(PROJECT, made, made.definition, seed, as_of)


class Room:
    """Lookalikes over the town, whose seed is the same at every instant."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        events, self.seed = lives(random.Random(7))
        desk.bring(desk.file("town.json", *events))
        self.folder, self.events = folder, events
        self.rooms = Lookalikes(folder, desk.store, Models(desk.database))

    def numbers(self, asked: Question, seed: set[int] | None = None) -> set[int]:
        out = self.folder / "runs" / "members.parquet"
        given = member_file(self.folder / "seed.parquet", self.seed if seed is None else seed)
        self.rooms.evaluate(asked, lambda _at: given, Bounds(), out, named=True)
        return {int(str(person).removeprefix("user:u")) for person in pq.read_table(out)["person"].to_pylist()}


# --- when, and what is kept apart


@pytest.mark.parametrize(
    ("as_of", "zone", "days", "day"),
    [
        ("2026-03-02T00:00+00:00", "UTC", 7, "2026-03-02T00:00+00:00"),
        ("2026-03-08T23:59+00:00", "UTC", 7, "2026-03-02T00:00+00:00"),
        ("2026-03-09T03:00+00:00", "America/New_York", 7, "2026-03-02T05:00+00:00"),
        ("2026-03-09T04:00+00:00", "America/New_York", 7, "2026-03-09T04:00+00:00"),
        ("2026-03-05T12:00+00:00", "UTC", 1, "2026-03-05T00:00+00:00"),
    ],
)
def test_the_training_day_is_the_same_whoever_asks(as_of: str, zone: str, days: int, day: str) -> None:
    assert training_day(datetime.fromisoformat(as_of), zone, days) == datetime.fromisoformat(day)


def test_what_defines_a_seed_is_kept_apart_by_time_where_it_has_windows_and_by_name_else() -> None:
    rule = All((Did("Buy", window=Last(30)), Did("Join"), UserProperty("plan", Op.IS, ("plus",))))
    seed = [cohort("part", Did("Look", window=Since(date(2026, 1, 20)))), cohort("seed", rule)]
    apart = by_time(seed, NOW, "UTC")
    assert (apart.cut_off, apart.events, apart.properties) == (datetime(2026, 1, 20, tzinfo=UTC), ("Join",), ("plan",))
    assert by_name(seed, NOW).events == ("Buy", "Join", "Look")
    assert by_time([cohort("seed", New(Last(7)))], NOW, "UTC") == Apart(datetime(2026, 2, 23, tzinfo=UTC))
    assert by_name([cohort("seed", New(Last(7)))], NOW) == Apart(NOW, known=False), "who is new cannot be told without looking at any event"
    more = All((MoreOften(Step("A"), Step("B")), InSequence((Step("C"), Step("D")), without=(Step("E"),)), Did(ANY_EVENT)))
    assert by_time([cohort("seed", more)], NOW, "UTC") == Apart(NOW, ("A", "B", "C", "D", "E"), known=False)
    elsewhere = by_time([Cohort("p", "s", "S", CohortKind.STATIC, StaticList("a.csv"))], NOW, "UTC")
    assert (elsewhere.cut_off, elsewhere.known) == (NOW, False)


# --- the numbers


def test_the_numbers_of_a_person_are_those_of_a_plain_count(desk: Desk, tmp_path: Path) -> None:
    room, since = Room(desk, tmp_path), NOW - timedelta(days=40)
    behaviours = Behaviours(desk.store, "p", Bounds(), tmp_path)
    period = Period(since, NOW)
    features, people = behaviours.survey(period, ["age"])
    did: dict[int, list[dict[str, Any]]] = {}
    for event in room.events:
        if event["time"] >= since.timestamp() * 1000:
            did.setdefault(int(event["user_id"][1:]), []).append(event)
    assert people == len(did)
    assert [each.kind for each in features[: len(GENERAL)]] == list(GENERAL)
    assert {each.name for each in features} == {"", "Look", "Open", "room", "price", "plan"}, "mail and ad name one person each"
    nobody = member_file(tmp_path / "nobody.parquet", set())
    table = pa.Table.from_batches(behaviours.others(period, features, nobody, named=True))
    found = {int(row["person"][6:]): [row[f"f{place}"] for place in range(len(features))] for row in table.to_pylist()}
    assert found.keys() == did.keys()
    for number, events in did.items():
        assert found[number] == pytest.approx([plainly(each, events) for each in features]), number


def plainly(feature: Feature, events: list[dict[str, Any]]) -> float:
    """The same number of the events of a person within the period."""
    times: list[float] = [event["time"] / 86_400_000 for event in events]
    until = NOW.timestamp() / 86_400
    last = max(events, key=lambda event: event["time"])["user_properties"]
    kinds = [event["event_type"] for event in events]
    match feature.kind:
        case FeatureKind.EVENTS:
            return len(events)
        case FeatureKind.DAYS_ACTIVE:
            return len({int(time) for time in times})
        case FeatureKind.KINDS:
            return len(set(kinds))
        case FeatureKind.SINCE_LAST:
            return until - max(times)
        case FeatureKind.SINCE_FIRST:
            return until - min(times)
        case FeatureKind.EVENT:
            return kinds.count(feature.name)
        case FeatureKind.EVENT_VALUE:
            return sum(str(event["event_properties"][feature.name]) == feature.value for event in events)
        case FeatureKind.EVENT_NUMBER:
            return float(max(event["event_properties"][feature.name] for event in events))
        case FeatureKind.USER_VALUE:
            return float(last[feature.name] == feature.value)
        case FeatureKind.USER_NUMBER:
            return float(last[feature.name])


# --- the model


def drawn(people: int, weights: list[float], intercept: float, seed: int) -> Sample:
    """People of whom each is inside by a chance that follows from two of their numbers."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(people, len(weights)))
    inside = chance.random(people) < 1 / (1 + np.exp(-(rows @ np.array(weights) + intercept)))
    return Sample(rows, inside, inside & (chance.random(people) < 0.5), (np.arange(people) % 5).astype(np.uint8), 1.0, 1.0)


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    chance = np.random.default_rng(1)
    scores, inside = np.round(chance.normal(size=80), 1), chance.random(80) < 0.3
    pairs = [(one > other) + (one == other) / 2 for one in scores[inside] for other in scores[~inside]]
    assert auc(scores, inside) == pytest.approx(sum(pairs) / len(pairs))


def test_a_model_finds_the_weights_that_people_were_drawn_by_and_counts_them_rightly() -> None:
    sample = drawn(20_000, [1.0, -0.5, 0.0], -2.0, 3)
    line = fit(sample)
    assert line.weights == pytest.approx([1.0, -0.5, 0.0], abs=0.08)
    assert line.intercept == pytest.approx(-2.0, abs=0.08)
    judged = judge(sample, 2)
    assert judged.auc_low < judged.auc < judged.auc_high
    assert judged.auc > 0.75
    assert judged.baseline == pytest.approx(0.5, abs=0.03)
    assert len(judged.bins) == 10
    assert sum(each.people for each in judged.bins) == 20_000
    for each in judged.bins:
        assert each.observed == pytest.approx(each.expected, abs=4 * math.sqrt(each.expected * (1 - each.expected) / each.people) + 0.01)
    words = matters([Feature(FeatureKind.EVENT, "Look"), Feature(FeatureKind.SINCE_LAST), Feature(FeatureKind.EVENTS)], line)
    assert [each.words for each in words] == ["did Look often", "seen lately"]


def test_of_a_sample_the_chances_are_still_those_of_everybody() -> None:
    everybody = drawn(40_000, [1.0, -0.5], -3.0, 4)
    few = np.random.default_rng(5).random(40_000) < 0.2
    sample = replace(everybody.part(everybody.inside | few), outside_share=0.2)
    bins = judge(sample, 0).bins
    assert sum(each.people for each in bins) == pytest.approx(40_000, rel=0.02)
    assert sum(each.people * each.expected for each in bins) == pytest.approx(everybody.inside.sum(), rel=0.1)


def test_nobody_is_told_from_others_by_chance() -> None:
    sure = [judge(drawn(400, [0.0] * 5, -1.0, seed), 0).auc_low > 0.5 for seed in range(20)]
    assert sum(sure) <= 2


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(
        EngineError, match=r"needs scikit-learn, which is not installed; install it with: pip install 'tradewind\[science\]'"
    ):
        fit(drawn(100, [1.0], 0.0, 1))


# --- who is in


def test_the_most_alike_are_in_and_the_same_question_has_the_same_answer(desk: Desk, tmp_path: Path) -> None:
    room, asked = Room(desk, tmp_path), question(like("seed", people=40))
    found = room.numbers(asked)
    assert len(found) == 40
    assert not found & room.seed
    looked = {int(event["user_id"][1:]) for event in room.events if event["event_type"] == "Look"}
    assert len(found & looked) >= 36, "those who look are alike"
    model = room.rooms.models.find("p", "like", asked.fingerprint, asked.trained_as_of)
    assert model
    assert model.card.auc > model.card.baseline > 0.6
    assert model.card.auc_low > 0.5
    assert model.card.seed == model.card.seed_known == len(room.seed)
    again = Lookalikes(tmp_path / "elsewhere", desk.store, Models(desk.database))
    given = member_file(tmp_path / "again.parquet", room.seed)
    assert again._train(asked, lambda _at: given, Bounds(threads=1), tmp_path) == model, "made anew it is the same to the last digit"
    percent = room.numbers(question(like("seed", percent=10)))
    everybody = {int(event["user_id"][1:]) for event in room.events} - room.seed
    assert len(percent) == math.ceil(len(everybody) / 10)


def test_who_is_in_stays_until_clearly_below_the_line(desk: Desk, tmp_path: Path) -> None:
    room = Room(desk, tmp_path)
    asked = question(like("seed", people=50))
    ranked = [room.numbers(replace(asked, wish=replace(asked.wish, people=people))) for people in (50, 60, 61)]
    barely, clearly = next(iter(ranked[1] - ranked[0])), next(iter(ranked[2] - ranked[1]))
    assert STAYS == 1.2
    before = member_file(tmp_path / "before.parquet", {barely, clearly})
    room.rooms.stand(replace(asked, as_of=NOW - timedelta(days=1)), before)
    assert room.numbers(asked) == ranked[0] | {barely}
    assert room.numbers(replace(asked, as_of=NOW - timedelta(days=1))) == room.numbers(replace(asked, as_of=NOW - timedelta(days=1)))
    before.unlink()
    assert room.numbers(asked) == ranked[0], "a file that was tidied away holds nobody"


def test_a_seed_that_is_too_small_or_like_everybody_else_is_refused(desk: Desk, tmp_path: Path) -> None:
    room = Room(desk, tmp_path)
    with pytest.raises(DefinitionError, match=r"the seed 'seed' has 30 members on 2026-03-02, .* 30 of them and 570 others; .* 50 of each"):
        room.numbers(question(like("seed", people=10)), set(range(30)))
    with pytest.raises(DefinitionError, match=r"members of 'seed' cannot be told from others by what they do: .* no better than chance"):
        room.numbers(question(like("seed", people=10)), set(random.Random(3).sample(range(PEOPLE), 100)))
    with pytest.raises(DefinitionError, match="known of 0 of them and 0 others"):
        room.numbers(question(like("seed", people=10), BEGIN - timedelta(days=9)))


def test_a_seed_whose_windows_leave_nothing_is_kept_apart_by_name(desk: Desk, tmp_path: Path) -> None:
    room = Room(desk, tmp_path)
    lookers = {int(event["user_id"][1:]) for event in room.events if event["event_type"] == "Look"}
    asked = question(like("seed", people=10), NOW, cohort("seed", Did("Look", window=Last(300))))
    room.numbers(asked, lookers)
    model = room.rooms.models.find("p", "like", asked.fingerprint, asked.trained_as_of)
    assert model
    assert model.card.apart.events == ("Look",)
    assert model.card.apart.cut_off == asked.trained_as_of
    assert Feature(FeatureKind.EVENT, "Look") not in model.features
