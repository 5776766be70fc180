"""The conformance suite of engines: whatever computes them, files of members hold to these laws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.engines.base import Engine
from tradewind.engines.memory import Event
from tradewind.errors import Bug, ConfigurationError, EngineError
from tradewind.model.cohort import AnyOf, Behaviour, Cohort, CohortKind, Did, EventFilter, InCohort, Last, Not, Operator, Rule, StaticList
from tradewind.model.project import Project, ProjectPlan
from tradewind.model.snapshot import Snapshot, Wanted

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
PROJECT = Project("default", "Default", ProjectPlan.PAID, "UTC", ())

EngineOf = Callable[[Iterable[Event]], Engine]
"""Gives an engine that knows exactly these events, all of the project `default`."""


def happened(hours_ago: float, user: str | None = None, device: str | None = None, event: str = "Buy", **properties: Any) -> Event:
    """An event that states no user property."""
    return Event(event, NOON - timedelta(hours=hours_ago), user, device, properties, {}, whole=False)


def said(hours_ago: float, user: str | None = None, device: str | None = None, **properties: Any) -> Event:
    """An event that states user properties."""
    return Event("said", NOON - timedelta(hours=hours_ago), user, device, {}, properties, whole=False)


def cohort_of(rule: Rule, cohort: str = "c") -> Cohort:
    """A behavioural cohort."""
    return Cohort("default", cohort, cohort, CohortKind.BEHAVIOURAL, Behaviour(rule))


def a_list(path: Path, *persons: str) -> Path:
    """A member file as a list leaves it, with a column of its own."""
    members = [hashlib.md5(person.encode(), usedforsecurity=False).digest()[::-1] for person in persons]
    columns = {"member": pa.array(members, pa.binary()), "person": pa.array(persons, pa.string())}
    pq.write_table(pa.table({**columns, "column.note": pa.array([person[-1] for person in persons])}), path)
    return path


EVERYBODY = Not(Did("nothing of the kind"))


class EngineSuite:
    """Subclass it with a fixture `engine_of` (an `EngineOf`)."""

    @pytest.fixture
    def members(self, engine_of: EngineOf, tmp_path: Path) -> Callable[..., tuple[Snapshot, dict[str, dict[str, Any]]]]:
        """Evaluates a rule and gives the snapshot and its rows by person."""

        def evaluate(events: Sequence[Event], wanted: Sequence[Wanted] = (), rule: Rule = EVERYBODY) -> tuple[Snapshot, dict[str, Any]]:
            out = tmp_path / "runs" / "members.parquet"
            snapshot = engine_of(events).evaluate(PROJECT, cohort_of(rule), NOON, wanted, {}, out)
            return snapshot, {row["person"]: row for row in pq.read_table(snapshot.path).to_pylist()}

        return evaluate

    def test_a_member_is_the_hash_of_the_person(self, engine_of: EngineOf, tmp_path: Path) -> None:
        """Sixteen bytes for each person, each once; nothing else lies in the folder."""
        out = tmp_path / "run" / "members.parquet"
        events = [happened(1, f"u{i}") for i in range(50)] + [happened(1, None, "d1")]
        snapshot = engine_of(events).evaluate(PROJECT, cohort_of(Did("Buy")), NOON, (), {}, out)
        table = pq.read_table(out)
        assert (snapshot, table.column_names) == (Snapshot(out, 51, NOON), ["member", "person"])
        rows = table.to_pylist()
        assert all(row["member"] == hashlib.md5(row["person"].encode(), usedforsecurity=False).digest()[::-1] for row in rows)
        assert len({row["member"] for row in rows}) == len(rows)
        assert {"user:u7", "device:d1"} <= {row["person"] for row in rows}
        assert [path.name for path in out.parent.iterdir()] == ["members.parquet"]

    def test_an_event_without_a_user_is_of_whom_the_device_knows(self, members: Callable[..., Any]) -> None:
        """The last user before it, else the first after it, else the device; what comes after the instant says nothing."""
        events = [
            happened(9, None, "old"),
            happened(8, "ann", "old", "A"),
            happened(7, None, "old"),
            happened(6, "bob", "old", "A"),
            happened(5, None, "old"),
            happened(5, None, "old"),
            happened(4, None, "lone"),
            happened(-1, "cem", "lone", "A"),
        ]
        _, twice = members(events, rule=Did("Buy"))
        assert set(twice) == {"user:ann", "user:bob", "device:lone"}

    def test_of_two_users_at_one_instant_the_greater_has_the_device(self, members: Callable[..., Any]) -> None:
        """Whichever file said it first, the answer is the same."""
        both = [happened(3, user, "shared", "A") for user in ("ann", "bob")]
        for when in (4, 3, 2):
            _, rows = members([*both, happened(when, None, "shared")], rule=Did("Buy"))
            assert set(rows) == {"user:bob"}

    def test_latest_values(self, members: Callable[..., Any]) -> None:
        """A user property as last stated, even as nothing; an event property as last there."""
        wanted = [Wanted(source, False) for source in ("user_id", "device_id", "user.adid", "event.adid")]
        events = [
            said(9, "ann", "d1", adid="one"),
            said(8, "ann", "d2", adid="two"),
            happened(7, "ann", None, adid="x"),
            happened(6, "ann"),
            said(5, "bob", adid="three"),
            said(4, "bob", adid=None),
            happened(3, None, "d9"),
        ]
        snapshot, rows = members(events, wanted)
        assert snapshot.missing == ()
        shown = {person: [row[column.source] for column in wanted] for person, row in rows.items()}
        assert shown == {
            "user:ann": ["ann", "d2", "two", "x"],
            "user:bob": ["bob", None, None, None],
            "device:d9": [None, "d9", None, None],
        }

    def test_the_columns_of_few_among_many(self, members: Callable[..., Any]) -> None:
        """Whether few or nearly all of those who did anything belong, each has what they said themselves."""
        crowd = [said(2, f"u{number}", adid=f"a{number}") for number in range(40)]
        wanted = [Wanted("user.adid", False)]
        for buyers in (1, 39):
            bought = [happened(1, f"u{number}") for number in range(buyers)]
            _, rows = members([*crowd, *bought], wanted, Did("Buy"))
            assert {person: row["user.adid"] for person, row in rows.items()} == {f"user:u{n}": f"a{n}" for n in range(buyers)}

    def test_all_values(self, members: Callable[..., Any]) -> None:
        """Each different value once, the one seen last at the end; NULL for nobody's."""
        wanted = [Wanted(source, True) for source in ("user_id", "device_id", "user.adid", "event.adid")]
        events = [
            said(9, "ann", "d1", adid="one"),
            said(8, "ann", "d2", adid="two"),
            said(7, "ann", "d1", adid="one"),
            said(6, "ann", adid=None),
            happened(5, "ann", None, adid="y"),
            happened(4, "ann", None, adid="x"),
            happened(3, "bob"),
        ]
        _, rows = members(events, wanted)
        assert [rows["user:ann"][column.source] for column in wanted] == [["ann"], ["d2", "d1"], ["two", "one"], ["y", "x"]]
        assert [rows["user:bob"][column.source] for column in wanted] == [["bob"], None, None, None]

    def test_a_source_nobody_ever_stated_is_missing(self, members: Callable[..., Any]) -> None:
        """Missing is what the data does not have, not what these members do not have."""
        wanted = [Wanted("user.adid", False), Wanted("user.gone", False), Wanted("event.gone", True)]
        events = [said(5, "ann", adid="one"), happened(4, "bob")]
        snapshot, rows = members(events, wanted, Did("Buy"))
        assert (snapshot.missing, set(rows)) == (("user.gone", "event.gone"), {"user:bob"})

    def test_members_without_names_are_the_same_and_can_be_named(self, engine_of: EngineOf, tmp_path: Path) -> None:
        """Also who says two things of a property, or takes it back, and whose device was lent; people of a list are not in the events."""
        given = a_list(tmp_path / "list.parquet", "user:zoe")
        events = [
            *(said(9, f"u{number}", adid="one") for number in range(20)),
            *(said(9, f"v{number}", adid="one") for number in range(5)),
            *(said(8, f"v{number}", adid=None) for number in range(3)),
            *(said(7, f"v{number}", adid="two") for number in range(1, 5)),
            *(said(5, None, "d1", adid="late"), said(6, "u1", "d1"), said(4, None, "d2", adid="alone")),
        ]
        engine, rule, wanted = (
            engine_of(events),
            AnyOf((EVERYBODY, InCohort("vips"))),
            (Wanted("user.adid", False), Wanted("user.adid", True)),
        )
        for only in wanted:
            named, short = tmp_path / "named.parquet", tmp_path / "short.parquet"
            engine.evaluate(PROJECT, cohort_of(rule), NOON, [only], {"vips": given}, named, recency=True)
            engine.evaluate(PROJECT, cohort_of(rule), NOON, [only], {"vips": given}, short, recency=True, named=False)
            rows = {row["member"]: row for row in pq.read_table(named).to_pylist()}
            assert {row["member"]: row for row in pq.read_table(short).to_pylist()} == {
                member: {name: value for name, value in row.items() if name != "person"} for member, row in rows.items()
            }
            found = engine.persons(PROJECT, list(rows), NOON)
            assert found == {member: row["person"] for member, row in rows.items() if row["person"] != "user:zoe"}
            assert len(found) == len(rows) - 1 == 26

    def test_a_device_that_has_a_user_by_now_is_still_named(self, engine_of: EngineOf) -> None:
        """It may be a member of a cohort of an earlier instant, by what it did before."""
        events = [happened(3, None, "d1"), happened(2, "bob", "d1"), happened(2, "cem", "d2")]
        asked = {hashlib.md5(who.encode(), usedforsecurity=False).digest()[::-1]: who for who in ("device:d1", "user:bob", "device:d2")}
        assert set(engine_of(events).persons(PROJECT, list(asked), NOON).values()) == {"device:d1", "user:bob"}

    def test_a_value_may_be_a_megabyte_long(self, members: Callable[..., Any]) -> None:
        """Looked for, compared and carried along; also a list of a hundred thousand elements, and one within forty others."""
        long, wide = "x" * 999_000 + "END", ["y"] * 100_000
        deep: list[Any] = ["z"]
        for _ in range(40):
            deep = [deep]
        events = [happened(1, "ann", v=long), happened(1, "bob", v=wide), happened(1, "cem", v=deep), happened(1, "dee", v="w")]
        asked = {
            "ann": (Operator.CONTAINS, "xend"),
            "ann bob": (Operator.GREATER, "w"),
            "bob": (Operator.SET_IS, "y"),
            "cem": (Operator.CONTAINS, '[["z"]]'),
        }
        for who, (operator, value) in asked.items():
            _, rows = members(events, [Wanted("event.v", False)], Did("Buy", (EventFilter("v", operator, (value,)),)))
            assert {person.removeprefix("user:") for person in rows} == set(who.split())
            assert "ann" not in who or rows["user:ann"]["event.v"] == long

    def test_without_events_there_is_nobody(self, members: Callable[..., Any]) -> None:
        """An empty store answers with an empty file of the right columns."""
        snapshot, rows = members([], [Wanted("user.adid", False)])
        assert (snapshot.members, rows, snapshot.missing) == (0, {}, ("user.adid",))
        assert pq.read_table(snapshot.path).column_names == ["member", "person", "user.adid"]

    def test_columns_are_attached_to_a_list(self, engine_of: EngineOf, tmp_path: Path) -> None:
        """Every row of the list stays, with its own columns; who never did anything has at least its own id."""
        given = a_list(tmp_path / "list.parquet", "user:ann", "user:zoe", "device:d9", "row 3")
        events = [said(2, "ann", "d1", adid="one"), said(1, "bob", "d2", adid="two")]
        wanted = [Wanted("user_id", False), Wanted("device_id", False), Wanted("user.adid", True)]
        snapshot = engine_of(events).attach(PROJECT, given, NOON, wanted, tmp_path / "attached.parquet")
        rows = {row.pop("person"): row for row in pq.read_table(snapshot.path).to_pylist()}
        assert snapshot.members == 4
        shown = {person: [row[name] for name in ("column.note", "user_id", "device_id", "user.adid")] for person, row in rows.items()}
        assert shown == {
            "user:ann": ["n", "ann", "d1", ["one"]],
            "user:zoe": ["e", "zoe", None, None],
            "device:d9": ["9", None, "d9", None],
            "row 3": ["3", None, None, None],
        }

    def test_an_answer_replaces_an_older_one(self, engine_of: EngineOf, tmp_path: Path) -> None:
        """The same file named twice holds the second answer."""
        out = tmp_path / "members.parquet"
        engine = engine_of([happened(1, "ann"), happened(1, "bob", None, "Look")])
        for rule, person in ((Did("Buy"), "user:ann"), (Did("Look"), "user:bob")):
            engine.evaluate(PROJECT, cohort_of(rule), NOON, (), {}, out)
            assert pq.read_table(out).column("person").to_pylist() == [person]

    def test_mistakes_are_told_in_a_sentence(self, engine_of: EngineOf, tmp_path: Path) -> None:
        """A broken part, a zone that is none, a part that nobody answered, and a kind that is not an engine's."""
        engine, broken = engine_of([happened(1, "ann")]), tmp_path / "broken.parquet"
        broken.write_bytes(b"PAR1 is not enough")
        out = tmp_path / "members.parquet"
        with pytest.raises(EngineError, match=r"^[^\n]+$"):
            engine.evaluate(PROJECT, cohort_of(InCohort("vips")), NOON, (), {"vips": broken}, out)
        with pytest.raises(EngineError, match=r"^[^\n]+$"):
            engine.attach(PROJECT, broken, NOON, (), out)
        nowhere = Project("default", "Default", ProjectPlan.PAID, "Mars/Olympus", ())
        with pytest.raises(ConfigurationError, match="is not a time zone"):
            engine.evaluate(nowhere, cohort_of(Did("Buy", window=Last(1))), NOON, (), {}, out)
        with pytest.raises(Bug, match="vips, which nobody answered"):
            engine.evaluate(PROJECT, cohort_of(InCohort("vips")), NOON, (), {}, out)
        with pytest.raises(Bug, match="its source answers"):
            engine.evaluate(PROJECT, Cohort("default", "l", "L", CohortKind.STATIC, StaticList("a.csv")), NOON, (), {}, out)
        assert not out.exists()
