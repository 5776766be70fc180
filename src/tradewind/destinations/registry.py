"""The destinations there are, by kind; a class is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module

from tradewind.destinations.base import Destination
from tradewind.door import Door
from tradewind.errors import DefinitionError

CLASSES = {
    "thetradedesk": "tradewind.destinations.thetradedesk.destination:TheTradeDesk",
    "failing": "tradewind.destinations.failing:Failing",
}
"""Kind -> `module:Class`; each class is made of the door and the sandbox's URL (None where there is none)."""


class Registry:
    """Makes each destination once, with the door it sends through."""

    def __init__(self, door: Door, sandbox_url: str | None = None) -> None:
        self._door, self._sandbox_url = door, sandbox_url
        self._made: dict[str, Destination] = {}

    def destination(self, kind: str) -> Destination:
        """The destination of a kind. Raises DefinitionError for a kind there is not."""
        if kind not in CLASSES:
            raise DefinitionError(f"there is no destination '{kind[:60]}'; expected one of {', '.join(CLASSES)}")
        if kind not in self._made:
            module, _, name = CLASSES[kind].partition(":")
            self._made[kind] = getattr(import_module(module), name)(self._door, self._sandbox_url)
        return self._made[kind]
