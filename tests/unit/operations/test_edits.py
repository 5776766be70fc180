"""What the audit trail says of a change: what was there before and what is there now, and of a secret its fingerprint alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from town import Town
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdentityMap, IdType, Mapping, Send, Take
from tradewind.model.source import KeyPair, Source, SourceKind
from tradewind.model.sync import Cadence, Refresh
from tradewind.operations import connections, edits, sources, syncs
from tradewind.vault.sql import KEY_PAIR


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.close()


def test_what_stays_is_not_told_and_what_was_not_there_stands_alone() -> None:
    assert edits.edit({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4", "c": "", "d": "5"}) == {
        "b": "2 -> 4",
        "c": "3 -> none",
        "d": "5",
    }
    assert edits.edit({}, {"a": ""}) == {}


def test_of_an_account_all_is_told_when_it_is_new_and_then_what_becomes_another(town: Town) -> None:
    main = town.parts.catalog.connection("default", "main")
    fresh = edits.of_connection(town.parts, replace(main, id="new"), Secret("s3cret"))
    assert (fresh["advertiser"], fresh["region"], set(fresh)) == (
        main.advertiser, main.region, {"destination", "advertiser", "region", "auth", "identity", "secret"}
    )  # fmt: skip
    assert edits.of_connection(town.parts, main, connections.secret_of(town.parts, main)) == {}
    identity = IdentityMap((Mapping("user.idfa", IdType.DAID, Take.ALL), Mapping("device_id", IdType.DAID)), Send.FIRST)
    wanted, before = replace(main, advertiser="adv9", identity=identity), town.parts.vault.fingerprint("default", "main")
    told = edits.of_connection(town.parts, wanted, Secret("canary-secret"))
    connections.add(town.parts, wanted, Secret("canary-secret"))
    assert told == {
        "advertiser": f"{main.advertiser} -> adv9",
        "identity": "all of user.ad=DAID -> first of user.idfa=DAID:all, device_id=DAID",
        "secret": f"{before} -> {town.parts.vault.fingerprint('default', 'main')}",
    }


@pytest.mark.parametrize("impossible", ["", "s", "with a space", "\ud800", "x" * 10_000])
def test_a_secret_that_cannot_be_one_is_refused_where_it_is_saved(town: Town, impossible: str) -> None:
    main = town.parts.catalog.connection("default", "main")
    assert set(edits.of_connection(town.parts, main, Secret(impossible))) == {"secret"}


def test_of_a_sync_what_is_wished_is_told_where_it_is_another(town: Town) -> None:
    town.add("daily", Cadence.DAILY)
    before = town.parts.catalog.sync("default", "daily")
    wish = syncs.Change(before.ttl_minutes // syncs.DAY, Cadence.HOURLY, time(7, 30), Refresh.BEFORE_EXPIRY, holdout=10, salt="spring")
    told = edits.of_sync(town.parts, "default", "daily", wish)
    assert told == {
        "cadence": "daily -> hourly", "at": f"{before.at:%H:%M} -> 07:30", "refresh": f"{before.refresh} -> before_expiry",
        "holdout": "0 -> 10", "salt": "spring",
    }  # fmt: skip
    syncs.change(town.parts, "default", "daily", wish)
    assert edits.of_sync(town.parts, "default", "daily", wish) == {}


def test_of_a_source_the_keys_are_told_by_their_fingerprint(town: Town) -> None:
    keys, parts = KeyPair("canary-api", "canary-key"), town.parts
    new = edits.of_source(parts, "default", "amp", sources.Change("Amplitude", "us", 7, keys))
    sources.add(parts, Source("default", "amp", "Amplitude", SourceKind.AMPLITUDE, "us", 7), keys)
    mark = parts.vault.fingerprint("default", "amp", KEY_PAIR)
    assert new == {"region": "us", "app": "7", "keys": mark}
    again = edits.of_source(parts, "default", "amp", sources.Change("Amplitude", "eu", None, KeyPair("other", "pair")))
    assert (again["region"], set(again), again["keys"].startswith(f"{mark} -> ")) == ("us -> eu", {"region", "keys"}, True)
    assert "canary" not in f"{new}{again}"
    assert edits.of_source(parts, "default", "amp", sources.Change("Renamed")) == {}
