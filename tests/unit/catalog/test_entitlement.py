"""Four walls stand between a project and a kind of platform, each with its own remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from tradewind.catalog.entitlement import SENTENCES, check_standing, sentence, wall
from tradewind.errors import NotEntitledError
from tradewind.model.project import Enablement, Offer, ProjectPlan, ReleaseStage, Standing, Wall

ENABLED = Enablement("thetradedesk", "ann", confirmed=True, at=datetime(2026, 3, 1, tzinfo=UTC))
CLOSED = Offer("thetradedesk", ReleaseStage.CLOSED_BETA, admitted=("shop",))
READY = Standing("shop", ProjectPlan.PAID, CLOSED, ENABLED)

CASES = {
    Wall.FREE_PLAN: replace(READY, plan=ProjectPlan.FREE),
    Wall.NOT_ADMITTED: replace(READY, offer=replace(CLOSED, admitted=("other",))),
    Wall.NOT_ENABLED: replace(READY, enablement=None),
    Wall.NOT_CONFIRMED: replace(READY, enablement=replace(ENABLED, confirmed=False)),
}


def test_a_project_with_everything_may_send() -> None:
    assert wall(READY) is None
    check_standing(READY)


@pytest.mark.parametrize("expected", Wall)
def test_each_wall_is_named_with_who_takes_it_away(expected: Wall) -> None:
    with pytest.raises(NotEntitledError, match=r"project 'shop'.*; an admin.*: tradewind \w+ \w+") as refused:
        check_standing(CASES[expected])
    assert refused.value.wall == expected
    assert len({text.format(project="p", destination="d") for text in SENTENCES.values()}) == len(Wall)


def test_the_first_wall_on_the_way_is_told_first() -> None:
    order = list(Wall)
    for plan, admitted, enablement in product(ProjectPlan, ((), ("shop",)), (None, replace(ENABLED, confirmed=False), ENABLED)):
        standing = Standing("shop", plan, replace(CLOSED, admitted=admitted), enablement)
        bad = [plan is ProjectPlan.FREE, not admitted, enablement is None, enablement is not None and not enablement.confirmed]
        assert wall(standing) == next((each for each, stands in zip(order, bad, strict=True) if stands), None)


@pytest.mark.parametrize("stage", [ReleaseStage.OPEN_BETA, ReleaseStage.GENERAL])
def test_an_open_stage_asks_nobody_to_be_admitted(stage: ReleaseStage) -> None:
    assert wall(replace(READY, offer=Offer("thetradedesk", stage))) is None


def test_the_contact_of_the_installation_stands_in_every_refusal() -> None:
    for found, standing in CASES.items():
        helped = replace(standing, offer=replace(standing.offer, contact="ann@shop.example"))
        assert sentence(helped, found).endswith("(support: ann@shop.example)")
