"""The members of a cohort at one instant: a file, never rows in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradewind.model.sync import Holdout

LAST_EVENT = "last_event"
"""The column that says when a person last did what brings people into a cohort, wherever it is carried."""

HELD_OUT = "held_out"
"""The column that says whether a person is held out of the segment, where somebody is."""


@dataclass(frozen=True)
class Snapshot:
    """A Parquet file of members.

    Columns: `member` (16 bytes: the MD5 of `user:<id>`, `device:<id>`, `amplitude_id:<id>` or `row:<identifier column values>`, last
    byte first, as event files have the key of a person), `person` (that text, or `row 17` where no person is named; for the
    operator's own eyes; left out where a run does not need it, since the events name who is asked for), and one column per wanted
    source, named as the source is (`user.advertising_id`), of text for `take: latest` or a list of text for `take: all`; of UUIDs
    instead of text where the events hold these.
    Where it was asked for, `last_event` (timestamp in microseconds, UTC) is when the person last did what brings people into
    the cohort, NULL where there is nothing of the kind. `as_of` is the instant it answers for. `missing` lists wanted sources
    that the data does not have at all; `nameless` counts rows of a list, SELECT or download that named nobody and are no members;
    Where there is a `holdout`, the column `held_out` says of each member whether they are, and `held_out` counts them.
    Of a part of a split it has the people of one value; `whole` counts those of the cohort, and `unlisted` those whose value, or
    lack of one, is in no part. `rows` counts all that a download had, and `expected` those that its source said there are, where it says.
    `lost` counts the parts of a list that was pushed lately which did not come.
    """

    path: Path
    members: int
    as_of: datetime
    missing: tuple[str, ...] = ()
    nameless: int = 0
    rows: int | None = None
    expected: int | None = None
    holdout: Holdout | None = None
    held_out: int = 0
    whole: int | None = None
    unlisted: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Wanted:
    """A column the identity map needs beside each member."""

    source: str
    all_values: bool
