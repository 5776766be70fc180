"""The rows of lookalikes: each model that was made, and in which file the members of a run are, from whom the next begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, metadata
from tradewind.model.lookalike import Apart, Bin, Card, Feature, FeatureKind, Model, Weight

model_table = sa.Table(
    "lookalike_model",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("fingerprint", sa.String, primary_key=True),
    sa.Column("trained_as_of", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
)
"""`fingerprint` is that of the definitions a model follows from; `model` is JSON, numbers and words alone."""

standing_table = sa.Table(
    "lookalike_standing",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("cohort", sa.String, primary_key=True),
    sa.Column("as_of", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("path", sa.String, nullable=False),
)
"""A file of members of a run, relative to the home; it may have been tidied away since."""

KEPT = 20
"""Rows of files that are kept of each cohort."""


class Models:
    """What the lookalikes of every project have learned, and who was in them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, project: str, cohort: str, fingerprint: str, trained_as_of: datetime) -> Model | None:
        """The model that was made of these definitions as of an instant."""
        table = model_table.c
        where = (table.project == project, table.cohort == cohort, table.fingerprint == fingerprint)
        query = sa.select(table.model).where(*where, table.trained_as_of == trained_as_of.astimezone(UTC))
        with self.database.reading() as db:
            text = db.execute(query).scalar_one_or_none()
        return _model(json.loads(text)) if text is not None else None

    def newest(self, project: str, cohort: str) -> Model | None:
        """The model of a cohort that was trained last, whatever it was defined as then."""
        table = model_table.c
        query = sa.select(table.model).where(table.project == project, table.cohort == cohort).order_by(table.trained_as_of.desc()).limit(1)
        with self.database.reading() as db:
            text = db.execute(query).scalar_one_or_none()
        return _model(json.loads(text)) if text is not None else None

    def add(self, project: str, cohort: str, fingerprint: str, model: Model) -> None:
        """Keep a model, unless another has made it meanwhile."""
        row = {"project": project, "cohort": cohort, "fingerprint": fingerprint, "trained_as_of": model.card.trained_as_of.astimezone(UTC)}
        text = json.dumps(asdict(model), default=lambda value: value.isoformat())
        try:
            with self.database.transaction() as db:
                db.execute(model_table.insert().values(**row, model=text))
        except sa.exc.IntegrityError:
            return

    def stand(self, project: str, cohort: str, fingerprint: str, as_of: datetime, path: str) -> None:
        """Write down who is in by a run of an instant; the oldest rows go."""
        table, moment = standing_table.c, as_of.astimezone(UTC)
        mine = (table.project == project, table.cohort == cohort)
        with self.database.transaction() as db:
            db.execute(standing_table.delete().where(*mine, table.as_of == moment))
            db.execute(standing_table.insert().values(project=project, cohort=cohort, as_of=moment, fingerprint=fingerprint, path=path))
            old = db.execute(sa.select(table.as_of).where(*mine).order_by(table.as_of.desc()).offset(KEPT).limit(1)).scalar_one_or_none()
            if old is not None:
                db.execute(standing_table.delete().where(*mine, table.as_of <= old))

    def standing(self, project: str, cohort: str, fingerprint: str, before: datetime) -> tuple[str, ...]:
        """The files of those who were in before an instant by the same definitions, the newest first."""
        table = standing_table.c
        where = (table.project == project, table.cohort == cohort, table.fingerprint == fingerprint, table.as_of < before.astimezone(UTC))
        with self.database.reading() as db:
            return tuple(db.execute(sa.select(table.path).where(*where).order_by(table.as_of.desc())).scalars())


def _model(told: Mapping[str, Any]) -> Model:
    card = told["card"]
    numbers = {name: tuple(told[name]) for name in ("means", "scales", "weights")}
    kept = {name: card[name] for name in ("seed", "seed_known", "others", "auc", "auc_low", "auc_high", "baseline", "came", "auc_came")}
    return Model(
        tuple(Feature(FeatureKind(each["kind"]), each["name"], each["value"]) for each in told["features"]),
        **numbers,
        intercept=told["intercept"],
        days=told["days"],
        card=Card(
            datetime.fromisoformat(card["trained_as_of"]),
            datetime.fromisoformat(card["since"]),
            _apart(card["apart"]),
            **kept,
            bins=tuple(Bin(**each) for each in card["bins"]),
            weights=tuple(Weight(**each) for each in card["weights"]),
        ),
    )


def _apart(told: Mapping[str, Any]) -> Apart:
    return Apart(datetime.fromisoformat(told["cut_off"]), tuple(told["events"]), tuple(told["properties"]), told["known"])
