"""Applying definition files: what changes, in which order, and that a mistake anywhere writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tradewind.access.sql import SqlTrail
from tradewind.catalog import yaml as files
from tradewind.catalog.sources.sql import Sources
from tradewind.catalog.sql import Catalog
from tradewind.database import Database, metadata
from tradewind.destinations.thetradedesk.names import default_segment_name
from tradewind.errors import ConfigurationError, DefinitionError, NotEntitledError
from tradewind.ledger.readings.sql import Readings
from tradewind.model.destination import Connection, Secret
from tradewind.model.project import Project, ProjectPlan
from tradewind.notify.base import Silent
from tradewind.notify.sql import Book
from tradewind.operations.apply import Change, Shelves, apply_changes, giving_up, plan_changes
from tradewind.operations.contacts import SECRET, URL, Drawer
from tradewind.vault.key import create_key
from tradewind.vault.sql import KEY_PAIR, PLATFORM, Vault, plant_canary

WHOLE = """\
cohorts:
  - {id: buyers, name: Buyers, kind: behavioural, who: {did: Purchase, in: {last: 30 days}}}
  - {id: lapsed, name: Lapsed, kind: behavioural, who: {all: [{did: Open}, {not_in_cohort: buyers}]}}
connections:
  - {id: acme-us, name: Acme, destination: thetradedesk, advertiser: abc123, region: us-east, auth: token,
     secret: {env: ACME_SECRET}, identity: [{from: user_id, to: UID2}]}
syncs:
  - {id: daily, cohort: lapsed, connection: acme-us, cadence: daily}
"""

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEGMENT = default_segment_name("Lapsed", "lapsed")


class Rules:
    """A destination's rules, small: two regions, and secrets that begin with `canary`."""

    def check(self, connection: Connection) -> None:
        if connection.region not in {"us-east", "sandbox"}:
            raise DefinitionError(f"'{connection.region}' is not a region")

    def check_secret(self, secret: Secret) -> None:
        if not secret.value.startswith("canary"):
            raise ConfigurationError("the secret is not of this platform")


def _rules(kind: str) -> Rules:
    if kind not in {"thetradedesk", "skywriting"}:
        raise DefinitionError(f"there is no destination '{kind}'")
    return Rules()


def _check_region(region: str) -> None:
    if region not in {"us", "eu"}:
        raise DefinitionError(f"'{region}' is not a region")


