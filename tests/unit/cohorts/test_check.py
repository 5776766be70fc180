"""Across cohorts: parts exist, none is part of itself, and parts are answered first."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tradewind.cohorts.check import check, nested, order
from tradewind.errors import DefinitionError
from tradewind.model.cohort import AnyOf, Behaviour, Cohort, CohortKind, Did, InCohort, Lookalike, Not, Rule, StaticList


def built_of(name: str, *parts: str) -> Cohort:
    rules: tuple[Rule, ...] = (Did("A"), *(Not(InCohort(part)) for part in parts))
    return Cohort("default", name, name.title(), CohortKind.BEHAVIOURAL, Behaviour(AnyOf(rules)))


def a_list(name: str) -> Cohort:
    return Cohort("default", name, name, CohortKind.STATIC, StaticList("a.csv"))


def test_nothing_is_wrong_with_parts_that_exist() -> None:
    assert check([built_of("a", "b", "l"), built_of("b", "l"), a_list("l")]) == ()


def test_an_unknown_part_is_named_with_the_nearest_id() -> None:
    (error,) = check([built_of("a", "engagd"), built_of("engaged")])
    assert str(error) == "at a.who: there is no cohort 'engagd' in this project; did you mean 'engaged'?"


def test_a_seed_is_a_part() -> None:
    like = Cohort("default", "like", "Like", CohortKind.LOOKALIKE, Lookalike("seed", people=5))
    assert nested(like) == ("seed",)
    assert [each.id for each in order([like, built_of("seed", "l"), a_list("l")], ["like"])] == ["l", "seed", "like"]
    (unknown,) = check([like])
    assert str(unknown) == "at like.seed: there is no cohort 'seed' in this project"
    (circle,) = check([like, built_of("seed", "like")])
    assert "is part of itself: " in circle.message


def test_a_circle_is_named() -> None:
    (error,) = check([built_of("a", "b"), built_of("b", "c"), built_of("c", "a"), built_of("d")])
    assert "is part of itself: " in error.message
    told = error.message.split(": ")[1].split(";")[0].split(" in ")
    assert set(told) == {"a", "b", "c"}
    assert told[0] == told[-1]
    assert set(pairwise(told)) == {("b", "a"), ("c", "b"), ("a", "c")}


def test_a_cohort_may_not_be_part_of_itself() -> None:
    (error,) = check([built_of("a", "a")])
    assert "is part of itself: a in a" in error.message


def test_an_id_belongs_to_one_cohort() -> None:
    (error,) = check([built_of("a"), a_list("a")])
    assert "the id 'a' is given to two cohorts" in error.message


def test_parts_come_first_and_only_what_is_needed() -> None:
    cohorts = [built_of("a", "b", "l"), built_of("b", "l"), a_list("l"), built_of("z", "a")]
    assert [cohort.id for cohort in order(cohorts, ["a"])] == ["l", "b", "a"]
    assert {cohort.id for cohort in order(cohorts, ["b", "z"])} == {"l", "b", "a", "z"}


def test_an_order_is_refused_for_what_is_not_there() -> None:
    with pytest.raises(DefinitionError, match="there is no cohort 'x'"):
        order([a_list("l")], ["x"])
    with pytest.raises(DefinitionError, match="is part of itself"):
        order([built_of("a", "b"), built_of("b", "a")], ["a"])


def test_long_rows_of_parts_are_sorted() -> None:
    cohorts = [built_of(f"c{i}", f"c{i + 1}") for i in range(3000)] + [a_list("c3000")]
    assert order(cohorts, ["c0"])[0].id == "c3000"


def test_each_part_is_named_once() -> None:
    assert nested(built_of("a", "b", "c", "b")) == ("b", "c")
