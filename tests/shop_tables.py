"""A client's own tables of a shop, as PostgreSQL has them; what a mapping says of them, cohorts over them, and who is in each."""

from __future__ import annotations

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

AS_OF = ("--as-of", "2026-07-01T12:00:00Z")


def answered_from_them(product: Product) -> None:
    """The cohorts are asked of the tables that `shop.yaml` maps, wherever they are."""
    product.ok("sources", "add", "tables", "shop", "--file", "shop.yaml")
    assert product.ok("sources", "test", "shop")["sentence"].endswith("has all 3 tables as the source says.")
    product.ok("projects", "answer", "default", "--from", "shop")
    cohorts = "\n".join(f"  - {{id: {id_}, name: {id_}, kind: behavioural, who: {who}}}" for id_, who in COHORTS.items())
    product.ok("apply", str(product.write("cohorts.yaml", f"cohorts:\n{cohorts}\n")))
    for cohort, people in EXPECTED.items():
        out = product.folder / f"{cohort}.csv"
        product.ok("cohorts", "export", cohort, "--to", str(out), *AS_OF)
        assert set(out.read_text().replace('"', "").split()[1:]) == people, cohort
    seen = product.ok("cohorts", "preview", "not-big", *AS_OF, "--waterfall", "--overlap", "paid-plan", "--why", "user:9")
    assert (seen["members"], seen["universe"], seen["sample"]) == (2, 5, sorted(EXPECTED["not-big"]))
    assert [(part["members"], part["after"]) for part in seen["who"]["parts"]] == [(2, 2), (3, 2)]
    assert (seen["overlap"]["both"], seen["why"]["who"]["holds"]) == (1, True)