class Desk:
    """A home with a catalog and a vault, and a file to edit."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "all.yaml"
        database = Database.at(folder)
        with database.transaction() as rows:
            metadata.create_all(rows)
        key = create_key(folder)
        plant_canary(database, key)
        self.catalog, self.vault, self.sources = Catalog(database), Vault(database, key), Sources(database)
        self.readings, self.messenger = Readings(database), Silent()
        self.drawer = Drawer(Book(database), self.vault, SqlTrail(database), self.messenger, "ann", NOW)
        self.catalog.add_project(Project("default", "Default", ProjectPlan.PAID, "UTC", ("thetradedesk",)), "ann")

    def documents(self, text: str) -> files.Documents:
        self.file.write_text(text)
        return files.read([self.file], "default")

    def shelves(self) -> Shelves:
        return Shelves(self.catalog, self.vault, self.sources, self.readings, self.drawer, os.environ, _check_region, NOW)

    def plan(self, text: str, *, prune: bool = False) -> tuple[Change, ...]:
        return plan_changes(self.shelves(), _rules, "default", self.documents(text), prune=prune)

    def apply(self, text: str, *, prune: bool = False) -> tuple[Change, ...]:
        return apply_changes(self.shelves(), _rules, "default", self.documents(text), prune=prune)

    def holdings(self) -> tuple[object, ...]:
        catalog = self.catalog
        return (
            *catalog.cohorts("default"),
            *catalog.connections("default"),
            *catalog.syncs("default"),
            self.vault.latest("default", "acme-us"),
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("ACME_SECRET", "canary-secret-1")
    desk = Desk(tmp_path)
    yield desk
    desk.catalog.database.close()


def _lines(changes: tuple[Change, ...]) -> list[str]:
    return [f"{change.action} {change.noun} {change.id}" for change in changes]


def test_everything_is_created_then_unchanged(desk: Desk) -> None:
    created = ["create cohort buyers", "create cohort lapsed", "create connection acme-us", "create sync daily"]
    assert _lines(desk.apply(WHOLE)) == created
    assert desk.catalog.sync("default", "daily").segment == SEGMENT
    assert desk.vault.open("default", "acme-us", 1).value == "canary-secret-1"
    assert _lines(desk.apply(WHOLE)) == [line.replace("create", "unchanged") for line in created]
    assert desk.catalog.cohort("default", "buyers").version == 1
    assert desk.vault.latest("default", "acme-us") == 1


def test_a_plan_says_the_same_and_writes_nothing(desk: Desk) -> None:
    before = desk.holdings()
    planned = desk.plan(WHOLE)
    assert desk.holdings() == before
    assert desk.apply(WHOLE) == planned


def test_an_update_says_what_differs_per_field(desk: Desk) -> None:
    desk.apply(WHOLE)
    text = (
        WHOLE.replace("last: 30 days", "last: 7 days").replace("name: Acme,", "name: Acme US,").replace("cadence: daily", "cadence: hourly")
    )
    buyers, lapsed, acme, daily = desk.apply(text)
    assert [difference.field for difference in buyers.differences] == ["who"]
    assert "30 days" in str(buyers.differences[0].before)
    assert "7 days" in str(buyers.differences[0].after)
    assert lapsed.differences == ()
    assert [(each.field, each.before, each.after) for each in acme.differences] == [("name", "Acme", "Acme US")]
    assert [(each.field, each.before, each.after) for each in daily.differences] == [("cadence", "daily", "hourly")]
    assert desk.catalog.cohort("default", "buyers").version == 2


def test_a_secret_is_sealed_again_only_when_it_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.apply(WHOLE)
    monkeypatch.setenv("ACME_SECRET", "canary-secret-2")
    changes = desk.apply(WHOLE)
    assert [difference.field for difference in changes[2].differences] == ["secret"]
    assert "canary" not in repr(changes)
    assert desk.vault.open("default", "acme-us", 2).value == "canary-secret-2"


def test_a_platform_token_is_sealed_beside_the_secret_and_the_connection_may_ask_from_then_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.apply(WHOLE)
    assert desk.readings.readers() == ()
    text = WHOLE.replace("secret: {env: ACME_SECRET},", "secret: {env: ACME_SECRET}, platform_token: {env: ACME_PLATFORM},")
    monkeypatch.setenv("ACME_PLATFORM", "canary-platform-1")
    assert [each.field for each in desk.plan(text)[2].differences] == [PLATFORM]
    assert desk.readings.readers() == (), "a plan is taken back"
    desk.apply(text)
    assert desk.vault.open("default", "acme-us", 1, PLATFORM).value == "canary-platform-1"
    (reader,) = desk.readings.readers()
    assert (reader.connection, reader.since, reader.next_at, reader.problem) == ("acme-us", NOW, NOW, "")
    assert desk.plan(text)[2].differences == ()
    assert desk.apply(WHOLE)[2].differences == (), "without the line a connection keeps its token"
    assert desk.readings.readers() == (reader,)


def test_a_secret_comes_from_a_file_beside_the_text(desk: Desk) -> None:
    (desk.file.parent / "acme.secret").write_text("canary-secret-3\n")
    desk.apply(WHOLE.replace("{env: ACME_SECRET}", "{file: acme.secret}"))
    assert desk.vault.open("default", "acme-us", 1).value == "canary-secret-3"


def test_nothing_is_deleted_without_prune(desk: Desk) -> None:
    desk.apply(WHOLE)
    before = desk.holdings()
    assert _lines(desk.apply(WHOLE.partition("connections:")[0])) == ["unchanged cohort buyers", "unchanged cohort lapsed"]
    assert desk.holdings() == before


def test_prune_removes_what_the_files_do_not_name(desk: Desk) -> None:
    desk.apply(WHOLE)
    changes = desk.apply("cohorts: [{id: fresh, name: Fresh, kind: behavioural, who: {did: Open}}]", prune=True)
    removed = ["delete connection acme-us", "delete cohort lapsed", "delete cohort buyers"]
    assert _lines(changes) == ["delete sync daily", "create cohort fresh", *removed]
    assert [cohort.id for cohort in desk.catalog.cohorts("default")] == ["fresh"]
    assert desk.vault.latest("default", "acme-us") == 1, "it may be needed to take people out"


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ("region: us-east", "region: sandbox", None),
        ("advertiser: abc123", "advertiser: xyz", ["daily"]),
        ("id: daily,", "id: daily, segment: another,", ["daily"]),
        ("id: daily,", "id: nightly, segment: another,", ["daily"]),
        ("cadence: daily", "cadence: hourly", []),
        ("name: Acme,", "name: Acme US,", []),
        ("ACME_SECRET", "OTHER_SECRET", []),
    ],
)
def test_what_gives_a_segment_up_is_known_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, old: str, new: str, gone: list[str] | None
) -> None:
    """Another advertiser or segment, and a sync that goes; no other change."""
    monkeypatch.setenv("OTHER_SECRET", "canary-secret-9")
    desk.apply(WHOLE)
    text = WHOLE.replace(old, new)
    if gone is None:
        with pytest.raises(DefinitionError, match="a rehearsal never becomes real"):
            desk.plan(text)
        return
    assert [sync.id for sync in giving_up(desk.plan(text, prune=True), desk.catalog.syncs("default"))] == gone


def test_a_segment_passes_from_a_pruned_sync_to_a_new_one(desk: Desk) -> None:
    desk.apply(WHOLE)
    text = WHOLE.replace("id: daily, cohort: lapsed", f"id: nightly, segment: '{SEGMENT}', cohort: buyers")
    with pytest.raises(DefinitionError, match="is owned by sync 'daily'"):
        desk.apply(text)
    desk.apply(text, prune=True)
    assert [sync.id for sync in desk.catalog.syncs("default")] == ["nightly"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cohort: lapsed", "cohort: lapse", r"all.yaml:8: at syncs\[0\].cohort: cohort 'lapse' does not exist; did you mean 'lapsed'"),
        ("connection: acme-us", "connection: acme", r"all.yaml:8: at syncs\[0\].connection: .* did you mean 'acme-us'"),
        ("not_in_cohort: buyers", "not_in_cohort: buyerz", r"all.yaml:3: at cohorts\[1\]: .*did you mean 'buyers'"),
        ("did: Purchase, in: {last: 30 days}", "in_cohort: lapsed", r"all.yaml:[23]: .*is part of itself"),
        ("region: us-east", "region: mars", r"all.yaml:5: at connections\[0\]: 'mars' is not a region"),
        ("env: ACME_SECRET", "env: NO_SUCH_VARIABLE", r"all.yaml:6: .* NO_SUCH_VARIABLE is not set"),
        ("{env: ACME_SECRET}", "{file: nowhere}", r"all.yaml:6: .*nowhere cannot be read: No such file"),
        ("id: daily,", "id: daily, segment: '" + "x" * 300 + "',", r"all.yaml:8: .*128 characters"),
        ("destination: thetradedesk", "destination: smoke", r"all.yaml:5: .*there is no destination 'smoke'"),
    ],
)
@pytest.mark.parametrize("act", ["plan", "apply"])
def test_a_mistake_anywhere_is_placed_and_nothing_is_written(desk: Desk, act: str, old: str, new: str, says: str) -> None:
    assert old in WHOLE
    before = desk.holdings()
    with pytest.raises(DefinitionError, match=says):
        getattr(desk, act)(WHOLE.replace(old, new))
    assert desk.holdings() == before


@pytest.mark.parametrize("act", ["plan", "apply"])
def test_a_destination_that_is_not_enabled_is_refused_with_its_place_and_its_remedy(desk: Desk, act: str) -> None:
    before = desk.holdings()
    with pytest.raises(NotEntitledError, match=r"all.yaml:5: .*'skywriting' is not enabled.*projects enable default") as refused:
        getattr(desk, act)(WHOLE.replace("destination: thetradedesk", "destination: skywriting"))
    assert refused.value.wall == "not_enabled"
    assert desk.holdings() == before


def test_a_circle_with_a_cohort_already_there_is_refused(desk: Desk) -> None:
    desk.apply(WHOLE)
    with pytest.raises(DefinitionError, match="is part of itself"):
        desk.apply("{id: buyers, name: Buyers, kind: behavioural, who: {in_cohort: lapsed}}")


def test_a_secret_the_platform_cannot_have_is_refused_without_being_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", "hunter22-hunter22")
    with pytest.raises(ConfigurationError, match=r"all.yaml:6: .*not of this platform") as caught:
        desk.apply(WHOLE)
    assert "hunter22" not in str(caught.value)


PULLED = """\
sources:
  - {id: amp, name: Amp, kind: amplitude, region: us, api_key: {env: AMP_KEY}, secret_key: {env: AMP_SECRET}}
