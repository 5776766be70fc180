"""A source in Amplitude, and cohorts pulled through it: who is in, what is asked for, what holds a run, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from town import AMPLITUDE, NOON, Town, guid
from tradewind.errors import ConfigurationError, DefinitionError, EngineError, GoneError, RefusedKeyError
from tradewind.model.cohort import All, Behaviour, Cohort, CohortKind, Did, InCohort, Pulled
from tradewind.model.destination import Secret
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.run import Run, RunOutcome, RunState
from tradewind.model.source import KeyPair, Source, SourceKind
from tradewind.model.sync import Cadence, Sync
from tradewind.operations import cohorts, runs, sources, syncs
from tradewind.sources.amplitude.base import Listed
from tradewind.sources.amplitude.memory import Row
from tradewind.sources.amplitude.sql import DownloadState, download_table
from tradewind.vault.sql import KEY_PAIR

KEYS = KeyPair("an-api-key", "a-secret-key")
EU = "https://eu.amplitude.invalid"
DAY = timedelta(days=1)


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def people(numbers: range) -> list[Row]:
    """Members with a user id and a device."""
    return [{"amplitude_id": str(9_000_000 + n), "user_id": f"u{n}", "ad": str(guid(n)), "plan": "paid"} for n in numbers]


class Pulling(Town):
    """A town whose cohort lives in Amplitude, where 100 people are in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.amplitude.knows = {(KEYS.api_key, KEYS.secret_key, AMPLITUDE)}
        self.parts = replace(self.parts, amplitude=replace(self.parts.amplitude, hosts={"us": AMPLITUDE, "eu": EU}))
        sources.add(self.parts, Source("default", "amp", "Amplitude", SourceKind.AMPLITUDE, "us"), KEYS)
        self.parts.catalog.save_cohort(Cohort("default", "payers", "Payers", CohortKind.AMPLITUDE, Pulled("amp", "a1b2")))
        self.hold(people(range(1, 101)))

    def hold(self, rows: list[Row], size: int | None = None, **listed: object) -> None:
        """What Amplitude's cohort has from now on."""
        shown = Listed("a1b2", "Payers", len(rows) if size is None else size, NOON, archived=False, kind="redshift")
        self.amplitude.cohorts = {"a1b2": (replace(shown, **listed), rows)}  # type: ignore[arg-type]

    def sync(self, name: str = "main", cadence: Cadence = Cadence.DAILY) -> Sync:
        """A sync of that cohort."""
        return syncs.add(self.parts, "default", syncs.Wish("payers", "main", name, f"segment {name}", cadence=cadence))

    def run(self, sync: Sync) -> Run:
        """A run of it, now."""
        return syncs.run(self.parts, "default", sync.id, None, watch)

    def states(self) -> list[str]:
        """What became of every download."""
        with self.database.transaction() as db:
            return [row.state for row in db.execute(download_table.select().order_by(download_table.c.asked_at))]

    def spent(self) -> int:
        """Downloads that were counted."""
        budget = sources.shown(self.parts, "default", "amp").budget
        assert budget is not None
        return budget.spent


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Pulling]:
    town = Pulling(tmp_path)
    yield town
    town.close()


def test_a_cohort_in_amplitude_becomes_the_segment_and_the_next_run_removes_who_left(town: Pulling) -> None:
    sync = town.sync()
    done = town.run(sync)
    assert done.outcome is RunOutcome.CLEAN
    assert town.held(sync) == set(range(1, 101))
    town.clock.sleep(DAY.total_seconds())
    town.hold(people(range(11, 121)))
    assert town.run(sync).outcome is RunOutcome.CLEAN
    assert town.held(sync) == set(range(11, 121))
    assert town.spent() == 2


def test_only_the_properties_of_the_identity_map_are_asked_for(town: Pulling) -> None:
    town.run(town.sync())
    assert list(town.amplitude.requests.values()) == [("a1b2", ("ad",))]


def test_a_cohort_may_name_its_own_identifiers(town: Pulling) -> None:
    own = Pulled("amp", "a1b2", (Mapping("column.device", IdType.DAID),))
    town.parts.catalog.save_cohort(Cohort("default", "payers", "Payers", CohortKind.AMPLITUDE, own))
    town.hold([{"amplitude_id": str(n), "user_id": "", "device": str(guid(n))} for n in range(1, 31)])
    sync = town.sync()
    town.run(sync)
    assert town.held(sync) == set(range(1, 31))
    assert [properties for _, properties in town.amplitude.requests.values()] == [("device",)]


