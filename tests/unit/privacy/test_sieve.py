"""The list of people who said no: it finds them all and nobody else, and reveals none of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from schema import migrated
from tradewind.database import Database
from tradewind.model.identifier import IdType, Refusal, Resolution
from tradewind.privacy.keyed import Keyer
from tradewind.privacy.sieve import Sieve
from tradewind.privacy.sql import Suppressions, suppression_table
from tradewind.vault.key import create_key
from tradewind.vault.sql import Vault, plant_canary

NOW = datetime(2026, 7, 1, tzinfo=UTC)
KEY = bytes(range(32))

identifiers = st.one_of(*(st.binary(min_size=width, max_size=width) for width in (16, 32, 33)))


def guid(number: int) -> bytes:
    """Sixteen bytes."""
    return number.to_bytes(16, "big")


def sieve_of(values: list[bytes]) -> Sieve:
    """A sieve of these."""
    keyer = Keyer(KEY, "default")
    return Sieve(keyer, keyer.quick(pa.array(values, pa.binary())), b"".join(map(keyer.digest, values)))


@pytest.fixture
def suppressions(tmp_path: Path) -> Iterator[Suppressions]:
    """An empty list in a database of its own."""
    database = migrated(tmp_path)
    key = create_key(tmp_path)
    plant_canary(database, key)
    vault = Vault(database, key)
    yield Suppressions(database, vault.suppressions_key(), vault)
    database.close()


@given(st.lists(identifiers, max_size=20), st.lists(identifiers, max_size=20), st.integers(0, 5))
def test_exactly_the_suppressed_are_found(suppressed: list[bytes], others: list[bytes], skipped: int) -> None:
    """Of any lengths mixed, and of a part of an array."""
    values = [*others, *suppressed, *others]
    found = sieve_of(suppressed).hits(pa.array(values, pa.binary()).slice(skipped))
    assert found.tolist() == [value in suppressed for value in values[skipped:]]


def test_an_array_of_fixed_width_is_read_as_it_is() -> None:
    """As the files of a delta hold identifiers."""
    ids = pa.array([guid(number) for number in range(100_000)], pa.binary(16))
    found = sieve_of([guid(7), guid(99_999)]).hits(ids.slice(5))
    assert found.nonzero()[0].tolist() == [2, 99_994]


def test_the_same_quick_hash_is_not_enough() -> None:
    """What a whole column is sifted by is eight bytes; the long hash decides."""
    keyer = Keyer(KEY, "default")
    false = Sieve(keyer, keyer.quick(pa.array([guid(1), guid(2)], pa.binary())), keyer.digest(guid(3)) + keyer.digest(guid(2)))
    assert false.hits(pa.array([guid(1), guid(2), guid(3)], pa.binary())).tolist() == [False, True, False]


def test_a_list_is_of_its_project_and_grows(suppressions: Suppressions) -> None:
    """Another project's people are not found; what came later can be asked for alone."""
    suppressions.add("default", "p1", 0, [guid(1), guid(2)], NOW)
    suppressions.add("default", "p2", 0, [guid(3)], NOW + timedelta(hours=1))
    suppressions.add("other", "p3", 0, [guid(4)], NOW)
    ids = pa.array([guid(number) for number in range(1, 5)], pa.binary())
    assert suppressions.sieve("default").hits(ids).tolist() == [True, True, True, False]
    assert suppressions.sieve("default", NOW + timedelta(minutes=1)).hits(ids).tolist() == [False, False, True, False]
    assert suppressions.blocks_since("default", NOW + timedelta(minutes=1)) == 1
    assert not suppressions.sieve("nobody said no here")


def test_one_identifier_is_found_with_its_request(suppressions: Suppressions) -> None:
    """At its place in each block that names it."""
    suppressions.add("default", "p1", 0, [guid(1), guid(2)], NOW)
    suppressions.add("default", "p2", 3, [guid(2)], NOW + timedelta(hours=1))
    found = suppressions.find("default", guid(2))
    assert [(each.request, each.number, each.place) for each in found] == [("p1", 0, 1), ("p2", 3, 0)]
    assert not suppressions.find("other", guid(2))


def test_the_table_holds_no_identifier(suppressions: Suppressions, tmp_path: Path) -> None:
    """Neither as bytes nor as text, and two projects have no hash in common."""
    value = bytes.fromhex("3fa4c0de11112222333344445555abcd")
    for project in ("default", "other"):
        suppressions.add(project, "p1", 0, [value], NOW)
    database = Database.at(tmp_path)
    with database.transaction() as db:
        rows = db.execute(sa.select(suppression_table)).all()
    database.close()
    assert rows[0].quick != rows[1].quick
    assert rows[0].digests != rows[1].digests
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("tradewind.db"))
    assert value not in stored
    assert b"3fa4c0de" not in stored


def test_the_files_of_a_resolve_lose_the_suppressed_and_its_account_still_adds_up(tmp_path: Path) -> None:
    """A file without any stays as it is; each one taken out is counted as refused under its type."""
    files = {"DAID/bucket-00": [guid(1), guid(2)], "DAID/bucket-01": [guid(9)], "TDID/bucket-00": [guid(2)]}
    for name, ids in files.items():
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": pa.array(ids, pa.binary(16))}), path)
    untouched = (tmp_path / "DAID" / "bucket-01.parquet").stat().st_ino
    before = Resolution(4, 4, 6, {IdType.DAID: 3, IdType.TDID: 1}, {IdType.DAID: {Refusal.MISSING: 1}, IdType.TDID: {}}, 1, {})
    after = sieve_of([guid(2), guid(5)]).strike(tmp_path, before)
    assert after.identifiers == {IdType.DAID: 2, IdType.TDID: 0}
    assert after.refused == {IdType.DAID: {Refusal.MISSING: 1, Refusal.SUPPRESSED: 1}, IdType.TDID: {Refusal.SUPPRESSED: 1}}
    assert after.values == sum(after.identifiers.values()) + after.duplicates + sum(sum(each.values()) for each in after.refused.values())
    left = {name: pq.read_table(tmp_path / f"{name}.parquet").column("id").to_pylist() for name in files}
    assert left == {"DAID/bucket-00": [guid(1)], "DAID/bucket-01": [guid(9)], "TDID/bucket-00": []}
    assert (tmp_path / "DAID" / "bucket-01.parquet").stat().st_ino == untouched
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["DAID", "TDID", *("bucket-00.parquet",) * 2, "bucket-01.parquet"])