cohorts:
  - {id: payers, name: Payers, kind: amplitude, source: amp, cohort: a1b2}
connections:
  - {id: acme-us, name: Acme, destination: thetradedesk, advertiser: abc123, region: us-east, auth: token,
     secret: {env: ACME_SECRET}, identity: [{from: user.idfa, to: DAID}]}
syncs:
  - {id: daily, cohort: payers, connection: acme-us, cadence: daily}
"""


@pytest.fixture
def amplitude(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same desk, where the keys of a source in Amplitude can be read."""
    monkeypatch.setenv("AMP_KEY", "canary-api-key")
    monkeypatch.setenv("AMP_SECRET", "canary-secret-key")
    return desk


def test_a_source_is_made_before_the_cohorts_that_use_it_and_pruned_after_them(amplitude: Desk) -> None:
    created = ["create source amp", "create cohort payers", "create connection acme-us", "create sync daily"]
    assert _lines(amplitude.apply(PULLED)) == created
    assert amplitude.vault.open("default", "amp", 1, KEY_PAIR).value == "canary-api-key:canary-secret-key"
    account = amplitude.sources.one("default", "amp").account
    assert account == amplitude.vault.account("canary-api-key")
    assert _lines(amplitude.apply(PULLED)) == [line.replace("create", "unchanged") for line in created]
    without = PULLED.replace(", api_key: {env: AMP_KEY}, secret_key: {env: AMP_SECRET}", "").replace("name: Amp,", "name: Ours,")
    (renamed, *_) = amplitude.apply(without)
    assert [each.field for each in renamed.differences] == ["name"]
    assert amplitude.sources.one("default", "amp").account == account, "the keys stay"
    assert _lines(amplitude.apply("cohorts: []", prune=True))[-2:] == ["delete cohort payers", "delete source amp"]
    assert amplitude.vault.latest("default", "amp", KEY_PAIR) is None


