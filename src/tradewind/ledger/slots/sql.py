"""Slots in SQL: a row for each endpoint, whose lock makes the owners take turns, and a row for each owner."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from tradewind.database import Database, Transaction, add_if_absent, aware, metadata
from tradewind.ledger.slots.base import Share, Wish, fair

endpoint_table = sa.Table(
    "endpoint",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("not_before", sa.DateTime(timezone=True)),
)

slot_table = sa.Table(
    "slot",
    metadata,
    sa.Column("endpoint", sa.ForeignKey("endpoint.id"), primary_key=True),
    sa.Column("owner", sa.String, primary_key=True),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)

_NOT_BEFORE = sa.select(endpoint_table.c.not_before).where(endpoint_table.c.id == sa.bindparam("of_endpoint"))


class SqlSlots:
    """The promises of `slots.base`, for all processes that share a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def hold(self, endpoint: str, owner: str, wish: Wish, now: datetime, until: datetime) -> Share:
        """Take, renew or give back slots; see the Protocol."""
        held = slot_table.c
        with self.database.transaction() as db:
            not_before = _locked(db, endpoint)
            db.execute(slot_table.delete().where(held.endpoint == endpoint, sa.or_(held.owner == owner, held.until <= now.astimezone(UTC))))
            others = db.execute(sa.select(held.slots).where(held.endpoint == endpoint)).scalars().all()
            slots = fair(wish, others)
            db.execute(slot_table.insert().values(endpoint=endpoint, owner=owner, slots=slots, until=until.astimezone(UTC)))
        return Share(slots, not_before)

    def give_back(self, endpoint: str, owner: str) -> None:
        """Hold none, and wait no more."""
        with self.database.transaction() as db:
            db.execute(slot_table.delete().where(slot_table.c.endpoint == endpoint, slot_table.c.owner == owner))

    def hold_off(self, endpoint: str, until: datetime) -> None:
        """Nobody sends before an instant."""
        with self.database.transaction() as db:
            before = _locked(db, endpoint)
            if before is None or before < until:
                db.execute(endpoint_table.update().where(endpoint_table.c.id == endpoint).values(not_before=until.astimezone(UTC)))

    def not_before(self, endpoint: str) -> datetime | None:
        """The instant before which nobody sends."""
        with self.database.reading() as db:
            return _instant(db.execute(_NOT_BEFORE, {"of_endpoint": endpoint}).scalar())


def _locked(db: Transaction, endpoint: str) -> datetime | None:
    """Make the endpoint's row if there is none, and lock it to the end of the transaction; gives its `not_before`."""
    add_if_absent(db, endpoint_table, id=endpoint)
    return _instant(db.execute(_NOT_BEFORE.with_for_update(), {"of_endpoint": endpoint}).scalar())


def _instant(moment: datetime | None) -> datetime | None:
    return moment and aware(moment)
