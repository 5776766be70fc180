"""A client's own tables in a real PostgreSQL: mapped, refused where they are not so, verified, and answered from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_process import PASSWORD, Server, postgres
from product import Product

SHOP = """\
CREATE SCHEMA shop;
CREATE TABLE shop.orders (customer bigint, device text, placed timestamptz, total numeric(10, 2), paid boolean, about jsonb, note text);
CREATE TABLE shop.visits (visitor uuid, customer bigint, at_ms bigint, page text);
CREATE TABLE shop.customers (id bigint PRIMARY KEY, plan text, ad_id uuid, tags text[], more json);
CREATE TABLE shop.secrets (customer bigint, placed timestamptz);
INSERT INTO shop.orders VALUES
  (1, 'd1', '2026-06-20 10:00Z', 80.50, true, '{"category": "shoes"}', 'x'), (1, 'd1', '2026-06-21 10:00Z', 5, true, '{}', 'x'),
  (2, 'd2', '2026-06-22 10:00Z', 120, false, '{"category": ["hats", "shoes"]}', 'x'), (3, NULL, '2026-06-23 10:00Z', 7, true, NULL, 'x'),
  (4, NULL, '2027-01-01 10:00Z', 900, true, NULL, 'x'), (NULL, NULL, '2026-06-01 10:00Z', 900, true, NULL, 'x');
INSERT INTO shop.visits VALUES
  ('aaaaaaaa-0000-4000-8000-000000000001', NULL, 1782000000000, 'home'), ('aaaaaaaa-0000-4000-8000-000000000001', 3, 1782000001000, 'cart'),
  ('aaaaaaaa-0000-4000-8000-000000000009', NULL, 1782000002000, 'home');
INSERT INTO shop.customers VALUES
  (1, 'paid', 'bbbbbbbb-0000-4000-8000-000000000001', '{a,b}', '{"city": "Rome"}'),
  (2, 'free', 'bbbbbbbb-0000-4000-8000-000000000002', NULL, '{}'),
  (9, 'paid', NULL, NULL, '{"city": null}');
GRANT USAGE ON SCHEMA shop TO reader;
GRANT SELECT ON shop.orders, shop.visits, shop.customers TO reader;
GRANT SELECT (customer) ON shop.secrets TO reader
"""

MAPPING = """\
engine: postgresql
url: {env: SHOP_URL}
events:
  - {table: shop.orders, time: placed, event: Order, user: customer, device: device, properties: about,
     columns: {amount: total, paid: paid}}
  - {table: shop.visits, time: at_ms, unit: milliseconds, event_column: page, user: customer, device: visitor}
people:
  - {table: shop.customers, user: id, columns: {plan: plan, advertising_id: ad_id, tags: tags}, properties: more}
"""

COHORTS = {
    "big": "{did: Order, where: {event.amount: {greater: 50}}}",
    "shoes": "{did: Order, where: {event.category: {is: shoes}}, in: {last: 30 days}}",
    "paid-plan": "{user.plan: {is: paid}}",
    "tagged": "{user.tags: {set_contains: [a]}}",
    "romans": "{user.city: {is: Rome}}",
    "home": "{did: home}",
    "not-big": "{all: [{did_not: Order}, {not_in_cohort: big}]}",
    "active": "{active: {last: 90 days}}",
    "new": "{new: {last: 90 days}}",
    "unpaid": "{did: Order, where: {event.paid: {is: 'false'}}}",
}

EXPECTED = {
    "big": {"user:1", "user:2"},
    "shoes": {"user:1", "user:2"},
    "paid-plan": {"user:1", "user:9"},
    "tagged": {"user:1"},
    "romans": {"user:1"},
    "home": {"user:3", "device:aaaaaaaa-0000-4000-8000-000000000009"},
    "not-big": {"user:9", "device:aaaaaaaa-0000-4000-8000-000000000009"},
    "active": {"user:1", "user:2", "user:3", "device:aaaaaaaa-0000-4000-8000-000000000009"},
    "new": {"user:1", "user:2", "user:3", "device:aaaaaaaa-0000-4000-8000-000000000009"},
    "unpaid": {"user:2"},
}


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
    product.ok("sources", "add", "tables", "shop", "--file", "shop.yaml")
    assert product.ok("sources", "test", "shop")["sentence"].endswith("has all 3 tables as the source says.")
    product.ok("projects", "answer", "default", "--from", "shop")
    cohorts = "\n".join(f"  - {{id: {id_}, name: {id_}, kind: behavioural, who: {who}}}" for id_, who in COHORTS.items())
    product.ok("apply", str(product.write("cohorts.yaml", f"cohorts:\n{cohorts}\n")))
    for cohort, people in EXPECTED.items():
        out = product.folder / f"{cohort}.csv"
        product.ok("cohorts", "export", cohort, "--to", str(out), "--as-of", "2026-07-01T12:00:00Z")
        assert set(out.read_text().replace('"', "").split()[1:]) == people, cohort
    seen = product.ok(
        "cohorts", "preview", "not-big", "--as-of", "2026-07-01T12:00:00Z", "--waterfall", "--overlap", "paid-plan", "--why", "user:9"
    )
    assert (seen["members"], seen["universe"], seen["sample"]) == (2, 5, sorted(EXPECTED["not-big"]))
    assert [(part["members"], part["after"]) for part in seen["who"]["parts"]] == [(2, 2), (3, 2)]
    assert (seen["overlap"]["both"], seen["why"]["who"]["holds"]) == (1, True)
    product.ok("projects", "answer", "default", "--own-events")
    assert product.ok("cohorts", "preview", "big")["members"] == 0


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
