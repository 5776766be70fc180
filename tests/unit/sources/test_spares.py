"""Files that lie ready: a message fills one without another file coming to be, and whoever reads it finds the message."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pushes import AD, message
from town import Town
from tradewind.model.cohort import Pushed
from tradewind.sources.webhook.message import read
from tradewind.sources.webhook.spares import LOCK, MOST, SIZE, Spares
from tradewind.sources.webhook.store import PushedStore


def content(users: list[str]) -> bytes:
    """A Parquet file."""
    written = pa.BufferOutputStream()
    pq.write_table(pa.table({"user_id": users, "properties": [""] * len(users)}), written, compression="zstd")
    return written.getvalue().to_pybytes()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "pushed" / ".ready"


def test_none_is_made_before_one_is_asked_for_and_then_some_lie_ready(place: Path) -> None:
    spares = Spares(place)
    spares.make_ready()
    assert not place.exists()
    assert spares.fill(content(["ann"])) is None
    spares.make_ready()
    files = sorted(place.glob("*/*.parquet"))
    assert (len(files), {each.stat().st_size for each in files}, {each.stat().st_mode & 0o777 for each in files}) == (MOST, {SIZE}, {0o600})
    filled = [spares.fill(content([f"u{n}"])) for n in range(MOST)]
    assert sorted(each for each in filled if each) == files
    assert spares.fill(content(["bob"])) is None, "a burst finds none, and its messages become files of their own"


@pytest.mark.parametrize("users", [[], ["ann"], [f"user {n}" for n in range(2_000)]])
def test_a_filled_one_is_a_parquet_file_of_the_same_size(place: Path, users: list[str]) -> None:
    spares = Spares(place)
    spares.fill(content(users))
    spares.make_ready()
    path = spares.fill(content(users))
    assert path is not None
    assert path.stat().st_size == SIZE
    assert pq.read_table(path)["user_id"].to_pylist() == users
    with duckdb.connect() as connection:
        assert connection.execute("SELECT count(user_id) FROM read_parquet(?)", [str(path)]).fetchall() == [(len(users),)]


def test_what_does_not_fit_and_what_was_taken_away_is_not_filled(place: Path) -> None:
    spares = Spares(place)
    large = content([f"{n * 7_368_787 % 10**9}-{n * 9_576_890_767 % 10**12}" for n in range(20_000)])
    assert len(large) > SIZE
    spares.fill(large)
    spares.make_ready()
    assert spares.fill(large) is None
    for path in place.glob("*/*.parquet"):
        path.unlink()
    assert spares.fill(content(["ann"])) is None


def test_what_a_process_left_goes_unless_a_row_names_it(place: Path) -> None:
    left = Spares(place)
    left.fill(b"\0" * 8)
    left.make_ready()
    named = left.fill(content(["ann"]))
    assert named is not None
    Spares(place).sweep({named})
    assert len(list(place.glob("*/*.parquet"))) == MOST, "its process lives"
    left.close()
    (folder,) = place.iterdir()
    mine = Spares(place)
    mine.sweep({named})
    assert list(folder.glob("*.parquet")) == [named]
    assert (folder / LOCK).exists()
    mine.sweep(set())
    assert list(place.iterdir()) == []


def test_messages_in_such_files_are_the_cohort_and_folded_as_any(town: Town, tmp_path: Path) -> None:
    kept = town.parts.pushed
    store: PushedStore = replace(kept, spares=Spares(kept.home / "pushed" / ".ready"), fold=3)
    for number in range(4):
        text = json.dumps(message(range(10 * number, 10 * number + 10), f"m{number}", computed=1_772_366_400 + number))
        assert store.add("default", read(text.encode()), town.clock.now())
        store.make_ready()
    found = store.evaluate(Pushed("k8dup3vx"), "default", AD, town.clock.now(), tmp_path / "out" / "members.parquet")
    assert found.members == 40
    paths = [row.path for row in store.messages.after("default", "k8dup3vx", 0)]
    assert [Path(each).parts[1] for each in paths] == ["default", ".ready", ".ready", ".ready"]
    store.forget("default", "k8dup3vx")
    assert not any((kept.home / each).exists() for each in paths)
