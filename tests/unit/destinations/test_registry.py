"""The registry knows its kinds; the destination that always fails does, and the one in memory holds what it was sent."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from tradewind.clock import StandingClock
from tradewind.destinations.base import Destination
from tradewind.destinations.failing import REFUSED_ITEM, Failing
from tradewind.destinations.registry import CLASSES, Registry
from tradewind.door import Door
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Auth, Connection, Secret
from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.plan import Batch, Operation
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.model.sync import Binding, Target
from tradewind.testing.fakes import FakeDestination

SECRET = Secret("s3cret")
NOW = datetime(2026, 7, 1, tzinfo=UTC)
ONE, TWO = bytes(16), bytes([1]) * 16
IDS = pa.array([ONE, TWO], pa.binary())
ADD = Batch(0, 0, 0, 2, Operation.ADD, IdType.DAID, NOW)


def binding(url: str) -> Binding:
    return Binding("b", "default", "acme", Target("t", url, "abc", "buyers"), 1, Auth.TOKEN.value, 1440, IdentityMap(()))


def test_each_kind_is_made_once() -> None:
    registry = Registry(Door())
    for kind in CLASSES:
        assert registry.destination(kind) is registry.destination(kind)
        assert registry.destination(kind).spec.kind == kind
    with pytest.raises(DefinitionError, match="there is no destination 'smoke'; expected one of thetradedesk, failing"):
        registry.destination("smoke")


def test_the_sandbox_is_offered_when_there_is_one() -> None:
    assert "sandbox" not in {region.key for region in Registry(Door()).destination("thetradedesk").regions}
    made = Registry(Door(), "http://127.0.0.1:8390").destination("thetradedesk")
    assert made.url("sandbox") == "http://127.0.0.1:8390"
    with pytest.raises(ConfigurationError):
        Registry(Door(), "http://sandbox.example:80").destination("thetradedesk")


def test_failing_fails_in_every_way() -> None:
    failing: Destination = Failing()
    assert len(failing.regions) == len(Answer)
    answers = set()
    for region in failing.regions:
        failing.check(Connection("default", "f", "F", "failing", "x", region.key, Auth.TOKEN, IdentityMap(())))
        receipt = failing.send(failing.prepare(binding(failing.url(region.key)), ADD, IDS, SECRET))
        assert (receipt.answer is Answer.APPLIED) is bool(receipt.lines) is (region.key == REFUSED_ITEM)
        assert not failing.probe(region.url, "x", Auth.TOKEN, SECRET).ready
        answers.add(receipt.answer)
    assert answers == set(Answer)
    with pytest.raises(DefinitionError):
        failing.url("us-east")


def test_the_fake_holds_what_it_was_sent_until_it_expires() -> None:
    clock = StandingClock(NOW)
    fake = FakeDestination(clock)
    destination: Destination = fake
    bound = binding(destination.url("here"))
    where = (bound.target.url, "abc", "buyers")
    both = {(IdType.DAID, ONE), (IdType.DAID, TWO)}

    destination.send(destination.prepare(bound, ADD, IDS, SECRET))
    assert fake.held(*where) == both
    destination.send(destination.prepare(bound, replace(ADD, operation=Operation.REMOVE, rows=1), IDS.slice(1), SECRET))
    assert fake.held(*where) == {(IdType.DAID, ONE)}
    clock.sleep(timedelta(days=1).total_seconds())
    assert fake.held(*where) == set()


def test_the_fake_answers_as_told() -> None:
    refused = Receipt(Answer.APPLIED, (Line(0, "MissingUserId", LineClass.ROW),), 200)
    lost = Receipt(Answer.UNKNOWN)
    for answer, applied, held in ((refused, (), {TWO}), (lost, (), set()), (lost, (Answer.UNKNOWN,), {ONE, TWO})):
        fake = FakeDestination(StandingClock(NOW), answers=deque([answer]), applied_anyway=frozenset(applied))
        bound = binding(fake.url("here"))
        assert fake.send(fake.prepare(bound, ADD, IDS, SECRET)) == answer
        assert {value for _, value in fake.held(bound.target.url, "abc", "buyers")} == held
