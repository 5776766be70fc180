"""Files that stay where they are as tables: of a folder, and in a file of DuckDB's; mapped, refused, verified, and answered from."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from product import Product
from shop_tables import MAPPING, SHOP, answered_from_them

FORMS = ("folder", "file")

MADE = (
    SHOP.partition("GRANT")[0]
    .replace("jsonb", "json")
    .replace("tags text[], more json", "tags text[], more struct(city text)")
    .replace("'{a,b}', '{\"city\": \"Rome\"}'", "['a', 'b'], {'city': 'Rome'}")
    .replace("'free', 'bbbbbbbb-0000-4000-8000-000000000002', NULL, '{}'", "'free', 'bbbbbbbb-0000-4000-8000-000000000002', NULL, NULL")
    .replace("'{\"city\": null}'", "{'city': NULL}")
)
"""The same tables as in PostgreSQL; of the customers one column is a struct."""

FILES = {"orders": "orders/**/*.parquet", "visits": "visits.csv", "customers": "customers.parquet", "secrets": "secrets.parquet"}


def mapping(form: str) -> str:
    """The mapping of the PostgreSQL, of files."""
    path = "shop" if form == "folder" else "store.duckdb"
    text = MAPPING.replace("engine: postgresql\nurl: {env: SHOP_URL}", f"engine: duckdb\npath: {path}")
    if form == "folder":
        for table, files in FILES.items():
            text = text.replace(f"shop.{table},", f"{files!r},")
    return text


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables once as a folder, and once as a file."""
    there = tmp_path_factory.mktemp("laid")
    with duckdb.connect(str(there / "store.duckdb")) as connection:
        connection.execute(MADE)
        connection.execute("CREATE VIEW shop.peeking AS SELECT 1 AS customer, now() AS placed, * FROM read_text('/etc/hostname')")
        (there / "shop").mkdir()
        for table, files in FILES.items():
            to = there / "shop" / (table if "*" in files else files)
            options = ", PARTITION_BY (month)" if "*" in files else ""
            select = f"SELECT *, strftime(placed, '%Y-%m') AS month FROM shop.{table}" if "*" in files else f"FROM shop.{table}"
            connection.execute(f"COPY ({select}) TO '{to}' (FORMAT {files.rpartition('.')[2]}{options})")
    return there


@pytest.fixture
def product(laid: Path, tmp_path: Path) -> Product:
    return made(laid, tmp_path)


@pytest.fixture(scope="module")
def refusing(laid: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """One for all definitions that are refused, which leave nothing behind."""
    product = made(laid, tmp_path_factory.mktemp("refusing"))
    tables = product.folder / "home" / "tables"
    (tables / "empty.duckdb").mkdir()
    (tables / "torn.duckdb").write_bytes(b"not a database")
    return product


def made(laid: Path, folder: Path) -> Product:
    """A product with the tables in its home."""
    product = Product(folder)
    product.ok("init")
    shutil.copytree(laid, folder / "home" / "tables")
    return product


@pytest.mark.parametrize("form", FORMS)
def test_cohorts_are_answered_from_files_that_are_there(product: Product, form: str) -> None:
    product.write("shop.yaml", mapping(form))
    answered_from_them(product)


def test_files_are_verified_without_being_read(product: Product) -> None:
    product.write("shop.yaml", mapping("folder"))
    product.ok("sources", "add", "tables", "shop", "--file", "shop.yaml")
    verified = product.text("sources", "verify", "shop")
    assert (verified.code, "Source 'shop' is verified." in verified.output) == (0, True), verified.output + verified.error
    assert "DuckDB" in verified.output


@pytest.mark.parametrize(
    ("form", "change", "sentence"),
    [
        ("folder", ("orders/**", "order/**"), "events[0].table: there is no file 'order/**/*.parquet' in"),
        ("folder", ("time: placed", "time: paced"), "has no column 'paced'; did you mean 'placed'?"),
        (
            "folder",
            ("time: placed", "time: note"),
            "events[0].time: column 'note' of 'orders/**/*.parquet' is text; expected a time or a date",
        ),
        ("folder", ("unit: milliseconds, ", ""), "events[1].time: column 'at_ms' of 'visits.csv' is text; expected a time or a date"),
        (
            "folder",
            ("time: at_ms", "time: page"),
            "events[1].time: column 'page' of 'visits.csv' is text; expected a whole number of milli",
        ),
        ("folder", ("user: customer, device: device", "user: about"), "events[0].user: column 'about' of 'orders/**/*.parquet' is JSON"),
        ("folder", ("visits.csv", "../visits.csv"), "events[1].table: expected a file of the folder, or a pattern of files"),
        ("folder", ("visits.csv", "visits.txt"), "events[1].table: expected a file of the folder, or a pattern of files"),
        ("folder", ("path: shop", "path: ../shop"), "path: expected a folder or a file of DuckDB's"),
        ("folder", ("path: shop", "path: /etc"), "path: '/etc' lies or leads outside of"),
        ("folder", ("path: shop", "path: shops"), "path: there is no 'shops' in"),
        ("folder", ("path: shop", "url: {env: SHOP_URL}"), "'path' is missing in a source of tables whose engine is duckdb"),
        ("folder", ("engine: duckdb", "engine: postgresql"), "'url' is missing in a source of tables whose engine is postgresql"),
        (
            "folder",
            ("path: shop", "path: shop\nurl: {env: SHOP_URL}"),
            "url: a source of tables whose engine is duckdb has a path, and no url",
        ),
        ("file", ("shop.orders", "shop.order"), "events[0].table: there is no table 'shop.order' in"),
        ("file", ("shop.orders", "shop.peeking"), "a view there reads something else, which is not allowed; make it a table"),
        (
            "file",
            ("path: store.duckdb", "path: empty.duckdb"),
            "empty.duckdb' is a folder; expected a folder, or a file that ends in .duckdb",
        ),
        ("file", ("path: store.duckdb", "path: torn.duckdb"), "torn.duckdb cannot be opened as a file of DuckDB"),
    ],
)
def test_what_is_not_so_is_said_when_it_is_defined(refusing: Product, form: str, change: tuple[str, str], sentence: str) -> None:
    text = mapping(form)
    assert text.replace(*change) != text
    refusing.write("shop.yaml", text.replace(*change))
    refused = refusing.text("sources", "add", "tables", "shop", "--file", "shop.yaml")
    assert refused.code in {10, 11, 14}, refused.error
    assert sentence in refused.error.replace("\n", " ")
    assert refusing.ok("sources", "list")["sources"] == []


def test_a_source_of_files_is_applied_and_written_back(product: Product) -> None:
    indented = "".join(f"    {line}\n" for line in mapping("folder").splitlines())
    product.ok("apply", str(product.write("all.yaml", f"sources:\n  - id: shop\n    name: Shop\n    kind: tables\n{indented}")))
    again = product.ok("apply", str(product.write("again.yaml", product.text("export").output)))
    assert [change["action"] for change in again["changes"]] == ["unchanged"]
    shown = product.text("sources", "show", "shop").output
    assert "tables in duckdb, at shop" in shown
