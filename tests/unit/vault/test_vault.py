"""The vault: a secret opens at its own row, with its own key, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tradewind.database import Database
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Secret
from tradewind.vault.key import create_key
from tradewind.vault.seal import Place, seal, unseal
from tradewind.vault.sql import FIELD, KEY_PAIR, Vault, plant_canary, secret_table

CANARY = "canary-secret-0123456789"


class Home:
    """A folder with a key and a database that holds the vault's table."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.key = create_key(folder)
        self.database = Database.at(folder)
        with self.database.transaction() as rows:
            secret_table.create(rows)
        plant_canary(self.database, self.key)

    def vault(self) -> Vault:
        return Vault(self.database, self.key)

    def rows(self) -> list[sa.Row[tuple[object, ...]]]:
        with self.database.transaction() as rows:
            return list(rows.execute(sa.select(secret_table).where(secret_table.c.project != "")))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.database.close()


def test_a_secret_comes_back_by_its_version(home: Home) -> None:
    vault = home.vault()
    assert vault.latest("default", "acme-us") is None
    assert vault.fingerprint("default", "acme-us") is None
    assert vault.seal("default", "acme-us", Secret(CANARY)) == 1
    assert vault.seal("default", "acme-us", Secret(CANARY)) == 1
    assert vault.seal("default", "acme-us", Secret("another-secret")) == 2
    assert vault.latest("default", "acme-us") == 2
    assert vault.open("default", "acme-us", 1).value == CANARY
    assert vault.holds("default", "acme-us", Secret("another-secret"))
    assert not vault.holds("default", "acme-us", Secret(CANARY))


def test_nothing_of_a_secret_is_readable_at_rest(home: Home) -> None:
    vault = home.vault()
    vault.seal("default", "acme-us", Secret(CANARY))
    vault.seal("other", "acme-us", Secret(CANARY))
    home.database.close()
    for file in home.key.parent.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file.name
    assert CANARY not in repr(vault) + repr(vault.open("default", "acme-us", 1))
    assert vault.fingerprint("default", "acme-us") != vault.fingerprint("other", "acme-us")


def test_the_keys_of_a_source_do_not_open_as_the_secret_of_a_connection_of_its_name(home: Home) -> None:
    vault = home.vault()
    vault.seal("default", "acme", Secret(CANARY), KEY_PAIR)
    assert vault.latest("default", "acme") is None
    assert vault.places() == set()
    with home.database.transaction() as rows:
        rows.execute(secret_table.update().where(secret_table.c.project == "default").values(field=FIELD))
    with pytest.raises(ConfigurationError, match="the secret of connection 'acme' does not open: its row was altered or moved"):
        vault.open("default", "acme", 1)


def test_an_account_is_named_by_its_key_alone_and_never_tells_it(home: Home, tmp_path: Path) -> None:
    vault, other = home.vault(), Home(tmp_path / "other")
    assert vault.account(CANARY) == vault.account(CANARY) != vault.account(f"{CANARY}x")
    assert vault.account(CANARY) != other.vault().account(CANARY), "another home cannot compare"
    assert CANARY not in vault.account(CANARY)
    other.database.close()


@pytest.mark.parametrize("moved", [{"project": "other"}, {"connection": "acme-eu"}, {"version": 2}])
def test_a_row_moved_elsewhere_does_not_open(home: Home, moved: dict[str, object]) -> None:
    vault = home.vault()
    vault.seal("default", "acme-us", Secret(CANARY))
    with home.database.transaction() as rows:
        rows.execute(secret_table.update().where(secret_table.c.project == "default").values(**moved))
    place = {"project": "default", "connection": "acme-us", "version": 1} | moved
    with pytest.raises(ConfigurationError, match="does not open: its row was altered or moved") as caught:
        vault.open(str(place["project"]), str(place["connection"]), int(str(place["version"])))
    assert CANARY not in str(caught.value)


