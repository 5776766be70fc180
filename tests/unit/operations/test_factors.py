"""The second factor: turned on with a code, asked for at every sign-in, each code good once, and never in the clear."""

from __future__ import annotations

import pytest

from town import Town
from tradewind.access.roles import Role, User
from tradewind.access.totp import STEP, code_at, step_at
from tradewind.errors import ConfigurationError, DefinitionError, RetryableError
from tradewind.operations import factors, people, vault

PASSWORD = "correct horse battery"
HERE = "192.0.2.7"


class Phone:
    """An authenticator app that holds a key."""

    def __init__(self, town: Town, key: str) -> None:
        self.town, self.key = town, key

    def code(self, later: int = 0) -> str:
        """What it shows, or will show so many steps later."""
        return code_at(self.key, step_at(self.town.clock.now()) + later)

    def fresh(self) -> str:
        """What it shows next."""
        self.town.clock.sleep(STEP)
        return self.code()


@pytest.fixture
def ann(town: Town) -> User:
    invited = people.add_user(town.parts, "root", "ann", "Ann", roles={"default": Role.MANAGER})
    return people.welcome(town.parts, invited.code, PASSWORD)


@pytest.fixture
def phone(town: Town, ann: User) -> Phone:
    return Phone(town, factors.offer(town.parts, ann, PASSWORD, HERE).key)


@pytest.fixture
def on(town: Town, ann: User, phone: Phone) -> factors.TurnedOn:
    return factors.turn_on(town.parts, ann, phone.code())


def half(town: Town) -> str:
    """What a browser has after the right password."""
    entered = people.sign_in(town.parts, "ann", PASSWORD, HERE)
    assert entered
    assert entered.half
    return entered.text


def left_of(town: Town) -> int:
    """Recovery codes that are left."""
    factor = factors.of(town.parts, "ann")
    return len(factor.codes) if factor else 0


