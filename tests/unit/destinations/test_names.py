"""What may be typed: segment names, advertiser ids, secrets, regions and the sandbox's address."""

from __future__ import annotations

import pytest

from tradewind.destinations.thetradedesk.names import check_advertiser, check_secret, check_segment_name, default_segment_name
from tradewind.destinations.thetradedesk.spec import sandbox_region
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Secret


@pytest.mark.parametrize(
    ("cohort", "id_", "name"),
    [
        ("Cart and no purchase", "cart-no-buy", "[Tradewind] Cart and no purchase: cart-no-buy"),
        ('Bought, then "left"\t', "gone", "[Tradewind] Bought then left: gone"),
        ("''", "quotes", "[Tradewind] quotes: quotes"),
        ("Käufer 買い物", "buyers", "[Tradewind] Käufer 買い物: buyers"),
    ],
)
def test_default_names(cohort: str, id_: str, name: str) -> None:
    assert default_segment_name(cohort, id_) == name
    check_segment_name(name)


def test_a_default_name_is_cut_before_its_id() -> None:
    name = default_segment_name("word " * 100, "x" * 63)
    assert len(name) <= 128
    assert name.endswith(": " + "x" * 63)
    check_segment_name(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "1 to 128 characters, this one has 0"),
        ("x" * 129, "this one has 129"),
        (" a", "neither begins nor ends"),
        ("a ", "neither begins nor ends"),
        ("a,b", "take out: ,"),
        ("it's", "take out: '"),
        ('a"b^c', r'take out: ", \^'),
        ("a\tb", r"U\+0009"),
        ("a\u202eb", r"U\+202E"),
        ("a\u00a0b", r"U\+00A0"),
        ("a\ud800b", r"U\+D800"),
    ],
)
def test_names_that_are_refused(name: str, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        check_segment_name(name)


@pytest.mark.parametrize("advertiser", ["", "a/b", "..", "a'b", "a b", "a" * 33, "abc\n", "äbc", "１２"])
def test_advertiser_ids_that_are_refused(advertiser: str) -> None:
    with pytest.raises(DefinitionError, match="1 to 32 letters and digits"):
        check_advertiser(advertiser)


@pytest.mark.parametrize("secret", ["canary-7\n", " canary-7", "c", "", "canary-7" * 1000, "canary-7\x00x", "canary-7ä"])
def test_secrets_that_are_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_secret(Secret(secret))
    assert "canary" not in str(caught.value)


def test_what_is_allowed() -> None:
    check_advertiser("abc1234")
    check_secret(Secret("s3cret+/="))
    check_segment_name("vip_90d")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8390", "http://127.255.0.9:1/", "http://localhost:65535", "http://[::1]:80"])
def test_a_sandbox_on_this_machine(url: str) -> None:
    assert sandbox_region(url).url == url.removesuffix("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8390",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.1:80",
        "http://0x7f000001:80",
        "http://127.0.0.256:80",
        "http://10.0.0.1:80",
        "http://localhost.evil.example:80",
        "http://user@127.0.0.1:80",
        "http://127.0.0.1:80@evil.example",
        "http://127.0.0.1:80/data",
        "http://127.0.0.1:80?x",
        "http://127.0.0.1:80\n",
        "http://usw-data.adsrvr.org:80",
        "",
    ],
)
def test_anything_else_is_no_sandbox(url: str) -> None:
    with pytest.raises(ConfigurationError, match="sandbox's address must be"):
        sandbox_region(url)