def test_other_keys_are_told_by_where_they_are_read_and_never_shown(amplitude: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    amplitude.apply(PULLED)
    monkeypatch.setenv("AMP_SECRET", "canary-other")
    (source, *_) = amplitude.apply(PULLED)
    assert [(each.field, each.after) for each in source.differences] == [("keys", "read from env AMP_KEY and env AMP_SECRET")]
    assert "canary" not in str(source)
    assert amplitude.vault.latest("default", "amp", KEY_PAIR) == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cadence: daily", "cadence: hourly", "all.yaml:9: hourly is 720 downloads a month"),
        ("source: amp", "source: am", "all.yaml:4: source 'am' does not exist; did you mean 'amp'?"),
        ("region: us,", "region: moon,", "all.yaml:2: 'moon' is not a region"),
        ("{env: AMP_KEY}", "{env: NO_KEY}", "environment variable NO_KEY is not set"),
    ],
)
def test_a_mistake_in_what_is_pulled_is_placed_and_nothing_is_written(amplitude: Desk, old: str, new: str, says: str) -> None:
    before = amplitude.holdings()
    with pytest.raises(DefinitionError) as caught:
        amplitude.apply(PULLED.replace(old, new))
    assert says.replace("all.yaml", str(amplitude.file)) in str(caught.value).replace(" at syncs[0]:", "").replace(
        " at cohorts[0]:", ""
    ).replace(" at sources[0]:", "")
    assert amplitude.holdings() == before
    assert amplitude.sources.all() == ()


