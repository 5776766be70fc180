"""Anything but one reading SELECT is refused by its parse tree."""

from __future__ import annotations

import pytest

from tradewind.cohorts.select import check_select
from tradewind.errors import DefinitionError


@pytest.mark.parametrize(
    "query",
    [
        "SELECT user_id FROM events WHERE event_type = 'Buy'",
        "SELECT user_id FROM events UNION SELECT id FROM crm;",
        "WITH rich AS (SELECT * FROM crm WHERE spent > 10) SELECT id FROM rich JOIN events ON id = user_id",
        "(SELECT 1)",
        "FROM events",
        "SELECT x FROM events, unnest([1, 2]) AS t(x)",
        "SELECT strftime(time, '%Y'), count(*), list_aggregate([1], 'sum'), getvariable('as_of') FROM events GROUP BY 1",
        "SELECT 'read_csv, DROP TABLE; --' AS said FROM CRM",
        'SELECT "drop" FROM events',
    ],
)
def test_a_select_over_events_and_files_is_read(query: str) -> None:
    check_select(query, files=["crm"])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "found 0 statements"),
        ("-- nothing", "found 0 statements"),
        ("SELECT 1; SELECT 2", "found 2 statements"),
        ("SELECT 1; DROP TABLE events", "found 2 statements"),
        ("DROP TABLE events", "found DROP"),
        ("INSERT INTO events SELECT 1", "found INSERT"),
        ("UPDATE events SET a = 1", "found UPDATE"),
        ("DELETE FROM events", "found DELETE"),
        ("CREATE TABLE x AS SELECT 1", "found CREATE"),
        ("COPY events TO 'x'", "found COPY"),
        ("COPY (SELECT 1) TO 'x'", "found COPY"),
        ("PRAGMA database_list", "found PRAGMA"),
        ("SET memory_limit = '1TB'", "found SET"),
        ("ATTACH 'x.db'", "found ATTACH"),
        ("INSTALL httpfs", "found"),
        ("EXPORT DATABASE 'x'", "cannot be read"),
        ("EXPLAIN ANALYZE SELECT 1", "found"),
        ("SHOW TABLES", "found SHOW"),
        ("CALL pragma_version()", "found"),
        ("SELECT * FROM read_csv('/etc/passwd')", "reads a file"),
        ("SELECT * FROM read_parquet('x')", "reads a file"),
        ("SELECT * FROM parquet_scan('x')", "parquet_scan"),
        ("SELECT * FROM read_text('/etc/passwd')", "read_text"),
        ("SELECT * FROM READ_BLOB('/etc/passwd')", "read_blob"),
        ("SELECT * FROM glob('/*')", "glob"),
        ("SELECT * FROM '/etc/passwd'", "reads '\"/etc/passwd\"'"),
        ('SELECT * FROM "x.csv"', "it may read crm, events"),
        ('SELECT * FROM "x.csv", (WITH "x.csv" AS (SELECT 1) SELECT * FROM "x.csv")', "cannot name a WITH table"),
        ("SELECT getenv('HOME')", "function getenv is not allowed"),
        ("SELECT * FROM query('SELECT 1')", "query"),
        ("SELECT * FROM query_table('events')", "query_table"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings"),
        ("SELECT * FROM sniff_csv('x')", "sniff_csv"),
        ("SELECT current_setting('memory_limit')", "current_setting"),
        ("SELECT * FROM other.events", "reads 'other.events'"),
        ("SELECT * FROM secrets", "reads 'secrets'; it may read crm, events"),
        ("SELECT (SELECT count(*) FROM secrets) FROM events", "reads 'secrets'"),
        ("SELECT * FROM events WHERE a = $1", "holds a parameter"),
        ("SELECT * FROM events WHERE a = ?", "holds a parameter"),
        ("SELECT 'a", "cannot be read"),
        ("SELECT FROM WHERE", "cannot be read"),
        ("SELECT \0", "without NUL"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "nested too deeply"),
        ("SELECT '" + "x" * 100_001 + "'", "at most 100,000 characters"),
    ],
)
def test_anything_else_is_refused(query: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_select(query, files=["crm"])
    assert sentence.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("query", ["SELECT id FROM crm.people", "SELECT x FROM people, jsonb_array_elements(tags) AS x", "SELECT now()"])
def test_a_select_in_postgresql_may_read_its_tables(query: str) -> None:
    check_select(query, postgres=True)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone", "changes rows"),
        ("WITH new AS (INSERT INTO people VALUES (1) RETURNING *) SELECT * FROM new", "changes"),
        ("SELECT * INTO copied FROM people", "INTO"),
        ("SELECT * FROM people FOR UPDATE", "locks rows"),
        ("SELECT * FROM people FOR SHARE", "locks rows"),
        ("SELECT pg_read_file('/etc/passwd')", "pg_read_file"),
        ("SELECT pg_catalog.pg_sleep(10)", "pg_sleep"),
        ('SELECT "pg_sleep"(10)', "pg_sleep"),
        ("SELECT PG_TERMINATE_BACKEND(1)", "pg_terminate_backend"),
        ("SELECT lo_export(1, 'x')", "lo_export"),
        ("SELECT * FROM dblink('x', 'y') AS t(a int)", "dblink"),
        ("SELECT nextval('s')", "nextval"),
        ("SELECT set_config('a', 'b', true)", "set_config"),
        ("SELECT query_to_xml('DELETE FROM people', true, true, '')", "query_to_xml"),
        ("COPY people TO PROGRAM 'sh'", "found COPY"),
        ("DO $$ BEGIN END $$", "found"),
        ("VACUUM", "found"),
    ],
)
def test_a_select_in_postgresql_may_not_do_more(query: str, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_select(query, postgres=True)
    assert sentence.lower() in str(caught.value).lower()
