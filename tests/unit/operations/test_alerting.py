"""Told once when something begins and once when it is over, whatever is killed in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from weakref import WeakKeyDictionary

import pytest

from town import Town
from tradewind.errors import DefinitionError, MissingError, PermanentError, RetryableError
from tradewind.model.alert import AlertKind, Contact, ContactKind, News
from tradewind.model.destination import Secret
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.run import Answer, Line, LineClass, Receipt, RunState
from tradewind.model.sync import Cadence
from tradewind.notify.alerts import Machine
from tradewind.operations import alerting, contacts, endings, runs, syncs
from tradewind.operations.alerting import Watchman
from tradewind.worker import Stop, run_once

DAY = timedelta(days=1)


class Roomy(Watchman):
    """A watchman on a machine with room."""

    def _machine(self) -> Machine:
        return Machine(50 * 10**9, 100 * 10**9)


LOOKING: WeakKeyDictionary[Town, Roomy] = WeakKeyDictionary()


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A daily sync, and Ann who is told of everything by mail."""
    town = Town(tmp_path)
    town.add("s", Cadence.DAILY)
    contacts.save(town.parts, Contact("default", "ann", ContactKind.EMAIL, "ann@shop.example"), None, None, "ann")
    yield town
    town.close()


def look(town: Town) -> list[tuple[AlertKind, bool]]:
    """What has begun (True) and ended (False) since the last look, by one who keeps what it read: the same as somebody new would see."""
    watchman = LOOKING.setdefault(town, Roomy(town.parts))
    found = [(each.alert.kind, each.alert.kind in _open(town)) for each in watchman.round()]
    heads = town.parts.versions.heads()
    assert watchman.facts_of("default", heads) == Roomy(town.parts).facts_of("default", heads)
    return found


def _open(town: Town) -> set[AlertKind]:
    return {each.alert.kind for each in town.parts.notify.book.incidents("default", only_open=True)}


def told(town: Town) -> list[tuple[str, News, AlertKind]]:
    """Who was told what, and then it is forgotten."""
    found = [(contact.id, message.news, message.alert.kind) for contact, message in town.messenger.told]
    town.messenger.told.clear()
    return found


def work(town: Town) -> None:
    list(run_once(town.parts, Stop()))


def pass_days(town: Town, days: float) -> None:
    town.clock.sleep((DAY * days).total_seconds())


def test_days_without_trouble_tell_nobody_anything(town: Town) -> None:
    for _ in range(24 * 4):
        pass_days(town, 1 / 24)
        work(town)
        look(town)
    assert told(town) == []


def test_a_failing_source_is_told_once_and_its_end_once(town: Town) -> None:
    pass_days(town, 1)
    work(town)
    town.people.broken = True
    pass_days(town, 1)
    work(town)
    assert look(town) == [(AlertKind.FAILED, True)]
    assert look(town) == []
    assert told(town) == [("ann", News.OPEN, AlertKind.FAILED)]
    pass_days(town, 1)
    work(town)
    assert look(town) == []
    pass_days(town, 1)
    work(town)
    assert look(town) == [(AlertKind.STALE, True)]
    town.people.broken = False
    pass_days(town, 1)
    work(town)
    assert sorted(look(town)) == [(AlertKind.FAILED, False), (AlertKind.STALE, False)]
    assert sorted(told(town)) == [
        ("ann", News.OPEN, AlertKind.STALE),
        ("ann", News.OVER, AlertKind.FAILED),
        ("ann", News.OVER, AlertKind.STALE),
    ]


def test_a_refused_secret_and_a_held_plan_are_told(town: Town) -> None:
    pass_days(town, 1)
    work(town)
    town.people.numbers = set()
    pass_days(town, 1)
    work(town)
    assert (AlertKind.MASS_REMOVAL, True) in look(town)
    town.people.numbers = set(range(1, 90))
    town.platform.answers.append(Receipt(Answer.FORBIDDEN, note="no"))
    pass_days(town, 1)
    work(town)
    found = look(town)
    assert {(AlertKind.MASS_REMOVAL, False), (AlertKind.REFUSED, True)} <= set(found)
    (refused,) = [each for each in town.parts.notify.book.incidents("default", only_open=True) if each.alert.kind is AlertKind.REFUSED]
    assert refused.alert.object == "main"


