"""What a project may use, by the commands a user types, and by YAML: the same refusal everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from product import Product
from sandbox_process import SandboxProcess

FILES = """
cohorts: [{id: devices, name: Devices, kind: static, file: devices.csv, identifiers: {idfa: DAID}}]
connections: [{id: main, name: Main, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature,
               secret: {env: SECRET}, identity: [{from: column.idfa, to: DAID}]}]
syncs: [{id: devices, cohort: devices, connection: main, segment: devices of a second project, cadence: daily}]
"""
ADD = ("connections", "add", "main", "--advertiser", "ready1", "--region", "sandbox", "--map", "column.idfa=DAID", "--secret-env", "SECRET")


@pytest.fixture
def product(tmp_path: Path, sandbox: SandboxProcess) -> Product:
    product = Product(tmp_path, sandbox.url, SECRET="sandbox-secret-ready1")
    product.ok("init")
    product.write("devices.csv", "idfa\na0000000-0000-4000-8000-000000000001\n")
    product.write("all.yaml", FILES)
    product.ok("projects", "add", "second")
    return product


def refused(product: Product) -> tuple[str, str]:
    """What `connections add` and `apply` say, which must be the same sentence."""
    typed, applied = product.text("--project", "second", *ADD), product.text("--project", "second", "apply", "all.yaml")
    assert (typed.code, applied.code) == (11, 11)
    assert applied.error.partition("all.yaml:")[2].partition(": ")[2] == typed.error.removeprefix("error: ")
    return typed.error, product.ok("--project", "second", "destinations", "show", "thetradedesk")["wall"]


def test_a_second_project_is_led_from_wall_to_wall(product: Product) -> None:
    product.ok("destinations", "contact", "thetradedesk", "desk@shop.example")
    sentence, wall = refused(product)
    assert (wall, sentence.count("tradewind projects plan second paid (support: desk@shop.example)")) == ("free_plan", 1)
    product.ok("projects", "plan", "second", "paid")
    sentence, wall = refused(product)
    assert (wall, sentence.count("tradewind destinations admit thetradedesk second")) == ("not_admitted", 1)
    product.ok("destinations", "admit", "thetradedesk", "second")
    sentence, wall = refused(product)
    assert (wall, sentence.count("tradewind projects enable second thetradedesk")) == ("not_enabled", 1)
    unconfirmed = product.text("projects", "enable", "second", "thetradedesk")
    assert (unconfirmed.code, unconfirmed.error.count("tradewind projects enable second thetradedesk --paid-plan")) == (11, 1)
    product.ok("projects", "enable", "second", "thetradedesk", "--paid-plan")
    product.ok("--project", "second", "apply", "all.yaml")
    assert product.ok("--project", "second", "syncs", "run", "devices")["run"]["outcome"] == "clean"


def test_the_catalog_shows_the_tile_with_what_to_consider(product: Product) -> None:
    (tile,) = product.ok("destinations", "list")["destinations"]
    assert (tile["spec"]["tile"], tile["offer"]["stage"], tile["wall"]) == ("TheTradeDesk", "closed_beta", None)
    shown = product.text("destinations", "show", "thetradedesk").output
    assert "TheTradeDesk (Closed Beta)" in shown
    assert "You need a paid The Trade Desk plan to enable it." in shown
    assert "This project may send to it." in shown


def test_leaving_the_paid_plan_takes_people_out_at_the_platform_itself(product: Product, sandbox: SandboxProcess) -> None:
    product.ok("apply", "all.yaml")
    product.ok("syncs", "run", "devices")
    asked = product.text("projects", "plan", "default", "free")
    assert asked.code == 10
    assert "segment 'devices of a second project' of advertiser ready1 holds 1 identifiers, the last of them until" in asked.error
    product.ok("projects", "plan", "default", "free", "--empty")
    assert sandbox.members("ready1", "devices of a second project") == set()
    assert product.call("syncs", "run", "devices").json["error"]["kind"] == "NotEntitledError"
    trail = product.ok("audit")["entries"]
    assert [each["deed"]["what"] for each in trail[:2]] == ["sync.run", "project.plan"]
    assert trail[0]["deed"]["actor"].endswith("(command line)")


def test_a_trail_that_was_changed_is_found_out(product: Product) -> None:
    import sqlite3

    assert product.ok("audit", "--verify") == {"whole": True}
    with sqlite3.connect(product.folder / "home" / "tradewind.db") as database:
        database.execute("UPDATE audit SET actor = 'somebody else' WHERE number = 2")
    found = product.text("audit", "--verify")
    assert (found.code, "entry 2 of the audit trail" in found.error) == (15, True)
