"""Previews in memory and in DuckDB hold to the laws of the suite; and what is the embedded one's own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tradewind.compute import Bounds
from tradewind.engines import bits
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.memory import Event, MemoryEngine, MemoryPreviews
from tradewind.engines.preview import Turn
from tradewind.errors import EngineError, OvertakenError
from tradewind.model.cohort import Did, EventFilter, Operator
from tradewind.testing.engine_suite import happened
from tradewind.testing.preview_suite import SHOP, PreviewsOf, PreviewSuite, asked
from tradewind.testing.told import told_store


class TestMemoryPreviews(PreviewSuite):
    """Plain Python, the reference."""

    @pytest.fixture
    def previews_of(self) -> PreviewsOf:
        def previews(events: Iterable[Event]) -> MemoryPreviews:
            engine = MemoryEngine({"default": events})
            return MemoryPreviews(lambda _project, _as_of: engine)

        return previews


class TestDuckDBPreviews(PreviewSuite):
    """Bits over the event store."""

    @pytest.fixture
    def previews_of(self, tmp_path: Path) -> Iterator[PreviewsOf]:
        with ExitStack() as stack:

            def previews(events: Iterable[Event]) -> DuckDBPreviews:
                store = stack.enter_context(told_store("default", events, Path(mkdtemp(dir=tmp_path))))
                made = DuckDBPreviews(store, Bounds(spill=tmp_path / "spill"))
                stack.callback(made.close)
                return made

            yield previews


def test_what_is_imported_later_is_seen_at_once(tmp_path: Path) -> None:
    from tradewind.clock import SystemClock
    from tradewind.events.importing import import_events

    with told_store("default", SHOP, tmp_path) as store:
        previews = DuckDBPreviews(store, Bounds())
        assert previews.sizes(asked(Did("Buy")), Turn()).members == 2
        late = tmp_path / "late.json"
        late.write_text('{"user_id": "dan", "event_type": "Buy", "time": "2026-06-30 10:00:00"}')
        import_events(store, "default", [late], on_progress=lambda *_: None, clock=SystemClock())
        assert previews.sizes(asked(Did("Buy")), Turn()).members == 3
        previews.close()


def test_lost_event_files_are_told_without_the_statement(tmp_path: Path) -> None:
    with told_store("default", SHOP, tmp_path) as store:
        for file in store.files("default"):
            file.path.unlink()
        with pytest.raises(EngineError, match=r"^the preview failed: IO Error: [^\n]*$") as caught:
            DuckDBPreviews(store, Bounds()).sizes(asked(Did("Buy")), Turn())
        assert "SELECT" not in str(caught.value)


def test_a_question_under_way_is_broken_off_by_its_turn(tmp_path: Path) -> None:
    """A condition that takes minutes ends at once when a newer edit ends its turn; the next question is answered."""
    crowd = [happened(1, f"u{number}", text="a" * 200) for number in range(300)]
    with told_store("default", crowd, tmp_path) as store:
        previews, turn = DuckDBPreviews(store, Bounds()), Turn()
        slow = Did("Buy", (EventFilter("text", Operator.GLOB_MATCH, tuple(f"{'*a' * 40}{number}" for number in range(3_000))),))
        previews.sizes(asked(Did("Buy", (EventFilter("text", Operator.IS, ("b",)),))), Turn())
        threading.Timer(0.2, turn.end).start()
        with pytest.raises(OvertakenError):
            previews.sizes(asked(slow), turn)
        assert previews.sizes(asked(Did("Buy")), Turn()).members == 300
        previews.close()


def test_who_does_not_hear_at_once_is_told_again() -> None:
    """DuckDB forgets an interrupt that comes while it still reads the statement."""
    turn, told, heard = Turn(), [], threading.Event()

    def off() -> None:
        told.append(1)
        if len(told) == 3:
            heard.set()

    with turn.breaking(off):
        turn.end()
        assert heard.wait(10)
    with pytest.raises(OvertakenError):
        turn.check()


@pytest.mark.parametrize("people", [0, 1, 7, 8, 9, 1000])
def test_bits_count_everybody_once(people: int) -> None:
    everybody = bits.everybody(people)
    assert bits.count(everybody) == people
    assert bits.flags(everybody, people).sum() == people
    assert bits.count(~everybody & everybody) == 0
