"""How long a sign-in has to wait after wrong passwords; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

FREE = 5
"""Wrong passwords that cost nothing, for those who mistype."""

LONGEST = timedelta(seconds=60)

MEMORY = timedelta(hours=1)
"""How long a wrong password counts."""


MOST = 100
"""Wrong passwords of one account within that time, from wherever they come; after that only browsers may try that it was signed in with."""


def not_before(failures: Sequence[datetime]) -> datetime | None:
    """When the next try of an account from a network may come: 1, 2, 4 ... 60 seconds after the last. None when it may come now."""
    beyond = len(failures) - FREE
    if beyond < 0:
        return None
    return max(failures) + min(LONGEST, timedelta(seconds=2 ** min(beyond, 10)))


def network_of(address: str) -> str:
    """The neighbourhood of an address: /24, or /48 of IPv6. Another text is its own neighbourhood."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))
