"""The Trade Desk declared: its limits, and the one address of each of its data centers."""

from __future__ import annotations

import re

from tradewind.errors import ConfigurationError
from tradewind.model.destination import Limits, Region, Size, Spec
from tradewind.model.identifier import IdType
from tradewind.model.project import ReleaseStage

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
    tile="TheTradeDesk",
    paid_plan="a paid The Trade Desk plan",
    stage=ReleaseStage.CLOSED_BETA,
    considerations=(
        "The project needs the paid plan of this installation.",
        "It is enabled in each project that uses it, by an admin of the project.",
        "You need a paid The Trade Desk plan to enable it.",
        "Identifiers: The Trade Desk's 36-character GUID (TDID), raw device ids of 36 characters (DAID), Unified ID 2.0 (UID2).",
        "A membership lives 30 days unless the sync says otherwise; a daily or hourly sync renews it, after a One-Time Sync it expires.",
    ),
    setup=(
        "In The Trade Desk, navigate to Settings > Integrations.",
        "Click Add integration, then find and add Amplitude.",
        "Copy the Advertiser ID and Advertiser Secret Key to your clipboard.",
        "Here, click Catalog and select the Destinations tab.",
        "In the Cohort section, click TheTradeDesk.",
        "Click Add another destination.",
        "Enter Name, Advertiser ID and Advertiser Secret Key.",
        "Choose your Data Center Region.",
        "Map the User ID field to TheTradeDesk User ID field.",
        "Choose what it is: The Trade Desk 36-character GUID, Raw device ID (iOS IDFA or Android's AAID) or Unified ID 2.0.",
        "Save when finished.",
    ),
    sizes=(
        Size("target", 1_000, "To target it in an ad group, The Trade Desk wants about 1,000 identifiers received in the last 30 days."),
        Size("seed", 5_000, "To make it a seed, The Trade Desk wants 5,000 identifiers that it saw in the last 7 days.", active=True),
    ),
    afterwards=(
        "The Trade Desk makes the segment at the first delivery and lists it after 24 to 48 hours.",
        "There: find it by its name among the advertiser's first-party data, and put it into a data group.",
        "Put the data group into an audience, and attach the audience to an ad group; or make a seed of the segment.",
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