def test_a_cohort_may_move_to_amplitude_together_with_its_cadence(amplitude: Desk) -> None:
    rule = PULLED.replace("kind: amplitude, source: amp, cohort: a1b2", "kind: behavioural, who: {did: Pay}")
    amplitude.apply(rule.replace("cadence: daily", "cadence: hourly"))
    with pytest.raises(DefinitionError, match="hourly is 720 downloads a month"):
        amplitude.apply(PULLED.partition("connections:")[0])
    amplitude.apply(PULLED)
    assert amplitude.catalog.cohort("default", "payers").kind == "amplitude"


def test_what_the_database_does_grows_as_the_project_does(desk: Desk) -> None:
    """Twice as many cohorts and syncs are twice the work, in the steps of SQLite's own machine; new, and the same again."""
    steps = [0]
    watch = lambda connection, _record, _proxy: connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 10)  # noqa: E731
    sa.event.listen(desk.catalog.database.engine, "checkout", watch)
    desk.catalog.database.close()  # connections are kept at hand: the next is a new one

    def works(count: int) -> list[int]:
        cohorts = [f"{{id: c{i}, name: C {i}, kind: behavioural, who: {{did: Open}}}}" for i in range(count)]
        syncs = [f"{{cohort: c{i}, connection: acme-us, cadence: daily}}" for i in range(count)]
        connection = WHOLE.partition("connections:")[2].partition("syncs:")[0]
        text = "connections:" + connection + f"cohorts: [{', '.join(cohorts)}]\nsyncs: [{', '.join(syncs)}]"
        found = []
        for _ in range(2):
            steps[0] = 0
            desk.apply(text)
            found.append(steps[0])
        desk.apply("cohorts: []", prune=True)
        return found

    for few, some, many in zip(works(20), works(40), works(80), strict=True):
        assert (many - some) < 2.4 * (some - few), (few, some, many)


TOLD = """\
contacts:
  - {id: ann, kind: email, address: ann@shop.example}
  - {id: team, kind: slack, url: {env: TEAM_URL}, kinds: [held, mass_removal]}
  - {id: pager, kind: webhook, url: {env: PAGER_URL}, secret: {env: PAGER_SECRET}}
"""


