"""Files that are sent: streamed to the disk, named once they are whole, taken in by the worker, and gone when that is done."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from site_of import Site, detail
from tradewind import moment
from tradewind.access.roles import Role
from tradewind.clock import StandingClock
from tradewind.errors import LedgerError
from tradewind.events.importing import alone
from tradewind.model.cohort import Cohort, CohortKind, StaticList
from tradewind.model.run import RunOutcome
from tradewind.model.sync import Cadence
from tradewind.operations import uploads
from tradewind.sources.uploads.sql import Upload, Uploads, UploadState
from tradewind.worker import Done, Stop, housekeeping, run_due, run_once, work

P = "/api/v1/projects/default"
KIND = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def site(site: Site, tmp_path: Path) -> Site:
    """A site with a list."""
    (tmp_path / "vip.csv").write_text("customer\nu1\n")
    vip = Cohort("default", "vip", "VIP", CohortKind.STATIC, StaticList(str(tmp_path / "vip.csv"), people="customer"))
    site.town.parts.catalog.save_cohort(vip)
    return site


@pytest.fixture
def manager(site: Site) -> TestClient:
    """Who may send files."""
    site.user("manager", {"default": Role.MANAGER})
    return site.program("manager", "default", Role.MANAGER)


def lines(first: int, last: int) -> bytes:
    """Events of people, one each."""
    line = b'{"event_type": "Open", "user_id": "u%d", "time": 1767225600000, "insert_id": "i%d"}\n'
    return b"".join(line % (n, n) for n in range(first, last))


def send(client: TestClient, path: str, content: bytes, **query: str) -> Any:
    """A file, as a body; no two come at the same instant."""
    client.app.state.parts.clock.sleep(1)  # type: ignore[attr-defined]  # the application of a site, and the clock of its town
    return client.post(f"{P}/{path}", params=query, content=content, headers=KIND)


def pass_(site: Site) -> list[Done]:
    """What the worker does now."""
    return list(run_once(site.town.parts, Stop()))


def folders(site: Site) -> list[str]:
    """What lies on the disk of uploads."""
    return sorted(each.name for each in (site.town.parts.home / "uploads").glob("*"))


def test_a_file_of_events_waits_for_the_worker_and_is_taken_in_once(site: Site, manager: TestClient) -> None:
    """The answer comes when it is on the disk; later it says what came of it, and the file is gone. The same bytes count once."""
    sent = send(manager, "events/imports", lines(0, 50), name="day.ndjson")
    assert sent.status_code == 202
    first = sent.json()
    assert (first["state"], first["kind"], first["bytes"], first["read"]) == ("waiting", "events", len(lines(0, 50)), 0)
    assert "manager" in first["sent_by"]
    assert site.town.parts.events.imports("default") == 0
    assert folders(site) == [first["id"]]
    assert site.nudges == 1

    send(manager, "events/imports", lines(0, 50), name="again.ndjson")
    assert [each.error for each in pass_(site)] == [None, None]
    done = manager.get(f"{P}/uploads/{first['id']}").json()
    assert (done["state"], done["read"], done["rejects"], done["message"]) == ("done", first["bytes"], {}, "")
    assert done["counts"] == {"events_read": 50, "events_new": 50, "duplicates": 0, "imported_before": 0}
    newest, _ = manager.get(f"{P}/uploads", params={"kind": "events"}).json()["items"]
    assert newest["counts"] == {"events_read": 0, "events_new": 0, "duplicates": 0, "imported_before": 1}
    assert folders(site) == []
    assert pass_(site) == []


def test_a_list_is_replaced_added_to_and_taken_from(site: Site, manager: TestClient) -> None:
    """A sync on change of it follows."""
    replaced = send(manager, "cohorts/vip/list", b"customer\nu1\nu2\nu2\n,\n", name="all.csv").json()
    added = send(manager, "cohorts/vip/list", b"customer\nu2\nu3\n", name="more.csv", how="add").json()
    removed = send(manager, "cohorts/vip/list", b"customer\nu1\n", name="less.csv", how="remove").json()
    site.town.clock.sleep(1)
    pass_(site)
    found = [manager.get(f"{P}/uploads/{each['id']}").json() for each in (replaced, added, removed)]
    assert [each["state"] for each in found] == ["done", "done", "done"], found
    assert [(each["counts"]["added"], each["counts"]["removed"]) for each in found] == [(2, 0), (1, 0), (0, 1)]
    newest = site.town.parts.list_versions.newest("default", "vip")
    assert newest is not None
    assert newest.rows == 2


def test_what_is_wrong_with_a_file_is_written_down_and_left_nothing(site: Site, manager: TestClient) -> None:
    """In a sentence that names the file and no folder of the server."""
    broken = send(manager, "events/imports", b"PK\x03\x04 not a zip", name="day.zip").json()
    columns = send(manager, "cohorts/vip/list", b"who\nu1\n", name="all.csv").json()
    assert [type(each.error).__name__ for each in pass_(site)] == ["DefinitionError", "DefinitionError"]
    for sent in (broken, columns):
        found = manager.get(f"{P}/uploads/{sent['id']}").json()
        assert found["state"] == "refused"
        assert found["message"]
        assert str(site.town.parts.home) not in found["message"]
        assert "uploads/" not in found["message"]
    assert "customer" in manager.get(f"{P}/uploads/{columns['id']}").json()["message"]
    assert site.town.parts.list_versions.newest("default", "vip") is None
    assert folders(site) == []


@pytest.mark.parametrize("name", ["", "../key", "a/b.csv", ".hidden", "%00.csv", "x" * 101, "no-such-kind.exe", "day.csv.gz"])
def test_a_file_s_name_leads_nowhere_else(site: Site, manager: TestClient, name: str) -> None:
    """It is refused before a byte is read."""
    answer = send(manager, "events/imports", b"x", name=name)
    assert answer.status_code in {400, 422}, answer.text
    assert "uploads" not in answer.text, "no path of the server is told"
    assert folders(site) == []


def test_only_a_static_cohort_has_a_list(site: Site, manager: TestClient) -> None:
    """Said before the file is sent."""
    assert "only a static one has a list" in detail(send(manager, "cohorts/all/list", b"x", name="a.csv"))
    assert send(manager, "cohorts/nobody/list", b"x", name="a.csv").status_code == 404
    assert manager.get(f"{P}/uploads/nothing").status_code == 404


def test_a_worker_that_stops_gives_the_file_back_and_one_that_died_loses_its_claim(site: Site, manager: TestClient) -> None:
    """Nothing of it is taken in by halves; another worker begins anew."""
    parts = site.town.parts
    sent = send(manager, "events/imports", lines(0, 5), name="day.ndjson").json()
    (waiting,) = parts.uploads.waiting(parts.clock.now())

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uploads.work(parts, waiting, stop)
    assert parts.uploads.waiting(parts.clock.now()) == (waiting,)

    now = parts.clock.now()
    assert parts.uploads.take(sent["id"], "another host:1:2:3", now, now + uploads.LEASE)
    assert uploads.work(parts, waiting, lambda: None) is None
    assert pass_(site) == []
    site.town.clock.sleep(uploads.LEASE.total_seconds())
    assert len(pass_(site)) == 1
    assert not parts.uploads.go_on(sent["id"], "another host:1:2:3", 5), "who woke up too late writes nothing"


def test_beside_an_import_by_hand_a_file_waits(site: Site, manager: TestClient) -> None:
    """It is not refused for that."""
    sent = send(manager, "events/imports", lines(0, 5), name="day.ndjson").json()
    with alone(site.town.parts.home / "events" / "default", ".importing", "an import goes on"):
        assert pass_(site) == []
    assert uploads.found(site.town.parts, "default", sent["id"]).state is UploadState.WAITING
    assert len(pass_(site)) == 1


def test_a_file_that_is_gone_is_sent_again(site: Site, manager: TestClient) -> None:
    """After a restore from a backup, which has no files that wait."""
    sent = send(manager, "events/imports", lines(0, 5), name="day.ndjson").json()
    (uploads.folder(site.town.parts, sent["id"]) / "day.ndjson").unlink()
    pass_(site)
    assert uploads.found(site.town.parts, "default", sent["id"]).message == "the file is gone; send it again"


def test_a_sync_that_is_due_comes_between_two_files(site: Site, manager: TestClient) -> None:
    """A large file delays a run by no more than itself."""
    town = site.town
    for number in range(3):
        send(manager, "events/imports", lines(number, number + 1), name=f"day{number}.ndjson")
    town.add("s", Cadence.ON_CHANGE)
    stop = Stop()
    assert [done.sync for done in run_once(town.parts, stop)].index("s") == 0
    town.clock.sleep(timedelta(minutes=1).total_seconds())
    send(manager, "events/imports", lines(7, 8), name="day7.ndjson")
    send(manager, "events/imports", lines(8, 9), name="day8.ndjson")
    kinds = [done.sync.partition(" ")[0] for done in run_once(town.parts, stop)]
    assert kinds[0] == "s"
    assert stop.nudged


class Lost(Uploads):
    """Uploads whose store is gone."""

    def waiting(self, now: datetime) -> tuple[Upload, ...]:
        raise LedgerError("the store is gone")


class Waiting:
    """A clock whose sleep takes a little real time, and none of its own: a thread that waits does not spin."""

    def __init__(self, inner: StandingClock) -> None:
        self.now, self.monotonic, self._never = inner.now, inner.monotonic, threading.Event()

    def sleep(self, _seconds: float) -> None:
        """A moment."""
        self._never.wait(0.01)


def test_no_sync_waits_for_a_large_file(site: Site, manager: TestClient) -> None:
    """While a file is taken in, for however long, what is due runs; once it is in, the worker looks again."""
    town, stop, seen = site.town, Stop(), list[Done]()
    at_it, go_on, told = threading.Event(), threading.Event(), threading.Event()

    def meanwhile(name: str) -> None:
        if name == "import.written" and threading.current_thread().name == "housekeeping" and not go_on.is_set():
            at_it.set()
            go_on.wait(60)

    def tell(done: Done) -> None:
        seen.append(done)
        told.set()

    moment.watch(meanwhile)
    sent = send(manager, "events/imports", lines(0, 5), name="day.ndjson").json()
    town.add("s", Cadence.ON_CHANGE)
    with housekeeping(replace(town.parts, clock=Waiting(town.clock)), stop, tell):
        assert at_it.wait(60)
        try:
            assert [(done.sync, done.run and done.run.outcome) for done in run_due(town.parts, stop)] == [("s", RunOutcome.CLEAN)]
            assert uploads.found(town.parts, "default", sent["id"]).state is UploadState.WORKING
            assert stop.nudged is None
        finally:
            go_on.set()
        assert told.wait(60)
    assert [done.sync for done in seen] == [f"upload {sent['id']}"]
    assert stop.nudged


def test_what_ends_the_housekeeping_ends_the_worker(site: Site) -> None:
    """It is told by whoever waits for the worker, as if it had happened there."""
    town, stop = site.town, Stop()
    gone = replace(town.parts, clock=Waiting(town.clock), uploads=Lost(town.database))
    with pytest.raises(LedgerError, match="the store is gone"), housekeeping(gone, stop, lambda _done: None):
        work(gone, stop, lambda _done: None, run_due)
    assert stop.requested
