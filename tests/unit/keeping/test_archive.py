"""The content of a backup is what its list says, stays in its folder, and says first what it is."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tradewind.errors import ConfigurationError
from tradewind.keeping.archive import ABOUT, LIST, About, Kept, files_below, pack, unpack

WHAT = About("2026-03-01T12:00:00+00:00", "0.1", "0001", "sqlite", 8)


def nothing(_: object) -> None:
    """Nobody looks."""


def home(folder: Path) -> Path:
    (folder / "events").mkdir(parents=True)
    (folder / "events" / "a.parquet").write_bytes(b"rows")
    (folder / "tradewind.db").write_bytes(b"book")
    return folder


def made_of(members: dict[str, bytes]) -> io.BytesIO:
    """An archive with these members, in their order."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w|") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return io.BytesIO(file.getvalue())


def about(**changes: object) -> bytes:
    return json.dumps(asdict(WHAT) | changes).encode()


def listed(**files: bytes) -> bytes:
    return json.dumps([asdict(Kept(name, len(text), hashlib.sha256(text).hexdigest())) for name, text in files.items()]).encode()


def test_files_come_back_as_they_were_readable_by_their_owner_alone(tmp_path: Path) -> None:
    source, sink = home(tmp_path / "home"), io.BytesIO()
    moved: list[int] = []
    kept = pack(sink, WHAT, source, files_below(source), moved.append)
    assert [each.path for each in kept] == ["events/a.parquet", "tradewind.db"]
    seen: list[About] = []
    assert unpack(io.BytesIO(sink.getvalue()), tmp_path / "again", seen.append, moved.append) == kept
    assert seen == [WHAT]
    assert sum(moved) == 2 * WHAT.bytes
    assert (tmp_path / "again" / "events" / "a.parquet").read_bytes() == b"rows"
    assert (tmp_path / "again" / "tradewind.db").stat().st_mode & 0o777 == 0o600


def test_what_it_is_is_known_before_a_file_is_written(tmp_path: Path) -> None:
    class TooNew(Exception):
        pass

    def ready(_: About) -> None:
        raise TooNew

    with pytest.raises(TooNew):
        unpack(made_of({ABOUT: about(), "a": b"x", LIST: listed(a=b"x")}), tmp_path / "again", ready, nothing)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "members",
    [
        {ABOUT: about(), "a": b"x", LIST: listed(a=b"y")},
        {ABOUT: about(), "a": b"x", LIST: listed(a=b"x", b=b"y")},
        {ABOUT: about(), "a": b"x", LIST: listed()},
        {ABOUT: about(), "a": b"x"},
        {"a": b"x", LIST: listed(a=b"x")},
        {},
        {ABOUT: about(), "../a": b"x", LIST: listed(**{"../a": b"x"})},
        {ABOUT: about(), "/a": b"x", LIST: listed(**{"/a": b"x"})},
    ],
    ids=["changed", "lacking", "not listed", "no list", "no word of what it is", "empty", "outside", "absolute"],
)
def test_what_differs_from_its_list_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack(made_of(members), tmp_path / "again", nothing, nothing)
    assert not (tmp_path / "a").exists()


def test_a_later_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has format 2, and this program knows 1"):
        unpack(made_of({ABOUT: about(format=replace(WHAT).format + 1)}), tmp_path, nothing, nothing)
