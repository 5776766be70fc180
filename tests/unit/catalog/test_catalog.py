"""The catalog: versions, ownership of segments, and what may not change under a sync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tradewind.catalog.sql import Catalog
from tradewind.database import Database, metadata
from tradewind.errors import DefinitionError, NotEntitledError
from tradewind.model.cohort import All, Behaviour, Cohort, CohortKind, Did, EventFilter, InCohort, Last, Not, Operator, StaticList
from tradewind.model.destination import Auth, Connection
from tradewind.model.identifier import IdentityMap, IdType, Mapping, Send, Take
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.sync import Cadence, Leaving, Parting, Sync, SyncState

BUYERS = Cohort("default", "buyers", "Buyers", CohortKind.BEHAVIOURAL, Behaviour(Did("Purchase", window=Last(30))))
LAPSED = Cohort("default", "lapsed", "Lapsed", CohortKind.BEHAVIOURAL, Behaviour(All((Did("Open"), Not(InCohort("buyers"))))))
IDENTITY = IdentityMap((Mapping("user.advertising_id", IdType.DAID), Mapping("user_id", IdType.UID2, Take.ALL)), Send.FIRST)
ACME = Connection("default", "acme-us", "Acme US", "thetradedesk", "abc123", "us-east", Auth.TOKEN, IDENTITY)
SYNC = Sync("default", "buyers-acme", "buyers", "acme-us", "[tw] Buyers", 43_200, Cadence.DAILY)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    database = Database.at(tmp_path)
    with database.transaction() as rows:
        metadata.create_all(rows)
    catalog = Catalog(database)
    for project in ("default", "other"):
        catalog.add_project(Project(project, project.title(), ProjectPlan.PAID, "Europe/Berlin", ("thetradedesk",)), "ann")
    yield catalog
    database.close()


@pytest.fixture
def stocked(catalog: Catalog) -> Catalog:
    catalog.save_cohort(BUYERS)
    catalog.save_connection(ACME)
    catalog.add_sync(SYNC)
    return catalog


def test_values_come_back_as_they_went_in(stocked: Catalog) -> None:
    assert stocked.project("default") == Project("default", "Default", ProjectPlan.PAID, "Europe/Berlin", ("thetradedesk",))
    assert [project.id for project in stocked.projects()] == ["default", "other"]
    assert stocked.cohort("default", "buyers") == BUYERS
    assert stocked.connection("default", "acme-us") == ACME
    assert stocked.sync("default", "buyers-acme") == SYNC
    assert (stocked.cohorts("other"), stocked.connections("other"), stocked.syncs("other")) == ((), (), ())


def test_a_cohorts_version_counts_changes_of_its_definition(catalog: Catalog) -> None:
    where = (EventFilter("category", Operator.IS, ("shoes",)),)
    changed = replace(BUYERS, definition=Behaviour(Did("Purchase", where)))
    assert catalog.save_cohort(BUYERS).version == 1
    assert catalog.save_cohort(BUYERS).version == 1
    assert catalog.save_cohort(replace(BUYERS, name="People who buy")).version == 1
    assert catalog.save_cohort(changed).version == 2
    assert catalog.cohort("default", "buyers") == replace(changed, version=2)
    assert catalog.cohort_at("default", "buyers", 1).definition == BUYERS.definition
    with pytest.raises(DefinitionError, match="has no version 3"):
        catalog.cohort_at("default", "buyers", 3)


def test_a_change_of_kind_is_a_new_version(catalog: Catalog) -> None:
    catalog.save_cohort(BUYERS)
    listed = replace(BUYERS, kind=CohortKind.STATIC, definition=StaticList("/data/vip.csv", (Mapping("column.maid", IdType.DAID),)))
    assert catalog.save_cohort(listed).version == 2
    assert catalog.cohort("default", "buyers") == replace(listed, version=2)


def test_a_removed_cohort_keeps_its_versions_and_may_come_back(catalog: Catalog) -> None:
    catalog.save_cohort(BUYERS)
    catalog.remove_cohort("default", "buyers")
    assert catalog.cohorts("default") == ()
    assert catalog.cohort_at("default", "buyers", 1) == BUYERS
    assert catalog.save_cohort(BUYERS).version == 1
    assert catalog.cohort("default", "buyers") == BUYERS


def test_what_is_used_is_not_removed(stocked: Catalog) -> None:
    stocked.save_cohort(LAPSED)
    with pytest.raises(DefinitionError, match="cohort 'buyers' is used by cohort 'lapsed', sync 'buyers-acme'"):
        stocked.remove_cohort("default", "buyers")
    with pytest.raises(DefinitionError, match="connection 'acme-us' is used by sync 'buyers-acme'"):
        stocked.remove_connection("default", "acme-us")
    stocked.remove_sync("default", "buyers-acme")
    stocked.remove_connection("default", "acme-us")
    assert stocked.connections("default") == ()


@pytest.mark.parametrize(("ask", "kind"), [("cohort", "cohort"), ("connection", "connection"), ("sync", "sync")])
def test_an_unknown_id_is_answered_with_the_nearest(stocked: Catalog, ask: str, kind: str) -> None:
    near = {"cohort": "buyer", "connection": "acme-uk", "sync": "buyers-acm"}[ask]
    with pytest.raises(DefinitionError, match=f"{kind} '{near}' does not exist; did you mean"):
        getattr(stocked, ask)("default", near)
    with pytest.raises(DefinitionError, match=f"'zzz' does not exist; there is no {kind} yet"):
        getattr(stocked, ask)("other", "zzz")


def test_another_projects_objects_look_absent(stocked: Catalog) -> None:
    for ask, id_ in (("cohort", "buyers"), ("connection", "acme-us"), ("sync", "buyers-acme")):
        with pytest.raises(DefinitionError, match="does not exist"):
            getattr(stocked, ask)("other", id_)


def test_a_connections_version_counts_its_changes(catalog: Catalog) -> None:
    assert catalog.save_connection(ACME).version == 1
    assert catalog.save_connection(ACME).version == 1
    assert catalog.save_connection(replace(ACME, name="Acme")).version == 2
    assert catalog.save_connection(replace(ACME, name="Acme", region="apac")).version == 3


def test_a_pause_keeps_its_first_reason_and_survives_an_edit(catalog: Catalog) -> None:
    catalog.save_connection(ACME)
    catalog.pause_connection("default", "acme-us", "401: the secret is refused")
    catalog.pause_connection("default", "acme-us", "later reason")
    assert catalog.save_connection(replace(ACME, name="Acme")).paused == "401: the secret is refused"
    assert catalog.connection("default", "acme-us").version == 2
    catalog.resume_connection("default", "acme-us")
    assert catalog.connection("default", "acme-us").paused is None


@pytest.mark.parametrize(("before", "after"), [("sandbox", "us-east"), ("us-east", "sandbox")])
def test_a_rehearsal_never_becomes_real_by_an_edit(catalog: Catalog, before: str, after: str) -> None:
    catalog.save_connection(replace(ACME, region=before))
    with pytest.raises(DefinitionError, match=f"cannot move from region '{before}' to '{after}'"):
        catalog.save_connection(replace(ACME, region=after))
    assert catalog.connection("default", "acme-us").region == before


@pytest.mark.parametrize("move", [{"region": "apac"}, {"advertiser": "xyz"}])
def test_the_syncs_of_a_connection_move_with_its_account(stocked: Catalog, move: dict[str, str]) -> None:
    """What they owned is free, what they own now is theirs; where somebody owns it already, nothing moves."""
    moved = replace(ACME, **move)  # type: ignore[arg-type]
    stocked.save_connection(replace(moved, id="other"))
    stocked.add_sync(replace(SYNC, id="second", connection="other"))
    with pytest.raises(DefinitionError, match="is owned by sync 'second'"):
        stocked.save_connection(moved)
    assert stocked.connection("default", "acme-us") == ACME
    stocked.remove_sync("default", "second")
    assert stocked.save_connection(moved).version == 2
    with pytest.raises(DefinitionError, match="is owned by sync 'buyers-acme'"):
        stocked.add_sync(replace(SYNC, id="second", connection="other"))
    stocked.save_connection(replace(ACME, id="third"))
    stocked.add_sync(replace(SYNC, id="second", connection="third"))


def test_a_destination_must_be_enabled(catalog: Catalog) -> None:
    with pytest.raises(NotEntitledError, match="'skywriting' is not enabled in project 'default'"):
        catalog.save_connection(replace(ACME, destination="skywriting"))
    catalog.offers.enable("default", "skywriting", "ann", confirmed=True)
    assert catalog.save_connection(replace(ACME, destination="skywriting")).destination == "skywriting"


def test_connections_and_syncs_need_what_a_run_needs(stocked: Catalog) -> None:
    stocked.set_plan("default", ProjectPlan.FREE)
    with pytest.raises(NotEntitledError, match="free plan"):
        stocked.save_connection(replace(ACME, id="second"))
    with pytest.raises(NotEntitledError, match="free plan"):
        stocked.add_sync(replace(SYNC, id="second", segment="another"))
    assert stocked.save_connection(replace(ACME, name="Renamed")).version == 2, (
        "who is to be taken out needs a connection that can be mended"
    )


def test_a_segment_has_one_owner_over_all_projects(stocked: Catalog) -> None:
    with pytest.raises(DefinitionError, match="is owned by sync 'buyers-acme'"):
        stocked.add_sync(replace(SYNC, id="second"))
    stocked.save_cohort(replace(BUYERS, project="other"))
    stocked.save_connection(replace(ACME, project="other"))
    with pytest.raises(DefinitionError, match="is owned by a sync of another project"):
        stocked.add_sync(replace(SYNC, project="other"))
    stocked.save_connection(replace(ACME, project="other", id="acme-eu", region="uk-eu"))
    stocked.add_sync(replace(SYNC, project="other", connection="acme-eu"))


@pytest.mark.parametrize("segment", ["[TW] buyers", "[tw]  Buyers", "[tw] Ｂuyers"])
@pytest.mark.parametrize("state", [SyncState.ACTIVE, SyncState.ENDED])
def test_a_segment_that_differs_only_by_case_is_refused(stocked: Catalog, segment: str, state: SyncState) -> None:
    stocked.set_sync_state("default", "buyers-acme", state)
    with pytest.raises(DefinitionError, match="differs only by case"):
        stocked.add_sync(replace(SYNC, id="second", segment=segment))


def test_an_ended_sync_gives_its_segment_free_and_begins_again_only_while_it_is(stocked: Catalog) -> None:
    stocked.set_sync_state("default", "buyers-acme", SyncState.ENDED)
    stocked.set_sync_state("default", "buyers-acme", SyncState.ACTIVE)
    stocked.set_sync_state("default", "buyers-acme", SyncState.ENDED)
    stocked.add_sync(replace(SYNC, id="second"))
    with pytest.raises(DefinitionError, match="is owned by sync 'second'"):
        stocked.set_sync_state("default", "buyers-acme", SyncState.ACTIVE)


def test_a_sync_changes_in_ttl_cadence_and_segment_alone(stocked: Catalog) -> None:
    changed = replace(SYNC, ttl_minutes=1_440, cadence=Cadence.HOURLY, segment="another")
    stocked.change_sync(changed)
    assert stocked.sync("default", "buyers-acme") == changed
    stocked.add_sync(replace(SYNC, id="second"))
    with pytest.raises(DefinitionError, match=r"segment '\[tw\] Buyers' is owned by sync 'second'"):
        stocked.change_sync(SYNC)
    with pytest.raises(DefinitionError, match="the cohort of sync 'second' is 'buyers' and never changes"):
        stocked.change_sync(replace(SYNC, id="second", cohort="other"))


def test_the_last_word_about_a_target_counts(catalog: Catalog) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    first = Parting("t1", Leaving.EMPTY, None, "the sync was removed", now)
    second = Parting("t1", Leaving.LET_EXPIRE, now, "the account refuses", now)
    for each in (first, replace(first, target="t2"), second):
        catalog.part(each)
    assert catalog.partings() == {"t1": second, "t2": replace(first, target="t2")}


def test_a_sync_names_what_exists(stocked: Catalog) -> None:
    with pytest.raises(DefinitionError, match="cohort 'buyerz' does not exist; did you mean 'buyers'"):
        stocked.add_sync(replace(SYNC, id="x", cohort="buyerz"))
    with pytest.raises(DefinitionError, match="connection 'acme-uz' does not exist; did you mean 'acme-us'"):
        stocked.add_sync(replace(SYNC, id="x", connection="acme-uz"))
    with pytest.raises(DefinitionError, match="exists already"):
        stocked.add_sync(replace(SYNC, segment="another"))
