"""A downloaded cohort becomes Parquet value by value, or is refused with the place that is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
import pytest

from tradewind.door import Incoming
from tradewind.errors import EngineError, RetryableError
from tradewind.sources.amplitude.base import Fetched
from tradewind.sources.amplitude.download import BLOCK, unpacked, write_parquet

HEAD = b'"amplitude_id","user_id","idfa"\n'
Row = tuple[str, str, str]


def sliced(text: bytes, size: int = 7) -> Iterator[bytes]:
    return (text[at : at + size] for at in range(0, len(text), size))


def written(
    text: bytes, out: Path, columns: tuple[str, ...] = ("amplitude_id", "user_id", "idfa"), size: int = 7, bounded: bool = True
) -> list[tuple[str, ...]]:
    done = write_parquet(sliced(text, size), bounded, columns, out)
    table = pq.read_table(out)
    assert done.rows == table.num_rows
    assert table.column("_row").to_pylist() == list(range(1, done.rows + 1))
    assert table.column_names == [*columns, "_row"]
    return list(zip(*(table.column(name).to_pylist() for name in table.column_names[:-1]), strict=True))


def csv_of(rows: list[Row], quoting: Literal[0, 1], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([("amplitude_id", "user_id", "idfa"), *rows])
    return text.getvalue().encode()


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
def test_commas_quotes_line_breaks_and_letters_of_all_kinds_arrive_as_they_were(tmp_path: Path, size: int) -> None:
    values = ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", '"', "日本", "", " x "]
    rows = [(str(number), value, "ü") for number, value in enumerate(values)]
    assert written(csv_of(rows, csv.QUOTE_ALL, "\n"), tmp_path / "out.parquet", size=size) == rows


def test_random_values_agree_with_the_csv_reader_of_python(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(60):
        end = chance.choice(["\n", "\r\n"])
        values = ["".join(chance.choices(f'ab,"{end} ü', k=chance.randrange(6))) for _ in range(80)]
        rows = [(str(row + 1), values[row], values[-row]) for row in range(40)]
        text = csv_of(rows, chance.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), end)
        assert written(text, tmp_path / f"{number}.parquet", size=chance.randrange(1, 50)) == rows


def test_columns_may_come_in_any_order_and_others_beside_them(tmp_path: Path) -> None:
    text = b'"b","other, one","user_id","a","amplitude_id"\n"B","-","u","A","1"\n'
    out = tmp_path / "out.parquet"
    wanted = ("user_id", "a", "amplitude_id", "b")
    assert written(text, out, wanted) == [("u", "A", "1", "B")]
    assert write_parquet(sliced(text), True, wanted, out) == Fetched(1, ("b", "other, one", "user_id", "a", "amplitude_id"))


@pytest.mark.parametrize("text", [HEAD, HEAD.strip(), b"\xef\xbb\xbf" + HEAD, HEAD.replace(b"\n", b"\r\n"), HEAD.replace(b'"', b"")])
def test_a_cohort_of_nobody_is_no_error(tmp_path: Path, text: bytes) -> None:
    assert written(text, tmp_path / "out.parquet") == []


def test_the_last_line_needs_no_end_where_a_cut_would_show(tmp_path: Path) -> None:
    assert written(HEAD + b'"1","u","x"', tmp_path / "out.parquet") == [("1", "u", "x")]
    with pytest.raises(RetryableError, match="in the middle of a line"):
        written(HEAD + b'"1","u","x"', tmp_path / "cut.parquet", bounded=False)
    assert written(HEAD + b'"1","u","x"\n', tmp_path / "whole.parquet", bounded=False) == [("1", "u", "x")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is empty"),
        (b"<html><body>no</body></html>", "has no column 'amplitude_id'; it has <html>"),
        (b'"amplitude_id","user_id"\n"1","u"\n', "has no column 'idfa'; it has amplitude_id, user_id"),
        (b'"amplitude_id","user_id","idfa","idfa"\n', "more than one column 'idfa'"),
        (b'"amplitude_id","user_id","idfa\xff"\n', "column names .* are not CSV in UTF-8"),
        (HEAD + b'"1","u","x"\n"2","secret"\n', "row 2 of the file that Amplitude sent has 2 values; expected 3"),
        (HEAD + b'"1","u","x","secret"\n', "row 1 .* has 4 values; expected 3"),
        (HEAD + b'"1","u","secret\n', "ends inside a quoted value"),
        (HEAD + b'"1","u","secret\n"2","u","x"\n', "a quote inside a value"),
        (HEAD + b'"1","u"secret,"x"\n', "a quote inside a value"),
        (HEAD + b'"1",secret"u","x"\n', "a quote inside a value"),
        (HEAD + b'"1" ,"u","x"\n', "a quote inside a value"),
        (HEAD + b'"1","u","secret\xff"\n', "is not UTF-8"),
        (HEAD + b'"1","u","x"\n\n"2","u","x"\n', "row 2 .* has no amplitude_id"),
        (HEAD + b'"1","u","x"\n"","secret","x"\n', "row 2 .* has no amplitude_id"),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_what_is_not_csv_with_these_columns_is_refused_whole(tmp_path: Path, text: bytes, sentence: str, size: int) -> None:
    with pytest.raises(EngineError, match=sentence) as refusal:
        written(text, tmp_path / "out.parquet", size=size)
    assert "secret" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_any_cut_of_a_file_is_seen(tmp_path: Path) -> None:
    """Where the end of the bytes is not known otherwise, no prefix that ends inside a line passes."""
    text = HEAD + b'"1","u","a ""b"", c"\n"2","","two\nlines"\n'
    whole_lines = {len(HEAD), len(HEAD) + 21, len(text)}
    taken = set()
    for end in range(1, len(text) + 1):
        try:
            written(text[:end], tmp_path / "out.parquet", bounded=False)
            taken.add(end)
        except (EngineError, RetryableError):
            pass
    assert taken == whole_lines


def test_a_row_may_be_long_but_not_without_end(tmp_path: Path) -> None:
    long = b"x" * (BLOCK - 100)
    assert written(HEAD + b'"1","u","' + long + b'"\n', tmp_path / "out.parquet", size=1 << 20)[0][2] == long.decode()
    with pytest.raises(EngineError, match="a row of more than 4 MiB"):
        written(HEAD + b'"1","u","' + 3 * long + b'"\n', tmp_path / "longer.parquet", size=1 << 20)


def test_rows_are_counted_over_all_blocks(tmp_path: Path) -> None:
    row = b'"1","u","' + b"x" * 1000 + b'"\n'
    text = HEAD + 20_000 * row + b'"2","u"\n'
    with pytest.raises(EngineError, match="row 20,001 of the file that Amplitude sent has 2 values"):
        written(text, tmp_path / "out.parquet", size=1 << 20)
    with pytest.raises(EngineError, match="row 20,001 of the file that Amplitude sent has no amplitude_id"):
        written(HEAD + 20_000 * row + b'"","u",""\n', tmp_path / "out.parquet", size=1 << 20)


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    written(HEAD + b'"1","u","x"\n', out)

    def broken() -> Iterator[bytes]:
        yield HEAD + b'"2","u",'
        raise RetryableError("the line went dead")

    with pytest.raises(RetryableError, match="the line went dead"):
        write_parquet(broken(), True, ("amplitude_id", "idfa"), out)
    assert pq.read_table(out).column("amplitude_id").to_pylist() == ["1"]
    assert [each.name for each in tmp_path.iterdir()] == ["out.parquet"]


def incoming(body: bytes, encoding: str, size: int) -> Incoming:
    return Incoming(200, {"content-encoding": encoding}, sliced(body, size), True)


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_gzip_is_unpacked_and_its_end_is_asked_for(size: int) -> None:
    text = HEAD * 100_000
    packed = gzip.compress(text[:1000]) + gzip.compress(text[1000:])
    assert b"".join(unpacked(incoming(packed, "gzip", size))) == text
    assert max(map(len, unpacked(incoming(packed, "gzip", size)))) <= 1 << 20
    for cut in (packed[:-3], packed[: len(packed) // 2], b""):
        with pytest.raises(RetryableError, match="before its gzip did"):
            list(unpacked(incoming(cut, "gzip", size)))
    with pytest.raises(RetryableError, match="not gzip"):
        list(unpacked(incoming(text[:100], "gzip", size)))


def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(EngineError, match="encoding that was not asked for"):
        unpacked(incoming(b"", "br", 1))
