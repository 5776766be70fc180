"""A town of made-up people for lookalikes: of those who look much many are in the seed, and of the others few."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from town import guid

BEGIN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = 600


def lives(chance: random.Random, begin: datetime = BEGIN) -> tuple[list[dict[str, Any]], set[int]]:
    """Events of the two months from `begin` on by people of whom those who look much are likely to be in the seed; and who is in it."""
    events, seed = [], set()
    for number in range(PEOPLE):
        keen = chance.random() < 0.3
        if chance.random() < (0.6 if keen else 0.05):
            seed.add(number)
        for turn in range(chance.randint(4, 12) if keen else chance.randint(1, 5)):
            at = begin + timedelta(seconds=chance.randrange(59 * 86_400))
            kind = chance.choice(["Look", "Look", "Open"]) if keen else "Open"
            said = {
                "plan": "plus" if keen and number % 2 else "free",
                "mail": f"{number}@example.org",
                "age": str(20 + number % 50),
                "ad": str(guid(number)),
            }
            events.append(
                {
                    "event_type": kind, "user_id": f"u{number}", "device_id": f"d{number}",
                    "insert_id": f"{number}-{turn}", "time": int(at.timestamp() * 1000), "user_properties": said,
                    "event_properties": {"room": f"r{turn % 3}", "price": turn},
                }
            )  # fmt: skip
    return events, seed
