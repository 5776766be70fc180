"""Previews that are put together of whole answers give the numbers that looking into everybody gives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from generative.test_engines_agree import AS_OF, ZONES, cohort_of, events, rules
from tradewind.compute import Bounds
from tradewind.engines.leaf_preview import LeafPreviews
from tradewind.engines.memory import Event, MemoryEngine, MemoryPreviews
from tradewind.engines.preview import Asked, Clause, Previews, Turn
from tradewind.model.cohort import Did, InCohort, Not, Rule
from tradewind.model.project import Project, ProjectPlan


@settings(derandomize=True, max_examples=25, deadline=None)
@given(events, rules, st.sampled_from(ZONES))
def test_clauses_put_together_are_the_whole(told: list[Event], rule: Rule, zone: str) -> None:
    project, engine = Project("default", "Default", ProjectPlan.PAID, zone, ()), MemoryEngine({"default": told})
    with TemporaryDirectory() as name:
        vips = engine.evaluate(project, cohort_of(Did("Look"), "vips"), AS_OF - timedelta(days=9), (), {}, Path(name) / "vips.parquet")
        asked = Asked(project, rule, AS_OF, {"vips": vips.path})
        other = Asked(project, Not(InCohort("inner")), AS_OF, {"vips": vips.path, "inner": rule})
        answers = []
        both: tuple[Previews, ...] = (MemoryPreviews(lambda _project, _as_of: engine), LeafPreviews(engine, Bounds()))
        for previews in both:
            sizes, sample = previews.sizes(asked, Turn()), previews.sample(asked, 3, Turn())
            why = [held(previews.why(asked, person, Turn())) for person in (*sample, "user:u1", "nobody")]
            answers.append((sizes, sample, why, previews.overlap(asked, other, Turn()), previews.sizes(other, Turn())))
        assert answers[0] == answers[1]


def held(clause: Clause | None) -> object:
    """Which clauses hold, and no more."""
    return clause and (clause.rule, clause.holds, [held(part) for part in clause.parts])