def test_lost_answers_are_told_until_a_run_settles_them(town: Town) -> None:
    """One batch was sent and never answered; while no run comes its fate stays unknown, and the next one settles it."""
    pass_days(town, 1)
    town.platform.answers.extend([Receipt(Answer.UNKNOWN)] * 20)
    work(town)
    assert AlertKind.UNKNOWN not in _open(town)
    pass_days(town, 1 + 9 / 1440)
    assert AlertKind.UNKNOWN not in {kind for kind, _ in look(town)}
    pass_days(town, 10 / 1440)
    assert (AlertKind.UNKNOWN, True) in look(town)
    town.platform.answers.clear()
    work(town)
    assert (AlertKind.UNKNOWN, False) in look(town)


def test_refused_identifiers_are_told_until_a_run_without(town: Town) -> None:
    pass_days(town, 1)
    town.people.numbers = set(range(1, 101))
    town.platform.answers.append(Receipt(Answer.APPLIED, lines=(Line(0, "no such device", LineClass.ROW), Line(1, "no", LineClass.ROW))))
    work(town)
    assert look(town) == [(AlertKind.REJECTS, True)]
    pass_days(town, 1)
    work(town)
    assert look(town) == [(AlertKind.REJECTS, False)]


def test_a_run_that_grows_tenfold_is_told_until_somebody_discards_it(town: Town) -> None:
    pass_days(town, 1)
    town.people.numbers = set(range(1, 101))
    work(town)
    town.people.numbers = set(range(1, 2001))
    pass_days(town, 1)
    work(town)
    assert look(town) == [(AlertKind.HELD, True)]
    (held,) = [run for run in town.parts.ledger.unclosed() if run.state is RunState.HELD]
    runs.discard(town.parts, "default", held.id, "a mistake")
    assert (AlertKind.HELD, False) in look(town)


def test_a_full_disk_and_a_clock_that_is_off_are_told_to_every_project(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10**9, total=100 * 10**9))
    parts = replace(town.parts, notify=replace(town.parts.notify, ahead=lambda: 121.0))
    parts.catalog.add_project(Project("other", "Other", ProjectPlan.PAID, "UTC", ()), "ann")
    opened = Watchman(parts).look()
    both = {(project, kind) for project in ("default", "other") for kind in (AlertKind.DISK, AlertKind.CLOCK)}
    assert {(each.project, each.alert.kind) for each in opened} == both
    found = {each.alert.kind: each.alert for each in opened}
    assert "1.0 GB free" in found[AlertKind.DISK].sentence
    assert "121 s ahead of" in found[AlertKind.CLOCK].sentence
    exact = Roomy(replace(parts, notify=replace(parts.notify, ahead=lambda: 0.0)))
    assert {(each.project, each.alert.kind) for each in exact.look()} == both
    assert not any(parts.notify.book.incidents(project, only_open=True) for project in ("default", "other"))


def test_people_who_are_about_to_lapse_are_told_in_time(town: Town) -> None:
    pass_days(town, 1)
    work(town)
    pass_days(town, 26.9)
    assert AlertKind.EXPIRY not in {kind for kind, _ in look(town)}
    pass_days(town, 0.2)
    assert look(town) == [(AlertKind.EXPIRY, True)]
    work(town)
    assert (AlertKind.EXPIRY, False) in look(town)


def test_who_wants_to_hear_of_some_alerts_hears_of_those_alone(town: Town) -> None:
    contacts.save(town.parts, Contact("default", "bob", ContactKind.EMAIL, "bob@shop.example", (AlertKind.STALE,)), None, None, "ann")
    pass_days(town, 3)
    assert look(town) == [(AlertKind.STALE, True)]
    assert sorted(told(town)) == [("ann", News.OPEN, AlertKind.STALE), ("bob", News.OPEN, AlertKind.STALE)]
    work(town)
    town.people.broken = True
    pass_days(town, 1)
    work(town)
    look(town)
    assert ("bob", News.OPEN, AlertKind.FAILED) not in told(town)


def test_what_could_not_be_told_is_told_later_under_the_same_id(town: Town) -> None:
    town.messenger.error = RetryableError("the mail server did not take the mail")
    pass_days(town, 3)
    look(town)
    (contact,) = contacts.listed(town.parts, "default")
    assert contact.trouble == "the mail server did not take the mail"
    town.messenger.error = None
    assert alerting.tell(town.parts) == 0, "it waits a minute"
    town.clock.sleep(60)
    assert alerting.tell(town.parts) == 1
    assert told(town) == [("ann", News.OPEN, AlertKind.STALE)]
    assert alerting.tell(town.parts) == 0
    assert contacts.listed(town.parts, "default")[0].trouble == ""


def test_one_that_can_never_be_told_is_given_up_and_the_others_are_told(town: Town) -> None:
    contacts.save(town.parts, Contact("default", "bob", ContactKind.EMAIL, "bob@shop.example"), None, None, "ann")
    town.messenger.error = PermanentError("no mail is taken for this address")
    pass_days(town, 3)
    look(town)
    town.messenger.error = None
    town.clock.sleep(DAY.total_seconds() * 3)
    assert alerting.tell(town.parts) == 0


