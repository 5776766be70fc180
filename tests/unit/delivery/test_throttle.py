"""How many requests go at once: a pure rule, within its bounds whatever comes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from tradewind.delivery.throttle import Width
from tradewind.ledger.slots.base import Wish, fair
from tradewind.model.run import Answer


def after(answers: Iterable[Answer], limit: int = 4) -> Width:
    """The width once these answers have come."""
    return reduce(Width.after, answers, Width(limit))


def test_it_grows_one_by_one_while_all_is_well() -> None:
    widths = [after([Answer.APPLIED] * count).whole for count in range(12)]
    assert widths == [1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4]


def test_a_429_halves_it_and_trouble_makes_it_one() -> None:
    well = [Answer.APPLIED] * 20
    assert after([*well, Answer.THROTTLED]).whole == 2
    assert after([*well, Answer.THROTTLED, Answer.THROTTLED, Answer.THROTTLED]).whole == 1
    assert after([*well, Answer.UNKNOWN]).whole == 1


@given(st.lists(st.sampled_from(list(Answer))), st.integers(1, 8))
def test_it_stays_within_its_bounds(answers: list[Answer], limit: int) -> None:
    assert 1 <= after(answers, limit).whole <= limit


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=60))
def test_owners_who_ask_in_any_order_never_hold_more_than_there_is(asks: list[tuple[int, int]]) -> None:
    """Each uses all that it has until it asks; nobody who asks again and again stays without for ever."""
    held: dict[int, int] = {}
    for owner, wanted in asks:
        using = min(held.get(owner, 0), wanted)
        held[owner] = fair(Wish(wanted, using, 4), [slots for other, slots in held.items() if other != owner])
        assert sum(held.values()) <= 4


@given(st.integers(1, 4))
def test_each_of_a_few_owners_gets_a_slot(owners: int) -> None:
    held = dict.fromkeys(range(owners), 0) | {0: 4}
    for _ in range(2):
        for owner in range(owners):
            held[owner] = fair(Wish(4, 0, 4), [slots for other, slots in held.items() if other != owner])
    assert all(held.values())
    assert sum(held.values()) == 4
