"""Resolve gives the identifiers, the rejects and the account that a plain loop over the members gives."""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.compute import Bounds
from tradewind.engines import memory
from tradewind.engines.base import Resolve
from tradewind.engines.left_out import left_out
from tradewind.engines.resolve import resolve
from tradewind.errors import DefinitionError, EngineError
from tradewind.identity.validate import check, unusual
from tradewind.membership.buckets import Buckets, bucket, bucket_name, key
from tradewind.membership.facts import NEVER, moment
from tradewind.membership.files import last_events, wanted
from tradewind.model.identifier import IdentityMap, IdType, Mapping, Refusal, Resolution, Send, Take
from tradewind.privacy.keyed import Keyer
from tradewind.privacy.sieve import Sieve

BOUNDS = Bounds("256MiB", 1)
DAID, TDID, UID2 = IdType.DAID, IdType.TDID, IdType.UID2
GUIDS = [str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}.example")) for number in range(40)]
RAW = [base64.b64encode(uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}").bytes * 2).decode() for number in range(20)]
ODD = base64.b64encode(b"\x10" + bytes(32)).decode()
BAD = [None, "", "null", "00000000-0000-0000-0000-000000000000", "a@b.example", "x" * 32, "0" * 64, "A" * 300]

ADS = [*GUIDS[:20], GUIDS[0].upper(), f" {GUIDS[1]}\n", *BAD]
UID2S = [*RAW[:12], ODD, *BAD, *RAW[:9]]
LISTS: list[Any] = [
    *([GUIDS[n], GUIDS[n + 1], "unknown"] for n in range(20)),
    *([None], [GUIDS[39]] * 3),
    *([], None) * 4,
]
MEMBERS = [uuid.uuid5(uuid.NAMESPACE_URL, str(number)).bytes for number in range(30)]


def snapshot(folder: Path, **columns: list[Any]) -> Path:
    people = [f"user:{number}" for number in range(30)]
    given = {name: pa.array(cells) for name, cells in columns.items()}
    pq.write_table(pa.table({"member": pa.array(MEMBERS, pa.binary(16)), "person": people, **given}), folder / "members.parquet")
    return folder / "members.parquet"


def expected(identity: IdentityMap, columns: dict[str, list[Any]]) -> tuple[set[tuple[str, bytes]], Counter[tuple[Any, ...]], Resolution]:
    """The same, told as a loop: one member, one mapping, one value after the other."""
    found: list[tuple[IdType, bytes]] = []
    rejects: Counter[tuple[Any, ...]] = Counter()
    refused: dict[IdType, Counter[Refusal]] = {mapping.id_type: Counter() for mapping in identity.mappings}
    usable_members = 0
    for row, member in enumerate(MEMBERS):
        before = len(found)
        for mapping in identity.mappings:
            cell = columns[mapping.source][row] if mapping.source in columns else None
            texts = (cell or [None]) if isinstance(cell, list) or cell is None else [cell]
            for text in texts if mapping.take is Take.ALL else texts[-1:]:
                answer = check(mapping.id_type, text)
                if isinstance(answer, Refusal):
                    rejects[member, f"user:{row}", mapping.source, mapping.id_type.value, answer.value] += 1
                    refused[mapping.id_type][answer] += 1
                else:
                    found.append((mapping.id_type, answer))
            if identity.send is Send.FIRST and len(found) > before:
                break
        usable_members += len(found) > before
    distinct, odd = set(found), sum(unusual(*pair) for pair in found)
    account = Resolution(
        members=len(MEMBERS),
        members_usable=usable_members,
        values=len(found) + rejects.total(),
        identifiers={id_type: sum(kind is id_type for kind, _ in distinct) for id_type in refused},
        refused={id_type: dict(reasons) for id_type, reasons in refused.items()},
        duplicates=len(found) - len(distinct),
        warnings={"unusual": odd} if odd else {},
    )
    return {(kind.value, value) for kind, value in distinct}, rejects, account


MAPS = {
    "one": (Mapping("user.ad", DAID),),
    "two": (Mapping("user.ad", DAID), Mapping("user.uid2", UID2)),
    "same type twice": (Mapping("user.ad", DAID), Mapping("device_id", DAID, Take.ALL), Mapping("user.uid2", UID2)),
    "latest of a list": (Mapping("device_id", TDID), Mapping("user.ad", DAID)),
    "a source that is gone": (Mapping("user.gone", TDID), Mapping("user.ad", DAID)),
}


@pytest.mark.parametrize("way", [resolve, memory.resolve], ids=["duckdb", "memory"])
@pytest.mark.parametrize("buckets", [1, 64])
@pytest.mark.parametrize("send", list(Send))
@pytest.mark.parametrize("mappings", MAPS.values(), ids=MAPS.keys())
def test_as_a_plain_loop(tmp_path: Path, mappings: tuple[Mapping, ...], send: Send, buckets: int, way: Resolve) -> None:
    columns: dict[str, list[Any]] = {"user.ad": ADS, "user.uid2": UID2S, "device_id": LISTS}
    identity = IdentityMap(mappings, send)
    found, rejects, account = expected(identity, columns)
    path = snapshot(tmp_path, **columns)

    (tmp_path / "run").mkdir()
    answer = way(path, identity, tmp_path / "run" / "identifiers", tmp_path / "run" / "rejects.parquet", buckets, BOUNDS)

    assert answer == account
    assert answer.values == sum(answer.identifiers.values()) + answer.duplicates + sum(map(sum, map(dict.values, answer.refused.values())))
    types = tuple(sorted({mapping.id_type for mapping in mappings}))
    desired = Buckets(tmp_path / "run" / "identifiers", buckets, types)
    assert sorted(path.name for path in desired.folder.iterdir()) == list(types)
    seen: list[tuple[str, bytes]] = []
    for id_type in types:
        assert sorted(path.name for path in desired.place(id_type).iterdir()) == [bucket_name(number) for number in range(buckets)]
        for number, rows in enumerate(wanted(desired, id_type)):
            values = [bytes(value or b"") for value in rows.ids.to_pylist()]
            assert values == sorted(set(values), key=lambda value: (key(value), value))
            assert {bucket(value, buckets) for value in values} <= {number}
            seen += [(id_type.value, value) for value in values]
    assert len(seen) == len(set(seen))
    assert set(seen) == found
    table = pq.read_table(tmp_path / "run" / "rejects.parquet")
    assert table.column_names == ["member", "person", "source", "id_type", "reason"]
    assert Counter(zip(*table.to_pydict().values(), strict=True)) == rejects
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["identifiers", "rejects.parquet"]


GUID_CELLS: list[Any] = [*GUIDS[:20], str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1)), *GUIDS[:7], None]
GUID_LISTS: list[Any] = [[], None, *([guid, None, GUIDS[39]] for guid in GUID_CELLS[2:])]


