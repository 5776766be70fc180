"""Backup and restore by the commands an operator types, and every way in which they say no."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from product import Called, Product
from tradewind.migrations import TABLE

PASSPHRASE = "correct horse battery"
CANARY = "3f2c1e00-5a5a-4a4a-8b8b-00000000cafe"


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that knows a list and a secret, and a backup of it."""
    folder = tmp_path_factory.mktemp("backed-up")
    product = Product(folder, "http://127.0.0.1:9", TTD_SECRET="canary-secret", PASSPHRASE=PASSPHRASE)
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "column.idfa=DAID")
    product.ok("connections", "add", "main", *words)
    product.write("devices.csv", f"idfa\n{CANARY}\n")
    product.write("devices.yaml", "cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]\n")
    product.ok("apply", "devices.yaml")
    assert product.ok("backup", ".", "--passphrase-env", "PASSPHRASE")["files"] == 2
    (made,) = folder.glob("tradewind-*.backup")
    made.rename(folder / "home.backup")
    return folder


@pytest.fixture
def product(backed_up: Path, tmp_path: Path) -> Product:
    """Another place, with the backup and the key of the home, and without the home."""
    shutil.copy(backed_up / "home.backup", tmp_path)
    shutil.copy(backed_up / "home" / "key", tmp_path / "kept-key")
    return Product(tmp_path, "http://127.0.0.1:9", PASSPHRASE=PASSPHRASE)


def restore(product: Product, *words: str, into: str = "home", key: str = "kept-key") -> Called:
    return product.call("restore", "home.backup", "--into", into, "--home-key", key, "--passphrase-env", "PASSPHRASE", *words)


def refused(product: Product, code: int, *words: str, into: str = "home", key: str = "kept-key") -> str:
    """The sentence with which a restore is refused; nothing is left of it."""
    before = sorted(product.folder.rglob("*"))
    called = restore(product, *words, into=into, key=key)
    assert called.code == code, called.error
    assert sorted(product.folder.rglob("*")) == before
    return called.error


def test_a_home_comes_back_with_its_lists_and_its_secrets(product: Product) -> None:
    done = restore(product, "--verify")
    assert done.code == 0, done.error
    assert all(each["ok"] for each in done.json["findings"])
    home = product.folder / "home"
    assert (home.stat().st_mode & 0o777, (home / "key").stat().st_mode & 0o777) == (0o700, 0o600)
    (connection,) = product.ok("connections", "list")["connections"]
    assert connection["secret_fingerprint"]
    assert product.ok("cohorts", "preview", "devices")["members"] == 1
    assert "backup.restore" in [each["deed"]["what"] for each in product.ok("audit")["entries"]]
    assert product.text("doctor").code == 0


def test_identifiers_and_secrets_cannot_be_read_in_a_backup(backed_up: Path) -> None:
    whole = (backed_up / "home.backup").read_bytes()
    for canary in (CANARY.encode(), bytes.fromhex(CANARY.replace("-", "")), b"canary-secret", b"ready1", b"devices", b"PAR1", b"SQLite"):
        assert canary not in whole
    assert (backed_up / "home.backup").stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_never_replaced(product: Product) -> None:
    (product.folder / "home").mkdir()
    (product.folder / "home" / "precious").touch()
    assert "is not empty, and a restore never replaces anything" in refused(product, 11)


def test_an_empty_folder_may_become_the_home(product: Product) -> None:
    (product.folder / "home").mkdir()
    assert restore(product).code == 0


def test_the_key_of_another_home_is_refused(product: Product) -> None:
    other = Product(product.folder / "other")
    other.folder.mkdir()
    other.ok("init")
    assert "is not the key of this database" in refused(product, 11, key="other/home/key")
    assert "is missing" in refused(product, 11, key="nowhere")


def test_another_passphrase_is_refused_and_a_short_one_when_it_is_made(product: Product) -> None:
    product.environment["PASSPHRASE"] = "another horse battery"
    assert "the passphrase is another" in refused(product, 11)
    product.environment["PASSPHRASE"] = "short"
    product.ok("init")
    made = product.call("backup", "new.backup", "--passphrase-env", "PASSPHRASE")
    assert (made.code, "needs 12 characters or more" in made.error) == (10, True)


def test_a_damaged_file_and_one_that_is_no_backup_are_refused(product: Product) -> None:
    file = product.folder / "home.backup"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert "damaged" in refused(product, 11)
    file.write_bytes(b"PK" + whole)
    assert "not a backup" in refused(product, 10)
    file.unlink()
    assert "No such file" in refused(product, 11)


def test_a_backup_of_a_newer_program_is_refused(product: Product) -> None:
    assert restore(product).code == 0
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as database:
        database.execute(f"UPDATE {TABLE} SET version_num = '9999'")
    database.close()
    assert "at schema 9999" in product.call("backup", "new.backup", "--passphrase-env", "PASSPHRASE").error


def test_a_home_whose_database_is_elsewhere_is_not_made(product: Product) -> None:
    product.environment["TRADEWIND_DATABASE_URL"] = f"sqlite:///{product.folder}/elsewhere.db"
    assert "unset TRADEWIND_DATABASE_URL" in refused(product, 11)
