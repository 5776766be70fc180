"""Who is in a lookalike cohort at an instant: the model of its training day, everybody's score now, and where the line is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.cohorts.parse import to_document
from tradewind.compute import Bounds, connect, literal, told_of
from tradewind.durable import publish
from tradewind.engines.lookalike.apart import by_name, by_time, training_day
from tradewind.engines.lookalike.fit import FOLDS, Line, Numbers, Sample, fit, judge, matters, spread
from tradewind.engines.lookalike.reading import GENERAL, Behaviours, Period, Taken
from tradewind.engines.lookalike.sql import Models
from tradewind.errors import DefinitionError, EngineError
from tradewind.events.store import EventStore
from tradewind.model.cohort import Cohort, Lookalike
from tradewind.model.lookalike import Apart, Card, Feature, FeatureKind, Model
from tradewind.model.project import Project
from tradewind.model.snapshot import Snapshot

FEWEST = 50
"""Members of the seed, and others, without whose behaviour nothing is learned."""

MOST_LEARNED_FROM = 50_000
"""People of each side that a model is made of; of more, a share is drawn by lot, always the same."""

STAYS = 1.2
"""Who is in stays until as many times the number of people wanted are more alike."""

SeedAt = Callable[[datetime], Path]
"""Finds the members of the seed at an instant, as a file."""


@dataclass(frozen=True)
class Question:
    """A lookalike of a project at an instant; `built_of` are its seed and all that it is made of, the seed last."""

    project: Project
    cohort: Cohort
    wish: Lookalike
    built_of: tuple[Cohort, ...]
    as_of: datetime

    @property
    def fingerprint(self) -> str:
        """A short text that differs where the definitions do that the answer follows from."""
        documents = [to_document(each) for each in (*self.built_of, self.cohort)]
        return hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def trained_as_of(self) -> datetime:
        """The training day whose model answers."""
        return training_day(self.as_of, self.project.zone, self.wish.retrain_days)


@dataclass(frozen=True)
class _Learned:
    """People of a sample with their features, and over which period these are."""

    period: Period
    features: tuple[Feature, ...]
    sample: Sample


class Lookalikes:
    """Answers for cohorts of kind `lookalike`."""

    def __init__(self, home: Path, events: EventStore, models: Models) -> None:
        self.home, self.events, self.models = home, events, models

    def model(self, question: Question, seed_at: SeedAt, bounds: Bounds, folder: Path) -> Model:
        """The model that answers: the one kept of the training day, or one made now and kept.

        Raises DefinitionError when the seed is too small or the model no better than chance, EngineError when the data cannot answer.
        """
        project, cohort, fingerprint = question.project.id, question.cohort.id, question.fingerprint
        known = self.models.find(project, cohort, fingerprint, question.trained_as_of)
        if known is None:
            known = self._train(question, seed_at, bounds, folder)
            self.models.add(project, cohort, fingerprint, known)
        return known

    def evaluate(self, question: Question, seed_at: SeedAt, bounds: Bounds, out: Path, *, named: bool) -> Snapshot:
        """Write the members to `out` (`member`, and `person` if named). Raises as `model` does."""
        model = self.model(question, seed_at, bounds, out.parent)
        scored, growing = (out.with_name(f".{out.name}.{what}") for what in ("scored", "growing"))
        try:
            self.score(question, model, seed_at(question.as_of), bounds, scored, named=named)
            members = self._choose(question, bounds, scored, growing)
            publish(growing, out)
        finally:
            scored.unlink(missing_ok=True)
            growing.unlink(missing_ok=True)
        return Snapshot(out, members, question.as_of)

    def stand(self, question: Question, members: Path) -> None:
        """Write down that a run has these members, so that who is in then stays until clearly below the line."""
        path = str(members.relative_to(self.home))
        self.models.stand(question.project.id, question.cohort.id, question.fingerprint, question.as_of, path)

    def _train(self, question: Question, seed_at: SeedAt, bounds: Bounds, folder: Path) -> Model:
        behaviours = Behaviours(self.events, question.project.id, bounds, folder)
        moment, zone = question.trained_as_of, question.project.zone
        seed = seed_at(moment)
        members = pq.read_metadata(seed).num_rows
        apart = by_time(question.built_of, moment, zone)
        before = seed_at(apart.cut_off) if apart.cut_off < moment else seed
        learned = self._learned(question, behaviours, apart, seed, before)
        if learned is None or learned.sample.inside.sum() < FEWEST:
            apart = by_name(question.built_of, moment)
            learned = self._learned(question, behaviours, apart, seed, seed)
        known = int(learned.sample.inside.sum()) if learned else 0
        others = int((~learned.sample.inside).sum()) if learned else 0
        seed_id = question.wish.seed
        if learned is None or known < FEWEST or others < FEWEST:
            raise DefinitionError(
                f"the seed '{seed_id}' has {members:,} members on {moment:%Y-%m-%d}, and behaviour that can be learned from is known of "
                f"{known:,} of them and {others:,} others; a lookalike needs {FEWEST} of each: take a larger seed, or look back longer"
            )
        return self._fitted(question, apart, learned, members)

    def _learned(self, question: Question, behaviours: Behaviours, apart: Apart, seed: Path, before: Path) -> _Learned | None:
        """The sample to learn from; None where nothing happened before the cut-off."""
        begin = behaviours.begin()
        if begin is None or begin.replace(tzinfo=UTC) >= apart.cut_off:
            return None
        reach = min(timedelta(days=question.wish.look_back_days), apart.cut_off - begin.replace(tzinfo=UTC))
        period = Period(apart.cut_off - timedelta(days=max(1, ceil(reach / timedelta(days=1)))), apart.cut_off, apart.events)
        features, people = behaviours.survey(period, apart.properties)
        inside, outside = (min(1.0, MOST_LEARNED_FROM / max(1, count)) for count in (pq.read_metadata(seed).num_rows, people))
        batches = list(behaviours.people(period, features, Taken(seed, before, inside, outside)))
        if not sum(batch.num_rows for batch in batches):
            return None
        table = pa.Table.from_batches(batches)
        rows = spread(features, _rows(table, features))
        sample = Sample(rows, table["inside"].to_numpy(), table["before"].to_numpy(), table["fold"].to_numpy(), inside, outside)
        return _Learned(period, features, sample)

    def _fitted(self, question: Question, apart: Apart, learned: _Learned, members: int) -> Model:
        sample = learned.sample
        for fold in range(FOLDS):
            if not 0 < sample.inside[sample.fold != fold].sum() < (sample.fold != fold).sum():
                raise DefinitionError(f"the seed '{question.wish.seed}' is spread too unevenly to be judged; take a larger one")
        judged = judge(sample, GENERAL.index(FeatureKind.EVENTS))
        if judged.auc_low <= 0.5:
            raise DefinitionError(
                f"the members of '{question.wish.seed}' cannot be told from others by what they do: a member is ranked before somebody "
                f"else in {judged.auc:.0%} of cases (95% interval {judged.auc_low:.0%} to {judged.auc_high:.0%}), which is no better than "
                "chance; take a seed that is larger, or of people who behave alike"
            )
        line = fit(sample)
        inside = int(sample.inside.sum())
        card = Card(
            question.trained_as_of, learned.period.since, apart, members, round(inside / sample.inside_share),
            round((len(sample.rows) - inside) / sample.outside_share), judged.auc, judged.auc_low, judged.auc_high, judged.baseline,
            judged.came, judged.auc_came, judged.bins, matters(learned.features, line),
        )  # fmt: skip
        days = (learned.period.until - learned.period.since).days
        means, scales, weights = (tuple(map(float, values)) for values in (line.means, line.scales, line.weights))
        return Model(learned.features, means, scales, weights, line.intercept, days, card)

    def score(self, question: Question, model: Model, seed: Path, bounds: Bounds, out: Path, *, named: bool) -> None:
        """Write `member`, `person` and `score` of everybody outside the seed who did anything of late."""
        moment = question.as_of.astimezone(UTC)
        period = Period(moment - timedelta(days=model.days), moment, model.card.apart.events)
        behaviours = Behaviours(self.events, question.project.id, bounds, out.parent)
        line = Line(np.array(model.means), np.array(model.scales), np.array(model.weights), model.intercept)
        columns: dict[str, pa.DataType] = {"member": pa.binary(), **({"person": pa.string()} if named else {})}
        schema = pa.schema([*columns.items(), ("score", pa.float64())])
        out.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(out, schema) as writer:
            for batch in behaviours.others(period, model.features, seed, named=named):
                scores = line.score(spread(model.features, _rows(pa.Table.from_batches([batch]), model.features)))
                named_by = [batch.column(name).cast(kind) for name, kind in columns.items()]
                writer.write_batch(pa.RecordBatch.from_arrays([*named_by, pa.array(scores)], schema=schema))

    def _choose(self, question: Question, bounds: Bounds, scored: Path, out: Path) -> int:
        """Write those above the line, and those who were in and are not clearly below it; returns how many."""
        everybody, wish = pq.read_metadata(scored).num_rows, question.wish
        wanted = wish.people if wish.people is not None else ceil(everybody * (wish.percent or 0) / 100)
        before = self._before(question)
        stays = f"member IN (SELECT member FROM read_parquet({literal(before)}))" if before else "false"
        person = ", person" if "person" in pq.read_schema(scored).names else ""
        ranked = f"SELECT *, row_number() OVER (ORDER BY score DESC, member) AS place FROM read_parquet({literal(scored)})"
        try:
            with connect(bounds) as connection:
                connection.execute(
                    f"COPY (SELECT member{person} FROM ({ranked}) WHERE place <= {wanted} OR (place <= {int(wanted * STAYS)} AND {stays})) "
                    f"TO {literal(out)} (FORMAT parquet)"
                )
        except duckdb.Error as error:
            raise EngineError(f"ranking people failed: {told_of(error)}") from None
        return int(pq.read_metadata(out).num_rows)

    def _before(self, question: Question) -> Path | None:
        """The file of those who were in by the last run before, as far as it was not tidied away."""
        rows = self.models.standing(question.project.id, question.cohort.id, question.fingerprint, question.as_of)
        return next((self.home / path for path in rows if (self.home / path).exists()), None)


def _rows(table: pa.Table, features: Sequence[Feature]) -> Numbers:
    """The features as rows of numbers; what is missing is not a number."""
    columns = [table[f"f{place}"].to_numpy().astype(np.float64) for place in range(len(features))]
    return np.column_stack(columns)