@pytest.mark.parametrize("names", [("Ad", "ad"), ("User_ID",), ("_row",)])
def test_properties_that_could_not_be_told_apart_are_refused_before_anything_is_asked_for(town: Pulling, names: tuple[str, ...]) -> None:
    own = Pulled("amp", "a1b2", tuple(Mapping(f"column.{name}", IdType.DAID) for name in names))
    town.parts.catalog.save_cohort(Cohort("default", "payers", "Payers", CohortKind.AMPLITUDE, own))
    with pytest.raises(DefinitionError, match="cannot be pulled beside"):
        town.run(town.sync())
    assert town.spent() == 0


def test_what_the_download_has_not_is_found_in_what_the_same_people_did(town: Pulling) -> None:
    mappings = (Mapping("user.ad", IdType.DAID), Mapping("event.device", IdType.DAID))
    connection = town.parts.catalog.connection("default", "main")
    town.parts.catalog.save_connection(replace(connection, identity=replace(connection.identity, mappings=mappings)))
    town.hold([*people(range(1, 3)), {"amplitude_id": "9", "user_id": "", "ad": str(guid(9))}])
    done = town.run(town.sync())
    snapshot = runs.report(town.parts, "default", done.id).snapshot
    assert snapshot is not None
    assert (snapshot.members, snapshot.missing, snapshot.rows) == (3, ("event.device",), 3)


def test_who_gave_no_identifier_is_listed_by_amplitude_id(town: Pulling) -> None:
    town.hold(
        [
            {"amplitude_id": "71", "user_id": "u1", "ad": str(guid(1))},
            {"amplitude_id": "72", "user_id": "u2", "ad": ""},
            {"amplitude_id": "73", "user_id": "", "ad": "0" * 8 + "-0000-0000-0000-" + "0" * 12},
            {"amplitude_id": "74", "user_id": "", "ad": "not a device"},
            {"amplitude_id": "", "user_id": "", "ad": str(guid(5))},
        ]
    )
    done = town.run(town.sync())
    count, refused = runs.people_refused(town.parts, "default", done.id, 10)
    assert count == 3
    assert {(each.amplitude_id, each.person, each.reason) for each in refused} == {
        ("72", "user:u2", "missing"),
        ("73", "amplitude_id:73", "zeroed"),
        ("74", "amplitude_id:74", "bad_format"),
    }
    snapshot = runs.report(town.parts, "default", done.id).snapshot
    assert snapshot is not None
    assert (snapshot.members, snapshot.nameless, snapshot.rows, snapshot.expected) == (4, 1, 5, 5)


def test_a_rule_may_ask_for_people_of_a_cohort_in_amplitude_by_their_user_id(town: Pulling) -> None:
    town.hold([*people(range(1, 4)), {"amplitude_id": "99", "user_id": "", "ad": str(guid(99))}])
    rule = Cohort("default", "openers", "Openers", CohortKind.BEHAVIOURAL, Behaviour(All((InCohort("payers"), Did("Open")))))
    town.parts.catalog.save_cohort(rule)
    seen = cohorts.preview(town.parts, "default", "openers", None, None, 10)
    assert set(seen.sample) == {"user:u1", "user:u2", "user:u3"}


def test_a_download_that_lacks_more_than_a_few_members_holds_the_run_and_removes_nobody(town: Pulling) -> None:
    sync = town.sync()
    town.hold(people(range(1, 1001)))
    town.run(sync)
    town.clock.sleep(DAY.total_seconds())
    town.hold(people(range(1, 901)), size=1000)
    held = town.run(sync)
    assert held.state is RunState.HELD
    plan = runs.report(town.parts, "default", held.id).plan
    assert plan is not None
    assert [(verdict.guard, verdict.count) for verdict in plan.verdicts] == [("incomplete", 100)]
    assert town.held(sync) == set(range(1, 1001))
    town.clock.sleep(DAY.total_seconds())
    town.hold(people(range(1, 961)), size=1000)
    assert town.run(sync).outcome is RunOutcome.CLEAN, "at most 5 % may lack unseen"


@pytest.mark.parametrize("archived", [True, False])
def test_a_cohort_that_is_archived_or_gone_fails_the_run_and_removes_nobody(town: Pulling, *, archived: bool) -> None:
    sync = town.sync()
    town.run(sync)
    town.clock.sleep(DAY.total_seconds())
    town.hold(people(range(1, 2)), archived=True) if archived else town.amplitude.cohorts.clear()
    with pytest.raises(GoneError, match="is archived in Amplitude" if archived else "Amplitude lists no cohort a1b2: it was deleted"):
        town.run(sync)
    assert town.held(sync) == set(range(1, 101))
    assert runs.listed(town.parts, "default", sync.id)[0].outcome is RunOutcome.FAILED
    assert town.spent() == 1, "nothing was asked for"


