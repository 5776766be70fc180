"""Roles, tokens' forms, passwords and the waiting after wrong ones: pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.access.passwords import Passwords, check_password
from tradewind.access.roles import ApiToken, Caller, Role, Routes, User
from tradewind.access.texts import digest, is_token, new_code, new_session, new_token
from tradewind.access.throttle import FREE, network_of, not_before
from tradewind.access.trail import Deed, Entry, damage, seal
from tradewind.errors import DefinitionError

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANN = User("ann", "Ann", NOON, roles={"shop": Role.MANAGER})
ROOT = User("root", "Root", NOON, administrator=True)
TOKEN = ApiToken("t1", "ann", "nightly", "shop", Role.MEMBER, NOON, NOON)


def test_each_role_may_do_what_those_before_it_may() -> None:
    order = [Role.VIEWER, Role.MEMBER, Role.MANAGER, Role.ADMIN]
    assert [[one.includes(other) for other in order] for one in order] == [[other <= one for other in range(4)] for one in range(4)]


def test_a_project_without_a_role_is_closed() -> None:
    assert (Caller(ANN).role("shop"), Caller(ANN).role("other")) == (Role.MANAGER, None)


def test_an_administrator_is_an_admin_everywhere() -> None:
    assert Caller(ROOT).role("anything") is Role.ADMIN
    assert Caller(ROOT).administers
    assert not Caller(ANN).administers


@pytest.mark.parametrize(
    ("user", "token", "project", "role"),
    [
        (ANN, TOKEN, "shop", Role.MEMBER),
        (ANN, replace(TOKEN, role=Role.ADMIN), "shop", Role.MANAGER),
        (ANN, replace(TOKEN, project="other"), "shop", None),
        (ANN, replace(TOKEN, project="other"), "other", None),
        (ANN, replace(TOKEN, project=""), "shop", Role.MEMBER),
        (ROOT, TOKEN, "other", None),
        (ROOT, TOKEN, "shop", Role.MEMBER),
    ],
)
def test_a_token_never_gives_more_than_its_user_has_nor_than_it_says(user: User, token: ApiToken, project: str, role: Role | None) -> None:
    assert Caller(user, token).role(project) is role


def test_only_a_whole_token_of_an_administrator_administers() -> None:
    whole = replace(TOKEN, project="", role=Role.ADMIN)
    assert Caller(ROOT, whole).administers
    assert not Caller(ANN, whole).administers
    assert not Caller(ROOT, replace(whole, project="shop")).administers
    assert not Caller(ROOT, replace(whole, role=Role.MANAGER)).administers


def test_a_token_opens_the_routes_it_is_for_and_no_others() -> None:
    only = Caller(ANN, replace(TOKEN, routes=(Routes.SYNCS, Routes.RUNS)))
    assert [only.opens([each]) for each in ("syncs", "runs", "people")] == [True, True, False]
    assert not only.opens([]), "a route that says of nothing what it is about"
    assert all(caller.opens([each]) for caller in (Caller(ANN), Caller(ANN, TOKEN)) for each in Routes)


def test_a_token_is_told_by_its_form() -> None:
    text = new_token()
    assert is_token(text)
    changed = text[:10] + ("a" if text[10] != "a" else "b") + text[11:]
    assert not any(is_token(wrong) for wrong in ("", "twt_", text[:-1], f"{text}x", changed, text.replace("twt_", "twx_"), "twt_\udc80"))


def test_no_two_texts_are_the_same_and_none_is_kept() -> None:
    made = [make() for make in (new_token, new_session, new_code) for _ in range(50)]
    assert len(set(made)) == len(made)
    assert not [text for text in made if text in digest(text)]


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "x" * 257,
        "aaaaaaaaaaaaaaa",
        "tradewind2026",
        "Password123!",
        "123456789012345",
        "ann-ann-ann-1234",
        "qwertyuiop[]",
        "1qaz2wsx3edc",
        "q1w2e3r4t5y6",
        "administrator",
        "manchesterunited",
        "wachtwoord123",
        "hunter2hunter2",
    ],
)
def test_a_password_that_is_guessed_first_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        check_password(password, "ann@shop.example")
    assert not password or password not in str(refused.value)


LONG = "".join(chr(33 + place * 37 % 90) for place in range(120))


@pytest.mark.parametrize(
    "password", ["correct horse battery", "pa ss wo rd of mine", "ünïcödé geht auch!", LONG, "tradewind takes me home"]
)
def test_a_long_password_of_any_characters_is_taken(password: str) -> None:
    check_password(password, "ann@shop.example")


def test_a_password_is_kept_as_argon2id_makes_it_and_fits_only_itself() -> None:
    passwords = Passwords()
    kept = passwords.keep("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,")
    assert passwords.fits(kept, "correct horse battery")
    assert not passwords.fits(kept, "correct horse batterY")
    assert not passwords.fits(None, "nobody has this one")
    assert not passwords.fits("not a hash", "correct horse battery")


def test_waiting_grows_from_a_second_to_a_minute_after_five_wrong_passwords() -> None:
    waits = [not_before([NOON] * count) for count in range(FREE + 9)]
    assert [until and (until - NOON).total_seconds() for until in waits] == [None] * FREE + [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_waiting_counts_from_the_last_wrong_password() -> None:
    failures = [NOON - timedelta(minutes=40)] * FREE + [NOON]
    assert not_before(failures) == NOON + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("testclient", "testclient"), ("x" * 99, "x" * 64)],
)
def test_neighbours_wait_together(address: str, network: str) -> None:
    assert network_of(address) == network


def entries(count: int) -> list[Entry]:
    made: list[Entry] = []
    for number in range(1, count + 1):
        deed = Deed("ann", "cohort.save", f"c{number}", "shop", {"n": "1"}, "0123" if number % 2 else "")
        made.append(Entry(number, NOON, deed, seal(made[-1].seal if made else "", number, NOON, deed)))
    return made


def test_any_entry_that_is_changed_or_taken_out_is_found() -> None:
    whole = entries(6)
    assert damage(whole) == ""
    for place in range(5):
        assert f"entry {place + 1} of the audit trail is missing" in damage(whole[:place] + whole[place + 1 :])
        entry = whole[place]
        others = (replace(entry.deed, actor="bob"), replace(entry.deed, request="4567"), replace(entry.deed, request="0"))
        changed = [
            *(replace(entry, deed=deed) for deed in others),
            replace(entry, at=NOON + timedelta(seconds=1)),
            replace(entry, seal="0" * 64),
        ]
        for each in changed:
            assert f"entry {place + 1} " in damage([*whole[:place], each, *whole[place + 1 :]])
    assert "entry 1 " in damage([replace(whole[0], deed=replace(whole[0].deed, request="")), *whole[1:]])
