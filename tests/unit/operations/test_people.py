"""People come in by one-time codes, and go at once when they are shut out."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Literal

import pytest
from argon2 import PasswordHasher

from town import Town
from tradewind.access.memory import MemoryAccess
from tradewind.access.passwords import Passwords
from tradewind.access.roles import Role
from tradewind.errors import DefinitionError, RetryableError
from tradewind.operations import people
from tradewind.parts import Parts

PASSWORD = "correct horse battery"
HERE = "192.0.2.7"


@pytest.fixture
def ann(town: Town) -> str:
    """A manager who has chosen her password."""
    invited = people.add_user(town.parts, "root", "ann", "Ann", roles={"default": Role.MANAGER})
    people.welcome(town.parts, invited.code, PASSWORD)
    return "ann"


def signed_in(town: Town, user: str, password: str = PASSWORD) -> str:
    entered = people.sign_in(town.parts, user, password, HERE)
    assert entered
    assert not entered.half
    return entered.text


def test_the_first_user_comes_in_by_the_code_that_the_server_prints(town: Town) -> None:
    code = people.offer_setup(town.parts)
    assert code
    assert people.set_up(town.parts, code, "root", "Root", PASSWORD).administrator
    assert people.offer_setup(town.parts) is None
    assert signed_in(town, "root")


def test_the_code_of_the_first_user_is_good_once(town: Town) -> None:
    code = people.offer_setup(town.parts)
    assert code
    people.set_up(town.parts, code, "root", "Root", PASSWORD)
    with pytest.raises(DefinitionError, match="does not open"):
        people.set_up(town.parts, code, "second", "Second", PASSWORD)


def test_the_code_of_the_first_user_is_good_for_half_an_hour(town: Town) -> None:
    code = people.offer_setup(town.parts)
    assert code
    town.clock.sleep(30 * 60)
    with pytest.raises(DefinitionError, match="does not open"):
        people.set_up(town.parts, code, "root", "Root", PASSWORD)
    assert town.parts.access.users.all() == ()


def test_of_two_visitors_with_the_code_one_is_the_first_user(town: Town) -> None:
    """Also when both come at the same moment."""
    code = people.offer_setup(town.parts)
    assert code
    gate = Barrier(2)

    def visit(name: str) -> bool:
        gate.wait(20)
        try:
            people.set_up(town.parts, code, name, name.title(), PASSWORD)
        except DefinitionError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(visit, ("ann", "bob"))) == [False, True]
    assert len(town.parts.access.users.all()) == 1


@pytest.mark.parametrize("code", ["", "aaaaa-aaaaa-aaaaa-aaaaa"])
def test_another_code_makes_nobody_an_administrator(town: Town, code: str) -> None:
    people.offer_setup(town.parts)
    with pytest.raises(DefinitionError, match="does not open"):
        people.set_up(town.parts, code, "root", "Root", PASSWORD)
    assert town.parts.access.users.all() == ()


def test_the_code_of_an_invited_user_does_not_set_up_an_installation(town: Town) -> None:
    invited = people.add_user(town.parts, "cli", "ann", "Ann")
    with pytest.raises(DefinitionError, match="does not open"):
        people.set_up(town.parts, invited.code, "root", "Root", PASSWORD)


def test_a_code_is_good_for_a_day(town: Town) -> None:
    invited = people.add_user(town.parts, "root", "ann", "Ann")
    town.clock.sleep(24 * 3600)
    with pytest.raises(DefinitionError, match="does not open"):
        people.welcome(town.parts, invited.code, PASSWORD)


def test_a_weak_password_does_not_spend_the_code(town: Town) -> None:
    invited = people.add_user(town.parts, "root", "ann", "Ann")
    with pytest.raises(DefinitionError, match="12 to 256"):
        people.welcome(town.parts, invited.code, "short")
    assert people.welcome(town.parts, invited.code, PASSWORD).id == "ann"


def test_a_session_ends_after_half_an_hour_without_a_request(town: Town, ann: str) -> None:
    text = signed_in(town, ann)
    for _ in range(4):
        town.clock.sleep(29 * 60)
        assert people.by_session(town.parts, text)
    town.clock.sleep(31 * 60)
    assert people.by_session(town.parts, text) is None


def test_a_stream_that_stays_open_does_not_keep_a_session(town: Town, ann: str) -> None:
    text = signed_in(town, ann)
    for _ in range(3):
        town.clock.sleep(10 * 60)
        assert people.by_session(town.parts, text, asks=False)
    town.clock.sleep(60)
    assert people.by_session(town.parts, text, asks=False) is None


def test_a_session_ends_after_twelve_hours_whatever_happens(town: Town, ann: str) -> None:
    text = signed_in(town, ann)
    lasted = 0
    while people.by_session(town.parts, text):
        town.clock.sleep(20 * 60)
        lasted += 20
    assert 12 * 60 < lasted <= 12 * 60 + 20


def test_wrong_user_and_wrong_password_are_answered_alike(town: Town, ann: str) -> None:
    assert people.sign_in(town.parts, ann, "wrong horse battery", HERE) is None
    assert people.sign_in(town.parts, "nobody", PASSWORD, HERE) is None


def test_a_user_without_a_password_cannot_sign_in(town: Town) -> None:
    people.add_user(town.parts, "root", "ann", "Ann")
    assert people.sign_in(town.parts, "ann", "", HERE) is None


def test_who_guesses_waits_and_the_user_signs_in_from_elsewhere_meanwhile(town: Town, ann: str) -> None:
    for _ in range(5):
        assert people.sign_in(town.parts, ann, "wrong horse battery", "198.51.100.1") is None
    with pytest.raises(RetryableError, match="wait a little") as refused:
        people.sign_in(town.parts, ann, PASSWORD, "198.51.100.200")
    assert refused.value.wait == 1
    assert signed_in(town, ann)
    town.clock.sleep(2)
    assert people.sign_in(town.parts, ann, PASSWORD, "198.51.100.1")


def test_of_many_networks_together_no_more_than_a_hundred_guesses_an_hour_are_looked_at(town: Town, ann: str) -> None:
    """A browser that the user signed in with before is let in all the same, until the password is another."""
    known = people.device_of(town.parts, ann)
    for network in range(20):
        for _ in range(5):
            assert people.sign_in(town.parts, ann, "wrong horse battery", f"10.0.{network}.1") is None
    for device in ("", "ü", people.device_of(town.parts, "bob")):
        with pytest.raises(RetryableError, match="from everywhere"):
            people.sign_in(town.parts, ann, PASSWORD, HERE, device)
    assert people.sign_in(town.parts, ann, "wrong horse battery", HERE, known) is None
    assert people.sign_in(town.parts, ann, PASSWORD, HERE, known)
    people.change_password(town.parts, people.found(town.parts, ann), PASSWORD, f"{PASSWORD} 2", HERE, known)
    assert people.device_of(town.parts, ann) != known
    town.clock.sleep(3601)
    assert people.sign_in(town.parts, ann, f"{PASSWORD} 2", HERE)


class Counting(PasswordHasher):
    """Looks at passwords as the real one does, at little cost, and counts how many it looked at."""

    looked = made = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.made += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  its name there
        self.looked += 1
        return super().verify(hash, password)


def counted(town: Town) -> tuple[Parts, Counting]:
    """The same parts with a store in memory, in which Ann has chosen her password."""
    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    parts = replace(town.parts, access=MemoryAccess(), passwords=Passwords(hasher))
    people.welcome(parts, people.add_user(parts, "root", "ann", "Ann").code, PASSWORD)
    return parts, hasher


def test_of_ten_thousand_guesses_from_fifty_networks_a_hundred_are_looked_at_in_an_hour(town: Town) -> None:
    """And the user signs in all the same, with a browser that is known and at once."""
    parts, hasher = counted(town)
    known, answers = people.device_of(parts, "ann"), Counter[str]()
    for guess in range(10_000):
        town.clock.sleep(0.36)
        try:
            assert people.sign_in(parts, "ann", "wrong horse battery", f"10.0.{guess % 50}.{guess % 200}") is None
            answers["looked at"] += 1
        except RetryableError:
            answers["waits"] += 1
        if guess % 1_000 == 999:
            assert people.sign_in(parts, "ann", PASSWORD, HERE, known)
    assert (answers["looked at"], answers.total()) == (100, 10_000)
    assert hasher.looked == 110


def test_who_signed_in_with_a_browser_before_waits_for_no_stranger(town: Town) -> None:
    parts, _ = counted(town)
    known = people.device_of(parts, "ann")
    with parts.passwords.turn("10.0.1.0/24"), parts.passwords.turn("10.0.2.0/24"), ThreadPoolExecutor() as pool:
        assert pool.submit(people.sign_in, parts, "ann", PASSWORD, HERE, known).result(30)


def test_of_a_user_who_is_not_there_as_much_is_looked_at(town: Town) -> None:
    parts, hasher = counted(town)
    for user in ("ann", "nobody", "ann@shop.example", ""):
        before = hasher.looked
        assert people.sign_in(parts, user, "wrong horse battery", HERE) is None
        assert hasher.looked == before + 1


def test_a_code_that_does_not_open_costs_no_look(town: Town) -> None:
    parts, hasher = counted(town)
    made, code = hasher.made, people.add_user(parts, "root", "bob", "Bob").code
    for wrong in ("", "aaaaa-aaaaa-aaaaa-aaaaa", f"{code}x"):
        with pytest.raises(DefinitionError, match="does not open"):
            people.welcome(parts, wrong, PASSWORD)
        with pytest.raises(DefinitionError, match="does not open"):
            people.set_up(parts, wrong, "root", "Root", PASSWORD)
    assert hasher.made == made


def test_a_new_password_ends_every_session(town: Town, ann: str) -> None:
    first, second = signed_in(town, ann), signed_in(town, ann)
    caller = people.by_session(town.parts, first)
    assert caller
    with pytest.raises(DefinitionError, match="old password"):
        people.change_password(town.parts, caller.user, "wrong horse battery", "another horse battery", HERE)
    people.change_password(town.parts, caller.user, PASSWORD, "another horse battery", HERE)
    assert [people.by_session(town.parts, text) for text in (first, second)] == [None, None]
    assert people.sign_in(town.parts, ann, PASSWORD, HERE) is None
    assert signed_in(town, ann, "another horse battery")


def test_who_is_shut_out_has_no_session_token_or_password_left(town: Town, ann: str) -> None:
    session = signed_in(town, ann)
    token = people.issue(town.parts, "root", ann, "nightly", "default", Role.VIEWER, 90).text
    people.set_disabled(town.parts, "root", ann, disabled=True)
    assert people.by_session(town.parts, session) is None
    assert people.by_token(town.parts, token) is None
    assert people.sign_in(town.parts, ann, PASSWORD, HERE) is None
    people.set_disabled(town.parts, "root", ann, disabled=False)
    assert people.by_session(town.parts, session) is None
    assert people.by_token(town.parts, token)


def test_the_last_administrator_cannot_be_shut_out(town: Town) -> None:
    people.add_user(town.parts, "cli", "root", "Root", administrator=True)
    with pytest.raises(DefinitionError, match="last administrator"):
        people.set_disabled(town.parts, "root", "root", disabled=True)


def test_another_role_ends_every_session_and_counts_for_tokens_at_once(town: Town, ann: str) -> None:
    text, token = signed_in(town, ann), people.issue(town.parts, "root", ann, "nightly", "default", Role.ADMIN, 9).text
    people.set_role(town.parts, "root", ann, "default", Role.MANAGER)
    assert people.by_session(town.parts, text), "it is the role that they had"
    people.set_role(town.parts, "root", ann, "default", None)
    assert people.by_session(town.parts, text) is None
    for caller in (people.by_session(town.parts, signed_in(town, ann)), people.by_token(town.parts, token)):
        assert caller
        assert caller.role("default") is None


def test_a_token_is_good_until_it_expires_or_is_revoked(town: Town, ann: str) -> None:
    first = people.issue(town.parts, "root", ann, "a", "default", Role.VIEWER, 1)
    second = people.issue(town.parts, "root", ann, "b", "", Role.ADMIN, 365)
    caller = people.by_token(town.parts, first.text)
    assert caller
    assert (caller.name, caller.role("default")) == ("ann (token a)", Role.VIEWER)
    people.revoke(town.parts, "root", second.token.id)
    assert people.by_token(town.parts, second.text) is None
    town.clock.sleep(24 * 3600)
    assert people.by_token(town.parts, first.text) is None


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_token_for_ever_is_refused(town: Town, ann: str, days: int) -> None:
    with pytest.raises(DefinitionError, match="1 to 365 days"):
        people.issue(town.parts, "root", ann, "a", "default", Role.VIEWER, days)


def test_no_secret_of_anybody_is_kept_as_it_is(town: Town, ann: str) -> None:
    code = people.invite_again(town.parts, "root", ann).code
    texts = [PASSWORD, code, signed_in(town, ann), people.issue(town.parts, "root", ann, "a", "", Role.VIEWER, 9).text]
    town.close()
    stored = b"".join(path.read_bytes() for path in town.parts.home.iterdir() if path.is_file())
    assert ann.encode() in stored
    assert not [text for text in texts if text.encode() in stored]


def test_every_change_stands_in_the_trail(town: Town, ann: str) -> None:
    people.set_role(town.parts, "root", ann, "default", Role.ADMIN)
    issued = people.issue(town.parts, ann, ann, "a", "default", Role.VIEWER, 9)
    people.revoke(town.parts, "root", issued.token.id)
    people.set_disabled(town.parts, "root", ann, disabled=True)
    found = [(each.deed.actor, each.deed.what) for each in reversed(town.parts.trail.entries())]
    assert found == [
        ("root", "user.add"), ("ann", "user.password"), ("root", "user.role"), ("ann", "token.issue"), ("root", "token.revoke"),
        ("root", "user.disable"),
    ]  # fmt: skip
