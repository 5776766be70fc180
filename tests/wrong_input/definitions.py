"""Wrong definition files: YAML that is none, rules, SELECTs, lists, syncs and connections that cannot be."""

from __future__ import annotations

import json

from wrong_input.case import BINARY


def cohort(text: str) -> str:
    """A file of one behavioural cohort whose rule is `text`."""
    return f"id: wrong\nname: Wrong\nkind: behavioural\nwho: {text}\n"


def select(query: str, more: str = "") -> str:
    """A file of one cohort of kind sql."""
    return f"id: wrong\nname: Wrong\nkind: sql\nquery: {json.dumps(query)}\n{more}"


def a_sync(text: str) -> str:
    """A file of one sync."""
    return f"syncs:\n  - {{cohort: buyers, connection: main, cadence: daily{text}}}\n"


def a_connection(text: str, map_: str = "[{from: device_id, to: DAID}]") -> str:
    """A file of one connection; `text` changes or adds fields."""
    fields = {
        "id": "b",
        "name": "B",
        "destination": "thetradedesk",
        "advertiser": "a1",
        "region": "eu",
        "auth": "signature",
        "identity": map_,
    }
    fields |= dict(part.split("=", 1) for part in text.split("|") if part)
    return "connections:\n  - {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}\n"


DEFINITIONS: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("is empty",)),
    "comment-only": ("# nothing\n", ("is empty",)),
    "binary": (BINARY, ("not UTF-8 at byte 128",)),
    "control-characters": ("id: \x01\n", ("is not YAML",)),
    "utf-16": ("id: a".encode("utf-16"), ("not UTF-8",)),
    "tabs": ("id: wrong\n\tname: x\n", (":2:", "not YAML")),
    "open-bracket": ("cohorts: [{id: a\n", ("not YAML",)),
    "two-documents": ("id: a\n---\nid: b\n", ("not YAML",)),
    "alias": ("a: &x [1]\nb: *x\n", (":2:", "aliases")),
    "bomb": ("a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)), ("aliases",)),
    "python-object": ("id: !!python/object/apply:os.system ['true']\nname: x\nkind: static\n", (":1:",)),
    "key-twice": ("id: a\nid: b\n", (":2:", "'id' is given twice")),
    "key-no-word": ("? [a]\n: b\n", ("a key must be a plain word",)),
    "deep": ("cohorts: " + "[" * 5000 + "]" * 5000, ("nested deeper",)),
    "large": ("#" * (1 << 20) + "\nid: a\n", ("1,048,576",)),
    "list-on-top": ("- id: a\n", ("expected a mapping",)),
    "text-on-top": ("hello\n", ("expected a mapping",)),
    "section-unknown": ("cohort: []\n", ("'cohort' is not known", "did you mean 'cohorts'?")),
    "section-no-list": ("cohorts: {id: a}\n", ("at cohorts", "expected a list")),
    "seed-itself": ("{id: a, name: A, kind: lookalike, seed: a, take: {percent: 5}}\n", ("is part of itself",)),
    "seed-nowhere": ("{id: a, name: A, kind: lookalike, seed: b, take: {percent: 5}}\n", ("there is no cohort 'b'",)),
    "take-both": ("{id: a, name: A, kind: lookalike, seed: b, take: {people: 9, percent: 5}}\n", ("at take", "one of people and percent")),
    "kind-unknown": ("{id: a, name: A, kind: behavioral, who: {did: x}}\n", ("at kind", "did you mean 'behavioural'?")),
    "field-missing": ("cohorts: [{id: a, kind: behavioural, who: {did: x}}]\n", ("cohorts[0]", "'name' is missing")),
    "field-unknown": (
        "{id: a, name: A, kind: static, file: devices.csv, identifier: {idfa: DAID}}\n",
        ("'identifier'", "did you mean 'identifiers'?"),
    ),
    "id-upper": ("{id: Buyers, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "'Buyers'", "lower-case letters")),
    "id-climbs": ("{id: ../a, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "'../a'")),
    "id-number": ("{id: 7, name: A, kind: behavioural, who: {did: x}}\n", ("at id", "expected a text")),
    "id-twice": (
        "cohorts:\n- {id: a, name: A, kind: behavioural, who: {did: x}}\n- {id: a, name: B, kind: behavioural, who: {did: x}}\n",
        (":3:", "'a' is defined already"),
    ),
    "name-long": (f"{{id: a, name: {'n' * 300}, kind: behavioural, who: {{did: x}}}}\n", ("at name", "255")),
    "name-two-lines": ('{id: a, name: "a\\nb", kind: behavioural, who: {did: x}}\n', ("at name", "on one line")),
    "rule-empty": (cohort("{}"), ("at who", "an empty mapping")),
    "rule-nothing": (cohort(""), ("at who", "found nothing")),
    "rule-text": (cohort("everybody"), ("at who", "'everybody'")),
    "rule-unknown": (cohort("{dod: Purchase}"), ("did you mean 'did'?",)),
    "rule-two": (cohort("{did: a, in_cohort: b}"), ("one rule is expected", "'all' or 'any'")),
    "rule-empty-list": (cohort("{all: []}"), ("at who.all", "at least one rule")),
    "rule-deep": (cohort("{not: " * 17 + "{did: x}" + "}" * 17), ("deeper than 16",)),
    "rule-wide": (cohort("{any: [" + "{did: x}, " * 201 + "]}"), ("at most 200",)),
    "operator-unknown": (cohort("{user.plan: {equals: [paid]}}"), ("at who.user.plan", "'equals' is not an operator")),
    "operator-mongo": (cohort('{user.plan: {"$ne": null}}'), ("'$ne' is not an operator",)),
    "operator-missing": (cohort("{user.plan: paid}"), ("expected an operator",)),
    "value-nothing": (cohort("{user.plan: {is: [null]}}"), ("expected a value, found nothing",)),
    "value-mapping": (cohort("{user.plan: {is: [{a: b}]}}"), ("found a mapping",)),
    "values-many": (cohort("{user.plan: {is: [" + "a, " * 10_001 + "]}}"), ("10,000 values", "10,001")),
    "event-long": (cohort(f"{{did: {'e' * 1025}}}"), ("at who.did", "1,024 characters")),
    "property-of-no-event": (cohort("{did: x, where: {category: {is: [a]}}}"), ("expected 'event.<property>'",)),
    "count-text": (cohort("{did: x, count: often}"), ("at who.count", "comparison and a whole number")),
    "count-fraction": (cohort('{did: x, count: ">= 1.5"}'), ("whole number",)),
    "count-beside-did-not": (cohort('{did_not: x, count: ">= 3"}'), ("does not go with 'did_not'",)),
    "window-unknown": (cohort("{did: x, in: {latest: 30 days}}"), ("'latest'", "did you mean 'last'?")),
    "window-negative": (cohort("{did: x, in: {last: -1 days}}"), ("'-1 days'", "'30 days'")),
    "window-months": (cohort("{did: x, in: {last: 3 months}}"), ("days or weeks",)),
    "window-endless": (cohort("{did: x, in: {last: 999999999 days}}"), ("10,000 days",)),
    "window-number": (cohort("{did: x, in: {last: .nan}}"), ("expected a number of days",)),
    "date-not-there": (cohort("{did: x, in: {since: 2026-02-30}}"), ("2026-02-30",)),
    "date-with-hours": (cohort("{did: x, in: {since: 2026-02-01T10:00:00Z}}"), ("expected a date",)),
    "date-year-1": (cohort("{did: x, in: {since: 0001-01-01}}"), ("1970 to 2999",)),
    "dates-backwards": (cohort("{did: x, in: {between: [2026-02-02, 2026-02-01]}}"), ("not before",)),
    "in-cohort-unknown": (cohort("{in_cohort: buyer}"), ("there is no cohort 'buyer'", "did you mean 'buyers'?")),
    "in-itself": (cohort("{in_cohort: wrong}"), ("part of itself",)),
    "in-a-circle": (
        "cohorts: [{id: a, name: A, kind: behavioural, who: {in_cohort: b}}, {id: b, name: B, kind: behavioural, who: {in_cohort: a}}]",
        ("part of itself", "a in b"),
    ),
    "list-file-missing": ("{id: a, name: A, kind: static, file: none.csv, identifiers: {idfa: DAID}}\n", ("none.csv", "No such file")),
    "list-column-missing": (
        "{id: a, name: A, kind: static, file: devices.csv, identifiers: {gaid: DAID}}\n",
        ("devices.csv", "no column 'gaid'"),
    ),
    "list-people-missing": ("{id: a, name: A, kind: static, file: devices.csv, people: who}\n", ("devices.csv", "no column 'who'")),
    "list-file-folder": ("{id: a, name: A, kind: static, file: home, identifiers: {idfa: DAID}}\n", ("home", "is a folder")),
    "list-type": ("{id: a, name: A, kind: static, file: devices.csv, identifiers: {idfa: IDFA}}\n", ("identifiers.idfa", "'IDFA'", "TDID")),
    "sql-delete": (select("DELETE FROM events"), ("at query", "expected a SELECT, found DELETE")),
    "sql-insert": (select("INSERT INTO events VALUES (1)"), ("found INSERT",)),
    "sql-drop": (select("DROP TABLE events"), ("found DROP",)),
    "sql-two": (select("SELECT 1; DROP TABLE events"), ("found 2 statements",)),
    "sql-copy": (select("COPY (SELECT 1) TO '/tmp/x'"), ("found COPY",)),
    "sql-attach": (select("ATTACH 'x.db'"), ("found ATTACH",)),
    "sql-pragma": (select("PRAGMA version"), ("found PRAGMA",)),
    "sql-set": (select("SET threads = 1"), ("found SET",)),
    "sql-install": (select("INSTALL httpfs"), ("expected a SELECT",)),
    "sql-with-delete": (select("WITH x AS (DELETE FROM events RETURNING 1) SELECT * FROM x"), ("at query",)),
    "sql-into": (select("SELECT * INTO x FROM events"), ("at query",)),
    "sql-passwd": (select("SELECT * FROM read_csv('/etc/passwd')"), ("at query", "reads")),
    "sql-file-as-table": (select("SELECT * FROM '/etc/passwd'"), ("it may read events",)),
    "sql-read-text": (select("SELECT * FROM read_text('/etc/passwd')"), ("at query",)),
    "sql-pg-read-file": (select("SELECT pg_read_file('/etc/passwd')", "source: PG\n"), ("pg_read_file is not allowed",)),
    "sql-getenv": (select("SELECT getenv('TTD_SECRET') AS person FROM events"), ("getenv is not allowed",)),
    "sql-table-unknown": (select("SELECT person FROM event"), ("'event'", "it may read events")),
    "sql-catalog": (select("SELECT * FROM information_schema.tables"), ("it may read events",)),
    "sql-no-sentence": (select("SELECT FROM WHERE"), ("at query",)),
    "sql-open-quote": (select("SELECT 'a FROM events"), ("never closed",)),
    "sql-empty": (select(" "), ("at query", "expected a text")),
    "sql-parameter": (select("SELECT person FROM events WHERE user_id = ?"), ("parameter",)),
    "sql-url-in-text": (select("SELECT 1", "source: postgresql://me:hunter2-hunter2@db/x\n"), ("at source", "never the URL itself")),
    "sql-table-name": (select("SELECT 1", "files: {a-b: devices.csv}\n"), ("'a-b' cannot name a table",)),
    "sync-cohort-unknown": (
        a_sync(", cohort: x").replace("cohort: buyers, ", "").replace("cohort: x", "cohort: buyer"),
        ("at syncs[0].cohort", "did you mean 'buyers'?"),
    ),
    "sync-connection-unknown": (a_sync("").replace("main", "mian"), ("at syncs[0].connection", "did you mean 'main'?")),
    "sync-cadence": (a_sync("").replace("daily", "weekly"), ("at syncs[0].cadence", "'weekly'", "hourly")),
    "sync-ttl-zero": (a_sync(", ttl_days: 0"), ("at syncs[0].ttl_days", "1 to 180")),
    "sync-ttl-negative": (a_sync(", ttl_days: -1"), ("1 to 180",)),
    "sync-ttl-long": (a_sync(", ttl_days: 181"), ("1 to 180",)),
    "sync-ttl-fraction": (a_sync(", ttl_days: 1.5"), ("expected a whole number",)),
    "sync-ttl-text": (a_sync(', ttl_days: "30"'), ("expected a whole number",)),
    "sync-ttl-switch": (a_sync(", ttl_days: true"), ("expected a whole number",)),
    "sync-segment-quoted": (a_sync(', segment: "it\'s"'), ("segment name", "take out")),
    "sync-segment-long": (a_sync(f", segment: {'x' * 129}"), ("1 to 128",)),
    "sync-segment-taken": (a_sync(', id: new, segment: "[Tradewind] Devices: devices"'), ("owned by sync 'devices'",)),
    "sync-segment-twice": (a_sync(", id: one, segment: x") + a_sync(", id: two, segment: X").removeprefix("syncs:\n"), ("only by case",)),
    "sync-cohort-changed": (
        "syncs: [{id: devices, cohort: buyers, connection: main, cadence: daily}]\n",
        ("the cohort of sync 'devices'", "never changes"),
    ),
    "sync-ttl-too-short": (a_sync(", ttl_days: 1"), (":2:", "TTL of 1 day is too short", "runs daily", "2 days or more")),
    "sync-refresh-unknown": (a_sync(", refresh: never"), ("at syncs[0].refresh", "every_sync, before_expiry")),
    "sync-unknown-field": (a_sync(", ttl: 30"), ("'ttl'", "ttl_days")),
    "connection-region": (a_connection("region=mars"), ("'mars'", "us-east")),
    "connection-advertiser": (a_connection("advertiser=a-1"), ("letters and digits",)),
    "connection-auth": (a_connection("auth=basic"), ("'basic'", "signature")),
    "connection-url": (a_connection("url=http://x"), ("'url' is not known",)),
    "connection-map-empty": (a_connection("", "[]"), ("at least one mapping",)),
    "connection-map-source": (a_connection("", "[{from: idfa, to: DAID}]"), ("column.<name>", "'idfa'")),
    "connection-map-type": (a_connection("", "[{from: device_id, to: RampID}]"), ("'RampID'", "TDID, DAID, UID2")),
    "connection-secret-text": (a_connection("secret=hunter2-hunter2"), ("never written here",)),
    "connection-secret-env": (a_connection("secret={env: NOPE}"), ("NOPE is not set",)),
    "connection-secret-file": (a_connection("secret={file: none.txt}"), ("none.txt", "No such file")),
    "connection-secret-both": (a_connection("secret={file: a, env: B}"), ("expected one of env and file",)),
    "connection-secret-in-env-name": (a_connection("secret={env: hunter2-hunter2}"), ("name of an environment variable",)),
    "connection-name-long": (a_connection(f"name={'n' * 300}"), ("255",)),
    "connection-to-real": (a_connection("id=main|advertiser=ready1"), ("add another connection",)),
    "destination-unknown": (a_connection("destination=thetradesk"), ("'thetradesk'", "thetradedesk")),
}
ONLY_APPLY = ("sync-", "connection-", "destination-", "list-file", "list-column", "list-people")
"""What `cohorts check` leaves to `apply`: it looks at cohorts, and at no file but the definition's."""
