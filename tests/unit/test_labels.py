"""The guide's own words stand on the console's pages to the letter."""

from __future__ import annotations

import re
from pathlib import Path

from tradewind.destinations.thetradedesk.spec import SPEC

LABELS = Path(__file__).resolve().parents[2] / "console" / "src" / "labels.ts"

OF_THE_GUIDE = (
    "Catalog", "Destinations", "Cohort", "TheTradeDesk", "Add another destination", "Name", "Advertiser ID", "Advertiser Secret Key",
    "Data Center Region", "User ID", "TheTradeDesk User ID", "The Trade Desk 36-character GUID",
    "Raw device ID (iOS IDFA or Android's AAID)",
    "Unified ID 2.0", "Save", "Sync", "Next", "One-Time Sync", "Hourly", "Daily",
)  # fmt: skip
"""What a reader of "Send Cohorts to TheTradeDesk" looks for, in the order of that guide."""


def test_every_label_of_the_guide_is_there_to_the_letter() -> None:
    held = re.search(r"export const document = \{(.*?)\} as const;", LABELS.read_text("utf-8"), re.DOTALL)
    assert held
    assert tuple(re.findall(r'\w+: "([^"]+)"', held[1])) == OF_THE_GUIDE


def test_the_setup_beside_the_tile_is_the_guides_to_the_letter() -> None:
    assert SPEC.setup[:3] == (
        "In The Trade Desk, navigate to Settings > Integrations.",
        "Click Add integration, then find and add Amplitude.",
        "Copy the Advertiser ID and Advertiser Secret Key to your clipboard.",
    )
    told = " ".join(SPEC.setup[3:])
    for label in OF_THE_GUIDE[: OF_THE_GUIDE.index("Sync")]:
        assert label in told, label