def test_password_and_code_together_open_a_session(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    text = half(town)
    assert people.by_session(town.parts, text) is None, "half of it opens nothing"
    session = factors.prove(town.parts, text, phone.fresh(), HERE)
    assert session
    assert session != text
    caller = people.by_session(town.parts, session)
    assert caller
    assert (caller.user.id, caller.lacks_factor) == ("ann", False)
    with pytest.raises(DefinitionError, match="from the beginning"):
        factors.prove(town.parts, text, phone.fresh(), HERE)


def test_a_code_is_good_once_and_so_is_every_earlier_one(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    assert factors.prove(town.parts, half(town), phone.code(), HERE) is None, "it turned the factor on"
    ahead = phone.code(later=1)
    assert factors.prove(town.parts, half(town), ahead, HERE)
    assert factors.prove(town.parts, half(town), ahead, HERE) is None
    town.clock.sleep(STEP)
    assert factors.prove(town.parts, half(town), ahead, HERE) is None, "though its own time is now"
    town.clock.sleep(STEP)
    assert factors.prove(town.parts, half(town), f" {phone.code()[:3]} {phone.code()[3:]}", HERE)


def test_an_offer_asks_for_nothing_before_a_code_was_right(town: Town, ann: User, phone: Phone) -> None:
    with pytest.raises(DefinitionError, match="code of now"):
        factors.turn_on(town.parts, ann, "000000" if phone.code() != "000000" else "000001")
    entered = people.sign_in(town.parts, "ann", PASSWORD, HERE)
    assert entered
    assert not entered.half
    assert factors.of(town.parts, "ann") is None


def test_only_the_newest_offer_is_turned_on(town: Town, ann: User, phone: Phone) -> None:
    newer = Phone(town, factors.offer(town.parts, ann, PASSWORD, HERE).key)
    with pytest.raises(DefinitionError, match="code of now"):
        factors.turn_on(town.parts, ann, phone.code())
    factors.turn_on(town.parts, ann, newer.code())
    for again in (lambda: factors.offer(town.parts, ann, PASSWORD, HERE), lambda: factors.turn_on(town.parts, ann, newer.fresh())):
        with pytest.raises(DefinitionError, match="on already"):
            again()


def test_nothing_is_turned_on_or_offered_without_the_password(town: Town, ann: User) -> None:
    with pytest.raises(DefinitionError, match="begin with the password"):
        factors.turn_on(town.parts, ann, "123456")
    for _ in range(5):
        with pytest.raises(DefinitionError, match="not the one"):
            factors.offer(town.parts, ann, "wrong horse battery", HERE)
    with pytest.raises(RetryableError, match="wait a little"):
        factors.offer(town.parts, ann, PASSWORD, HERE)


def test_ten_recovery_codes_open_once_each(town: Town, on: factors.TurnedOn) -> None:
    assert len(set(on.codes)) == 10
    for left, code in zip(range(9, -1, -1), on.codes, strict=True):
        assert factors.prove(town.parts, half(town), f" {code.upper()} ", HERE)
        assert factors.prove(town.parts, half(town), code, HERE) is None
        assert left_of(town) == left


def test_five_minutes_after_the_password_it_is_asked_for_again(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    text = half(town)
    town.clock.sleep(301)
    for wrong in (text, "", "nothing"):
        with pytest.raises(DefinitionError, match="from the beginning"):
            factors.prove(town.parts, wrong, phone.code(), HERE)


def test_who_guesses_codes_waits_though_the_password_is_right_each_time(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    """A right password forgives no wrong code; the trail has each of them."""
    for _ in range(5):
        assert factors.prove(town.parts, half(town), "abcdef", HERE) is None
    text = town.parts.access.gate
    assert text.recent("ann", town.clock.now().replace(hour=0)) == 5
    with pytest.raises(RetryableError, match="wait a little"):
        people.sign_in(town.parts, "ann", PASSWORD, HERE)
    refused = [each.deed for each in town.parts.trail.entries() if each.deed.what == "session.refused"]
    assert [each.details for each in refused] == [{"from": "192.0.2.0/24", "why": "the code of the second factor"}] * 5
    town.clock.sleep(60)
    assert factors.prove(town.parts, half(town), phone.fresh(), HERE)
    assert text.recent("ann", town.clock.now().replace(hour=0)) == 0


def test_turning_it_on_or_off_ends_all_other_sessions(town: Town, ann: User, phone: Phone) -> None:
    entered = people.sign_in(town.parts, "ann", PASSWORD, HERE)
    assert entered
    made = factors.turn_on(town.parts, ann, phone.code())
    assert people.by_session(town.parts, entered.text) is None
    assert people.by_session(town.parts, made.session)
    awaiting = half(town)
    after = factors.turn_off(town.parts, ann, PASSWORD, phone.fresh(), HERE)
    assert people.by_session(town.parts, made.session) is None
    assert people.half_signed_in(town.parts, awaiting) is None
    assert people.by_session(town.parts, after)
    with pytest.raises(ConfigurationError, match="user 'ann' has no secret"):
        town.parts.vault.open("", "ann", 1, "second_factor")


def test_it_is_turned_off_by_password_and_code_together_and_nothing_says_which_was_wrong(
    town: Town, ann: User, on: factors.TurnedOn, phone: Phone
) -> None:
    for password, code in ((PASSWORD, "abcdef"), ("wrong horse battery", phone.fresh())):
        with pytest.raises(DefinitionError, match="password or code is wrong"):
            factors.turn_off(town.parts, ann, password, code, HERE)
    assert factors.of(town.parts, "ann")
    factors.turn_off(town.parts, ann, PASSWORD, on.codes[0], HERE)
    with pytest.raises(DefinitionError, match="is not on"):
        factors.turn_off(town.parts, ann, PASSWORD, on.codes[1], HERE)
    assert left_of(town) == 0


def test_who_lost_the_phone_is_let_in_by_the_password_again(town: Town, ann: User, on: factors.TurnedOn) -> None:
    factors.reset(town.parts, "root", "ann")
    assert people.by_session(town.parts, on.session) is None
    entered = people.sign_in(town.parts, "ann", PASSWORD, HERE)
    assert entered
    assert not entered.half
    for unknown, why in (("ann", "no second factor"), ("carl", "'carl' does not exist")):
        with pytest.raises(DefinitionError, match=why):
            factors.reset(town.parts, "root", unknown)


def test_a_new_password_keeps_the_second_factor_and_ends_what_waits_for_a_code(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    text = half(town)
    people.welcome(town.parts, people.invite_again(town.parts, "root", "ann").code, PASSWORD)
    with pytest.raises(DefinitionError, match="from the beginning"):
        factors.prove(town.parts, text, phone.fresh(), HERE)
    assert factors.prove(town.parts, half(town), phone.fresh(), HERE)


def test_where_everybody_must_have_one_who_has_none_is_told_so_and_tokens_go_on(town: Town, ann: User) -> None:
    token = people.issue(town.parts, "root", "ann", "nightly", "default", Role.VIEWER, 9).text
    entered = people.sign_in(town.parts, "ann", PASSWORD, HERE)
    assert entered

    def lacks(text: str) -> bool:
        caller = people.by_session(town.parts, text)
        assert caller
        return caller.lacks_factor

    assert not lacks(entered.text)
    factors.require(town.parts, "root", required=True)
    assert lacks(entered.text), "also who was there before"
    program = people.by_token(town.parts, token)
    assert program
    assert not program.lacks_factor
    phone = Phone(town, factors.offer(town.parts, ann, PASSWORD, HERE).key)
    made = factors.turn_on(town.parts, ann, phone.code())
    assert not lacks(made.session)
    assert lacks(factors.turn_off(town.parts, ann, PASSWORD, made.codes[0], HERE))


def test_a_rotated_key_opens_the_second_factor(town: Town, on: factors.TurnedOn, phone: Phone) -> None:
    assert vault.rotate(town.parts, "root").secrets >= 1
    assert factors.prove(town.parts, half(town), phone.fresh(), HERE)


def test_a_key_that_was_moved_to_another_user_does_not_open(town: Town, ann: User, on: factors.TurnedOn) -> None:
    """Who can write to the database puts the sealed key of their own app in place of another's."""
    database = town.parts.catalog.database
    with database.transaction() as db:
        db.exec_driver_sql("UPDATE secret SET connection = 'bob' WHERE field = 'second_factor'")
    with pytest.raises(ConfigurationError, match="altered or moved"):
        town.parts.vault.open("", "bob", 1, "second_factor")


def test_neither_key_nor_code_is_kept_as_it_is_and_every_change_is_in_the_trail(
    town: Town, ann: User, on: factors.TurnedOn, phone: Phone
) -> None:
    factors.require(town.parts, "root", required=True)
    factors.turn_off(town.parts, ann, PASSWORD, on.codes[0], HERE)
    again = Phone(town, factors.offer(town.parts, ann, PASSWORD, HERE).key)
    kept = factors.turn_on(town.parts, ann, again.code())
    told = repr((on, kept, town.parts.trail.entries(), factors.of(town.parts, "ann")))
    factors.reset(town.parts, "root", "ann")
    town.close()
    stored = b"".join(path.read_bytes() for path in town.parts.home.iterdir() if path.is_file())
    for secret in (phone.key, again.key, *on.codes, *kept.codes, on.session, kept.session):
        assert secret.encode() not in stored
        assert secret not in told


def test_every_deed_stands_in_the_trail(town: Town, ann: User, on: factors.TurnedOn) -> None:
    factors.turn_off(town.parts, ann, PASSWORD, on.codes[0], HERE)
    phone = Phone(town, factors.offer(town.parts, ann, PASSWORD, HERE).key)
    factors.turn_on(town.parts, ann, phone.code())
    factors.prove(town.parts, half(town), phone.fresh(), HERE)
    factors.require(town.parts, "root", required=True)
    factors.reset(town.parts, "root", "ann")
    deeds = [(each.deed.actor, each.deed.what) for each in reversed(town.parts.trail.entries())]
    assert deeds[2:] == [
        ("ann", "second_factor.offer"), ("ann", "second_factor.on"), ("ann", "second_factor.off"), ("ann", "second_factor.offer"),
        ("ann", "second_factor.on"), ("ann", "session.open"), ("root", "second_factor.require"), ("root", "second_factor.reset"),
    ]  # fmt: skip