def test_while_the_source_fails_those_who_would_lapse_are_kept(town: Pulling) -> None:
    sync = town.sync()
    town.run(sync)
    town.clock.sleep(25 * DAY.total_seconds())
    town.amplitude.torn = True
    with pytest.raises(EngineError, match="ended early"):
        town.run(sync)
    town.clock.sleep(10 * DAY.total_seconds())
    assert town.held(sync) == set(range(1, 101))


def test_two_syncs_at_one_time_share_a_download_and_ask_for_what_both_need(town: Pulling) -> None:
    connection = town.parts.catalog.connection("default", "main")
    mappings = (Mapping("user.uid", IdType.UID2), Mapping("user.ad", IdType.DAID))
    town.parts.catalog.save_connection(
        replace(connection, id="other", advertiser="adv2", identity=replace(connection.identity, mappings=mappings))
    )
    town.parts.vault.seal("default", "other", Secret("s3cret"))
    one = town.sync()
    other = syncs.add(town.parts, "default", syncs.Wish("payers", "other", "other", "segment other", cadence=Cadence.DAILY))
    town.run(one)
    town.clock.sleep(29 * 60)
    town.run(other)
    assert list(town.amplitude.requests.values()) == [("a1b2", ("ad", "uid"))]
    assert town.spent() == 1
    town.clock.sleep(2 * 60)
    town.run(one)
    assert town.spent() == 2, "31 minutes later it is no answer for now"


class Killed(BaseException):
    """The process is gone."""


def test_a_run_that_is_killed_while_it_polls_goes_on_with_the_same_download_days_later(town: Pulling) -> None:
    town.amplitude.polls_until_ready = 10**6
    sync, slept = town.sync(cadence=Cadence.ONE_TIME), town.clock.sleep

    def dies(seconds: float) -> None:
        slept(seconds)
        raise Killed

    town.clock.sleep = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        town.run(sync)
    town.clock.sleep = slept  # type: ignore[method-assign]
    assert town.states() == [DownloadState.ASKED]
    town.clock.sleep(2 * DAY.total_seconds())
    town.amplitude.polls_until_ready = 0
    assert town.run(sync).outcome is RunOutcome.CLEAN
    assert town.spent() == 1
    assert len(town.amplitude.requests) == 1


def test_a_download_that_has_gone_is_asked_for_anew_by_the_run_that_needs_it(town: Pulling) -> None:
    sync = town.sync()
    town.run(sync)
    town.amplitude.requests.clear()
    town.clock.sleep(60)
    assert town.run(sync).outcome is RunOutcome.CLEAN
    assert town.states() == [DownloadState.GONE, DownloadState.FETCHED]


def test_a_download_that_is_not_ready_in_an_hour_fails_the_run(town: Pulling) -> None:
    town.amplitude.polls_until_ready = 10**6
    with pytest.raises(EngineError, match="did not make the download of cohort a1b2 ready within an hour"):
        town.run(town.sync())
    assert town.amplitude.polls < 140, "the pauses grow"


def test_wrong_keys_fail_the_run_with_one_sentence_and_cost_nothing(town: Pulling) -> None:
    town.amplitude.knows.clear()
    with pytest.raises(ConfigurationError, match=r"does not know the keys of source 'amp' in region 'us'.*tradewind sources test amp"):
        town.run(town.sync())
    assert town.spent() == 0


def test_an_hourly_sync_is_refused_and_a_daily_one_is_not(town: Pulling) -> None:
    with pytest.raises(DefinitionError, match="hourly is 720 downloads a month"):
        town.sync("hourly", Cadence.HOURLY)
    town.sync()


def test_a_sync_of_a_rule_over_a_pulled_cohort_needs_its_downloads_too(town: Pulling) -> None:
    rule = Cohort("default", "openers", "Openers", CohortKind.BEHAVIOURAL, Behaviour(All((InCohort("payers"), Did("Open")))))
    town.parts.catalog.save_cohort(rule)
    with pytest.raises(DefinitionError, match="hourly is 720 downloads a month"):
        syncs.add(town.parts, "default", syncs.Wish("openers", "main", "openers", cadence=Cadence.HOURLY))
    syncs.add(town.parts, "default", syncs.Wish("openers", "main", "openers", cadence=Cadence.DAILY))


