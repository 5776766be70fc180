"""The promises that every store of users, sessions, tokens, codes and the audit trail keeps, as tests of any of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.access.base import Access, Reply
from tradewind.access.roles import ApiToken, Factor, Proof, Role, Routes, Session, User
from tradewind.access.trail import Deed
from tradewind.errors import DefinitionError

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = User("ann@shop.example", "Ann", NOON, roles={"default": Role.MANAGER})
BOB = User("bob", "Bob", NOON, administrator=True)


class AccessSuite:
    """Subclass it with an `access` fixture that gives an empty store, in which projects `default` and `other` may be named."""

    def test_a_user_is_read_as_written(self, access: Access) -> None:
        access.users.add(ANN)
        access.users.add(BOB)
        assert access.users.find(ANN.id) == ANN
        assert access.users.all() == (ANN, BOB)
        assert access.users.find("carl") is None

    def test_a_user_is_added_once(self, access: Access) -> None:
        access.users.add(ANN)
        with pytest.raises(DefinitionError, match="exists already"):
            access.users.add(replace(ANN, name="Another"))
        assert access.users.find(ANN.id) == ANN

    def test_saving_replaces_state_and_roles_and_keeps_the_password(self, access: Access) -> None:
        access.users.add(ANN)
        access.users.set_password(ANN.id, "kept")
        after = replace(ANN, name="Ann B.", disabled=True, roles={"other": Role.VIEWER})
        access.users.save(after)
        assert access.users.find(ANN.id) == after
        assert access.users.password(ANN.id) == "kept"

    def test_there_is_no_password_until_one_is_kept(self, access: Access) -> None:
        access.users.add(ANN)
        assert access.users.password(ANN.id) is None
        assert access.users.password("nobody") is None

    def test_no_listing_holds_a_password(self, access: Access) -> None:
        access.users.add(ANN)
        access.users.set_password(ANN.id, "canary-password")
        assert "canary-password" not in repr((access.users.find(ANN.id), access.users.all()))

    def test_a_session_lasts_until_it_is_ended(self, access: Access) -> None:
        access.users.add(ANN)
        session = Session("d1", ANN.id, NOON, NOON, Proof.HALF)
        access.sessions.open(session)
        access.sessions.touch("d1", NOON + HOUR)
        assert access.sessions.find("d1") == replace(session, seen_at=NOON + HOUR)
        access.sessions.end("d1")
        access.sessions.end("d1")
        assert access.sessions.find("d1") is None

    def test_sessions_of_the_day_before_are_forgotten(self, access: Access) -> None:
        access.users.add(ANN)
        for name, at in (("old", NOON), ("late", NOON + HOUR), ("new", NOON + timedelta(days=1))):
            access.sessions.open(Session(name, ANN.id, at, at))
        assert [bool(access.sessions.find(name)) for name in ("old", "late", "new")] == [False, True, True]

    def test_all_sessions_of_one_user_end_and_no_other_s(self, access: Access) -> None:
        for user in (ANN, BOB):
            access.users.add(user)
            for number in range(2):
                access.sessions.open(Session(f"{user.id} {number}", user.id, NOON, NOON))
        access.sessions.end_all(ANN.id)
        assert [access.sessions.find(f"{ANN.id} {number}") for number in range(2)] == [None, None]
        assert access.sessions.find(f"{BOB.id} 1")

    def test_a_second_factor_is_read_as_written(self, access: Access) -> None:
        first, full, other = (
            Factor(ANN.id, 1),
            Factor(ANN.id, 2, NOON, 7, frozenset(("d1", "d2"))),
            Factor(BOB.id, 1, codes=frozenset(("d1",))),
        )
        for user in (ANN, BOB):
            access.users.add(user)
        assert (access.factors.find(ANN.id), access.factors.all()) == (None, ())
        assert access.factors.change(ANN.id, None, first)
        assert access.factors.find(ANN.id) == first
        assert access.factors.change(ANN.id, first, full)
        assert access.factors.change(BOB.id, None, other)
        assert access.factors.find(ANN.id) == full
        assert access.factors.all() == (full, other)
        assert access.factors.change(ANN.id, full, None)
        assert access.factors.all() == (other,)

    def test_a_second_factor_is_changed_by_who_saw_it_last_alone(self, access: Access) -> None:
        """So a code or a recovery code is spent once, however many spend it."""
        access.users.add(ANN)
        before = Factor(ANN.id, 1, NOON, 4, frozenset(("d1", "d2")))
        access.factors.change(ANN.id, None, before)
        for after in (replace(before, step=5), replace(before, codes=frozenset(("d2",)))):
            assert access.factors.change(ANN.id, before, after)
            assert not access.factors.change(ANN.id, before, after)
            assert not access.factors.change(ANN.id, before, None)
            assert not access.factors.change(ANN.id, None, after)
            assert access.factors.find(ANN.id) == after
            assert access.factors.change(ANN.id, after, before)

    def test_everybody_needs_a_second_factor_once_it_is_said(self, access: Access) -> None:
        for required in (False, True, True, False):
            access.factors.require(required=required)
            assert access.factors.required() is required

    def test_a_token_is_found_by_its_digest_and_listed_newest_first(self, access: Access) -> None:
        access.users.add(ANN)
        old = ApiToken("t1", ANN.id, "nightly", "default", Role.MEMBER, NOON, NOON + HOUR)
        new = replace(old, id="t2", project="", created_at=NOON + HOUR, routes=(Routes.SYNCS, Routes.RUNS))
        access.tokens.add(old, "d1")
        access.tokens.add(new, "d2")
        access.tokens.touch("t1", NOON + HOUR)
        assert access.tokens.find("d1") == replace(old, used_at=NOON + HOUR)
        assert access.tokens.all() == (new, replace(old, used_at=NOON + HOUR))
        assert access.tokens.find("t1") is None, "an id opens nothing"

    def test_a_token_that_was_revoked_opens_nothing(self, access: Access) -> None:
        access.users.add(ANN)
        access.tokens.add(ApiToken("t1", ANN.id, "nightly", "", Role.ADMIN, NOON, NOON + HOUR), "d1")
        assert access.tokens.revoke("t1")
        assert not access.tokens.revoke("t1")
        assert access.tokens.find("d1") is None

    def test_a_code_opens_once(self, access: Access) -> None:
        access.gate.put_code("d1", "ann", NOON + HOUR)
        assert [access.gate.code_of("d1", NOON) for _ in range(2)] == ["ann", "ann"]
        assert access.gate.take_code("d1", NOON) == "ann"
        assert access.gate.take_code("d1", NOON) is None
        assert access.gate.code_of("d1", NOON) is None

    def test_the_code_of_the_first_user_is_nobody_s(self, access: Access) -> None:
        access.gate.put_code("d1", "", NOON + HOUR)
        assert access.gate.take_code("d1", NOON) == ""

    def test_a_code_that_is_too_old_opens_nothing(self, access: Access) -> None:
        access.gate.put_code("d1", "ann", NOON + HOUR)
        assert access.gate.code_of("d1", NOON + HOUR) is None
        assert access.gate.take_code("d1", NOON + HOUR) is None

    def test_a_second_code_of_a_user_takes_the_place_of_the_first(self, access: Access) -> None:
        access.gate.put_code("d1", "ann", NOON + HOUR)
        access.gate.put_code("d2", "ann", NOON + HOUR)
        assert access.gate.take_code("d1", NOON) is None
        assert access.gate.take_code("d2", NOON) == "ann"

    def test_wrong_passwords_are_counted_by_user_and_network_and_forgotten(self, access: Access) -> None:
        for minute in range(3):
            access.gate.fail("ann", "192.0.2.0/24", NOON + timedelta(minutes=minute))
        access.gate.fail("ann", "198.51.100.0/24", NOON)
        access.gate.fail("bob", "192.0.2.0/24", NOON)
        assert access.gate.recent("ann", NOON - HOUR) == 4
        assert access.gate.recent("ann", NOON + timedelta(minutes=1)) == 1
        assert access.gate.failures("ann", "192.0.2.0/24", NOON) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=2))
        access.gate.forgive("ann", "192.0.2.0/24")
        assert access.gate.failures("ann", "192.0.2.0/24", NOON - HOUR) == ()

    def test_the_trail_is_read_newest_first_in_parts(self, access: Access) -> None:
        for number in range(5):
            access.trail.write(Deed("ann", "cohort.save", f"c{number}", "default" if number % 2 else "other", {"n": str(number)}), NOON)
        assert [each.number for each in access.trail.entries(limit=2)] == [5, 4]
        assert [each.number for each in access.trail.entries(before=4, limit=9)] == [3, 2, 1]
        assert [each.deed.object for each in access.trail.entries("default")] == ["c3", "c1"]
        assert access.trail.entries(limit=1)[0].deed.details == {"n": "4"}
        assert access.trail.damage() == ""

    def test_an_entry_names_the_request_by_which_it_was_made(self, access: Access) -> None:
        deed = Deed("ann", "cohort.save", "c", "default", request="0123456789abcdef")
        access.trail.write(deed, NOON)
        assert [each.deed for each in access.trail.entries()] == [deed]
        assert access.trail.damage() == ""

    def test_a_request_that_comes_again_is_known_by_its_key(self, access: Access) -> None:
        assert access.replies.begin("ann", "k1", "asked", NOON) is None
        assert access.replies.begin("ann", "k1", "asked", NOON) == Reply("asked", None, "")
        access.replies.finish("ann", "k1", 201, "{}")
        assert access.replies.begin("ann", "k1", "another", NOON) == Reply("asked", 201, "{}")
        assert access.replies.begin("bob", "k1", "asked", NOON) is None

    def test_a_request_that_did_nothing_or_is_a_day_old_is_forgotten(self, access: Access) -> None:
        access.replies.begin("ann", "k1", "asked", NOON)
        access.replies.forget("ann", "k1")
        assert access.replies.begin("ann", "k1", "asked", NOON) is None
        assert access.replies.begin("ann", "k1", "asked", NOON + timedelta(days=1)) is None

    def test_what_is_written_together_is_taken_back_together(self, access: Access) -> None:
        def add_twice() -> None:
            with access.transaction() as inside:
                inside.trail.write(Deed("bob", "user.add", ANN.id), NOON)
                inside.users.add(ANN)
                inside.users.add(ANN)

        with pytest.raises(DefinitionError):
            add_twice()
        assert access.users.all() == ()
        assert access.trail.entries() == ()
