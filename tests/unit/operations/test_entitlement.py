"""Plans and admissions change while syncs run: who is in their segments is told, and a person says how they leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from town import Town
from tradewind.errors import DefinitionError, NotEntitledError
from tradewind.model.project import ProjectPlan, ReleaseStage
from tradewind.model.run import RunKind
from tradewind.model.sync import Cadence, Leaving, Sync, SyncState
from tradewind.operations import endings, entitlement, syncs
from tradewind.worker import Stop, run_once


@pytest.fixture
def filled(town: Town) -> Sync:
    """A daily sync that has put everybody into its segment."""
    sync = town.add("daily", Cadence.DAILY)
    syncs.run(town.parts, "default", sync.id, None, still)
    assert len(town.held(sync)) == 100
    return sync


def still(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


Change = Callable[[Town, Leaving | None], endings.Ended]


def to_free(town: Town, leaving: Leaving | None) -> endings.Ended:
    return entitlement.set_plan(town.parts, "ann", "default", ProjectPlan.FREE, leaving, still)


def disabled(town: Town, leaving: Leaving | None) -> endings.Ended:
    return entitlement.disable(town.parts, "ann", "default", "fake", leaving, still)


def withdrawn(town: Town, leaving: Leaving | None) -> endings.Ended:
    if "default" not in town.parts.catalog.offers.offer("fake").admitted:
        entitlement.admit(town.parts, "ann", "fake", "default")
        entitlement.set_stage(town.parts, "ann", "fake", ReleaseStage.CLOSED_BETA)
    return entitlement.withdraw(town.parts, "ann", "fake", "default", leaving, still)


WAYS = pytest.mark.parametrize("change", [to_free, disabled, withdrawn])


@WAYS
def test_nothing_changes_until_a_person_says_how_people_leave(town: Town, filled: Sync, change: Change) -> None:
    until = f"{town.clock.now() + timedelta(days=30):%Y-%m-%d}"
    with pytest.raises(DefinitionError, match=f"holds 100 identifiers, the last of them until {until}.*--empty.*--let-expire"):
        change(town, None)
    assert syncs.permitted(town.parts, "default", filled.id).state is SyncState.ACTIVE


@WAYS
def test_people_are_taken_out_although_the_project_may_no_longer_send(town: Town, filled: Sync, change: Change) -> None:
    ended = change(town, Leaving.EMPTY)
    assert [run.kind for run in ended.runs] == [RunKind.DRAIN]
    assert town.held(filled) == set()
    with pytest.raises(NotEntitledError):
        syncs.run(town.parts, "default", filled.id, None, still)


@WAYS
def test_people_who_are_left_to_expire_are_not_renewed(town: Town, filled: Sync, change: Change) -> None:
    change(town, Leaving.LET_EXPIRE)
    sent = len(town.platform.sent)
    town.clock.sleep(timedelta(days=2).total_seconds())
    assert list(run_once(town.parts, Stop())) == []
    assert len(town.platform.sent) == sent
    assert town.parts.catalog.sync("default", filled.id).state is SyncState.PAUSED


def test_a_paused_sync_is_resumed_only_when_its_project_may_send_again(town: Town, filled: Sync) -> None:
    disabled(town, Leaving.LET_EXPIRE)
    with pytest.raises(NotEntitledError, match="not enabled"):
        endings.resume(town.parts, "default", filled.id)
    entitlement.enable(town.parts, "ann", "default", "fake", confirmed=False)
    assert endings.resume(town.parts, "default", filled.id).state is SyncState.ACTIVE


def test_a_worker_looks_again_before_every_run(town: Town, filled: Sync) -> None:
    """Also when the change was made behind its back."""
    town.parts.catalog.offers.enable("default", "fake", "ann", confirmed=False)
    town.clock.sleep(timedelta(days=1).total_seconds())
    (done,) = run_once(town.parts, Stop())
    assert isinstance(done.error, NotEntitledError)
    assert done.error.wall == "not_confirmed"


def test_closing_a_beta_shuts_out_nobody_whose_syncs_run(town: Town, filled: Sync) -> None:
    with pytest.raises(DefinitionError, match=r"syncs of project 'default' run to 'fake'.*; admit it first"):
        entitlement.set_stage(town.parts, "ann", "fake", ReleaseStage.CLOSED_BETA)
    entitlement.admit(town.parts, "ann", "fake", "default")
    assert entitlement.set_stage(town.parts, "ann", "fake", ReleaseStage.CLOSED_BETA).admitted == ("default",)


def test_a_new_project_meets_the_walls_one_after_the_other(town: Town) -> None:
    entitlement.set_stage(town.parts, "ann", "fake", ReleaseStage.OPEN_BETA)
    entitlement.add_project(town.parts, "ann", "second", "Second", "UTC")
    with pytest.raises(NotEntitledError, match="free plan"):
        entitlement.enable(town.parts, "ann", "second", "fake", confirmed=True)
    entitlement.set_plan(town.parts, "ann", "second", ProjectPlan.PAID, None, still)
    entitlement.set_stage(town.parts, "ann", "fake", ReleaseStage.GENERAL)
    assert entitlement.enable(town.parts, "ann", "second", "fake", confirmed=True).wall is None


def test_every_change_stands_in_the_audit_trail_with_who_made_it(town: Town, filled: Sync) -> None:
    entitlement.set_contact(town.parts, "bob", "fake", "desk@shop.example")
    to_free(town, Leaving.EMPTY)
    found = [(each.deed.actor, each.deed.what, each.deed.object) for each in town.parts.trail.entries()]
    assert found == [("ann", "project.plan", "default"), ("bob", "destination.contact", "fake")]
    assert town.parts.trail.damage() == ""


def test_a_change_that_is_refused_leaves_no_entry(town: Town, filled: Sync) -> None:
    with pytest.raises(DefinitionError):
        to_free(town, None)
    assert town.parts.trail.entries() == ()
