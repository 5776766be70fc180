"""Two hundred strings that would be SQL, patterns or templates if anybody took them for such change nothing, on any engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, product
from pathlib import Path
from urllib.parse import quote, unquote

import httpx2
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from postgres_process import Server, postgres
from postgres_tables import told_tables
from site_of import Site
from tradewind.compute import Bounds
from tradewind.database import metadata
from tradewind.engines.base import Engine
from tradewind.engines.duckdb import DuckDBEngine
from tradewind.engines.duckdb_preview import DuckDBPreviews
from tradewind.engines.memory import Event, MemoryEngine
from tradewind.engines.preview import Asked, Turn
from tradewind.engines.server import ServerEngine
from tradewind.errors import EngineError
from tradewind.model.cohort import (
    AnyOf,
    Behaviour,
    Cohort,
    CohortKind,
    Comparison,
    Count,
    Did,
    EventFilter,
    InSequence,
    Measure,
    MoreOften,
    Operator,
    Rule,
    Sample,
    Step,
    Told,
    UserProperty,
)
from tradewind.model.project import Project, ProjectPlan
from tradewind.testing.told import told_store
from tradewind.web.application import routes_of

AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)
PROJECT = Project("default", "Default", ProjectPlan.PAID, "UTC", ())

_DEEDS = (
    "DROP TABLE events",
    "DROP TABLE canary",
    "DELETE FROM canary",
    "INSERT INTO canary VALUES (1)",
    "COPY canary TO '/tmp/stolen'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/stolen'",
    "ATTACH '/tmp/stolen.db'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "INSTALL httpfs",
    "SELECT pg_sleep(60)",
)
_WAYS_OUT = (
    "'; {} --",
    '"; {}; --',
    "''); {} /*",
    "\\'; {} --",
    "$$; {}; $$",
    "\u2019; {} --",
    "{{{{ {} }}}}",
    "*/ {} ;",
    "' OR ({}) IS NULL OR '",
    "`{}`",
)
_ALONE = (
    *(
        "'",
        "''",
        '"',
        '""',
        "\\",
        "\\\\",
        "\\'",
        ";",
        "--",
        "/*",
        "*/",
        "#",
        "$$",
        "$tag$",
        "$1",
        "?",
        ":name",
        "%",
        "%%",
        "%s",
        "%(x)s",
        "_",
        "{}",
    ),
    *(
        "{0}",
        "{{}}",
        "{{7*7}}",
        "${x}",
        "$(id)",
        "`id`",
        "<%= 1 %>",
        "[",
        "]",
        "[a",
        "[!",
        "[z-a]",
        "(",
        ")",
        "(?s:.*)",
        "(a+)+$",
        ".*",
        "^",
        "$",
    ),
    *(
        "*",
        "**",
        "?",
        "**/",
        "|",
        "||",
        "&&",
        "\\d",
        "\\1",
        "\\x27",
        "\\u0027",
        "%27",
        "&#39;",
        "\u2018",
        "\u2019",
        "\u02bc",
        "\uff07",
        "\u201c",
    ),
    *(
        "\u201d",
        "\uff02",
        "\uff1b",
        "\x01",
        "\x07",
        "\x1b[31m",
        "\x7f",
        "\t",
        "\n",
        "\r\n",
        "\u2028",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\ufffd",
        "\\0",
    ),
    *(
        "\\u0000",
        "%00",
        "x\\0y",
        "NULL",
        "null",
        "true",
        "(none)",
        "events",
        "who",
        "person",
        "time",
        "e:p",
        "u:p",
        "*, 1",
        "1=1",
        "' OR '1'='1",
    ),
    *(
        "' UNION SELECT 1 --",
        "x' AND 1=0",
        "E'\\x27'",
        "U&'\\0027'",
        "$.p",
        "$[*]",
        '$."p"',
        "a.b",
        "a/b",
        "~0~1",
        '"}',
        '{"a":1}',
        '["a"]',
        "1e999999",
    ),
)
STRINGS = tuple(dict.fromkeys([*_ALONE, *(way.format(deed) for way, deed in product(_WAYS_OUT, _DEEDS))]))

Place = Callable[[str], Rule]
PLACES: dict[str, Place] = {
    "event": Did,
    "two steps": lambda text: InSequence((Step(text), Step("after"))),
    "then": lambda text: InSequence((Step("Said", (EventFilter("p", Operator.IS, (text,)),)), Step("after"))),
    "more often": lambda text: MoreOften(Step(text), Step(f"{text} ")),
    "value": lambda text: Did("Said", (EventFilter("p", Operator.IS, (text,)),)),
    "within": lambda text: Did("Said", (EventFilter("p", Operator.CONTAINS, (text,)),)),
    "beginning": lambda text: Did("Said", (EventFilter("p", Operator.STARTS_WITH, (text,)),)),
    "order": lambda text: Did("Said", (EventFilter("p", Operator.GREATER, (text,)),)),
    "set": lambda text: Did("Said", (EventFilter("p", Operator.SET_CONTAINS, (text,)),)),
    "pattern": lambda text: Did("Said", (EventFilter("p", Operator.GLOB_MATCH, (text,)),)),
    "user": lambda text: UserProperty("p", Operator.IS, (text,)),
    "user once": lambda text: UserProperty("p", Operator.IS, (text,), Told.EVER),
    "salt": lambda text: Sample(Decimal("0.5"), text),
}
NAMED: dict[str, Place] = {
    "property": lambda text: Did("Named", (EventFilter(text, Operator.IS, ("here",)),)),
    "sum": lambda text: Did("Named", count=Count(Comparison.EQUAL, Decimal(7)), measure=Measure.SUM, property=text),
    "different": lambda text: Did("Named", count=Count(Comparison.AT_LEAST, 1), measure=Measure.DISTINCT, property=text),
    "user property": lambda text: UserProperty(text, Operator.IS, ("here",)),
}
"""Where a string is the name of a property; names that differ only in capital letters are refused in one rule."""


def events() -> list[Event]:
    """Somebody does each string, somebody says it, and somebody has a property of that name."""
    found = []
    for number, text in enumerate(STRINGS):
        at = AS_OF - timedelta(days=2, minutes=number)
        found += [
            Event(text, at, f"does-{number}", event_properties={"p": text}, user_properties={"p": text}),
            Event("Said", at, f"says-{number}", event_properties={"p": text}, user_properties={"p": text}),
            Event("after", at + timedelta(hours=1), f"{('does', 'says')[number % 2]}-{number}"),
            Event("Named", at, f"has-{number}", event_properties={text: ("here", 7)[number % 2]}, user_properties={text: "here"}),
        ]
    return found


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return events()


@pytest.fixture(scope="module")
def expected(told: list[Event], tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The members of each rule in plain Python; a rule of nobody would prove nothing."""
    reference, out = MemoryEngine({"default": told}), tmp_path_factory.mktemp("expected") / "members.parquet"
    members = {name: found(reference, rule, out) for name, rule in rules()}
    assert all(members.values())
    return members


