"""Offers in SQL: the stage and contact of each kind of platform, the projects admitted, and who enabled it where."""

from __future__ import annotations

import sqlalchemy as sa

from tradewind.database import Store, Transaction, aware, metadata
from tradewind.model.project import Enablement, Offer, ReleaseStage

offer_table = sa.Table(
    "offer",
    metadata,
    sa.Column("destination", sa.String, primary_key=True),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("contact", sa.String, nullable=False),
)

admission_table = sa.Table(
    "admission",
    metadata,
    sa.Column("destination", sa.String, primary_key=True),
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
)

enablement_table = sa.Table(
    "enablement",
    metadata,
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("destination", sa.String, primary_key=True),
    sa.Column("enabled_by", sa.String, nullable=False),
    sa.Column("confirmed_paid_plan", sa.Boolean, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)


class Offers(Store):
    """What projects may use. A kind that nothing was written of is open to all. Checks nothing: operations decide."""

    def offer(self, destination: str) -> Offer:
        """What the installation says of a kind of platform."""
        with self._reading() as db:
            row = db.execute(sa.select(offer_table).where(offer_table.c.destination == destination)).first()
            query = sa.select(admission_table.c.project).where(admission_table.c.destination == destination)
            admitted = tuple(db.execute(query.order_by(admission_table.c.project)).scalars())
        return Offer(destination, ReleaseStage(row.stage), row.contact, admitted) if row else Offer(destination, admitted=admitted)

    def save(self, offer: Offer) -> None:
        """Write what the installation says, in place of what it said before."""
        with self._transaction() as db:
            db.execute(offer_table.delete().where(offer_table.c.destination == offer.destination))
            db.execute(offer_table.insert().values(destination=offer.destination, stage=offer.stage.value, contact=offer.contact))
            db.execute(admission_table.delete().where(admission_table.c.destination == offer.destination))
            for project in offer.admitted:
                db.execute(admission_table.insert().values(destination=offer.destination, project=project))

    def enablements(self, project: str) -> dict[str, Enablement]:
        """The kinds of platform that a project uses, by kind."""
        with self._reading() as db:
            rows = db.execute(sa.select(enablement_table).where(enablement_table.c.project == project)).all()
        return {row.destination: Enablement(row.destination, row.enabled_by, row.confirmed_paid_plan, aware(row.at)) for row in rows}

    def enable(self, project: str, destination: str, who: str, *, confirmed: bool) -> None:
        """Write that a project uses a kind of platform, and whether `who` confirmed the platform's own paid plan."""
        with self._transaction() as db:
            self._forget(db, project, destination)
            row = {"project": project, "destination": destination, "enabled_by": who, "confirmed_paid_plan": confirmed}
            db.execute(enablement_table.insert().values(**row))

    def disable(self, project: str, destination: str) -> None:
        """Write that a project uses it no more."""
        with self._transaction() as db:
            self._forget(db, project, destination)

    def _forget(self, db: Transaction, project: str, destination: str) -> None:
        table = enablement_table
        db.execute(table.delete().where(table.c.project == project, table.c.destination == destination))
