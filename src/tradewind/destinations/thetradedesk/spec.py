"""The Trade Desk declared: its limits, and the one address of each of its data centers."""

from __future__ import annotations

import re

from tradewind.errors import ConfigurationError
from tradewind.model.destination import Limits, Region, Spec
from tradewind.model.identifier import IdType

DAY = 1440

SPEC = Spec(
    kind="thetradedesk",
    name="The Trade Desk",
    id_types=(IdType.TDID, IdType.DAID, IdType.UID2),
    limits=Limits(
        items=10_000,
        bytes=2_000_000,
        ttl_default=30 * DAY,
        ttl_minimum=DAY,
        ttl_maximum=180 * DAY,
        name_characters=128,
        at_once=4,
    ),
)

REGIONS = (
    Region("us-east", "US East", "https://use-data.adsrvr.org"),
    Region("us-west", "US West", "https://usw-data.adsrvr.org"),
    Region("eu", "UK and Europe", "https://euw-data.adsrvr.org"),
    Region("singapore", "Asia-Pacific (Singapore)", "https://sin-data.adsrvr.org"),
    Region("tokyo", "Tokyo", "https://tok-data.adsrvr.org"),
    Region("china", "China", "https://data-cn2.adsrvr.cn"),
)
"""Choose the one nearest to the people addressed; the platform copies onward by itself (out of China it does not)."""

SANDBOX = "sandbox"

PATH = "/data/advertiser"

_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}|\[::1\]):(?P<port>[0-9]{1,5})/?")


def sandbox_region(url: str) -> Region:
    """The seventh region, at a loopback address. Raises ConfigurationError for anything but `http://<this machine>:<port>`."""
    found = _LOOPBACK.fullmatch(url)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ConfigurationError(
            "the sandbox's address must be http://127.0.0.1:PORT, http://localhost:PORT or http://[::1]:PORT, and no more"
        )
    return Region(SANDBOX, "Sandbox on this machine", url.removesuffix("/"))