def test_a_changed_bit_does_not_open(home: Home) -> None:
    vault = home.vault()
    vault.seal("default", "acme-us", Secret(CANARY))
    sealed = bytearray(home.rows()[0].sealed)
    sealed[-1] ^= 1
    with home.database.transaction() as rows:
        rows.execute(secret_table.update().where(secret_table.c.project == "default").values(sealed=bytes(sealed)))
    with pytest.raises(ConfigurationError, match="altered or moved"):
        vault.open("default", "acme-us", 1)
    assert vault.seal("default", "acme-us", Secret("given-once-more")) == 2


def test_places_do_not_share_a_spelling() -> None:
    assert Place("ab", "c", "secret", 1).identity() != Place("a", "bc", "secret", 1).identity()


def test_equal_texts_are_sealed_differently(home: Home) -> None:
    from tradewind.vault.key import read_key

    key, place = read_key(home.key), Place("default", "acme-us", "secret", 1)
    assert seal(key, place, CANARY) != seal(key, place, CANARY)
    assert unseal(key, place, seal(key, place, CANARY)) == CANARY


def test_forgetting_destroys_every_version_and_gives_no_number_twice(home: Home) -> None:
    vault = home.vault()
    vault.seal("default", "acme-us", Secret(CANARY))
    vault.forget("default", "acme-us")
    assert vault.latest("default", "acme-us") is None
    with pytest.raises(ConfigurationError, match="has no secret of version 1"):
        vault.open("default", "acme-us", 1)
    assert vault.seal("default", "acme-us", Secret(CANARY)) == 2


def test_a_secret_sealed_in_a_transaction_goes_with_it(home: Home) -> None:
    vault = home.vault()
    with pytest.raises(RuntimeError, match="undone"), home.database.transaction() as transaction:  # noqa: PT012
        vault.within(transaction).seal("default", "acme-us", Secret(CANARY))
        raise RuntimeError("undone")
    assert vault.latest("default", "acme-us") is None


@pytest.mark.parametrize("text", ["", "x", "ends-with-newline\n", " starts-with-space", "tab\tinside", "naïve-secret", "x" * 4097])
def test_what_cannot_be_a_secret_is_refused_without_being_repeated(home: Home, text: str) -> None:
    with pytest.raises(DefinitionError, match="the secret h") as caught:
        home.vault().seal("default", "acme-us", Secret(text))
    assert len(text) < 5 or text.strip() not in str(caught.value)


def test_a_missing_key_is_refused(home: Home) -> None:
    home.key.unlink()
    with pytest.raises(ConfigurationError, match="is missing"):
        home.vault()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(home: Home, mode: int) -> None:
    home.key.chmod(mode)
    with pytest.raises(ConfigurationError, match=rf"mode 0{mode:o} .*chmod 600"):
        home.vault()


@pytest.mark.parametrize("keep", [0, 1, 20, 43])
def test_a_truncated_key_is_refused(home: Home, keep: int) -> None:
    home.key.write_bytes(home.key.read_bytes()[:keep])
    with pytest.raises(ConfigurationError, match="truncated or not a key"):
        home.vault()


def test_another_homes_key_is_refused(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.database.close()
    with pytest.raises(ConfigurationError, match="is not the key of this database"):
        Vault(home.database, other.key)
    with pytest.raises(ConfigurationError, match="is not the key of this database"):
        plant_canary(home.database, other.key)


def test_a_vault_never_tied_to_a_key_is_refused(home: Home) -> None:
    with home.database.transaction() as rows:
        rows.execute(secret_table.delete())
    with pytest.raises(ConfigurationError, match="run 'tradewind init'"):
        home.vault()


def test_a_key_is_made_for_its_owner_and_never_overwritten(home: Home) -> None:
    assert home.key.stat().st_mode & 0o777 == 0o600
    before = home.key.read_bytes()
    with pytest.raises(ConfigurationError, match="never overwritten"):
        create_key(home.key.parent)
    assert home.key.read_bytes() == before


def test_a_link_is_not_a_key(home: Home) -> None:
    elsewhere = home.key.rename(home.key.with_name("elsewhere"))
    home.key.symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        home.vault()
