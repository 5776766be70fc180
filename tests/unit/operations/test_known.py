"""What lists say of cohorts that are not computed for it."""

from __future__ import annotations

from town import Town
from tradewind.operations.known import Known, known
from tradewind.operations.syncs import Wish, add, run


def test_a_cohort_is_known_by_its_last_run_and_the_run_before(town: Town) -> None:
    assert known(town.parts, "default", ["all"]) == {"all": Known(None, None, None, ())}
    sync = add(town.parts, "default", Wish("all", "main")).id
    run(town.parts, "default", sync, None, lambda _what, _done, _total: None)
    seen = known(town.parts, "default", ["all", "none"])
    assert (seen["all"].people, seen["all"].change) == (100, None)
    assert [each.holds for each in seen["all"].kept] == [100]
    assert seen["none"].kept == ()
