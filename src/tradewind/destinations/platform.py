"""What may be asked of a platform besides taking identifiers, where a token allows it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from tradewind.model.destination import Secret
from tradewind.model.platform import Arranged, Listing, Use


class Platform(Protocol):
    """One advertiser at a platform, asked by a token.

    Every method raises ConfigurationError when the token is refused or may not do this, RetryableError when it may be asked again,
    and PermanentError when the answer is a refusal or cannot be read.
    """

    def check(self) -> None:
        """Raise where the token may not ask about the advertiser."""
        ...

    def listings(self, names: Collection[str]) -> dict[str, Listing]:
        """Those of these segments that the platform lists, by name."""
        ...

    def find(self, use: Use, name: str) -> tuple[Arranged, ...]:
        """What has exactly this name."""
        ...

    def save(self, wanted: Arranged) -> Arranged:
        """Make it, or where it has an id change it, and give it with its id. Raises UncertainError when the answer was lost."""
        ...


class Viewable(Protocol):
    """A platform that can be asked for its own view."""

    def platform(self, region: str, advertiser: str, token: Secret) -> Platform:
        """The platform as the token of an advertiser sees it; asks nothing yet. Raises ConfigurationError where there is nobody to ask."""
        ...
