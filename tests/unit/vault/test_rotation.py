"""Another key for everything that is sealed: at every point one key opens all, and whoever is at work goes on."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from product import Product
from town import Town
from tradewind.errors import ConfigurationError
from tradewind.model.destination import Secret
from tradewind.operations import vault as operation
from tradewind.privacy.sql import Suppressions
from tradewind.vault.key import NAME, NEXT, create_key, promote, read_key
from tradewind.vault.sql import Vault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID_NO = [bytes([number]) * 16 for number in range(1, 6)]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A home with a secret, an older one that was replaced, and a privacy request."""
    town = Town(tmp_path)
    town.parts.vault.seal("default", "main", Secret("the-second-one"))
    town.parts.suppressions.add("default", "p1", 0, SAID_NO, NOW)
    yield town
    town.close()


def opened(town: Town) -> Vault:
    """The vault as the next process opens it."""
    return Vault(town.database, town.parts.home / NAME)


def all_opens(town: Town, vault: Vault) -> bool:
    """Whether secrets, sealed identifiers and their hashes are what they were."""
    suppressions = Suppressions(town.database, vault.suppressions_key(), vault)
    originals = suppressions.originals("default", "p1", 0)
    assert originals is not None
    return (
        [vault.open("default", "main", version).value for version in (1, 2)] == ["s3cret", "the-second-one"]
        and originals.to_pylist() == SAID_NO
        and all(suppressions.find("default", value) for value in SAID_NO)
        and vault.holds("default", "main", Secret("the-second-one"))
    )


def keys(town: Town) -> list[str]:
    return sorted(file.name for file in town.parts.home.glob("key*"))


def test_everything_opens_with_the_new_key_and_nothing_with_the_old(town: Town) -> None:
    old = read_key(town.parts.home / NAME)
    print_before, account = town.parts.vault.fingerprint("default", "main"), town.parts.vault.account("k")
    done = operation.rotate(town.parts, "ann")
    assert (done.secrets, done.blocks) == (2, 1)
    assert read_key(town.parts.home / NAME).id != old.id
    assert all_opens(town, opened(town))
    assert keys(town) == ["key", done.before.name]
    assert {file.stat().st_mode & 0o777 for file in town.parts.home.glob("key*")} == {0o600}
    with pytest.raises(ConfigurationError, match="not the key of this database"):
        Vault(town.database, done.before)
    assert opened(town).fingerprint("default", "main") == print_before
    assert opened(town).account("k") == account
    assert [each.deed.what for each in town.parts.trail.entries()] == ["vault.rotate"]


def test_it_can_be_done_again_and_again(town: Town) -> None:
    for _ in range(3):
        operation.rotate(town.parts, "ann")
    assert all_opens(town, opened(town))
    assert len(keys(town)) == 4


def test_a_process_that_was_at_work_goes_on_with_the_new_key(town: Town) -> None:
    """What it seals afterwards is sealed with the new key, though it began with the old one."""
    at_work = opened(town)
    long_list = Suppressions(town.database, at_work.suppressions_key(), at_work)
    operation.rotate(town.parts, "ann")
    assert all_opens(town, at_work)
    later, idle = opened(town), opened(town)
    operation.rotate(town.parts, "ann")
    assert later.seal("default", "main", Secret("the-third-one")) == 3
    long_list.add("default", "p2", 0, SAID_NO, NOW)
    fresh = opened(town)
    assert fresh.open("default", "main", 3).value == idle.open("default", "main", 3).value == "the-third-one"
    found = Suppressions(town.database, fresh.suppressions_key(), fresh).originals("default", "p2", 0)
    assert found is not None
    assert found.to_pylist() == SAID_NO


def test_killed_before_it_was_committed_nothing_has_changed(town: Town) -> None:
    class Killed(Exception):
        pass

    def killed() -> None:
        with town.database.transaction() as db:
            town.parts.suppressions.reseal(db, town.parts.vault.turn(db).again)
            raise Killed

    with pytest.raises(Killed):
        killed()
    assert keys(town) == [NAME, NEXT]
    assert all_opens(town, opened(town))
    assert keys(town) == [NAME, NEXT], "a key that never came into force waits for the next rotation"
    operation.rotate(town.parts, "ann")
    assert all_opens(town, opened(town))
    assert NEXT not in keys(town)


@pytest.mark.parametrize("linked", [False, True], ids=["before the old key was put aside", "before the new key got its name"])
def test_killed_after_it_was_committed_the_next_opening_ends_it(town: Town, linked: bool) -> None:
    old = read_key(town.parts.home / NAME)
    with town.database.transaction() as db:
        town.parts.suppressions.reseal(db, town.parts.vault.turn(db).again)
    if linked:
        (town.parts.home / f"key.before-{old.id.hex()}").hardlink_to(town.parts.home / NAME)
    assert all_opens(town, opened(town))
    assert keys(town) == [NAME, f"key.before-{old.id.hex()}"]
    assert read_key(town.parts.home / NAME).id != old.id
    assert all_opens(town, opened(town))


def test_a_key_that_waits_is_never_taken_for_one_that_fits(town: Town) -> None:
    elsewhere = town.parts.home / "elsewhere"
    elsewhere.mkdir()
    other = create_key(elsewhere)
    (town.parts.home / NEXT).write_bytes(other.read_bytes())
    (town.parts.home / NEXT).chmod(0o600)
    assert all_opens(town, opened(town))
    promote(town.parts.home / NAME)
    with pytest.raises(ConfigurationError, match="not the key of this database"):
        opened(town)


def test_what_does_not_open_stops_the_rotation_and_nothing_is_changed(town: Town) -> None:
    with town.database.transaction() as db:
        db.exec_driver_sql(
            "UPDATE secret SET sealed = CAST(substr(sealed, 1, 20) || x'00' AS BLOB) WHERE version = 1 AND project = 'default'"
        )
    old = read_key(town.parts.home / NAME)
    with pytest.raises(ConfigurationError, match="does not open: its row was altered"):
        operation.rotate(town.parts, "ann")
    assert read_key(town.parts.home / NAME).id == old.id
    assert opened(town).open("default", "main", 2).value == "the-second-one"


def test_the_key_may_come_from_the_environment_and_then_no_file_holds_it(tmp_path: Path) -> None:
    given = base64.b64encode(secrets.token_bytes(32)).decode()
    product = Product(tmp_path, "http://127.0.0.1:9", TTD_SECRET="canary-secret", TRADEWIND_KEY=given)
    assert product.ok("init")["made"] == ["folder", "database", "project"]
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    assert not list((tmp_path / "home").glob("key*"))
    refused = product.call("vault", "rotate")
    assert (refused.code, "the key comes from TRADEWIND_KEY" in refused.error) == (11, True)
    product.environment["TRADEWIND_KEY"] = base64.b64encode(bytes(32)).decode()
    wrong = product.call("connections", "list")
    assert (wrong.code, "TRADEWIND_KEY is not the key of this database" in wrong.error) == (11, True)
    product.environment["TRADEWIND_KEY"] = "short"
    assert "TRADEWIND_KEY is not a key; expected 32 bytes" in product.call("connections", "list").error
    del product.environment["TRADEWIND_KEY"]
    (tmp_path / "home" / NAME).write_text(given)
    (tmp_path / "home" / NAME).chmod(0o600)
    assert product.ok("vault", "rotate")["secrets"] == 1
    product.write("home/tradewind.toml", f'key = "{given}"\n')
    assert "'key' cannot be set in a file" in product.call("connections", "list").error
