"""What the platform says of segments by itself, and what is made of them there: by commands, against the sandbox in its own process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from product import Called, Product
from sandbox_process import SandboxProcess
from tradewind.destinations.platform import Platform
from tradewind.destinations.thetradedesk.destination import TheTradeDesk
from tradewind.door import Door
from tradewind.errors import ConfigurationError, PermanentError, RetryableError, TradewindError, UncertainError
from tradewind.model.destination import Secret
from tradewind.model.platform import Activity, Arranged, Use

TOKEN = "sandbox-platform-token-ready1"
SEGMENT = "[Tradewind] Buyers: buyers"
COUNT = 5_200


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(deadline=5, loopback_only=True) as door:
        yield door


def platform(door: Door, sandbox: SandboxProcess, token: str = TOKEN, advertiser: str = "ready1") -> Platform:
    return TheTradeDesk(door, sandbox.url).platform("sandbox", advertiser, Secret(token))


def upload(sandbox: SandboxProcess, name: str, count: int, id_type: str = "DAID") -> None:
    """Put somebody into a segment of `ready1`, without the sender."""
    items = [{id_type: str(uuid.uuid4()), "Data": [{"Name": name, "TtlInMinutes": 43_200}]} for _ in range(count)]
    body = orjson.dumps({"AdvertiserId": "ready1", "Items": items})
    status, _, answer = sandbox.send("POST", "/data/advertiser", body, {"TTD-Auth": "sandbox-token-ready1"})
    assert (status, answer) == (200, b"{}")


def test_listings_have_numbers_and_activity_and_are_found_by_their_exact_name(sandbox: SandboxProcess, door: Door) -> None:
    here = platform(door, sandbox)
    here.check()
    assert here.listings(["vip"]) == {}
    upload(sandbox, "vip", 4)
    upload(sandbox, "vip", 2, "TDID")
    for number in range(120):
        upload(sandbox, f"not the vip {number}", 1)
    upload(sandbox, "VIP", 1)
    found = here.listings(["vip", "VIP", "vi"])
    assert found.keys() == {"vip", "VIP"}
    assert found["vip"].activity == Activity(ids=6, web=2, in_app=4, connected_tv=0, persons=6, households=3)
    assert found["vip"].id != found["VIP"].id
    many = [f"not the vip {number}" for number in range(0, 120, 9)]
    before = len(sandbox.requests())
    assert here.listings([*many, "vip", "nobody"]).keys() == {*many, "vip"}
    assert len(sandbox.requests()) - before == 2, "many are found in a walk of two pages"
    sandbox.post("/_sandbox/platform", {"listed_after_seconds": 3600, "active_share": 0.5})
    assert here.listings(["vip"]) == {}
    sandbox.post("/_sandbox/clock", {"advance_seconds": 3601})
    assert here.listings(["vip"])["vip"].activity.ids == 3


def test_groups_audiences_and_seeds_are_made_found_and_changed(sandbox: SandboxProcess, door: Door) -> None:
    here = platform(door, sandbox)
    upload(sandbox, "a", 1)
    upload(sandbox, "b", 1)
    a, b = (str(each.id) for each in here.listings(["a", "b"]).values())
    group = here.save(Arranged(Use.DATA_GROUP, "", "Buyers", (a,)))
    here.save(Arranged(Use.DATA_GROUP, "", "Buyers of more", (b,)))
    assert here.find(Use.DATA_GROUP, "Buyers") == (group,) == (Arranged(Use.DATA_GROUP, group.id, "Buyers", (a,)),)
    wider = here.save(Arranged(Use.DATA_GROUP, group.id, "Buyers", (a, b)))
    assert here.find(Use.DATA_GROUP, "Buyers") == (wider,)
    audience = here.save(Arranged(Use.AUDIENCE, "", "Spring", (group.id,)))
    assert here.find(Use.AUDIENCE, "Spring") == (audience,)
    seed = here.save(Arranged(Use.SEED, "", "Best", (a,)))
    assert here.save(Arranged(Use.SEED, seed.id, "Best", (b,))) == Arranged(Use.SEED, seed.id, "Best", (b,))
    assert here.find(Use.SEED, "Best") == (Arranged(Use.SEED, seed.id, "Best", (b,)),)
    assert here.find(Use.SEED, "best") == ()
    with pytest.raises(PermanentError, match=r"refuses the seed 'Best': A seed of this name exists\."):
        here.save(Arranged(Use.SEED, "", "Best", (a,)))
    with pytest.raises(PermanentError, match=r"refuses \(status 400\): DataGroupName is in use already\."):
        here.save(Arranged(Use.DATA_GROUP, "", "Buyers", (a,)))


@pytest.mark.parametrize(
    ("token", "advertiser"),
    [
        ("wrong-token", "ready1"),
        ("sandbox-token-ready1", "ready1"),
        (TOKEN, "ready2"),
        ("sandbox-platform-token-wrongsecret1", "wrongsecret1"),
        ("sandbox-platform-token-forbidden1", "forbidden1"),
    ],
)
def test_a_token_that_may_not_is_refused_in_words_without_the_token(
    sandbox: SandboxProcess, door: Door, token: str, advertiser: str
) -> None:
    here = platform(door, sandbox, token, advertiser)
    for ask in (here.check, lambda: here.listings(["a"]), lambda: here.find(Use.AUDIENCE, "a"), lambda: here.find(Use.SEED, "a")):
        with pytest.raises(ConfigurationError, match=f"refuses the platform token for advertiser {advertiser}") as refused:
            ask()
        assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "asked", "saved"),
    [
        ({"kind": "throttle", "retry_after": 7}, RetryableError, RetryableError),
        ({"kind": "error", "status": 503}, RetryableError, UncertainError),
        ({"kind": "error", "status": 500, "applied": True}, RetryableError, UncertainError),
        ({"kind": "lost"}, RetryableError, UncertainError),
        ({"kind": "torn"}, RetryableError, UncertainError),
        ({"kind": "html"}, PermanentError, PermanentError),
        ({"kind": "bad_request", "message": "no, jane@example.com"}, PermanentError, PermanentError),
        ({"kind": "answer", "status": 401, "body": "no"}, ConfigurationError, ConfigurationError),
        ({"kind": "answer", "body": "[]"}, PermanentError, PermanentError),
        ({"kind": "answer", "body": '{"errors": [{"message": "rate limit"}]}'}, RetryableError, PermanentError),
        ({"kind": "answer", "body": '{"errors": "?"}'}, PermanentError, PermanentError),
        ({"kind": "answer", "body": '{"data": {"advertiser": {"firstPartyData": 3}}}'}, PermanentError, PermanentError),
    ],
)
def test_misfortune_is_sorted_by_what_to_do_next(
    sandbox: SandboxProcess, door: Door, fault: dict[str, Any], asked: type[TradewindError], saved: type[TradewindError]
) -> None:
    here = platform(door, sandbox)
    sandbox.faults(fault)
    with pytest.raises(asked) as one:
        here.listings(["a"])
    sandbox.faults(fault)
    with pytest.raises(saved) as other:
        here.save(Arranged(Use.DATA_GROUP, "", "x", ()))
    assert type(one.value) is asked
    assert type(other.value) is saved
    assert "jane" not in f"{one.value}{other.value}"


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    """A home with a list of enough people, sent to the sandbox."""
    product = Product(tmp_path, sandbox.url, TTD_SECRET="sandbox-secret-ready1", PLATFORM_TOKEN=TOKEN, DATA_TOKEN="sandbox-token-ready1")
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    product.write("buyers.csv", "idfa\n" + "".join(f"{uuid.UUID(int=(0xA << 60) + number)}\n" for number in range(1, COUNT + 1)))
    text = "cohorts: [{id: buyers, name: Buyers, kind: static, file: buyers.csv, identifiers: {idfa: DAID}}]\n"
    product.write("buyers.yaml", text + "syncs: [{id: buyers, cohort: buyers, connection: main, cadence: daily}]\n")
    product.ok("apply", "buyers.yaml")
    product.ok("syncs", "run", "buyers")
    return product


def refused(done: Called, code: int, *says: str) -> None:
    assert done.code == code, done.output
    assert all(each in done.error for each in says), done.error


def test_a_segment_is_read_attached_and_made_a_seed(product: Product, sandbox: SandboxProcess) -> None:
    refused(product.text("segments", "attach", "buyers"), 11, "has no platform token", "connections platform main")
    refused(product.text("segments", "read"), 11, "no connection has a platform token yet")
    refused(product.text("connections", "platform", "main", "--token-env", "DATA_TOKEN"), 11, "is not for the platform's API")
    assert "is not asked" in product.text("segments", "show", "buyers").output
    product.ok("connections", "platform", "main", "--token-env", "PLATFORM_TOKEN")
    told = product.ok("segments", "read")
    (reading,), problems = told["readings"], told["problems"]
    assert problems == []
    number = reading["listing"]["id"]
    assert (reading["sync"], reading["held"], reading["listing"]["activity"]["in_app"]) == ("buyers", COUNT, COUNT)
    shown = product.text("segments", "show", "buyers").output
    assert f"FirstPartyDataId {number}: 5,200 active ids" in shown
    assert "By type: DAID 5,200." in shown
    assert shown.count("Large enough:") == 2

    plan = product.text("segments", "attach", "buyers", "--audience", "Spring sale")
    assert "Nothing was changed. To do it, add --yes." in plan.output
    assert sandbox.get("/_sandbox/platform?advertiser=ready1")["data_groups"] == []
    done = product.ok("segments", "attach", "buyers", "--audience", "Spring sale", "--yes")
    there = sandbox.get("/_sandbox/platform?advertiser=ready1")
    assert [(each["name"], each["holds"]) for each in there["data_groups"]] == [(SEGMENT, [number])]
    assert [(each["name"], each["holds"]) for each in there["audiences"]] == [("Spring sale", [done["done"][0]["id"]])]
    again = product.ok("segments", "attach", "buyers", "--audience", "Spring sale", "--yes")
    assert again["done"] == done["done"], "what is there already is left as it is"

    seeded = product.ok("segments", "seed", "Best buyers", "buyers", "--yes")["done"][0]
    assert [(each["id"], each["segments"]) for each in sandbox.get("/_sandbox/platform?advertiser=ready1")["seeds"]] == [
        (seeded["id"], [number])
    ]
    sandbox.post("/_sandbox/platform", {"active_share": 0.9})
    refused(product.text("segments", "seed", "Another", "buyers"), 10, "a seed needs 5,000 active ids", "4,680")
    deeds = [(each["deed"]["what"], each["deed"]["details"].get("use")) for each in product.ok("audit")["entries"]]
    assert [deed for deed in deeds if deed[0].startswith(("platform.", "connection.platform"))] == [
        ("platform.arrange", "seed"), ("platform.arrange", "audience"), ("platform.arrange", "data_group"), ("connection.platform", None),
    ]  # fmt: skip

    product.ok("connections", "platform", "main", "--remove")
    refused(product.text("segments", "seed", "Best buyers", "buyers"), 11, "has no platform token")


def test_a_segment_that_the_platform_does_not_list_is_said_so(product: Product, sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/platform", {"listed_after_seconds": 3600})
    product.ok("connections", "platform", "main", "--token-env", "PLATFORM_TOKEN")
    product.ok("worker", "--once")
    assert "The platform does not list it" in product.text("segments", "show", "buyers").output
    refused(product.text("segments", "attach", "buyers"), 10, f"does not list segment '{SEGMENT}' yet", "24 to 48 hours")
    sandbox.faults({"kind": "error", "status": 500})
    refused(product.text("segments", "read"), 13, "in trouble itself")
    assert "could not be asked: the platform is in trouble itself" in product.text("segments", "show", "buyers").output
