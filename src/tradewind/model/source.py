"""Sources: places outside where cohorts or events are kept, read with a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tradewind.model.destination import Secret
from tradewind.model.tables import Tables


class SourceKind(StrEnum):
    """What a source is."""

    AMPLITUDE = "amplitude"
    TABLES = "tables"


@dataclass(frozen=True)
class Verification:
    """What a server answered to the tables of the cohort language: `agreed` of `cases` as it should be, when, and to which tables."""

    at: datetime
    spec: str
    agreed: int
    cases: int
    server: str


@dataclass(frozen=True)
class Source:
    """A configured source of a project. Holds no address and no key.

    One of kind `tables` has `tables` and no region; `verification` is what its server last answered.
    Of one in Amplitude, `app` is Amplitude's own number of its project, where it was given: for people to read. `account` names the API key
    without telling it: sources with the same one, of any project, share Amplitude's limits.
    """

    project: str
    id: str
    name: str
    kind: SourceKind
    region: str
    app: int | None = None
    account: str = field(default="", compare=False)
    tables: Tables | None = None
    verification: Verification | None = field(default=None, compare=False)


@dataclass(frozen=True, repr=False)
class KeyPair:
    """An opened API key with its secret key. Neither appears in a representation, a log or an error."""

    api_key: str
    secret_key: str

    @classmethod
    def of(cls, secret: Secret) -> KeyPair:
        """The two keys of one sealed text; an API key holds no colon."""
        api_key, _, secret_key = secret.value.partition(":")
        return cls(api_key, secret_key)

    def together(self) -> Secret:
        """Both in the one text that is sealed."""
        return Secret(f"{self.api_key}:{self.secret_key}")

    def __repr__(self) -> str:
        return "KeyPair(***)"