@pytest.mark.parametrize("way", [resolve, memory.resolve], ids=["duckdb", "memory"])
@pytest.mark.parametrize("take", list(Take))
@pytest.mark.parametrize("id_type", [DAID, UID2])
def test_uuids_are_the_texts_they_stand_for(tmp_path: Path, id_type: IdType, take: Take, way: Resolve) -> None:
    """A column that the events hold as UUIDs gives what the same GUIDs give as text, mapped to whatever type."""
    identity = IdentityMap((Mapping("user.ad", id_type), Mapping("device_id", id_type, take)), Send.ALL)
    columns: dict[str, list[Any]] = {"user.ad": GUID_CELLS, "device_id": GUID_LISTS}
    texts, uuids = snapshot(tmp_path, **columns), tmp_path / "uuids.parquet"
    as_uuids = '"user.ad"::UUID AS "user.ad", device_id::UUID[] AS device_id'
    duckdb.connect().sql(f"COPY (SELECT * REPLACE ({as_uuids}) FROM '{texts}') TO '{uuids}'")
    answers = []
    for path in (texts, uuids):
        account = way(path, identity, tmp_path / "identifiers", tmp_path / "rejects.parquet", 1, BOUNDS)
        found = pq.read_table(tmp_path / "identifiers" / id_type.value / bucket_name(0)).column("id").to_pylist()
        answers.append((account, found, sorted(map(str, pq.read_table(tmp_path / "rejects.parquet").to_pylist()))))
    assert answers[0] == answers[1]
    assert bool(answers[0][0].identifiers[id_type]) is (id_type is DAID)


