"""A client's own tables in a real PostgreSQL: mapped, refused where they are not so, verified, and answered from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_process import PASSWORD, Server, postgres
from product import Product
from sandbox_process import SandboxProcess
from shop_tables import MAPPING, SHOP, answered_from_them
from tradewind.lots import lot


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as started:
        started.run(SHOP)
        yield started


@pytest.fixture
def product(server: Server, tmp_path: Path) -> Product:
    product = Product(tmp_path, SHOP_URL=server.url())
    product.ok("init")
    product.write("shop.yaml", MAPPING)
    return product


def test_cohorts_are_answered_from_tables_that_are_there(product: Product) -> None:
    answered_from_them(product)
    product.ok("projects", "answer", "default", "--own-events")
    assert product.ok("cohorts", "preview", "big")["members"] == 0


MARKET = """\
CREATE TABLE shop.members (id bigint PRIMARY KEY, ad_id uuid);
CREATE TABLE shop.deals (who bigint, at timestamptz, total numeric(10, 2));
INSERT INTO shop.members SELECT n, ('cccccccc-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 80) AS n;
INSERT INTO shop.deals SELECT n, now() - interval '1 day', 1000 FROM generate_series(1, 80) AS n;
GRANT SELECT ON shop.members, shop.deals TO reader
"""
DEALS = """\
engine: postgresql
url: {env: SHOP_URL}
events: [{table: shop.deals, time: at, event: Deal, user: who, columns: {total: total}}]
people: [{table: shop.members, user: id, columns: {ad: ad_id}}]
"""
SENT = """
cohorts: [{id: deals, name: Deals, kind: behavioural, who: {did: Deal}}]
connections: [{id: acme, name: Acme, destination: thetradedesk, advertiser: ready1, region: sandbox, auth: signature,
  secret: {env: ACME_SECRET}, identity: [{from: user.ad, to: DAID}]}]
syncs: [{id: deals, cohort: deals, connection: acme, cadence: daily, holdout: {percent: 40}}]
"""


def test_what_sending_does_is_counted_in_the_tables(server: Server, sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Deals of before, and of others, count nothing; two of one person are added up."""
    server.run(MARKET)
    product = Product(tmp_path, sandbox.url, SHOP_URL=server.url(), ACME_SECRET="sandbox-secret-ready1")
    product.ok("init")
    product.ok("sources", "add", "tables", "shop", "--file", str(product.write("deals.yaml", DEALS)))
    product.ok("projects", "answer", "default", "--from", "shop")
    product.ok("apply", str(product.write("sent.yaml", SENT)))
    product.ok("syncs", "run", "deals")
    out = {number for number in range(1, 81) if lot(hashlib.md5(f"user:{number}".encode()).digest()[::-1], "deals") < 0.4}
    buyers = [*sorted(out)[:5], *sorted(set(range(1, 81)) - out)[:20]]
    rows = ", ".join(f"({number}, now(), 2.5), ({number}, now(), 7)" for number in buyers)
    server.run(f"INSERT INTO shop.deals VALUES {rows}, (99, now(), 3), ({buyers[0]}, now() + interval '1 day', 3)")
    found = product.ok("lift", "deals", "--event", "Deal", "--value", "total")
    assert [found[arm] for arm in ("sent", "held_out")] == [
        {"people": 80 - len(out), "converted": 20, "value": 190.0, "squares": 20 * 9.5**2},
        {"people": len(out), "converted": 5, "value": 47.5, "squares": 5 * 9.5**2},
    ]  # fmt: skip


def test_a_source_is_unverified_until_its_server_was_asked(product: Product) -> None:
    product.ok("sources", "add", "tables", "shop", "--file", "shop.yaml")
    answered = product.text("projects", "answer", "default", "--from", "shop")
    assert "Mind: source 'shop'" in answered.output
    assert "is unverified; verify it with: tradewind sources verify shop" in answered.output
    assert "unverified" in product.text("sources", "list").output
    verified = product.text("sources", "verify", "shop")
    assert verified.code == 0, verified.output + verified.error
    assert "Source 'shop' is verified." in verified.output
    assert "It is verified 20" in product.text("sources", "show", "shop").output
    assert "Mind" not in product.text("projects", "answer", "default", "--from", "shop").output
    product.write("shop.yaml", MAPPING.replace("amount: total", "sum: total"))
    product.ok("sources", "add", "tables", "shop", "--file", "shop.yaml")
    assert "verified 20" in product.ok("sources", "show", "shop")["standing"], "the server is the same"
    refused = product.call("sources", "remove", "shop")
    assert (refused.code, "project 'default'" in refused.error) == (10, True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("shop.orders", "shop.order"), "events[0].table: there is no table 'shop.order' that the user of SHOP_URL may read"),
        (("time: placed", "time: paced"), "events[0].time: table 'shop.orders' has no column 'paced'; did you mean 'placed'?"),
        (("time: placed", "time: note"), "events[0].time: column 'note' of 'shop.orders' is text; expected a time or a date"),
        ((", unit: milliseconds", ""), "events[1].time: column 'at_ms' of 'shop.visits' is a whole number; say its unit"),
        (("properties: about", "properties: note"), "events[0].properties: column 'note' of 'shop.orders' is text; expected JSON"),
        (("user: customer, device: device", "user: about"), "events[0].user: column 'about' of 'shop.orders' is JSON; expected text or"),
        (("ad_id", "adid"), "people[0].columns.advertising_id: table 'shop.customers' has no column 'adid'; did you mean 'ad_id'?"),
        (("shop.orders", "shop.secrets"), "events[0].device: table 'shop.secrets' has no column 'device'; it has customer"),
        (("event: Order, ", ""), "events[0]: expected one of event (what every row is) and event_column"),
        (("user: id, ", ""), "people[0]: expected user, device or both"),
        (("{env: SHOP_URL}", "postgresql://me:secret@host/db"), "url: expected {env: NAME}; a URL itself is never written here"),
        (("SHOP_URL", "TRADEWIND_DATABASE_URL"), "url.env: names beginning with TRADEWIND_ are this product's own"),
        (("SHOP_URL", "OTHER_URL"), "the environment variable OTHER_URL is not set"),
    ],
)
def test_what_is_not_so_is_said_when_it_is_defined(product: Product, change: tuple[str, str], sentence: str) -> None:
    text = MAPPING.replace(*change)
    assert text != MAPPING
    product.write("shop.yaml", text)
    refused = product.text("sources", "add", "tables", "shop", "--file", "shop.yaml")
    assert refused.code in {10, 11}
    assert sentence in refused.error.replace("\n", " ")
    assert PASSWORD not in refused.error
    assert product.ok("sources", "list")["sources"] == []


def test_a_source_is_applied_and_written_back(product: Product) -> None:
    indented = "".join(f"    {line}\n" for line in MAPPING.splitlines())
    whole = f"sources:\n  - id: shop\n    name: Shop\n    kind: tables\n{indented}"
    product.ok("apply", str(product.write("all.yaml", whole)))
    written = product.text("export").output
    again = product.ok("apply", str(product.write("again.yaml", written)))
    assert [change["action"] for change in again["changes"]] == ["unchanged"]
    product.write("all.yaml", whole.replace("shop.visits", "shop.visit"))
    refused = product.text("apply", "all.yaml")
    assert (refused.code, "did you mean 'visits'" in refused.error) == (10, True)
