"""What an operator's file may be, and the sentence for what it may not."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.errors import DefinitionError
from tradewind.sources.files import RefusedRows, load, open_table
from tradewind.sources.session import session

Taken = tuple[list[tuple[object, ...]], tuple[RefusedRows, ...]]


def taken(base: Path, name: str, content: bytes) -> Taken:
    (base / name).write_bytes(content)
    file = open_table(name, base)
    with session(base, [file.path]) as work:
        refused = load(work, file, "t")
        return work.connection.execute("SELECT * EXCLUDE (_row) FROM t ORDER BY _row").fetchall(), refused


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", [("1", "2")]),
        (b"a,b\r\n1,2\r\n3,4", [("1", "2"), ("3", "4")]),
        (b"a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")]),
        (b"a,b\r\n1,2\n3,4\r5,6\n\n", [("1", "2"), ("3", "4"), ("5", "6")]),
        ("a,b\nx\u2028y\x0b,z\x85\n".encode(), [("x\u2028y\x0b", "z\x85")]),
        (b'a,b\n"1,5","two\nlines"\n"say ""hi""",\n', [("1,5", "two\nlines"), ('say "hi"', None)]),
        (b"a,b\n", []),
        (b"a,b", []),
    ],
    ids=["mark", "windows", "carriage-return", "mixed", "separators", "quotes", "header", "header-cut"],
)
def test_csv_is_read_as_it_is_meant(tmp_path: Path, content: bytes, rows: list[tuple[object, ...]]) -> None:
    assert taken(tmp_path, "list.csv", content) == (rows, ())


def test_a_malformed_row_is_refused_alone_and_its_line_is_told(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n3\n"x\ny",4\n5,6,7\n8,\x009\n' + b"9," + b"z" * 2_000_000 + b"\n10,11\n"
    rows, refused = taken(tmp_path, "list.csv", content)
    assert rows == [("1", "2"), ("x\ny", "4"), ("10", "11")]
    assert refused == (RefusedRows("ragged", 2, (3, 6)), RefusedRows("too long", 1, (8,)), RefusedRows("NUL", 1, (7,)))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("l.csv", b"", "is empty"),
        ("l.csv", b"a,a\n1,2\n", "'a' stands twice"),
        ("l.csv", b"Id,id\n1,2\n", "'id' and 'Id' differ only in case"),
        ("l.csv", b"a,\n1,2\n", "column 2 has no name"),
        ("l.csv", b"a,_row\n1,2\n", "reserved name"),
        ("l.csv", b'"a\x1b[31m",b\n1,2\n', "cannot be printed"),
        ("l.csv", ",".join(f"c{n}" for n in range(1001)).encode(), "1,001 columns"),
        ("l.csv", b'a,"b\n1,2\n', "l.csv:1: the header is not CSV"),
        ("l.csv", b'a,b\n1,2\n3,"4\n5,6\n', "l.csv:3: a quote is opened"),
        ("l.csv", b'a,b\n1,"2"x\n5,6\n', "l.csv:2: a quote is opened"),
        ("l.csv", b"a,b\n1,caf\xe9\n", "is not UTF-8 at byte 9"),
        ("l.csv", b"a,b\n" + b"1,2\n" * 500_000 + b"1,\xff\n", "is not UTF-8 at byte 2000006"),
        ("l.csv", b"a,b\n1,\xc3", "is not UTF-8 at byte 6"),
        ("l.csv", "a,b\n".encode("utf-16"), "is UTF-16 (byte 0)"),
        ("l.csv", b"PAR1xxxxPAR1", "named .csv but is Parquet"),
        ("l.parquet", b"a,b\n1,2\n", "named .parquet but is not Parquet"),
        ("l.parquet", b"PAR1", "damaged"),
        ("l.parquet", b"PAR1" + b"\0" * 100, "cut short"),
        ("l.parquet", b"PAR1" + b"\xff\xff\xff\x7fPAR1", "damaged"),
        ("l.csv.gz", b"\x1f\x8b", "ends in '.gz'"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        taken(tmp_path, name, content)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_torn_parquet_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.parquet"
    pq.write_table(pa.table({"id": [f"value-{n}" for n in range(10_000)]}), path, compression="snappy")
    content = bytearray(path.read_bytes())
    content[20:2_000] = b"\xff" * 1_980
    with pytest.raises(DefinitionError, match="damaged"):
        taken(tmp_path, "l.parquet", bytes(content))


def test_identifier_columns_of_parquet_hold_text(tmp_path: Path) -> None:
    table = pa.table({"id": pa.array(["a", "b"]).dictionary_encode(), "number": [1, 2], "when": pa.array([None, 5], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "l.parquet")
    file = open_table("l.parquet", tmp_path)
    file.require(["id"])
    with pytest.raises(DefinitionError, match="column 'number' does not hold text"):
        file.require(["number"])
    rows, _ = taken(tmp_path, "l.parquet", (tmp_path / "l.parquet").read_bytes())
    assert rows == [("a", "1", None), ("b", "2", "1970-01-01 00:00:00.000005")]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (b"IDFA,x\n", "no column 'idfa'; did you mean 'IDFA'?"),
        (b"idfa;x\n", "cut by semicolons"),
        (b"idfa\tx\n", "cut by tabs"),
        (b"alpha,beta\n", "it has alpha, beta"),
    ],
)
def test_a_missing_column_comes_with_a_suggestion(tmp_path: Path, header: bytes, sentence: str) -> None:
    (tmp_path / "l.csv").write_bytes(header)
    with pytest.raises(DefinitionError) as caught:
        open_table("l.csv", tmp_path).require(["idfa"])
    assert sentence in str(caught.value)


def test_only_regular_files_inside_the_folder_are_opened(tmp_path: Path) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside.csv"
    base.mkdir()
    outside.write_text("a\n1\n")
    (base / "link.csv").symlink_to(outside)
    (base / "folder.csv").mkdir()
    (base / "away").symlink_to(tmp_path)
    os.mkfifo(base / "pipe.csv")
    for name, sentence in {
        "link.csv": "symbolic link", "folder.csv": "a folder", "pipe.csv": "device or pipe", "/dev/zero": "device or pipe",
        "../outside.csv": "leads out of", "away/outside.csv": "leads out of", "gone.csv": "No such file", "a\0b.csv": "cannot be read",
    }.items():  # fmt: skip
        with pytest.raises(DefinitionError, match=sentence):
            open_table(name, base)
    assert open_table(str(outside), base).columns == ("a",)


def test_a_name_full_of_wildcards_is_only_that_file(tmp_path: Path) -> None:
    (tmp_path / "list 1.csv").write_text("a\nother\n")
    assert taken(tmp_path, "list [1]*.csv", b"a\nmine\n")[0] == [("mine",)]


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("a\n1\n")
    file = open_table("l.csv", tmp_path)
    path.write_text("a\n1\n2\n")
    with session(tmp_path, [file.path]) as work, pytest.raises(DefinitionError, match="changed while it was read"):
        load(work, file, "t")


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    taken(tmp_path, "l.csv", b"a,b\r\n1,2\n")
    assert [path.name for path in tmp_path.iterdir()] == ["l.csv"]