def test_killed_between_writing_and_sending_it_is_sent_by_the_next(town: Town) -> None:
    """A message is a row with its incident; one that was taken and not told is due again after two minutes."""
    pass_days(town, 3)
    Roomy(town.parts).look()
    (message,) = town.parts.notify.book.due(town.clock.now())
    assert town.parts.notify.book.take(message, town.clock.now() + alerting.TRY)
    assert not town.parts.notify.book.take(message, town.clock.now() + alerting.TRY), "two processes do not try at once"
    assert alerting.tell(town.parts) == 0
    town.clock.sleep(120)
    assert alerting.tell(town.parts) == 1
    ((_, sent),) = town.messenger.told
    assert sent.id == message.id


def test_two_processes_that_look_at_once_open_one_incident(town: Town) -> None:
    pass_days(town, 3)
    (alert,) = [each.alert for each in Roomy(town.parts).look()]
    assert town.parts.notify.book.judge("default", [alert], town.clock.now()) == ()
    assert len(town.parts.notify.book.incidents("default")) == 1


def test_a_run_that_stands_still_is_told(town: Town) -> None:
    pass_days(town, 1)
    stands: list[list[tuple[AlertKind, bool]]] = []

    def during() -> None:
        if not stands:
            town.clock.sleep(1200)
            stands.append(look(town))

    town.platform.items = 10
    town.platform.answers.extend([Receipt(Answer.APPLIED), Receipt(Answer.UNREACHED)])
    sends = iter(range(1000))
    town.platform.on_send = lambda: during() if next(sends) == 2 else None
    work(town)
    assert stands == [[(AlertKind.STALLED, True)]]
    assert look(town) == [(AlertKind.STALLED, False)]


def test_missed_slots_are_told_and_over_with_the_next_run(town: Town) -> None:
    pass_days(town, 1)
    work(town)
    pass_days(town, 3)
    work(town)
    assert (AlertKind.MISSED, True) in look(town)
    pass_days(town, 1)
    work(town)
    assert (AlertKind.MISSED, False) in look(town)


def test_a_paused_sync_and_a_removed_one_leave_no_incident_behind(town: Town) -> None:
    pass_days(town, 3)
    look(town)
    assert _open(town) == {AlertKind.STALE}
    endings.pause(town.parts, "default", "s", None, watch)
    assert look(town) == [(AlertKind.STALE, False)]


def test_urls_and_secrets_are_sealed_and_forgotten_with_their_contact(town: Town) -> None:
    hook = Contact("default", "hook", ContactKind.WEBHOOK, "")
    with pytest.raises(DefinitionError, match="needs a URL and a secret"):
        contacts.save(town.parts, hook, None, None, "ann")
    saved = contacts.save(town.parts, hook, Secret("https://hooks.shop.example/path-canary"), Secret("secret-canary"), "ann")
    assert saved.shown == "hooks.shop.example"
    contacts.save(town.parts, replace(hook, kinds=(AlertKind.HELD,)), None, None, "ann")
    assert contacts.rehearse(town.parts, "default", "hook").news is News.TEST
    text = (town.parts.home / "tradewind.db").read_bytes() + (town.parts.home / "tradewind.db-wal").read_bytes()
    assert b"path-canary" not in text
    assert b"secret-canary" not in text
    with pytest.raises(DefinitionError, match="is one of webhook"):
        contacts.save(town.parts, Contact("default", "hook", ContactKind.EMAIL, "ann@shop.example"), None, None, "ann")
    contacts.remove(town.parts, "default", "hook", "ann")
    assert town.parts.vault.latest("default", "hook", contacts.URL) is None
    with pytest.raises(MissingError):
        contacts.rehearse(town.parts, "default", "hook")


@pytest.mark.parametrize("address", ["", "ann", "ann@", "@shop.example", "ann@shop.example\nBcc: all@shop.example", "a b@shop.example"])
def test_what_is_no_address_is_refused(town: Town, address: str) -> None:
    with pytest.raises(DefinitionError, match="not an address for mail"):
        contacts.save(town.parts, Contact("default", "x", ContactKind.EMAIL, address), None, None, "ann")


def test_a_run_by_hand_counts_as_a_success(town: Town) -> None:
    pass_days(town, 3)
    assert look(town) == [(AlertKind.STALE, True)]
    syncs.run(town.parts, "default", "s", None, watch)
    assert look(town) == [(AlertKind.STALE, False)]
