"""The guide's own words stand on the console's pages to the letter."""

from __future__ import annotations

import re
from pathlib import Path

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
