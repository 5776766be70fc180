"""kill -9 while event files are put together and while a file that was sent is taken in: nothing by half, nothing twice."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chaos.books import Books
from chaos.rig import running_nursery
from chaos.world import WorldClock
from tradewind.errors import EngineError
from tradewind.events.compacting import MOST
from tradewind.operations.compaction import MARK
from tradewind.operations.tidy import note_done
from tradewind.operations.uploads import LEASE

DAY = timedelta(days=1).total_seconds()


class Lives:
    """A home without a platform: lives one after another, and what its rows say."""

    def __init__(self, folder: Path, nursery: subprocess.Popen[str]) -> None:
        self.folder, self.nursery = folder, nursery
        self.home, self.clock = folder / "home", WorldClock(folder / "clock")
        self.books = Books(self.home)

    def live(self, **order: Any) -> dict[str, Any]:
        """One life, which ends well or is killed."""
        fate = self.order(**order)
        assert fate["killed"] or not fate["code"], fate["output"]
        return fate

    def order(self, **order: Any) -> dict[str, Any]:
        """One life, however it ends."""
        assert self.nursery.stdin
        assert self.nursery.stdout
        whole = {"folder": str(self.folder), "home": str(self.home), "clock": str(self.folder / "clock"), "items": 24, **order}
        self.nursery.stdin.write(json.dumps(whole) + "\n")
        self.nursery.stdin.flush()
        fate: dict[str, Any] = json.loads(self.nursery.stdout.readline())
        return fate

    def die(self, moment: str, **order: Any) -> None:
        """A life that ends at a moment."""
        fate = self.live(kill_at=[moment, 1], **order)
        assert fate["killed"], f"{moment} was not reached: {fate}"

    def put_off(self) -> None:
        """Let the worker put nothing together before tomorrow."""
        note_done(self.home / "events" / "default" / MARK, self.clock.now())

    def file(self, name: str, first: int, last: int, told: Callable[[], str] = str) -> Path:
        """Events of people, one each."""
        path = self.folder / name
        event = {"event_type": "Open", "time": 1767225600000}
        lines = [event | {"user_id": f"u{n}", "insert_id": f"i{n}", "event_properties": {"told": told()}} for n in range(first, last)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def events(self) -> tuple[int, int]:
        """Files that count, and their events."""
        ((files, rows),) = self.books.rows("SELECT count(*), coalesce(sum(rows), 0) FROM event_file WHERE replaced_at IS NULL")
        return files, rows

    def sound(self) -> None:
        """Every file that a row names is there and has its rows."""
        assert self.live(verify=True)["report"]["findings"] == []
        assert self.books.fault() == ""


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """One for all: a life has its home by its order."""
    with running_nursery(tmp_path_factory.mktemp("nursery"), "") as made:
        yield made


@pytest.fixture
def lives(tmp_path: Path, nursery: subprocess.Popen[str]) -> Lives:
    """A home that was just made."""
    made = Lives(tmp_path, nursery)
    made.live(definitions=[])
    return made


@pytest.mark.timeout(300)
def test_event_files_that_are_put_together_under_a_kill_are_whole(lives: Lives) -> None:
    """Before the row it is as before, after it as afterwards; the next day does what is left, and takes away what was replaced."""
    files = [lives.file(f"{n}.ndjson", n * 10, n * 10 + 10) for n in range(MOST + 1)]
    lives.put_off()
    lives.live(imports=[["default", str(file)] for file in files])
    whole = (len(files), 10 * len(files))
    for moment, after in (("compaction.written", whole), ("compaction.named", (1, whole[1])), ("compaction.removed", (1, whole[1]))):
        lives.clock.advance(DAY)
        lives.die(moment)
        assert lives.events() == after
        lives.sound()
    lives.clock.advance(DAY)
    lives.live(imports=[["default", str(lives.file("new.ndjson", 5, 175))]])
    assert lives.events() == (2, 175), "the first hundred and seventy were here already"
    named = {row[0] for row in lives.books.rows("SELECT path FROM event_file")}
    assert {str(path.relative_to(lives.home)) for path in (lives.home / "events").rglob("*.parquet")} == named
    assert len(named) == 2


@pytest.mark.timeout(300)
def test_a_full_disk_leaves_event_files_as_they_are(lives: Lives) -> None:
    """The system refuses to let the new file grow: one sentence, nothing is left of it, and with room again they are put together."""
    chance = random.Random(1)
    each = [lives.file(f"{n}.ndjson", n * 10, n * 10 + 10, lambda: chance.randbytes(9_000).hex()) for n in range(MOST + 1)]
    lives.put_off()
    lives.live(imports=[["default", str(file)] for file in each])
    before = sorted((lives.home / "events").rglob("*.parquet"))
    limit = max(path.stat().st_size for path in lives.home.rglob("*") if path.is_file()) + 200_000
    assert sum(path.stat().st_size for path in before) > limit
    full = lives.order(command=["events", "compact"], largest_file=limit)
    assert full["code"] == EngineError.exit_code, full["output"]
    assert "could not be put together, and are as they were" in full["output"]
    assert (lives.events(), sorted((lives.home / "events").rglob("*.parquet"))) == ((len(each), 170), before)
    lives.sound()
    assert lives.order(command=["events", "compact"])["code"] == 0
    assert lives.events() == (1, 170)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", ["import.written", "import.named"])
def test_a_file_that_was_sent_is_taken_in_once_whenever_its_worker_dies(lives: Lives, moment: str) -> None:
    """What came of it is said by whoever goes on, as if nobody had died; sent again, its events count once."""
    path = lives.file("day.ndjson", 0, 50)
    path.write_text(path.read_text() + "{}\n")
    lives.die(moment, sent=[["first", "events", "", str(path)]])
    assert lives.books.rows("SELECT state, finished_at FROM upload") == [("working", None)]
    assert lives.events()[1] == (50 if moment == "import.named" else 0)
    lives.clock.advance(LEASE.total_seconds())
    lives.live()
    ((state, counts, rejects),) = lives.books.rows("SELECT state, counts, rejects FROM upload")
    assert state == "done"
    assert json.loads(counts) == {"events_read": 51, "events_new": 50, "duplicates": 0, "imported_before": 0}
    assert json.loads(rejects) == {"no event_type": 1}
    assert not (lives.home / "uploads" / "first").exists()
    lives.live(sent=[["again", "events", "", str(path)]])
    ((counts,),) = lives.books.rows("SELECT counts FROM upload WHERE id = 'again'")
    assert json.loads(counts)["imported_before"] == 1
    assert lives.events()[1] == 50
    lives.sound()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", ["list.published", "list.recorded"])
def test_a_list_that_was_sent_is_taken_in_once_whenever_its_worker_dies(lives: Lives, moment: str) -> None:
    """Whoever goes on finds the rows there, or adds them: each is in the list once."""
    (lives.folder / "vip.csv").write_text("customer\nu1\n")
    defined = lives.folder / "vip.yaml"
    defined.write_text("cohorts: [{id: vip, name: VIP, kind: static, file: vip.csv, people: customer}]")
    lives.live(definitions=[["default", str(defined)]])
    more = lives.folder / "more.csv"
    more.write_text("customer\nu1\nu2\nu3\n")
    lives.die(moment, sent=[["first", "list", "vip", str(more)]])
    lives.clock.advance(LEASE.total_seconds())
    lives.live()
    assert lives.books.rows("SELECT state FROM upload") == [("done",)]
    ((rows,),) = lives.books.rows("SELECT rows FROM list_version ORDER BY version DESC LIMIT 1")
    assert rows == 3
    lives.sound()