@pytest.mark.parametrize("way", [resolve, memory.resolve], ids=["duckdb", "memory"])
@pytest.mark.parametrize("buckets", [1, 64])
def test_an_identifier_has_the_last_event_of_all_who_share_it(tmp_path: Path, buckets: int, way: Resolve) -> None:
    """Whoever has several gives each of them their own; one without an event adds nothing; suppressed ones take theirs along."""
    days = [None, *(moment(day * 86_400_000_000).replace(tzinfo=None) for day in range(29))]
    columns: dict[str, list[Any]] = {"user.ad": ADS, "user.uid2": UID2S, "device_id": LISTS}
    path = snapshot(tmp_path, **columns, last_event=days)
    latest: dict[tuple[str, bytes], datetime | None] = {}
    mappings = MAPS["same type twice"]
    for row, day in enumerate(days):
        for mapping in mappings:
            cell = columns[mapping.source][row]
            for text in cell or [] if isinstance(cell, list) else [cell]:
                answer = check(mapping.id_type, text)
                if not isinstance(answer, Refusal):
                    known = [each for each in (latest.get((mapping.id_type, answer)), day) if each]
                    latest[mapping.id_type, answer] = max(known, default=None)
    resolution = way(path, IdentityMap(mappings), tmp_path / "identifiers", tmp_path / "rejects.parquet", buckets, BOUNDS)
    desired = Buckets(tmp_path / "identifiers", buckets, (DAID, UID2))

    def found() -> dict[tuple[str, bytes], datetime | None]:
        told: dict[tuple[str, bytes], datetime | None] = {}
        for id_type in desired.types:
            for rows in wanted(desired, id_type):
                events = last_events(rows)
                assert events is not None or not len(rows)
                times = [] if events is None else [None if each == NEVER else moment(each).replace(tzinfo=None) for each in events.tolist()]
                told |= dict(zip(((id_type, bytes(value or b"")) for value in rows.ids.to_pylist()), times, strict=True))
        return told

    assert found() == latest
    gone = uuid.UUID(GUIDS[0]).bytes
    keyer = Keyer(bytes(32), "default")
    sieve = Sieve(keyer, keyer.quick(pa.array([gone], pa.binary())), keyer.digest(gone))
    sieve.strike(desired.folder, resolution)
    assert found() == {key: time for key, time in latest.items() if key[1] != gone}


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("buckets", [1, 64])
@pytest.mark.parametrize("mappings", MAPS.values(), ids=MAPS.keys())
def test_who_is_held_out_shares_no_identifier_with_who_is_sent(
    tmp_path: Path, mappings: tuple[Mapping, ...], buckets: int, dated: bool
) -> None:
    """What only the held out have, and what others have too, is counted apart, and the account still adds up."""
    columns: dict[str, list[Any]] = {"user.ad": ADS, "user.uid2": UID2S, "device_id": LISTS}
    days = {"last_event": [moment(day * 86_400_000_000).replace(tzinfo=None) for day in range(30)]} if dated else {}
    out = [row % 3 == 0 for row in range(30)]
    whole, rejects, plain = expected(IdentityMap(mappings), columns)
    arms: dict[bool, set[tuple[str, bytes]]] = {True: set(), False: set()}
    addressed = set()
    for row, member in enumerate(MEMBERS):
        for mapping in mappings:
            cell = columns[mapping.source][row] if mapping.source in columns else None
            for text in (cell or [])[-1 if mapping.take is Take.LATEST else 0 :] if isinstance(cell, list) else [cell]:
                answer = check(mapping.id_type, text)
                if not isinstance(answer, Refusal):
                    arms[out[row]].add((mapping.id_type.value, answer))
                    addressed.add(member)
    shared = arms[True] & arms[False]
    types = dict.fromkeys(mapping.id_type for mapping in mappings)
    for way in (resolve, memory.resolve):
        path, place = snapshot(tmp_path, **columns, **days, held_out=out), tmp_path / way.__module__
        told = way(path, IdentityMap(mappings), place / "identifiers", place / "rejects.parquet", buckets, BOUNDS)
        sent = {
            (kind.value, bytes(value or b""))
            for kind in types
            for rows in wanted(Buckets(place / "identifiers", buckets, tuple(types)), kind)
            for value in rows.ids.to_pylist()
        }
        assert sent == whole - arms[True]
        for kind in types:
            kept, mine = told.refused[kind], {each for each in shared if each[0] == kind.value}
            assert kept.get(Refusal.SHARED, 0) == len(mine)
            assert kept.get(Refusal.HELD_OUT, 0) == len({each for each in arms[True] if each[0] == kind.value} - mine)
        refused = sum(map(sum, map(dict.values, told.refused.values())))
        assert told.values == plain.values == sum(told.identifiers.values()) + told.duplicates + refused
        assert set(pq.read_table(place / "addressed.parquet").column("member").to_pylist()) == addressed
        assert pq.read_metadata(place / "rejects.parquet").num_rows == rejects.total()


