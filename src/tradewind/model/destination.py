"""What a kind of platform can do, and a configured account at one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewind.model.identifier import IdentityMap, IdType
from tradewind.model.project import ReleaseStage


class Auth(StrEnum):
    """How requests of a connection are signed: with the advertiser's secret key, or with a token. Never both."""

    SIGNATURE = "signature"
    TOKEN = "token"


@dataclass(frozen=True)
class Region:
    """A data center: its key in YAML, the label the console shows, and the one host it stands for."""

    key: str
    label: str
    url: str


@dataclass(frozen=True)
class Limits:
    """Bounds of one request, of the time a membership may live (minutes), and of the requests under way at once for an account."""

    items: int
    bytes: int
    ttl_default: int
    ttl_minimum: int
    ttl_maximum: int
    name_characters: int
    at_once: int = 1


@dataclass(frozen=True)
class Size:
    """About how many identifiers the platform wants for a use of a segment, and the sentence that says so.

    `active`: those that it saw lately are counted, not those that it received in the last 30 days.
    """

    use: str
    least: int
    sentence: str
    active: bool = False


@dataclass(frozen=True)
class Spec:
    """The declaration of a destination: what a form, a check and the planner need to know.

    `tile` is its name in the catalog (without one it is not listed), `paid_plan` the platform's own plan that an admin confirms before
    it is enabled, `stage` the one it has in a new home; `considerations` and `setup` are what a person reads before and while connecting.
    `sizes` are from how many identifiers a segment can be used for what, and `afterwards` what to do with it at the platform.
    """

    kind: str
    name: str
    id_types: tuple[IdType, ...]
    limits: Limits
    tile: str = ""
    paid_plan: str = ""
    stage: ReleaseStage = ReleaseStage.GENERAL
    considerations: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()
    afterwards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Connection:
    """A configured destination of a project (an account). Holds no URL and no secret; `version` counts changes."""

    project: str
    id: str
    name: str
    destination: str
    advertiser: str
    region: str
    auth: Auth
    identity: IdentityMap
    version: int = 1
    paused: str | None = None


@dataclass(frozen=True, repr=False)
class Secret:
    """An opened secret. Its text never appears in a representation, a log or an error."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"

    def struck_from(self, text: str) -> str:
        """What somebody else said, without this secret in it."""
        return text.replace(self.value, "***")
