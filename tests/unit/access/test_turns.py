"""Turns at a password: strangers wait for one another, and nobody who is known waits for them."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event, Thread

import pytest

from tradewind.access.turns import AT_ONCE, EACH, MOST, Turns
from tradewind.errors import RetryableError


def waiting(turns: Turns, network: str, go: Event, done: list[str]) -> Thread:
    """Somebody who waits for a turn, and takes it when it comes."""

    def wait() -> None:
        with turns.turn(network):
            assert go.wait(30)
            done.append(network)

    thread = Thread(target=wait)
    thread.start()
    return thread


def test_few_have_a_turn_and_few_wait_while_who_is_known_goes_first() -> None:
    turns, go, done = Turns(), Event(), list[str]()
    with ExitStack() as held:
        for number in range(AT_ONCE):
            held.enter_context(turns.turn(f"n{number}"))
        crowd = [waiting(turns, f"m{number}", go, done) for number in range(MOST - AT_ONCE)]
        while turns.waiting < MOST:
            pass
        with pytest.raises(RetryableError, match="few seconds") as refused, turns.turn("another"):
            raise AssertionError
        assert refused.value.wait == 2
        with turns.turn(None):
            assert done == []
        go.set()
    for each in crowd:
        each.join(30)
    assert len(done) == MOST - AT_ONCE
    assert turns.waiting == 0


def test_one_network_does_not_take_all_turns() -> None:
    turns, go, done = Turns(), Event(), list[str]()
    crowd = [waiting(turns, "one", go, done) for _ in range(EACH)]
    while turns.waiting < EACH:
        pass
    with pytest.raises(RetryableError), turns.turn("one"):
        raise AssertionError
    other = waiting(turns, "other", go, done)
    go.set()
    for each in (*crowd, other):
        each.join(30)
    assert sorted(set(done)) == ["one", "other"]


def test_a_turn_that_fails_is_given_back() -> None:
    turns = Turns()
    for _ in range(MOST + AT_ONCE):
        for network in ("one", None):
            with pytest.raises(ZeroDivisionError), turns.turn(network):
                raise ZeroDivisionError
    assert turns.waiting == 0