@pytest.mark.parametrize("send", list(Send))
@pytest.mark.parametrize("mappings", MAPS.values(), ids=MAPS.keys())
def test_who_is_left_out_has_no_identifier_by_any_mapping(tmp_path: Path, mappings: tuple[Mapping, ...], send: Send) -> None:
    columns: dict[str, list[Any]] = {"user.ad": ADS, "user.uid2": UID2S, "device_id": LISTS}
    identity, rejects = IdentityMap(mappings, send), tmp_path / "rejects.parquet"
    path = snapshot(tmp_path, **columns, amplitude_id=[str(number) for number in range(30)])
    account = resolve(path, identity, tmp_path / "identifiers", rejects, 1, BOUNDS)
    every = Counter(
        (who, source, kind, reason) for (_, who, source, kind, reason), n in expected(identity, columns)[1].items() for _ in range(n)
    )
    count, people = left_out(path, rejects, identity, 30, BOUNDS)
    assert count == len(people) == account.members - account.members_usable
    assert [person.amplitude_id for person in people] == [person.person.removeprefix("user:") for person in people]
    told = Counter((person.person, why.source, why.id_type, why.reason) for person in people for why in person.why)
    assert told == Counter({what: times for what, times in every.items() if what[0] in {person.person for person in people}})
    assert left_out(path, rejects, identity, 2, BOUNDS) == (count, people[:2])


def test_a_second_resolve_replaces_the_first(tmp_path: Path) -> None:
    identity, out, rejects = IdentityMap((Mapping("user.ad", DAID),)), tmp_path / "identifiers", tmp_path / "rejects.parquet"
    resolve(snapshot(tmp_path, **{"user.ad": ADS}), identity, out, rejects, 256, BOUNDS)
    assert len(list((out / "DAID").iterdir())) == 256
    resolve(snapshot(tmp_path, **{"user.ad": [GUIDS[0]] * 30}), identity, out, rejects, 1, BOUNDS)
    assert [path.relative_to(out).as_posix() for path in out.rglob("*.parquet")] == ["DAID/bucket-00.parquet"]
    assert pq.read_metadata(rejects).num_rows == 0


def test_an_empty_snapshot_is_an_answer(tmp_path: Path) -> None:
    duckdb.connect().sql(f"COPY (SELECT ''::BLOB AS member, '' AS person, '' AS \"user.ad\" LIMIT 0) TO '{tmp_path}/members.parquet'")
    identity = IdentityMap((Mapping("user.ad", DAID),))
    answer = resolve(tmp_path / "members.parquet", identity, tmp_path / "identifiers", tmp_path / "rejects.parquet", 64, BOUNDS)
    assert answer == Resolution(0, 0, 0, {DAID: 0}, {DAID: {}}, 0, {})


def test_refusals_name_what_is_wrong_and_leave_nothing_behind(tmp_path: Path) -> None:
    places = (tmp_path / "identifiers", tmp_path / "rejects.parquet", 1, BOUNDS)
    with pytest.raises(EngineError, match=r"'user\.n' is of type BIGINT; identifiers are text"):
        resolve(snapshot(tmp_path, **{"user.n": list(range(30))}), IdentityMap((Mapping("user.n", DAID),)), *places)
    (tmp_path / "members.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(EngineError, match=r"the members in members\.parquet could not be resolved"):
        resolve(tmp_path / "members.parquet", IdentityMap((Mapping("user.n", DAID),)), *places)
    with pytest.raises(DefinitionError, match="identity map is empty"):
        resolve(tmp_path / "members.parquet", IdentityMap(()), *places)
    assert [path.name for path in tmp_path.iterdir()] == ["members.parquet"]