def found(engine: Engine, rule: Rule, out: Path) -> set[str]:
    """The members of a rule."""
    cohort = Cohort("default", "c", "C", CohortKind.BEHAVIOURAL, Behaviour(rule))
    engine.evaluate(PROJECT, cohort, AS_OF, (), {}, out)
    return {str(person) for person in pq.read_table(out).column("person").to_pylist()}


def rules() -> Iterator[tuple[str, Rule]]:
    """One rule a place; each string is in two of the places."""
    places = list((PLACES | NAMED).items())
    for number, (name, place) in enumerate(places):
        mine = [text for at, text in enumerate(STRINGS) if (number - at) % len(places) in (0, 7)]
        if name in NAMED:
            mine = list({text.lower(): text for text in mine}.values())
        yield name, AnyOf(tuple(map(place, mine)))


def test_there_are_two_hundred() -> None:
    assert len(STRINGS) >= 200
    assert not any("\0" in text for text in STRINGS)


def test_duckdb_takes_them_for_what_they_are(told: list[Event], expected: dict[str, set[str]], tmp_path: Path) -> None:
    with told_store("default", told, tmp_path / "home") as store:
        before = {path.name for path in tmp_path.rglob("*")}
        engine, previews = DuckDBEngine(store, Bounds()), DuckDBPreviews(store, Bounds())
        for name, rule in rules():
            assert found(engine, rule, tmp_path / "found.parquet") == expected[name], name
            assert set(previews.sample(Asked(PROJECT, rule, AS_OF, {}), 10_000, Turn())) == expected[name], name
        previews.close()
        assert {path.name for path in tmp_path.rglob("*")} - before == {"found.parquet"}
    assert not list(Path("/tmp").glob("stolen*"))


