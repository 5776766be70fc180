"""The store of privacy requests keeps its promises on SQLite and PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tradewind.database import Database
from tradewind.errors import TakenError
from tradewind.model.identifier import IdType
from tradewind.model.privacy import PrivacyRequest, Progress, Recipient, RequestType
from tradewind.model.run import Answer, Line, LineClass
from tradewind.privacy.sql import Requests, Suppressions
from tradewind.vault.key import create_key
from tradewind.vault.sql import Vault, plant_canary

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE, THERE = Recipient("https://here.invalid", "adv1"), Recipient("https://there.invalid", "adv1")


class StoreSuite:
    """Subclass it with a `database` fixture that gives an empty, migrated database."""

    @pytest.fixture
    def suppressions(self, database: Database, tmp_path: Path) -> Suppressions:
        key = create_key(tmp_path)
        plant_canary(database, key)
        vault = Vault(database, key)
        return Suppressions(database, vault.suppressions_key(), vault)

    @pytest.fixture
    def requests(self, database: Database) -> Requests:
        return Requests(database)

    @pytest.fixture
    def request_of_two(self, suppressions: Suppressions, requests: Requests) -> PrivacyRequest:
        """Three GUIDs and a raw UID2, written down and to be told to two recipients."""
        request = PrivacyRequest("p1", "default", RequestType.OPT_OUT, NOON)
        requests.open(request, "me", NOON + HOUR)
        suppressions.add("default", "p1", 0, [bytes([number]) * 16 for number in (1, 2, 3)], NOON)
        suppressions.add("default", "p1", 1, [bytes([9]) * 33], NOON)
        requests.taken("p1", 4)
        requests.spread(request, ["t1", "t2"], [HERE, THERE], NOON)
        return request

    def test_all_that_is_to_be_done_is_written_down_once(self, requests: Requests, request_of_two: PrivacyRequest) -> None:
        """A removal for each target, and a notice for each recipient, block and type."""
        requests.spread(request_of_two, ["t3"], [HERE], NOON)
        found = requests.find("default", "p1")
        assert found == replace(request_of_two, identifiers=4, progress=Progress.OPEN, whole=True)
        assert requests.listed("default") == (found,)
        assert requests.find("other", "p1") is None
        assert [removal.target for removal in requests.removals("p1")] == ["t1", "t2"]
        wanted = [(to, block, rows, id_type) for to in (HERE, THERE)
                  for block, rows, id_type in ((0, 3, IdType.TDID), (0, 3, IdType.DAID), (1, 1, IdType.UID2))]  # fmt: skip
        assert [(each.recipient, each.block, each.rows, each.id_type) for each in requests.notices("p1")] == wanted

    def test_one_process_at_a_time(self, requests: Requests, request_of_two: PrivacyRequest) -> None:
        """A claim lasts until its end, or until its holder is known to be dead."""
        assert not requests.due(NOON)
        with pytest.raises(TakenError, match="another process"):
            requests.claim("p1", "you", NOON, NOON + HOUR)
        requests.claim("p1", "you", NOON, NOON + HOUR, ["me"])
        assert requests.holder("p1") == "you"
        requests.release("p1", "me")
        assert not requests.due(NOON)
        requests.release("p1", "you")
        assert [each.id for each in requests.due(NOON)] == ["p1"]

    def test_it_is_due_while_something_is(self, requests: Requests, request_of_two: PrivacyRequest) -> None:
        """Not before the time to which all was put off; and it ends when nothing is left."""
        requests.release("p1", "me")
        for removal in requests.removals("p1"):
            requests.write(replace(removal, due_at=NOON + HOUR, note="busy"))
        for to in (HERE, THERE):
            requests.postpone("p1", to, NOON + 2 * HOUR, "away")
        assert not requests.due(NOON)
        assert requests.due(NOON + HOUR)
        for removal in requests.removals("p1"):
            requests.write(replace(removal, done_at=NOON, run="r1", removed=2))
        assert not requests.due(NOON + HOUR)
        assert not requests.close("p1", NOON)
        for notice in requests.notices("p1"):
            requests.tell(replace(notice, settled=True, answer=Answer.APPLIED, status=200, sends=1, sent_at=NOON, answered_at=NOON))
        assert requests.close("p1", NOON + HOUR)
        done = requests.find("default", "p1")
        assert done
        assert (done.progress, done.closed_at) == (Progress.DONE, NOON + HOUR)
        assert not requests.due(NOON + 9 * HOUR)

    def test_the_originals_go_when_it_ends(self, requests: Requests, suppressions: Suppressions, request_of_two: PrivacyRequest) -> None:
        """And the list stays."""
        self.test_it_is_due_while_something_is(requests, request_of_two)
        assert suppressions.originals("default", "p1", 0) is None
        assert [(each.number, each.place) for each in suppressions.find("default", bytes([9]) * 33)] == [(1, 0)]

    def test_halves_take_the_place_of_a_notice(self, requests: Requests, request_of_two: PrivacyRequest) -> None:
        """With numbers that no other has, and nothing of it twice; refused items are kept with their notice."""
        first, *others = requests.notices("p1")
        requests.tell(first, instead=(replace(first, rows=1), replace(first, offset=1, rows=2)))
        left = requests.notices("p1")
        assert [each.number for each in left] == [*(each.number for each in others), 6, 7]
        assert [(each.offset, each.rows, each.sends) for each in left[-2:]] == [(0, 1, 0), (1, 2, 0)]
        requests.tell(replace(left[-1], settled=True, rejected=1), [Line(1, "InvalidUserId", LineClass.ROW)])
        assert requests.lines("p1") == ((7, Line(1, "InvalidUserId", LineClass.ROW)),)


class TestSqliteStore(StoreSuite):
    """In a SQLite file."""

    @pytest.fixture
    def database(self, on_sqlite: Database) -> Database:
        return on_sqlite


class TestPostgresStore(StoreSuite):
    """In a PostgreSQL, migrated as an installation is."""

    @pytest.fixture
    def database(self, on_postgresql: Database) -> Database:
        return on_postgresql
