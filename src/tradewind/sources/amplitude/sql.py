"""What was asked of Amplitude, in SQL: a row for each download, and one for each request that sets the pace of all."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tradewind.clock import Clock
from tradewind.database import Database, Transaction, add_if_absent, aware, metadata
from tradewind.errors import EngineError
from tradewind.sources.amplitude.budget import ANSWERS, MONTH, VALID, WITHIN, Budget, budget, wait

LEASE = timedelta(minutes=2)
"""A request whose process has died counts as under way for so long."""


class DownloadState(StrEnum):
    """Where a download stands. `asking` has no request id: the answer is under way, or was lost. `refused` was not counted."""

    ASKING = "asking"
    ASKED = "asked"
    FETCHED = "fetched"
    GONE = "gone"
    REFUSED = "refused"


account_table = sa.Table(
    "amplitude_account",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("not_before", sa.DateTime(timezone=True)),
)
"""Its lock makes processes take turns; before `not_before` nobody asks."""

download_table = sa.Table(
    "amplitude_download",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("account", sa.ForeignKey("amplitude_account.id"), nullable=False, index=True),
    sa.Column("cohort", sa.String, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("request", sa.String),
    sa.Column("size", sa.BigInteger),
)

call_table = sa.Table(
    "amplitude_call",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("account", sa.ForeignKey("amplitude_account.id"), nullable=False, index=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Download:
    """A download that was asked for; `request` is Amplitude's id of it, `size` how many members its list said there are then."""

    id: str
    account: str
    cohort: str
    properties: tuple[str, ...]
    asked_at: datetime
    expires_at: datetime
    state: DownloadState
    request: str | None
    size: int | None = None


class Downloads:
    """The downloads of every account, each a row from before it is asked for."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def obtain(self, account: str, cohort: str, properties: Collection[str], since: datetime, now: datetime) -> Download | None:
        """The newest download of a cohort, asked for since an instant, that has these properties and can still be fetched.

        Where there is none, a new one, in the state `asking`, which is counted from now on and is the caller's to ask for; or None
        while somebody else is asking for one that would do. Raises EngineError when the month's are spent.
        """
        with self.database.transaction() as db:
            _locked(db, account)
            found = _known(db, account, cohort, properties, since)
            if usable := next((each for each in found if each.request and each.expires_at > now), None):
                return usable
            if any(each.asked_at > now - ANSWERS for each in found):
                return None
            known = _budget(db, account, now)
            if known.next_free:
                raise EngineError(
                    f"the {known.allowed} downloads of cohorts that Amplitude allows a month are spent; "
                    f"the next is free at {known.next_free:%Y-%m-%d %H:%M} UTC"
                )
            at, names = now.astimezone(UTC), tuple(sorted(properties))
            new = Download(secrets.token_hex(8), account, cohort, names, at, at + VALID, DownloadState.ASKING, None)
            db.execute(download_table.insert().values(**vars(new) | {"properties": list(names), "state": new.state.value}))
        return new

    def answered(self, download: Download, request: str, size: int | None) -> None:
        """Write Amplitude's id of a download, and the size it listed: from now on it can be fetched by whoever wants it."""
        self._set(download, state=DownloadState.ASKED.value, request=request, size=size)

    def mark(self, download: Download, state: DownloadState) -> None:
        """Write what became of a download."""
        self._set(download, state=state.value)

    def budget(self, account: str, now: datetime) -> Budget:
        """What the account asked for in the last 31 days, by whatever project and source."""
        with self.database.transaction() as db:
            return _budget(db, account, now)

    def pace(self, account: str, clock: Clock) -> SqlPace:
        """The pace of all who ask for an account."""
        return SqlPace(self.database, account, clock)

    def _set(self, download: Download, **values: str | int | None) -> None:
        with self.database.transaction() as db:
            db.execute(download_table.update().where(download_table.c.id == download.id).values(**values))


class SqlPace:
    """Amplitude's 60 requests in ten minutes and 4 at once, shared by all processes that use a database."""

    def __init__(self, database: Database, account: str, clock: Clock) -> None:
        self._database, self._account, self._clock = database, account, clock

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more request may be made; it is under way for the length of the block."""
        call = secrets.token_hex(8)
        while seconds := self._take(call):
            self._clock.sleep(seconds)
        try:
            yield
        finally:
            with self._database.transaction() as db:
                db.execute(call_table.update().where(call_table.c.id == call).values(until=self._clock.now().astimezone(UTC)))

    def hold_off(self, seconds: float) -> None:
        """Nobody asks for so long; a longer wait that was said before stays."""
        until = self._clock.now().astimezone(UTC) + timedelta(seconds=seconds)
        with self._database.transaction() as db:
            before = _locked(db, self._account)
            if before is None or before < until:
                db.execute(account_table.update().where(account_table.c.id == self._account).values(not_before=until))

    def _take(self, call: str) -> float:
        """Write a call down if it may be made now; else the seconds until it is worth asking again."""
        table = call_table.c
        with self._database.transaction() as db:
            not_before, now = _locked(db, self._account), self._clock.now().astimezone(UTC)
            mine = table.account == self._account
            db.execute(call_table.delete().where(mine, table.at <= now - WITHIN, table.until <= now))
            rows = db.execute(sa.select(table.at, table.until).where(mine).order_by(table.at)).all()
            seconds = wait([(aware(row.at), aware(row.until)) for row in rows], not_before, now)
            if seconds <= 0:
                db.execute(call_table.insert().values(id=call, account=self._account, at=now, until=now + LEASE))
        return max(seconds, 0.0)


def _known(db: Transaction, account: str, cohort: str, properties: Collection[str], since: datetime) -> list[Download]:
    """The downloads of a cohort that have these properties, asked for after an instant and not lost since, the newest first."""
    table, alive = download_table.c, [DownloadState.ASKING.value, DownloadState.ASKED.value, DownloadState.FETCHED.value]
    where = (table.account == account, table.cohort == cohort, table.state.in_(alive), table.asked_at >= since.astimezone(UTC))
    found = [_download(row) for row in db.execute(sa.select(download_table).where(*where).order_by(table.asked_at.desc()))]
    return [each for each in found if set(each.properties) >= set(properties)]


def _budget(db: Transaction, account: str, now: datetime) -> Budget:
    table = download_table.c
    counted = (table.account == account, table.state != DownloadState.REFUSED.value, table.asked_at > now.astimezone(UTC) - MONTH)
    return budget([aware(each) for each in db.execute(sa.select(table.asked_at).where(*counted).order_by(table.asked_at)).scalars()])


def _locked(db: Transaction, account: str) -> datetime | None:
    """Make the account's row if there is none, and lock it to the end of the transaction; gives its `not_before`."""
    add_if_absent(db, account_table, id=account)
    found = db.execute(sa.select(account_table.c.not_before).where(account_table.c.id == account).with_for_update()).scalar()
    return aware(found) if found else None


def _download(row: Any) -> Download:
    return Download(
        row.id, row.account, row.cohort, tuple(row.properties), aware(row.asked_at), aware(row.expires_at),
        DownloadState(row.state), row.request, row.size,
    )  # fmt: skip
