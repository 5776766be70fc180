"""Cohorts of kind `sql`: over events, files and a real PostgreSQL; what they may not do, and how they fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from postgres_process import PASSWORD, Server, postgres
from tradewind.clock import SystemClock
from tradewind.database import Database, metadata
from tradewind.demo import shop
from tradewind.errors import ConfigurationError, DefinitionError, EngineError, TradewindError
from tradewind.events.importing import import_events
from tradewind.events.store import EventStore
from tradewind.model.cohort import Select
from tradewind.model.identifier import IdType, Mapping
from tradewind.model.snapshot import Wanted
from tradewind.sources.select import EventTable, SelectSource, event_table

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
DEVICES = (Mapping("column.idfa", IdType.DAID),)
PLACE = "CRM_URL"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        running.run(
            "CREATE TABLE people (user_id text, idfa uuid, age int, seen timestamptz);"
            "INSERT INTO people SELECT 'u' || n, md5(n::text)::uuid, n % 90, '2026-06-01Z' FROM generate_series(1, 100000) n;"
            "GRANT SELECT, INSERT, DELETE ON people TO reader; CREATE SEQUENCE tickets; GRANT ALL ON tickets TO reader;"
            "CREATE TABLE hidden (id text)"
        )
        yield running


def source(base: Path, url: str = "", events: EventTable | None = None, seconds: int = 60) -> SelectSource:
    return SelectSource(base, {PLACE: url} if url else {}, events, seconds)


def events_of(folder: Path) -> EventTable:
    """Four events in the shape of the event store: the last of them is of the instant itself."""
    (folder / "events").mkdir()
    duckdb.connect().execute(
        "COPY (SELECT 'u' || n AS user_id, 'd' || n AS device_id, 'commit' AS event_type, "
        "TIMESTAMP '2026-06-28' + INTERVAL (n) DAY AS time, "
        "'{}' AS event_properties, '{}' AS user_properties, 'user:u' || n AS person FROM range(4) r(n)) "
        f"TO '{folder}/events/a.parquet' (FORMAT parquet)"
    )
    return EventTable(f"SELECT * FROM read_parquet('{folder}/events/a.parquet')", folder / "events")


def test_people_are_selected_from_events_before_the_instant(tmp_path: Path) -> None:
    query = "SELECT user_id, getvariable('as_of') AS at FROM events -- all of them"
    snapshot = source(tmp_path, events=events_of(tmp_path)).evaluate(
        Select(query, people="user_id"), [Wanted("user_id", False), Wanted("column.at", False)], AS_OF, tmp_path / "m.parquet"
    )
    assert (snapshot.members, snapshot.as_of) == (3, AS_OF)
    assert {row["column.at"] for row in pq.read_table(snapshot.path).to_pylist()} == {"2026-07-01 00:00:00"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events", "m.parquet"]


def test_the_table_of_events_knows_whose_each_event_is(tmp_path: Path) -> None:
    """The shop's own bookkeeping says who the people are, those known only by a device among them."""
    day = date(2026, 6, 30)
    shop.make(tmp_path / "shop", people=300, days=30, seed=3, as_of=day)
    expected = set(shop.people_before(shop.Shop(3, 300, shop._midnight(day - timedelta(days=30)), 30 + shop.LATER_DAYS + 1).events, day))
    store = EventStore(Database.at(tmp_path), tmp_path)
    metadata.create_all(store.database.engine)
    import_events(store, "default", [tmp_path / "shop" / "events"], on_progress=lambda *_: None, clock=SystemClock())
    as_of = datetime(2026, 6, 30, 4, tzinfo=UTC)
    for files, people in ((store.files("default", as_of), expected), ((), set())):
        events = event_table(files, tmp_path / "events" / "default", as_of)
        query = "SELECT person, json_extract_string(user_properties, 'plan') AS plan FROM events"
        snapshot = source(tmp_path, events=events).evaluate(
            Select(query, people="person"), [Wanted("user.plan", False)], as_of, tmp_path / "m"
        )
        assert {row["person"] for row in pq.read_table(snapshot.path).to_pylist()} == people
        assert any(name.startswith("device:") for name in people) == bool(people)
    store.database.close()


