"""Wrong ground: homes, keys, databases and settings."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing

from product import Product
from wrong_input.case import BINARY, CONFIGURATION, LEDGER, case


def spoil(name: str, content: str | bytes | None, mode: int | None = None) -> Callable[[Product], None]:
    """Replace a file of the home (None: take it away), and give it a mode."""

    def act(product: Product) -> None:
        path = product.folder / "home" / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            path.chmod(0o600 if mode is None else mode)

    return act


def newer(product: Product) -> None:
    """As a later program leaves the database."""
    with closing(sqlite3.connect(product.folder / "home/tradewind.db")) as database:
        database.execute("UPDATE schema_revision SET version_num = '9999'")
        database.commit()


def folder_for(name: str) -> Callable[[Product], None]:
    """A folder where a file of the home should be."""

    def act(product: Product) -> None:
        spoil(name, None)(product)
        (product.folder / "home" / name).mkdir()

    return act


def file_for(name: str) -> Callable[[Product], None]:
    """A file where a folder of the home should be."""

    def act(product: Product) -> None:
        shutil.rmtree(product.folder / "home" / name)
        (product.folder / "home" / name).write_text("")

    return act


def read_only(product: Product) -> None:
    """The database as a user without rights has it, whoever runs this."""
    product.environment["TRADEWIND_DATABASE_URL"] = f"sqlite:///file:{product.folder}/home/tradewind.db?mode=ro&uri=true"


OTHER_KEY = base64.b64encode(b"k" * 32) + b"\n"
HOMES = [
    case("no-home", "syncs list", CONFIGURATION, "elsewhere", "tradewind init", environment={"TRADEWIND_HOME": "elsewhere"}),
    case("no-home-option", "--home elsewhere syncs list", CONFIGURATION, "elsewhere", "tradewind init"),
    case("home-is-a-file", "syncs list", CONFIGURATION, "devices.csv", environment={"TRADEWIND_HOME": "devices.csv"}),
    case("init-onto-a-file", "--home devices.csv init", CONFIGURATION, "devices.csv", "not a folder"),
    case("init-nowhere", "--home no/such/place init", CONFIGURATION, "does not exist"),
    case("init-forbidden", "--home /proc/home init", CONFIGURATION, "/proc/home", "cannot be made"),
    case("key-missing", "syncs list", CONFIGURATION, "the key", "is missing", "put it back", before=spoil("key", None)),
    case("key-missing-init", "init", CONFIGURATION, "the key", "is missing", "put it back", before=spoil("key", None)),
    case("key-open", "connections list", CONFIGURATION, "mode 0644", "chmod 600", before=spoil("key", OTHER_KEY, 0o644)),
    case("key-cut", "syncs run devices", CONFIGURATION, "truncated", before=spoil("key", OTHER_KEY[:20])),
    case("key-empty", "syncs list", CONFIGURATION, "truncated", before=spoil("key", b"")),
    case("key-binary", "syncs list", CONFIGURATION, "not a key", before=spoil("key", BINARY)),
    case("key-of-another", "connections test main", CONFIGURATION, "not the key of this database", before=spoil("key", OTHER_KEY)),
    case("key-folder", "syncs list", CONFIGURATION, "the key", "directory", before=folder_for("key")),
    case("schema-newer", "syncs list", CONFIGURATION, "schema 9999", "newer program", before=newer),
    case("database-garbage", "syncs list", LEDGER, "tradewind.db", "not a database", before=spoil("tradewind.db", BINARY)),
    case("database-cut", "syncs list", LEDGER, "tradewind.db", before=lambda p: os.truncate(p.folder / "home/tradewind.db", 5000)),
    case("database-folder", "syncs list", LEDGER, "tradewind.db", "unable to open", before=folder_for("tradewind.db")),
    case("database-read-only", "cohorts fill devices devices.csv", LEDGER, "tradewind.db", "readonly", before=read_only),
    *(
        case(f"no-folder-{name}", words, CONFIGURATION, f"home/{name}", "see to rights, free space", before=file_for(name))
        for name, words in (
            ("runs", "syncs plan devices"),
            ("lists", "cohorts fill devices devices.csv"),
            ("events", "events import devices.csv"),
        )
    ),
    case(
        "database-kind",
        "syncs list",
        CONFIGURATION,
        "TRADEWIND_DATABASE_URL",
        "postgresql://",
        environment={"TRADEWIND_DATABASE_URL": "mysql://me:hunter2-hunter2@h/x"},
    ),
    case(
        "database-driver",
        "syncs list",
        CONFIGURATION,
        "TRADEWIND_DATABASE_URL",
        environment={"TRADEWIND_DATABASE_URL": "postgresql+none://me:hunter2-hunter2@h/x"},
    ),
    case(
        "database-url",
        "syncs list",
        CONFIGURATION,
        "TRADEWIND_DATABASE_URL",
        environment={"TRADEWIND_DATABASE_URL": "postgresql://me:hunter2-hunter2@h:port/x"},
    ),
    case(
        "database-silent",
        "syncs list",
        LEDGER,
        "127.0.0.1:1",
        environment={"TRADEWIND_DATABASE_URL": "postgresql+psycopg://me:hunter2-hunter2@127.0.0.1:1/x"},
    ),
    case("toml-no-toml", "syncs list", CONFIGURATION, "tradewind.toml", "not TOML", before=spoil("tradewind.toml", "threads = \n")),
    case("toml-binary", "syncs list", CONFIGURATION, "tradewind.toml", "not UTF-8", before=spoil("tradewind.toml", BINARY)),
    case("toml-folder", "syncs list", CONFIGURATION, "tradewind.toml", "Is a directory", before=folder_for("tradewind.toml")),
    case("toml-key", "syncs list", CONFIGURATION, "'thread'", "did you mean 'threads'?", before=spoil("tradewind.toml", "thread = 1\n")),
    case("toml-key-unlike", "syncs list", CONFIGURATION, "'zzz'", "expected one of", before=spoil("tradewind.toml", "zzz = 1\n")),
    case("toml-home", "syncs list", CONFIGURATION, "'home' cannot be set", before=spoil("tradewind.toml", 'home = "/x"\n')),
    case(
        "toml-threads",
        "syncs list",
        CONFIGURATION,
        "'threads' in",
        "greater than or equal to 1",
        before=spoil("tradewind.toml", "threads = 0\n"),
    ),
    case("toml-type", "syncs list", CONFIGURATION, "'threads' in", "integer", before=spoil("tradewind.toml", 'threads = "many"\n')),
    case("toml-table", "syncs list", CONFIGURATION, "'memory_limit' in", before=spoil("tradewind.toml", "[memory_limit]\na = 1\n")),
    case("threads-no-number", "syncs list", CONFIGURATION, "TRADEWIND_THREADS", "integer", environment={"TRADEWIND_THREADS": "abc"}),
    case("threads-negative", "syncs list", CONFIGURATION, "TRADEWIND_THREADS", environment={"TRADEWIND_THREADS": "-1"}),
    case("memory", "syncs list", CONFIGURATION, "TRADEWIND_MEMORY_LIMIT", "700MiB", environment={"TRADEWIND_MEMORY_LIMIT": "lots"}),
    case("switch", "syncs list", CONFIGURATION, "TRADEWIND_LOOPBACK_ONLY", environment={"TRADEWIND_LOOPBACK_ONLY": "perhaps"}),
    *(
        case(
            f"sandbox-url-{number}",
            "connections test main",
            CONFIGURATION,
            "TRADEWIND_SANDBOX_URL",
            "sandbox on this machine",
            environment={"TRADEWIND_SANDBOX_URL": address},
        )
        for number, address in enumerate(
            (
                "http://use-data.adsrvr.org",
                "https://127.0.0.1:1",
                "http://127.0.0.1",
                "http://127.0.0.1.evil.example:80",
                "http://me:hunter2-hunter2@127.0.0.1:80",
                "http://10.0.0.1:80",
                "http://127.0.0.1:80/path",
                "ftp://127.0.0.1:80",
                "127.0.0.1:80",
                "http://127.0.0.1:99999",
                "http://[::1",
                "http://0x7f000001:80",
            )
        )
    ),
]


NOT_FOR_DOCTORS = ("init", "no-folder", "read-only")
"""Not about a home that is there, or only seen when something is written."""
