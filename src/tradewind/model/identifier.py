"""Identifiers by which a platform can address a person, and the rule that finds them in a person's columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IdType(StrEnum):
    """The kinds of identifier the product maps to. The value is the platform's own field name."""

    TDID = "TDID"
    DAID = "DAID"
    UID2 = "UID2"


class Refusal(StrEnum):
    """Why a value cannot be used as an identifier; never carries the value."""

    MISSING = "missing"
    PLACEHOLDER = "placeholder"
    ZEROED = "zeroed"
    HASHED = "hashed"
    TOKEN = "token"
    RAW_PII = "raw_pii"
    BAD_FORMAT = "bad_format"
    SUPPRESSED = "suppressed"
    HELD_OUT = "held_out"
    SHARED = "shared"


REFUSAL_SENTENCES: dict[Refusal, str] = {
    Refusal.MISSING: "the person has no value",
    Refusal.PLACEHOLDER: "a word that stands for nothing (null, unknown, n/a, ...)",
    Refusal.ZEROED: "all zeros: the device has ad tracking limited",
    Refusal.HASHED: "a hash where the raw identifier belongs",
    Refusal.TOKEN: "a UID2 token where the raw UID2 belongs",
    Refusal.RAW_PII: "an e-mail address or phone number, which may never be sent",
    Refusal.BAD_FORMAT: "not of the form this identifier has",
    Refusal.SUPPRESSED: "named in an opt-out or deletion; it is sent nowhere any more",
    Refusal.HELD_OUT: "of people who are held out, to measure what sending does",
    Refusal.SHARED: "of somebody who is held out as well as of others: it is not sent, so that who is held out is not reached",
}


class Take(StrEnum):
    """Which of a person's values a rule looks at: the latest one, or every one ever seen."""

    LATEST = "latest"
    ALL = "all"


class Send(StrEnum):
    """How many rules may speak for a person: the first that gives a usable identifier, or all of them."""

    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True)
class Mapping:
    """One row of an identity map: the values of `source` are identifiers of type `id_type`.

    `source` is `user_id`, `device_id`, `user.<property>`, `event.<property>` or `column.<name>` (of a list or SELECT).
    """

    source: str
    id_type: IdType
    take: Take = Take.LATEST


@dataclass(frozen=True)
class IdentityMap:
    """An ordered list of mappings. With `send=first` later mappings are fallbacks; with `all` each one counts."""

    mappings: tuple[Mapping, ...]
    send: Send = Send.ALL


@dataclass(frozen=True)
class Resolution:
    """The account of one resolve: every member and every value ends in exactly one of these counts.

    `refused[id_type][reason]` counts members-by-mapping whose value (or absence of one) gave no identifier.
    `identifiers[id_type]` counts distinct identifiers; `duplicates` usable values that named one already counted.
    `values = sum(identifiers) + duplicates + sum(refused)`. The reasons `suppressed`, `held_out` and
    `shared` count distinct identifiers; a member whose only ones are among these still counts as usable.
    """

    members: int
    members_usable: int
    values: int
    identifiers: dict[IdType, int]
    refused: dict[IdType, dict[Refusal, int]]
    duplicates: int
    warnings: dict[str, int]