@pytest.fixture
def told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same desk, where what contacts are told by can be read."""
    monkeypatch.setenv("TEAM_URL", "https://hooks.chat.example/canary-1")
    monkeypatch.setenv("PAGER_URL", "https://pager.shop.example/canary-2")
    monkeypatch.setenv("PAGER_SECRET", "canary-secret-7")
    return desk


def _deeds(desk: Desk) -> list[str]:
    return [each.deed.what for each in reversed(desk.drawer.trail.entries())]


def test_contacts_are_made_then_unchanged_and_read_back_without_their_secrets(told: Desk) -> None:
    created = [f"create contact {each}" for each in ("ann", "team", "pager")]
    assert _lines(told.plan(TOLD)) == created
    assert told.drawer.book.contacts("default") == ()
    assert _lines(told.apply(TOLD)) == created
    shown = {each.id: each.shown for each in told.drawer.book.contacts("default")}
    assert shown == {"ann": "ann@shop.example", "pager": "pager.shop.example", "team": "hooks.chat.example"}
    assert told.vault.open("default", "pager", 1, SECRET).value == "canary-secret-7"
    assert _deeds(told) == ["contact.save"] * 3
    assert _lines(told.apply(TOLD)) == [line.replace("create", "unchanged") for line in created]
    text = files.write(contacts=told.drawer.book.contacts("default"))
    assert "canary" not in text
    assert {line.split()[0] for line in _lines(told.apply(text))} == {"unchanged"}, "without a URL a contact keeps its own"
    assert _deeds(told) == ["contact.save"] * 3, "what changes nothing is no deed"


def test_another_url_is_told_by_where_it_is_read_and_never_shown(told: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told.apply(TOLD)
    monkeypatch.setenv("TEAM_URL", "https://hooks.other.example/canary-3")
    _, team, pager = told.apply(TOLD.replace("[held, mass_removal]", "[held]"))
    assert [(each.field, each.after) for each in team.differences] == [("kinds", '["held"]'), ("url", "read from env TEAM_URL")]
    assert "canary" not in repr(team)
    assert pager.differences == ()
    assert told.vault.open("default", "team", 2, URL).value.endswith("canary-3")
    assert {each.id: each.shown for each in told.drawer.book.contacts("default")}["team"] == "hooks.other.example"


def test_a_contact_that_the_files_do_not_name_goes_with_prune_alone(told: Desk) -> None:
    told.apply(TOLD)
    fewer = "\n".join(TOLD.splitlines()[:2])
    assert _lines(told.apply(fewer)) == ["unchanged contact ann"]
    assert _lines(told.apply(fewer, prune=True)) == ["unchanged contact ann", "delete contact pager", "delete contact team"]
    assert told.vault.latest("default", "pager", SECRET) is None
    assert _deeds(told)[-2:] == ["contact.remove"] * 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("ann@shop.example", "ann", r"all.yaml:2: at contacts\[0\]: this is not an address for mail"),
        (", address: ann@shop.example", "", r"all.yaml:2: .*'address' is missing in a contact of kind email"),
        ("kind: slack", "kind: pigeon", r"all.yaml:3: .*'pigeon' is not a kind of contact; expected one of email, slack, webhook"),
        ("url: {env: TEAM_URL}, ", "", r"all.yaml:3: .*a contact needs a URL"),
        ("{env: TEAM_URL}", "https://hooks.chat.example", r"all.yaml:3: .*expected {env: NAME} or {file: path}"),
        ("{env: TEAM_URL}", "{env: NO_URL}", r"all.yaml:3: at contacts\[1\].url: environment variable NO_URL is not set"),
        ("mass_removal", "mass", r"all.yaml:3: .*'mass' is not a alert; expected one of stale"),
        (", secret: {env: PAGER_SECRET}", "", r"all.yaml:4: .*a contact needs a URL and a secret"),
        ("id: team", "id: ann", r"all.yaml:3: .*contact 'ann' is defined already in .*all.yaml:2"),
    ],
)
@pytest.mark.parametrize("act", ["plan", "apply"])
def test_a_mistake_in_a_contact_is_placed_and_nothing_is_written(told: Desk, act: str, old: str, new: str, says: str) -> None:
    assert old in TOLD
    with pytest.raises(DefinitionError, match=says):
        getattr(told, act)(TOLD.replace(old, new))
    assert told.drawer.book.contacts("default") == ()