def test_a_preview_with_a_connection_and_the_run_after_it_share_one_download(town: Pulling) -> None:
    seen = cohorts.preview(town.parts, "default", "payers", None, "main", 3)
    assert seen.members == 100
    assert seen.resolution is not None
    assert seen.resolution.members_usable == 100
    town.run(town.sync())
    assert town.spent() == 1


def test_all_sources_with_one_api_key_share_a_budget_and_others_do_not(town: Pulling) -> None:
    sources.add(town.parts, Source("default", "twin", "Twin", SourceKind.AMPLITUDE, "us"), KEYS)
    sources.add(town.parts, Source("default", "far", "Far", SourceKind.AMPLITUDE, "us"), KeyPair("another", "key"))
    town.run(town.sync())
    budgets = {each: sources.shown(town.parts, "default", each).budget for each in ("amp", "twin", "far")}
    spent = {each: budget.spent for each, budget in budgets.items() if budget}
    assert spent == {"amp": 1, "twin": 1, "far": 0}


def test_a_test_tells_a_wrong_region_from_a_wrong_key(town: Pulling) -> None:
    assert sources.test(town.parts, "default", "amp").sentence == "Amplitude in region 'us' knows the keys, and lists 1 cohort."
    town.amplitude.knows = {(KEYS.api_key, KEYS.secret_key, EU)}
    moved = sources.test(town.parts, "default", "amp")
    assert (moved.ready, moved.region) == (False, "eu")
    assert "The keys are right and the region is not" in moved.sentence
    town.amplitude.knows.clear()
    wrong = sources.test(town.parts, "default", "amp")
    assert (wrong.ready, wrong.region) == (False, None)
    assert "Neither region 'us' nor 'eu' knows the keys" in wrong.sentence
    with pytest.raises(RefusedKeyError, match="does not know the keys of source 'amp'"):
        sources.cohorts(town.parts, "default", "amp")


def test_a_source_is_changed_and_removed_with_its_keys_but_not_while_a_cohort_uses_it(town: Pulling) -> None:
    town.amplitude.knows = {("new", "pair", EU)}
    sources.change(town.parts, "default", "amp", sources.Change("Renamed", "eu", 7, KeyPair("new", "pair")))
    assert sources.test(town.parts, "default", "amp").ready
    assert town.parts.sources.one("default", "amp") == Source("default", "amp", "Renamed", SourceKind.AMPLITUDE, "eu", 7)
    with pytest.raises(DefinitionError, match="source 'amp' is used by cohort 'payers'; remove that first"):
        sources.remove(town.parts, "default", "amp")
    town.parts.catalog.remove_cohort("default", "payers")
    sources.remove(town.parts, "default", "amp")
    assert town.parts.vault.latest("default", "amp", KEY_PAIR) is None
    assert town.parts.sources.all() == ()


def test_the_keys_of_a_source_are_not_the_secret_of_a_connection_of_its_name(town: Pulling) -> None:
    assert town.parts.vault.latest("default", "amp") is None
    with pytest.raises(ConfigurationError, match="connection 'amp' has no secret of version 1"):
        town.parts.vault.open("default", "amp", 1)
    town.parts.vault.seal("default", "amp", Secret("s3cret"))
    town.parts.vault.forget("default", "amp")
    assert town.parts.vault.open("default", "amp", 1, KEY_PAIR).value == "an-api-key:a-secret-key"
    assert "key" not in repr(KEYS).casefold().replace("keypair", "")


@pytest.mark.parametrize(
    ("source", "keys", "sentence"),
    [
        (Source("default", "amp", "A", SourceKind.AMPLITUDE, "us"), KEYS, "source 'amp' exists already"),
        (Source("default", "b", "B", SourceKind.AMPLITUDE, "mars"), KEYS, "'mars' is not a region of Amplitude; expected one of us, eu"),
        (Source("default", "b", "B", SourceKind.AMPLITUDE, "sandbox"), KEYS, "TRADEWIND_SANDBOX_AMPLITUDE_URL"),
        (Source("default", "B!", "B", SourceKind.AMPLITUDE, "us"), KEYS, "cannot be the id of a source"),
    ],
)
def test_a_source_that_cannot_be_is_refused_in_a_sentence(town: Pulling, source: Source, keys: KeyPair, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence.replace("(", r"\(")):
        sources.add(town.parts, source, keys)


def test_two_keys_make_a_pair_or_are_refused() -> None:
    with pytest.raises(DefinitionError, match="holds a colon"):
        sources.key_pair(Secret("a:b"), Secret("c"))
    with pytest.raises(DefinitionError, match="is empty"):
        sources.key_pair(Secret("a"), Secret(""))
