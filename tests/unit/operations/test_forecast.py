"""What a sync would cost, said before it is added, and borne out when it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from town import NOON, Town
from tradewind.destinations.thetradedesk.destination import TheTradeDesk
from tradewind.door import Door
from tradewind.errors import DefinitionError
from tradewind.model.sync import Cadence, Refresh
from tradewind.operations.forecast import forecast, renewals
from tradewind.operations.syncs import Wish, add, run


def test_a_forecast_says_when_it_runs_and_when_people_would_expire(town: Town) -> None:
    found = forecast(town.parts, "default", Wish("all", "main", cadence=Cadence.DAILY, ttl_days=14))
    assert found.expires_at == NOON + timedelta(days=14)
    assert [f"{each:%d %H:%M}" for each in found.fires] == ["02 06:00", "03 06:00", "04 06:00"]
    assert forecast(town.parts, "default", Wish("all", "main")).fires == ()
    assert town.parts.catalog.syncs("default") == ()


def test_a_forecast_is_refused_for_what_adding_would_refuse(town: Town) -> None:
    with pytest.raises(DefinitionError, match="1 to 180"):
        forecast(town.parts, "default", Wish("all", "main", ttl_days=0))
    with pytest.raises(DefinitionError, match="nothing"):
        forecast(town.parts, "default", Wish("nothing", "main"))


def test_requests_and_bytes_are_those_of_the_run(town: Town) -> None:
    town.platform.items = 30
    wish = Wish("all", "main", cadence=Cadence.DAILY)
    cost = forecast(town.parts, "default", wish, [100]).cost
    assert cost is not None
    assert (cost.seconds, cost.measured) == (4.0, False), "a second each, one at a time, while nothing is known"
    run(town.parts, "default", add(town.parts, "default", wish).id, None, lambda _what, _done, _total: None)
    assert cost.requests == len(town.platform.sent) == 4
    assert abs(cost.octets - sum(len(each.body) for each in town.platform.sent)) <= 4
    again = forecast(town.parts, "default", wish, [100])
    assert (again.holds, again.cost and again.cost.measured) == (100, True)


@pytest.mark.parametrize(
    ("cadence", "refresh", "times"),
    [
        (Cadence.ONE_TIME, Refresh.EVERY_SYNC, 0),
        (Cadence.HOURLY, Refresh.EVERY_SYNC, 720),
        (Cadence.DAILY, Refresh.EVERY_SYNC, 30),
        (Cadence.HOURLY, Refresh.BEFORE_EXPIRY, 1.5),
        (Cadence.DAILY, Refresh.BEFORE_EXPIRY, 1.5),
    ],
)
def test_renewing_late_costs_one_and_a_half_rounds_a_month_however_often_it_runs(
    town: Town, cadence: Cadence, refresh: Refresh, times: float
) -> None:
    sync = town.add("any", Cadence.DAILY)
    assert renewals(replace(sync, cadence=cadence, refresh=refresh)) == times


def test_the_sample_is_a_request_as_it_is_sent_that_names_nobody(town: Town) -> None:
    real = TheTradeDesk(Door(loopback_only=True))
    parts = replace(town.parts, destination=lambda _kind: real)
    parts.catalog.offers.enable("default", "thetradedesk", "ann", confirmed=True)
    main = parts.catalog.connection("default", "main")
    parts.catalog.save_connection(replace(main, id="desk", name="Desk", destination="thetradedesk", region="us-east"))
    body = json.loads(forecast(parts, "default", Wish("all", "desk")).sample)
    assert (body["AdvertiserId"], len(body["Items"])) == ("adv1", 2)
    assert {item["DAID"] for item in body["Items"]} == {"00000000-0000-0000-0000-000000000000"}
    assert "of nobody" not in str(body)
