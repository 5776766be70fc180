"""Wrong files: lists, events, places where there is none, and data that a definition does not fit."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zipfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from _pytest.mark import ParameterSet

from product import Product
from wrong_input.case import BINARY, CONFIGURATION, DEFINITION, ENGINE, EVENT, GUIDS, LIST, case
from wrong_input.definitions import select


def parquet(**columns: object) -> bytes:
    """A Parquet file of these columns."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


GOOD = parquet(idfa=GUIDS)


def a_list(id_: str, name: str, content: str | bytes, *says: str, **more: Any) -> ParameterSet:
    """`cohorts fill devices NAME` with a wrong file."""
    return case(id_, f"cohorts fill devices {name}", DEFINITION, name, *says, files={name: content} if content else {}, **more)


LISTS = [
    a_list("csv-missing", "none.csv", "", "No such file"),
    a_list("csv-empty", "e.csv", "", "is empty", before=lambda p: p.write("e.csv", "")),
    a_list("csv-utf16", "u.csv", LIST.encode("utf-16"), "UTF-16", "UTF-8"),
    a_list("csv-latin1", "l.csv", LIST.encode() + "é\n".encode("latin-1"), "not UTF-8 at byte"),
    a_list("csv-latin1-header", "l.csv", "idfa,é\n".encode("latin-1"), "not UTF-8 at byte 5"),
    a_list("csv-binary", "b.csv", BINARY, "b.csv"),
    a_list("csv-nul-header", "n.csv", b"id\0fa\nx\n", "column 1"),
    a_list("csv-open-quote", "q.csv", LIST + '"' + "\n".join(GUIDS) + "\n", "a quote is opened and not closed"),
    a_list("csv-open-quote-header", "q.csv", '"idfa\nx\n', "header"),
    a_list("csv-long-field", "f.csv", "idfa\n" + "x" * (2 << 20) + "\n", "malformed"),
    a_list("csv-ragged", "r.csv", "idfa,n\n" + f"{GUIDS[0]}\n" * 20, "malformed", ":2:"),
    a_list("csv-header-twice", "d.csv", f"idfa,idfa\n{GUIDS[0]},x\n", "'idfa' stands twice"),
    a_list("csv-header-by-case", "d.csv", f"idfa,IDFA\n{GUIDS[0]},x\n", "differ only in case"),
    a_list("csv-header-unnamed", "d.csv", f"idfa,\n{GUIDS[0]},x\n", "column 2 has no name"),
    a_list("csv-column-missing", "m.csv", LIST.replace("idfa", "gaid"), "no column 'idfa'", "gaid"),
    a_list("csv-column-other-case", "m.csv", LIST.replace("idfa", "IDFA"), "no column 'idfa'", "did you mean 'IDFA'?"),
    a_list("csv-semicolons", "s.csv", f"user;idfa\nu1;{GUIDS[0]}\n", "semicolons", "commas"),
    a_list("csv-tabs", "t.csv", f"user\tidfa\nu1\t{GUIDS[0]}\n", "tabs", "commas"),
    a_list("csv-header-in-row-three", "c.csv", f"# list\n# of devices\nidfa\n{GUIDS[0]}\n", "no column 'idfa'"),
    a_list("csv-many-columns", "w.csv", ",".join(f"c{n}" for n in range(1001)) + "\n", "1,001 columns"),
    a_list("csv-compressed", "z.csv.gz", gzip.compress(LIST.encode()), ".csv or .parquet file, not compressed"),
    a_list("csv-archive", "z.zip", BINARY, "expected a .csv or .parquet"),
    a_list("csv-folder", "folder.csv", "", "is a folder", before=lambda p: (p.folder / "folder.csv").mkdir()),
    a_list("csv-pipe", "pipe.csv", "", "is a device or pipe", before=lambda p: os.mkfifo(p.folder / "pipe.csv")),
    a_list("csv-link", "link.csv", "", "is a symbolic link", before=lambda p: (p.folder / "link.csv").symlink_to("devices.csv")),
    a_list("csv-outside", "../devices.csv", "", "leads out of the folder", before=lambda p: p.write("../devices.csv", LIST)),
    a_list("csv-device", "/dev/zero", "", "is a device or pipe"),
    a_list("csv-name-long", f"{'n' * 300}.csv", "", "name too long"),
    a_list("csv-is-parquet", "p.csv", GOOD, "is named .csv but is Parquet"),
    a_list("parquet-is-csv", "c.parquet", LIST, "is named .parquet but is not Parquet"),
    a_list("parquet-empty", "e.parquet", "", "is empty", before=lambda p: p.write("e.parquet", "")),
    a_list("parquet-magic-only", "m.parquet", b"PAR1", "m.parquet"),
    a_list("parquet-footer-2-gib", "f.parquet", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "footer"),
    a_list("parquet-cut", "h.parquet", GOOD[: len(GOOD) // 2], "is cut short"),
    a_list("parquet-torn", "t.parquet", GOOD[:4] + b"\0" * (len(GOOD) // 2 - 4) + GOOD[len(GOOD) // 2 :], "is damaged"),
    a_list("parquet-numbers", "i.parquet", parquet(idfa=[1, 2]), "does not hold text"),
    a_list("parquet-lists", "i.parquet", parquet(idfa=[["a"], ["b"]]), "does not hold text"),
    a_list("parquet-times", "i.parquet", parquet(idfa=pa.array([1], pa.timestamp("us"))), "does not hold text"),
    a_list("parquet-nulls", "n.parquet", parquet(idfa=pa.array([None, None], pa.string())), "no value in 'idfa' in any row"),
    a_list("parquet-by-case", "c.parquet", parquet(idfa=["a"], IDFA=["b"]), "differ only in case"),
]


NAMED_COLUMN = ("csv-column-missing", "csv-column-other-case")
"""Wrong for a cohort that names its column; quickstart finds the column by itself."""


PLACES = [
    case("check-missing", "cohorts check none.yaml", DEFINITION, "none.yaml", "No such file"),
    case("apply-missing", "apply none.yaml", DEFINITION, "none.yaml", "No such file"),
    case(
        "apply-folder-of-nothing", "apply empty", DEFINITION, "empty", "holds no .yaml file", before=lambda p: (p.folder / "empty").mkdir()
    ),
    case(
        "check-pipe", "cohorts check pipe.yaml", DEFINITION, "pipe.yaml", "regular file", before=lambda p: os.mkfifo(p.folder / "pipe.yaml")
    ),
    case("apply-device", "apply /dev/zero", DEFINITION, "/dev/zero", "regular file"),
    case("import-missing", "events import none.json", DEFINITION, "none.json", "no such file"),
    case("import-kind", "events import list.txt", DEFINITION, "list.txt", ".json", files={"list.txt": "x"}),
    case(
        "import-pipe",
        "events import pipe.json",
        DEFINITION,
        "pipe.json",
        "regular file",
        before=lambda p: os.mkfifo(p.folder / "pipe.json"),
    ),
    case("import-device", "events import /dev/zero", DEFINITION, "/dev/zero"),
    case(
        "import-empty-folder",
        "events import empty",
        DEFINITION,
        "empty",
        "no file",
        ".parquet",
        before=lambda p: (p.folder / "empty").mkdir(),
    ),
    case(
        "sql-column-of-file",
        "cohorts preview wrong",
        DEFINITION,
        "gaid",
        "idfa",
        before=lambda p: apply(p, select("SELECT gaid FROM list", "files: {list: devices.csv}\n")),
    ),
    case(
        "sql-column-of-events",
        "cohorts preview wrong",
        DEFINITION,
        "personn",
        before=lambda p: apply(p, select("SELECT personn FROM events")),
    ),
    case(
        "sql-no-people",
        "cohorts preview wrong",
        DEFINITION,
        "no column 'who'",
        before=lambda p: apply(p, select("SELECT user_id FROM events", "people: who\n")),
    ),
    case(
        "sql-function-unknown",
        "cohorts preview wrong",
        DEFINITION,
        "nofunc",
        before=lambda p: apply(p, select("SELECT nofunc(person) FROM events")),
    ),
    case(
        "sql-file-missing",
        "cohorts preview wrong",
        DEFINITION,
        "none.csv",
        "No such file",
        before=lambda p: apply(p, select("SELECT a FROM list", "files: {list: none.csv}\n")),
    ),
    case(
        "sql-file-ragged",
        "cohorts preview wrong",
        DEFINITION,
        "malformed",
        before=lambda p: apply(p, select("SELECT a FROM list", "files: {list: r.csv}\n")),
        files={"r.csv": "a,b\n1\n"},
    ),
    case(
        "sql-cast",
        "cohorts preview wrong",
        ENGINE,
        "could not be converted",
        before=lambda p: apply(p, select("SELECT CAST(idfa AS INT) AS a FROM list", "files: {list: devices.csv}\n")),
    ),
    case(
        "sql-twice-a-column",
        "cohorts preview wrong",
        DEFINITION,
        "rename one",
        before=lambda p: apply(p, select("SELECT user_id AS a, device_id AS A FROM events")),
    ),
    case(
        "sql-postgres-unset",
        "cohorts preview wrong",
        CONFIGURATION,
        "PG_URL is not set",
        before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n")),
    ),
    case(
        "sql-postgres-no-url",
        "cohorts preview wrong",
        CONFIGURATION,
        "PG_URL",
        "postgresql://",
        before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n")),
        environment={"PG_URL": "mysql://me:hunter2-hunter2@h/x"},
    ),
    case(
        "sql-postgres-silent",
        "cohorts preview wrong",
        ENGINE,
        "127.0.0.1:1",
        "does not answer",
        before=lambda p: apply(p, select("SELECT 1 AS a", "source: PG_URL\n")),
        environment={"PG_URL": "postgresql://me:hunter2-hunter2@127.0.0.1:1/x"},
    ),
    case(
        "list-version-gone",
        "cohorts preview devices",
        ENGINE,
        "devices",
        "gone or damaged",
        before=lambda p: [f.unlink() for f in (p.folder / "home/lists").rglob("*.parquet")],
    ),
    case(
        "list-version-damaged",
        "syncs plan devices",
        ENGINE,
        "devices",
        "gone or damaged",
        before=lambda p: [f.write_bytes(b"PAR1") for f in (p.folder / "home/lists").rglob("*.parquet")],
    ),
    case(
        "events-gone",
        "cohorts preview buyers",
        ENGINE,
        "events",
        before=lambda p: [f.unlink() for f in (p.folder / "home/events").rglob("*.parquet")],
    ),
    case(
        "events-damaged",
        "cohorts preview asked",
        ENGINE,
        "",
        before=lambda p: [f.write_bytes(b"PAR1") for f in (p.folder / "home/events").rglob("*.parquet")],
    ),
    case("membership-gone", "syncs plan devices", ENGINE, "", before=lambda p: shutil.rmtree(p.folder / "home/membership")),
]


def apply(product: Product, text: str) -> None:
    """Bring in a definition that is well formed, and wrong only about the data."""
    product.write("data.yaml", text)
    product.ok("apply", "data.yaml")


def zipped(name: str, content: bytes) -> bytes:
    """A zip of one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


ONE = json.dumps(EVENT | {"insert_id": "new"}).encode() + b"\n"
UNREADABLE = {
    "empty.json": b"",
    "utf16.json": ONE.decode().encode("utf-16"),
    "cut.json.gz": gzip.compress(ONE * 500)[:-20],
    "crc.json.gz": gzip.compress(ONE)[:-8] + b"\0" * 8,
    "plain.json.gz": ONE,
    "plain.zip": ONE,
    "cut.zip": zipped("a.json", ONE * 500)[:-30],
    "other.zip": zipped("readme.txt", b"hello"),
    "plain.parquet": ONE,
    "cut.parquet": GOOD[:-5],
    "other.parquet": GOOD,
    "other.csv": b"a,b\n1,2\n",
    "near.csv": b"user_id,event_typ,time\nu1,Purchase,2026-01-01\n",
    "binary.csv": BINARY,
    "quote.csv": b'user_id,event_type,time\n"u1,Purchase,2026-01-01\n',
    "empty.csv": b"",
}


LINES = {
    "broken": b'{"user_id": "u1", "event_type":\n',
    "nan": b'{"user_id": "u1", "event_type": "a", "time": NaN}\n',
    "huge-number": b'{"user_id": "u1", "event_type": "a", "time": 1e400}\n',
    "half-surrogate": b'{"user_id": "\\ud800", "event_type": "a", "time": 1767225600000}\n',
    "switch-for-time": b'{"user_id": "u1", "event_type": "a", "time": true}\n',
    "long": b'{"user_id": "' + b"u" * (2 << 20) + b'"}\n',
    "long-integer": b'{"user_id": "u1", "event_type": "a", "time": ' + b"9" * 5000 + b"}\n",
    "single-quotes": b"{'user_id': 'u1'}\n",
    "comment": b"// comment\n",
    "array": b"[1, 2]\n",
    "null": b"null\n",
    "no-person": b'{"event_type": "a", "time": 1767225600000}\n',
    "list-as-id": b'{"user_id": ["u1"], "event_type": "a", "time": 1767225600000}\n',
    "no-type": b'{"user_id": "u1", "time": 1767225600000}\n',
    "no-time": b'{"user_id": "u1", "event_type": "a"}\n',
    "time-in-words": b'{"user_id": "u1", "event_type": "a", "time": "tomorrow"}\n',
    "time-far-off": b'{"user_id": "u1", "event_type": "a", "time": 999999999999999999}\n',
    "no-such-day": b'{"user_id": "u1", "event_type": "a", "time": "2026-02-30 10:00:00"}\n',
    "hour-24": b'{"user_id": "u1", "event_type": "a", "time": "2026-01-01T24:00:00Z"}\n',
    "offset-of-25-hours": b'{"user_id": "u1", "event_type": "a", "time": "2026-01-01T10:00:00+25:00"}\n',
    "offset-of-75-minutes": b'{"user_id": "u1", "event_type": "a", "time": "2026-01-01T10:00:00+02:75"}\n',
    "not-utf-8": b'{"user_id": "\xff", "event_type": "a", "time": 1767225600000}\n',
    "nul": b"\0\0\0\n",
}