def test_files_are_tables_of_text(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text("user,idfa,spent\nann,a,5\nbob,b,50\nbob,c,70\n,d,99\n")
    duckdb.connect().execute(f"COPY (SELECT 'bob' AS user, 1 AS vip) TO '{tmp_path}/vip.parquet' (FORMAT parquet)")
    query = "SELECT c.user AS who, idfa FROM crm c LEFT JOIN vip USING (user) WHERE CAST(spent AS INT) >= 50;"
    definition = Select(query, files=(("crm", "crm.csv"), ("vip", "vip.parquet")), identifiers=DEVICES, people="who")
    snapshot = source(tmp_path).evaluate(definition, [Wanted("column.idfa", True)], AS_OF, tmp_path / "m.parquet")
    assert (snapshot.members, snapshot.nameless) == (1, 1)
    assert pq.read_table(snapshot.path).to_pylist()[0]["column.idfa"] == ["b", "c"]


def test_a_star_means_the_columns_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("idfa,plan\n007,pro\n1e5,free\n")
    definition = Select("SELECT * FROM people", files=(("people", "people.csv"),), identifiers=DEVICES)
    snapshot = source(tmp_path).evaluate(definition, [Wanted("column.plan", False)], AS_OF, tmp_path / "m.parquet")
    assert set(pq.read_table(snapshot.path)["column.plan"].to_pylist()) == {"free", "pro"}


def test_postgres_rows_arrive_as_text_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    query = "SELECT idfa, age, seen FROM people WHERE age < 45"
    snapshot = source(tmp_path, server.url()).evaluate(
        Select(query, PLACE, identifiers=DEVICES),
        [Wanted("column.idfa", False), Wanted("column.age", False)],
        AS_OF,
        tmp_path / "m.parquet",
    )
    found = pq.read_table(snapshot.path, columns=["member", "column.idfa", "column.age"]).to_pylist()
    expected = {str(_uuid(n)): str(n % 90) for n in range(1, 100_001) if n % 90 < 45}
    assert {row["column.idfa"]: row["column.age"] for row in found} == expected
    assert snapshot.members == len(found) == len(expected)
    assert found[0]["member"] == md5(f"row:{found[0]['column.idfa']}".encode()).digest()[::-1]
    assert [path.name for path in tmp_path.iterdir()] == ["m.parquet"]


def _uuid(number: int) -> str:
    text = md5(str(number).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@pytest.mark.parametrize(
    ("query", "kind", "sentence"),
    [
        ("DELETE FROM people", DefinitionError, "does not accept the SELECT"),
        ("SELECT 1; DELETE FROM people", DefinitionError, "does not accept the SELECT"),
        ("SELECT 1) AS x; DELETE FROM people; SELECT * FROM (SELECT 1", DefinitionError, "does not accept the SELECT"),
        ("WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone", DefinitionError, "may only read"),
        ("SELECT nextval('tickets') AS idfa", EngineError, "may only read"),
        ("SELECT set_config('transaction_read_only', 'off', true) AS idfa", EngineError, "could not be finished"),
        ("SELECT * FROM nope", DefinitionError, 'relation "nope" does not exist'),
        ("SELECT nope FROM people", DefinitionError, 'column "nope" does not exist'),
        ("SELECT 1 AS a, 2 AS a", DefinitionError, "'a' stands twice"),
        ("SELECT * FROM hidden", ConfigurationError, "permission denied for table hidden"),
        ("SELECT user_id::int AS idfa FROM people", EngineError, "a value could not be converted"),
        ("SELECT 1 / (age - 1) AS idfa FROM people", EngineError, "divides by zero"),
        ("SELECT pg_sleep(30)::text AS idfa", EngineError, "took longer than allowed"),
        ("SELECT user_id FROM people", DefinitionError, "answers no column 'idfa'; it answers user_id"),
    ],
)
def test_postgres_only_reads_and_fails_in_one_sentence(
    server: Server, tmp_path: Path, query: str, kind: type[TradewindError], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        source(tmp_path, server.url(), seconds=1).evaluate(Select(query, PLACE, identifiers=DEVICES), [], AS_OF, tmp_path / "m.parquet")
    assert sentence in str(caught.value)
    assert "u1" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    answer = source(tmp_path, server.url()).evaluate(
        Select("SELECT count(*) AS n FROM people", PLACE), [Wanted("column.n", False)], AS_OF, tmp_path / "n"
    )
    assert pq.read_table(answer.path).column("column.n").to_pylist() == ["100000"]


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        ("", ConfigurationError, f"environment variable {PLACE} is not set"),
        ("{wrong}", ConfigurationError, "refuses the sign-in"),
        ("{right}".replace("right", "nodb"), ConfigurationError, "no such database"),
        (f"postgresql://u:{PASSWORD}@127.0.0.1:1/x", EngineError, "127.0.0.1:1 does not answer"),
        (f"mysql://u:{PASSWORD}@127.0.0.1/x", ConfigurationError, "expected postgresql://"),
        (f"postgresql://u:{PASSWORD}@127.0.0.1:port/x", ConfigurationError, "expected postgresql://"),
        (f"postgresql://u:%zz{PASSWORD}@127.0.0.1/x", ConfigurationError, "not a URL that PostgreSQL understands"),
        (f"postgresql://u@127.0.0.1/x?unknown={PASSWORD}", ConfigurationError, "not a URL that PostgreSQL understands"),
        (f"just {PASSWORD}", ConfigurationError, "expected postgresql://"),
    ],
)
def test_a_url_that_does_not_lead_there_is_told_without_its_password(
    server: Server, tmp_path: Path, url: str, kind: type[TradewindError], sentence: str
) -> None:
    url = url.format(wrong=server.url(password="guess"), nodb=server.url().replace("/postgres", "/gone"))
    with pytest.raises(kind) as caught:
        source(tmp_path, url).evaluate(Select("SELECT 1 AS idfa", PLACE), [], AS_OF, tmp_path / "m.parquet")
    assert sentence in str(caught.value)
    assert PASSWORD not in f"{caught.value!r}"
    assert "guess" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "kind", "sentence"),
    [
        ("SELECT * FROM nope", DefinitionError, "Table with name nope does not exist"),
        ("SELECT nope FROM crm", DefinitionError, '"nope" not found'),
        ("SELEC 1", DefinitionError, "cannot be understood"),
        ("DROP TABLE crm", DefinitionError, "expected one SELECT"),
        ("SELECT 1; DROP TABLE crm", DefinitionError, "expected one SELECT"),
        ("COPY crm TO '{base}/stolen.csv'", DefinitionError, "expected one SELECT"),
        ("SELECT * FROM read_text('/etc/hostname')", DefinitionError, "not declared"),
        ("SELECT * FROM '{base}/secret.csv'", DefinitionError, "not declared"),
        ("SELECT * FROM glob('{base}/*')", DefinitionError, "not declared"),
        ("SELECT * FROM PASSWORD", DefinitionError, "does not exist"),
        ("SELECT 1 AS a, 2 AS a", DefinitionError, "'a' stands twice"),
        ("SELECT CAST(idfa AS INT) AS n FROM crm", EngineError, "a value could not be converted"),
        ("SELECT user FROM crm", DefinitionError, "answers no column 'idfa'"),
    ],
)
def test_duckdb_is_closed_in_and_fails_in_one_sentence(tmp_path: Path, query: str, kind: type[TradewindError], sentence: str) -> None:
    for name in ("crm.csv", "secret.csv"):
        (tmp_path / name).write_text("user,idfa\nann,canary\n")
    definition = Select(query.format(base=tmp_path), files=(("crm", "crm.csv"),), identifiers=DEVICES)
    with pytest.raises(kind) as caught:
        source(tmp_path).evaluate(definition, [], AS_OF, tmp_path / "m.parquet")
    assert sentence in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crm.csv", "secret.csv"]


def test_a_malformed_row_of_a_declared_file_stops_the_select(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text("user,idfa\nann\n")
    with pytest.raises(DefinitionError, match=r"crm\.csv:2: 1 rows are malformed"):
        source(tmp_path).evaluate(Select("SELECT * FROM crm", files=(("crm", "crm.csv"),)), [], AS_OF, tmp_path / "m.parquet")
