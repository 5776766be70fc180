"""What a wrong call is, and the good home in which it is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from product import Product

USAGE, DEFINITION, CONFIGURATION, HELD, DELIVERY, ENGINE, LEDGER = 2, 10, 11, 12, 13, 14, 15
SECRET = "sandbox-secret-ready1"
GUIDS = [f"0c9d8a{number:02x}-1111-4222-8333-444455556666" for number in range(60)]
PRIVATE = (SECRET, "0c9d8a", "jane@example.com", "hunter2-hunter2", "+15550123456")
"""What no sentence may ever hold: secrets, identifiers, and what is personal in the files of these tables."""

LIST = "idfa\n" + "".join(f"{each}\n" for each in GUIDS)
EVENT = {"user_id": "u1", "device_id": "d1", "event_type": "Purchase", "time": 1767225600000, "insert_id": "i1"}
ACCOUNT = "--advertiser ready1 --region sandbox --secret-env TTD_SECRET"
STANDING = """
cohorts:
  - {id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}
  - {id: buyers, name: Buyers, kind: behavioural, who: {did: Purchase}}
  - {id: asked, name: Asked, kind: sql, query: SELECT person FROM events, people: person}
syncs:
  - {id: devices, cohort: devices, connection: main, cadence: daily}
"""
BINARY = bytes(range(256)) * 40


def prepare(product: Product) -> None:
    """Make a home in which everything is in order: a connection, three cohorts, a sync, an event, a run that ended and a held one."""
    product.write("devices.csv", LIST)
    product.write("standing.yaml", STANDING)
    product.write("events.ndjson", json.dumps(EVENT))
    product.ok("init")
    product.ok("connections", "add", "main", *ACCOUNT.split(), "--map", "column.idfa=DAID")
    product.ok("apply", "standing.yaml")
    product.ok("events", "import", "events.ndjson")
    product.ok("syncs", "run", "devices")
    product.write("short.csv", f"idfa\n{GUIDS[0]}\n")
    product.ok("cohorts", "fill", "devices", str(product.folder / "short.csv"))
    assert product.call("syncs", "run", "devices").code == HELD


@dataclass(frozen=True)
class Case:
    """A wrong call: its words, the code it must end with, and what its sentence must say. `before` spoils the ground."""

    id: str
    words: str | tuple[str, ...]
    code: int
    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    before: Callable[[Product], object] = lambda product: None


def case(id_: str, words: str | tuple[str, ...], code: int, *says: str, **more: Any) -> ParameterSet:
    """A case as pytest takes it."""
    return pytest.param(Case(id_, words, code, says, **more), id=id_)
