"""What may be imported, line by line and file by file: every bad line has its reason, every bad file its sentence."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_desk import Desk, exported, sent
from tradewind.errors import DefinitionError

GOOD = exported(0, "D", "ann")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'a': 1}", "not JSON"),
        ('{"event_type": "visit"', "not JSON"),
        (b'{"event_type": "\xff"}', "not valid UTF-8"),
        ('{"a": "' + "x" * (1 << 20) + '"}', "longer than 1 MiB"),
        ('{"a": "' + "x" * (5 << 20) + '"}', "longer than 1 MiB"),
        ("[1, 2]", "not a JSON object"),
        ('"visit"', "not a JSON object"),
        ('{"api_key": "k", "events": [{"event_type": "visit"}]}', "a whole request body; expected one event a line"),
        (GOOD | {"event_type": None}, "no event_type"),
        (GOOD | {"event_type": ""}, "no event_type"),
        (exported(0, None), "no user_id and no device_id that names a person"),
        (exported(0, "Unknown", "00000000-0000-0000-0000-000000000000"), "no user_id and no device_id that names a person"),
        (exported(0, "", "NULL"), "no user_id and no device_id that names a person"),
        (GOOD | {"user_id": ["ann"]}, "an id that is not text"),
        (GOOD | {"device_id": {"a": 1}}, "an id that is not text"),
        (GOOD | {"user_id": True}, "an id that is not text"),
        (GOOD | {"event_time": "yesterday"}, "no time, or one that is not a time between 2000 and 2200"),
        (GOOD | {"event_time": "2026-13-01 00:00:00.000000"}, "no time, or one that is not a time between 2000 and 2200"),
        (GOOD | {"event_time": None}, "no time, or one that is not a time between 2000 and 2200"),
        (sent(0, "D") | {"time": 1767225600}, "no time, or one that is not a time between 2000 and 2200"),
        (sent(0, "D") | {"time": 10**18}, "no time, or one that is not a time between 2000 and 2200"),
        (GOOD | {"event_properties": [1]}, "properties that are not a JSON object"),
        (GOOD | {"user_properties": "{oops"}, "properties that are not a JSON object"),
    ],
)
def test_a_bad_line_has_a_reason_and_stops_nothing(desk: Desk, line: str | bytes | dict[str, object], reason: str) -> None:
    summary = desk.bring(desk.file("e.json", GOOD, "", line, "  ", exported(1, "D")))
    assert summary.rejects == {reason: 1}
    assert (summary.events_read, summary.events_new, summary.ok) == (3, 2, True)
    assert summary.rejects_path is not None
    told = [json.loads(line) for line in summary.rejects_path.read_text().splitlines()]
    assert told == [{"file": str(desk.folder / "e.json"), "line": 3, "reason": reason}]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_may_end_either_way_and_the_last_not_at_all(desk: Desk, ending: str) -> None:
    path = desk.folder / "e.ndjson"
    path.write_bytes(("\ufeff" + ending.join(json.dumps(exported(n, "D")) for n in range(3))).encode())
    assert desk.bring(path).events_new == 3


def test_line_numbers_hold_across_blocks(desk: Desk) -> None:
    events: list[dict[str, object] | str] = [exported(n, "D", event_properties={"text": "x" * 5000}) for n in range(1000)]
    for place in (0, 499, 999):
        events[place] = "?"
    summary = desk.bring(desk.file("e.json.gz", *events))
    assert summary.rejects_path is not None
    assert [json.loads(line)["line"] for line in summary.rejects_path.read_text().splitlines()] == [1, 500, 1000]


def test_a_long_line_in_the_middle_loses_only_itself(desk: Desk) -> None:
    summary = desk.bring(desk.file("e.json", exported(0, "D"), "x" * (3 << 20), "y" * (1 << 20), exported(1, "D"), "z" * (2 << 20)))
    assert summary.rejects == {"longer than 1 MiB": 2, "not JSON": 1}
    assert summary.events_new == 2


def test_a_zip_of_the_export_api(desk: Desk) -> None:
    path = desk.folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1/a.json.gz", gzip.compress(json.dumps(exported(0, "D")).encode()))
        archive.writestr("1/b.json", json.dumps(exported(1, "D")) + "\n?\n", zipfile.ZIP_DEFLATED)
        archive.writestr("1/readme.txt", "nothing")
    summary = desk.bring(path)
    assert (summary.events_new, summary.files) == (2, 1)
    assert summary.rejects_path is not None
    assert json.loads(summary.rejects_path.read_text()) == {"file": f"{path}/1/b.json", "line": 2, "reason": "not JSON"}


def damaged(desk: Desk) -> dict[str, bytes]:
    """File name -> bytes that cannot be read to their end."""
    whole = gzip.compress(b"".join(json.dumps(exported(n, f"{os.urandom(8).hex()}")).encode() + b"\n" for n in range(2000)))
    flipped = bytearray(whole)
    flipped[-6] ^= 1
    zipped = desk.folder / "whole"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.json.gz", whole)
    inside = bytearray(zipped.read_bytes())
    inside[5000] ^= 1
    found = {
        "cut.json.gz": whole[: len(whole) // 2],
        "trailer.json.gz": whole[:-3],
        "checksum.json.gz": bytes(flipped),
        "more.json.gz": whole + b"junk",
        "plain.json.gz": b'{"event_type": "visit"}\n',
        "cut.zip": zipped.read_bytes()[:-100],
        "flipped.zip": bytes(inside),
        "none.json": b"",
        "wide.json": '{"event_type": "visit"}'.encode("utf-16"),
        "not.parquet": b"event_type,time\n",
    }
    zipped.unlink()
    return found


def test_a_damaged_file_leaves_nothing_and_stops_nothing(desk: Desk) -> None:
    wrong = damaged(desk)
    for name, data in wrong.items():
        (desk.folder / name).write_bytes(data)
    desk.file("good.json.gz", exported(0, "D"))
    summary = desk.bring(desk.folder)
    assert {Path(name).name for name, _ in summary.refused_files} == set(wrong)
    assert all(sentence and "\n" not in sentence for _, sentence in summary.refused_files)
    assert not summary.ok
    assert (summary.events_read, summary.events_new, summary.files, desk.store.count("p")) == (1, 1, 1, 1)


def test_several_members_of_gzip_are_one_file(desk: Desk) -> None:
    path = desk.folder / "e.json.gz"
    path.write_bytes(b"".join(gzip.compress(json.dumps(exported(n, "D")).encode() + b"\n") for n in range(3)))
    assert desk.bring(path).events_new == 3


def test_paths_that_are_not_there_or_of_another_kind(desk: Desk) -> None:
    with pytest.raises(DefinitionError, match="no such file"):
        desk.bring(desk.folder / "gone.json")
    with pytest.raises(DefinitionError, match=r"not a kind of file that can be imported; expected .zip"):
        desk.bring(desk.file("notes.txt", "hello"))
    assert [Path(name).name for name in desk.bring(desk.folder).ignored_files] == ["notes.txt"]


def test_a_csv(desk: Desk) -> None:
    rows = [
        "user_id,device_id,event_type,event_time,insert_id,event.price,user.plan,event_properties",
        'ann,D,visit,2026-01-01 00:00:00,1,"12,5",paid,"{""sku"": ""a""}"',
        ",D,visit,2026-01-01 00:01:00,2,,,",
        "ann,D,,2026-01-01 00:01:00,3,,,",
        "ann,D,visit,1767225720000,4,,,[]",
        "ann,D,visit,1767225720000,5,,,",
    ]
    summary = desk.bring(desk.file("e.csv", *rows))
    assert summary.rejects == {"no event_type": 1, "properties that are not a JSON object": 1}
    assert summary.rejects_path is not None
    assert [json.loads(line)["line"] for line in summary.rejects_path.read_text().splitlines()] == [3, 4]
    found = desk.ask("SELECT * FROM events ORDER BY time", event=("price", "sku"), user=("plan",))
    assert [(row["person"], row["e:price"], row["e:sku"], row["u:plan"], row["s:plan"], row["time"].minute) for row in found] == [
        ("user:ann", "12,5", "a", "paid", True, 0), ("user:ann", None, None, None, False, 1), ("user:ann", None, None, None, False, 2)
    ]  # fmt: skip


def test_a_parquet(desk: Desk) -> None:
    table = pa.table(
        {
            "device_id": ["D", "E"],
            "event_type": ["visit", "buy"],
            "time": pa.array([1767225600123456, 1767225660000000], pa.timestamp("us", "UTC")),
            "event.price": [1.5, None],
            "user_properties": ['{"plan": "paid"}', None],
        }
    )
    pq.write_table(table, desk.folder / "e.parquet")
    assert desk.bring(desk.folder / "e.parquet").events_new == 2
    found = desk.ask("SELECT * FROM events ORDER BY time", event=("price",), user=("plan",))
    assert [(row["person"], row["e:price"], row["u:plan"], row["time"].microsecond) for row in found] == [
        ("device:D", "1.5", "paid", 123456), ("device:E", None, None, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("user,event_type,time", "has no column user_id or device_id; rename 'user'"),
        ("user_id,event_type,when", "has no column time or event_time; it has user_id, event_type, when"),
        ("user_id;event_type;time", "has no column event_type"),
    ],
)
def test_a_table_without_the_needed_columns(desk: Desk, heading: str, sentence: str) -> None:
    summary = desk.bring(desk.file("e.csv", heading, "a,b,c"))
    assert sentence in summary.refused_files[0][1]
