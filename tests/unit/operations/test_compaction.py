"""Putting event files together meets an import: it is done once the import has ended, and then not before another day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from event_desk import sent
from town import Town
from tradewind.events.compacting import MOST
from tradewind.events.importing import LOCK, alone, import_events
from tradewind.operations.compaction import MARK
from tradewind.operations.tidy import was_done
from tradewind.worker import Done, Stop, keep_house


def bring(town: Town, folder: Path) -> None:
    """So many files of one event each, which lie in one month, that they should be one."""
    for number in range(MOST + 1):
        file = folder / f"{number}.json"
        file.write_text(json.dumps(sent(number, f"device-{number}")))
        import_events(town.parts.events, "default", [file], on_progress=lambda *_: None, clock=town.clock)


def house_kept(town: Town) -> list[Done]:
    return list(keep_house(town.parts, Stop()))


def files(town: Town) -> int:
    return len(town.parts.events.files("default"))


def test_an_import_that_stands_in_the_way_is_waited_for_and_not_until_tomorrow(town: Town, tmp_path: Path) -> None:
    bring(town, tmp_path)
    with alone(town.parts.home / "events" / "default", LOCK, "held by the test"):
        assert house_kept(town) == []
        town.clock.sleep(60)
        assert house_kept(town) == []
        assert files(town) == MOST + 1
    town.clock.sleep(60)
    assert house_kept(town) == []
    assert files(town) == 1
    mark = town.parts.home / "events" / "default" / MARK
    assert was_done(mark, town.clock.now() + timedelta(hours=23))
    assert not was_done(mark, town.clock.now() + timedelta(hours=24))