def test_postgresql_takes_them_for_what_they_are(told: list[Event], expected: dict[str, set[str]], tmp_path: Path) -> None:
    with postgres() as server:
        server.run("CREATE TABLE canary (n int); INSERT INTO canary VALUES (7)")
        engine = ServerEngine(told_tables(server, told), Bounds())
        tables = counted(server)
        for name, rule in rules():
            assert found(engine, rule, tmp_path / "found.parquet") == expected[name], name
        assert counted(server) == tables
    assert not list(Path("/tmp").glob("stolen*"))


def test_no_word_of_a_failed_question_is_told(told: list[Event], tmp_path: Path) -> None:
    """The server's own words name the value that it failed at, and would name the statement."""
    with postgres() as server:
        served = told_tables(server, told)
        views = tuple(f"{rows.table}_wrong" for rows in served.rows)
        for rows, view in zip(served.rows, views, strict=True):
            server.run(f"""CREATE VIEW {view} AS SELECT user_id, device_id, happened, event_properties, user_properties,
                ((event_properties ->> 'p')::int)::text AS event_type FROM {rows.table}; GRANT SELECT ON {view} TO reader""")
        wrong = replace(served, rows=tuple(replace(rows, table=view) for rows, view in zip(served.rows, views, strict=True)))
        engine, told_of = ServerEngine(wrong, Bounds()), set()
        for _, rule in rules():
            with pytest.raises(EngineError) as failed:
                found(engine, rule, tmp_path / "found.parquet")
            told_of.add(str(failed.value))
    assert told_of <= {f"PostgreSQL gave up on the question (SQLSTATE {state})" for state in ("22P02", "unknown")}


WORDS_OF_STORES = re.compile(
    r"sqlite|duckdb|postgres|sqlalchemy|psycopg|SQLSTATE|syntax error|parser error|binder|near \"|no such (table|column)|unrecognized token"
    r"|OperationalError|Traceback",
    re.IGNORECASE,
)
"""What an error of a store says, which nobody is told."""


def test_the_api_takes_them_for_what_they_are_wherever_a_text_goes(tmp_path: Path) -> None:
    """As a cohort's name and rule, which come back as they went; and in each place and question of every route, by turns."""
    site = Site(tmp_path)
    site.user("root", administrator=True)
    root = site.signed_in("root")
    routes = cycle(route for route in routes_of(site.app) if not route.path.endswith(("/session", "/samples")))
    said = []
    for number, text in enumerate(STRINGS):
        if number % 2:
            said.append(turned(root, next(routes), text))
            continue
        cohort, who = f"/api/v1/projects/default/cohorts/c{number}", {"did": text, "where": {f"event.{text}": {"is": [text]}}}
        saved = root.put(cohort, json={"name": text, "kind": "behavioural", "definition": {"who": who}})
        if saved.status_code == 200:
            kept = root.get(cohort).json()
            assert (kept["name"], kept["definition"]["who"]["did"]) == (text.strip(), text), text
        said.append(saved)
    assert max(answer.status_code for answer in said) < 500
    assert sum(answer.status_code == 200 for answer in said[::2]) > 75
    assert root.get("/api/v1/projects/default/cohorts").status_code == 200
    for answer in said:
        told = f"{unquote(str(answer.request.url))} {answer.request.content.decode()}".lower()
        words = {found[0].lower() for found in WORDS_OF_STORES.finditer(answer.text)} if answer.status_code >= 400 else set()
        assert not [word for word in words if word not in told], (told, answer.text)
    with site.town.database.transaction() as db:
        assert db.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
        assert db.execute(sa.select(sa.func.count()).select_from(metadata.tables["cohort"])).scalar_one() > 75
    site.close()


def turned(root: TestClient, route: APIRoute, text: str) -> httpx2.Response:
    """A request whose every place and question is a text; of a body each field."""
    places = {name: "default" if name == "project" else quote(text, safe="") or "x" for name in route.param_convertors}
    fields = [name for body in route.dependant.body_params for name in getattr(body.field_info.annotation, "model_fields", ())]
    method = next(iter(route.methods or ()))
    body = dict.fromkeys(fields, text) if fields else None
    return root.request(
        method, route.path_format.format(**places), json=body, params={each.alias: text for each in route.dependant.query_params}
    )


def counted(server: Server) -> list[tuple[object, ...]]:
    """The tables of the server, and what is in the one that nobody may touch."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(server.admin) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text, relnatts::int FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        names = cursor.fetchall()
        cursor.execute("SELECT n FROM canary")
        return [*names, *cursor.fetchall()]
