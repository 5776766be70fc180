"""Spans: what took how long, told to whoever follows this process; without anybody they are nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

SPANS = {
    "request": "a request that the server answers; method, route (its pattern), status and the id of the request",
    "run": "work on a run under one claim; project, sync, run and kind, and how it stands or ended",
    "evaluate": "who is in the cohort",
    "resolve": "their identifiers",
    "diff": "desired minus held",
    "plan": "the plan, and what the guards say",
    "deliver": "all batches of the plan",
    "send": "one request to the platform; operation, items, bytes, which attempt, the kind of answer and its status",
    "settle": "whether the run waits to send again",
    "acknowledge": "what was sent becomes what the platform holds",
    "close": "the end of the run",
    "import": "files of events become part of the event store; project, and how many events were new",
}
"""Every span and what it is of. A test compares this table with the calls of `span` and `spanned`."""

Fact = str | int

Tell = Callable[..., None]
"""Adds facts to a span under way. They are ids of the product's own objects, words of its own, and numbers: never a text from outside."""

Follower = Callable[[str, dict[str, Fact]], AbstractContextManager[Tell]]

_followers: list[Follower] = []

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@contextmanager
def span(name: str, **facts: Fact) -> Iterator[Tell]:
    """A span for as long as the block lasts; what is given can be told more of it."""
    if not _followers:
        yield _nobody
        return
    with _followers[-1](name, facts) as tell:
        yield tell


def spanned(name: str) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Make each call of a function a span."""

    def around(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @wraps(function)
        def call(*args: Given.args, **named: Given.kwargs) -> Answer:
            with span(name):
                return function(*args, **named)

        return call

    return around


@contextmanager
def followed(follower: Follower) -> Iterator[None]:
    """Tell the spans of this process to somebody for as long as the block lasts."""
    _followers.append(follower)
    try:
        yield
    finally:
        _followers.remove(follower)


def _nobody(**_facts: Fact) -> None:
    """Nobody listens."""
