"""What is to be done at the platform is told in words before, adds to what is there, and is nothing where it is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradewind.errors import DefinitionError
from tradewind.model.platform import Activity, Arranged, Listing, Use
from tradewind.planning.arrange import NEW, gathered, grouped, mark_of, resolved, seeded

VIP, CART = Listing(11, "vip", Activity(4_000)), Listing(12, "cart", Activity(1_500))
GROUP = Arranged(Use.DATA_GROUP, "g1", "G", ("7", "11"))
AUDIENCE = Arranged(Use.AUDIENCE, "a1", "A", ("g0",), ("g9",))
SEED = Arranged(Use.SEED, "s1", "S", ("11", "99"))


def test_a_segment_joins_a_group_that_is_there_or_a_new_one() -> None:
    new = grouped(VIP, (), "G")
    assert (new.before, new.after, new.changes) == (None, Arranged(Use.DATA_GROUP, "", "G", ("11",)), True)
    assert not grouped(VIP, (GROUP,), "G").changes
    joined = grouped(CART, (GROUP,), "G")
    assert joined.after.holds == ("7", "11", "12")
    assert "of 2 others: whoever is in any of them is in the group" in joined.sentence


def test_a_group_joins_an_audience_which_gets_narrower() -> None:
    unmade = Arranged(Use.DATA_GROUP, "", "G", ("11",))
    new = gathered(unmade, (), "A")
    assert new.after.holds == (NEW,)
    assert resolved(new, "g1").holds == ("g1",)
    joined = gathered(GROUP, (AUDIENCE,), "A")
    assert (joined.after.holds, joined.after.without) == (("g0", "g1"), ("g9",))
    assert "must then be in all 2" in joined.sentence
    assert not gathered(GROUP, (replace(AUDIENCE, holds=("g1",)),), "A").changes
    with pytest.raises(DefinitionError, match="leaves out whoever is in data group 'G'"):
        gathered(GROUP, (replace(AUDIENCE, without=("g1",)),), "A")


def test_a_seed_is_made_of_the_segments_that_are_named_if_they_are_enough() -> None:
    new = seeded((VIP, CART), (), "S", 5_000)
    assert new.after == Arranged(Use.SEED, "", "S", ("11", "12"))
    assert "at most 5,500 active ids; who is in several counts once" in new.sentence
    changed = seeded((VIP, CART), (SEED,), "S", 5_000)
    assert changed.after == replace(SEED, holds=("11", "12"))
    assert "1 segment of it goes" in changed.sentence
    assert not seeded((VIP, CART), (replace(SEED, holds=("12", "11")),), "S", 5_000).changes
    with pytest.raises(DefinitionError, match=r"needs 5,501 active ids, and these segments have 5,500 \('vip' 4,000, 'cart' 1,500\)"):
        seeded((VIP, CART), (), "S", 5_501)


@pytest.mark.parametrize("use", [Use.DATA_GROUP, Use.AUDIENCE, Use.SEED])
def test_two_of_one_name_are_nobody_s_to_choose_from(use: Use) -> None:
    found = (Arranged(use, "1", "X", ()), Arranged(use, "2", "X", ()))
    steps = {
        Use.DATA_GROUP: lambda: grouped(VIP, found, "X"),
        Use.AUDIENCE: lambda: gathered(GROUP, found, "X"),
        Use.SEED: lambda: seeded((VIP,), found, "X", 1),
    }
    with pytest.raises(DefinitionError, match=r"2 .*s called 'X'"):
        steps[use]()


def test_a_mark_is_of_all_that_is_in_the_steps() -> None:
    steps = (grouped(VIP, (), "G"),)
    assert mark_of(steps) == mark_of((grouped(VIP, (), "G"),))
    assert mark_of(steps) != mark_of((grouped(CART, (), "G"),)) != mark_of((grouped(VIP, (GROUP,), "G"),))
