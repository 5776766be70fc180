"""Coming in and going out: set-up, one-time codes, sign-in, and who one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tradewind.door import is_loopback
from tradewind.errors import RetryableError
from tradewind.operations import factors, people
from tradewind.web.bodies import API, Body
from tradewind.web.cookies import COOKIE, DEVICE, HALF, KNOWN, drop, keep
from tradewind.web.gate import Anybody, Asked, Entering, address_of, session_of
from tradewind.web.problems import Refusal
from tradewind.web.views import UserView, user_view

router = APIRouter(prefix=API, tags=["session"])


class SetUp(Body):
    """The first user, who administers the installation."""

    code: str = Field(max_length=100)
    user: str = Field(max_length=127)
    name: str = Field(max_length=200)
    password: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class Welcome(Body):
    """A password for the user of a one-time code."""

    code: str = Field(max_length=100)
    password: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class SignIn(Body):
    """Who, and the password."""

    user: str = Field(max_length=127)
    password: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class Code(Body):
    """Six digits that the app shows, or a recovery code."""

    code: str = Field(max_length=100, json_schema_extra={"format": "password"})


class Awaited(BaseModel):
    """The password was right; the code of the second factor is to follow at `/session/code`, by the same browser."""

    until: datetime


AWAITED: dict[int | str, dict[str, Any]] = {202: {"model": Awaited, "description": "The code of the second factor is to follow."}}


class Password(Body):
    """The password, given again."""

    password: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class Both(Password):
    """The password, given again, and a code of the app or a recovery code."""

    code: str = Field(max_length=100, json_schema_extra={"format": "password"})


class Offer(BaseModel):
    """A key for an authenticator app, and the same as a link for a QR code. Shown once."""

    key: str
    link: str


class RecoveryCodes(BaseModel):
    """Each is good once in place of the app. Shown once."""

    codes: list[str]


class FactorView(BaseModel):
    """One's second factor: since when it is on (null while it is not), recovery codes left, and whether everybody must have one.
    `lacking`: nothing else is open before it is on.
    """

    since: datetime | None
    codes: int
    required: bool
    lacking: bool


class NewPassword(Body):
    """The old one and the new one."""

    old: str = Field(max_length=1024, json_schema_extra={"format": "password"})
    new: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class Me(BaseModel):
    """Who asks, and whether they may change what concerns the whole installation. `token` is the id of the token they came by."""

    user: UserView
    administers: bool
    token: str | None
    second_factor: FactorView


class First(BaseModel):
    """Whether nobody has set the installation up yet, and whether the one who asks has a session that is good."""

    needed: bool
    signed_in: bool


@router.get("/setup")
def needs_setup(ask: Anybody) -> First:
    """Whether the first user is still to be made, with the code that the server printed when it started."""
    return First(needed=not ask.parts.access.users.all(), signed_in=ask.signed_in)


@router.post("/setup", status_code=201)
def set_up(ask: Anybody, body: SetUp) -> UserView:
    """Make the first user. Only once, only with the code, and only from the server's own machine."""
    if not is_loopback(address_of(ask.request)):
        raise Refusal(403, "the first user is made at the server itself; open this page there, at 127.0.0.1, or through a tunnel to it")
    _slow(ask, "setup")
    return user_view(people.set_up(ask.parts, body.code.strip(), body.user, body.name, body.password))


@router.post("/welcome")
def welcome(ask: Anybody, body: Welcome) -> UserView:
    """Choose a password with a one-time code. All sessions of the user end."""
    _slow(ask, "welcome")
    return user_view(people.welcome(ask.parts, body.code.strip(), body.password))


@router.post("/session", status_code=201, responses=AWAITED)
def sign_in(ask: Anybody, body: SignIn, response: Response) -> UserView | Awaited:
    """Sign in: a cookie that scripts cannot read, for at most twelve hours. An earlier session of this browser ends.

    Who has a second factor is not signed in yet (202): the code follows within five minutes.
    """
    with _patiently():
        entered = people.sign_in(ask.parts, body.user, body.password, address_of(ask.request), _device(ask))
    if entered is None:
        raise Refusal(401, "user or password is wrong")
    _end_earlier(ask)
    if entered.half:
        keep(response, HALF, entered.text, people.HALF)
        drop(response, COOKIE)
        response.status_code = 202
        return Awaited(until=ask.parts.clock.now() + people.HALF)
    _let_in(ask, response, entered.user.id, entered.text)
    return user_view(entered.user)


@router.post("/session/code", status_code=201)
def give_code(ask: Anybody, body: Code, response: Response) -> UserView:
    """Finish signing in with a code of the app, or a recovery code; each is good once."""
    half = ask.request.cookies.get(HALF, "")
    user = people.half_signed_in(ask.parts, half)
    if user is None:
        raise Refusal(401, "the password was not given, or too long ago; sign in from the beginning")
    with _patiently():
        text = factors.prove(ask.parts, half, body.code, address_of(ask.request), _device(ask))
    if text is None:
        raise Refusal(401, "this code is not good, or no longer; give the one that the app shows now")
    drop(response, HALF)
    _let_in(ask, response, user, text)
    return user_view(people.found(ask.parts, user))


@router.get("/session")
def who_am_i(ask: Entering) -> Me:
    """Who one is, with the role in each project, and the second factor."""
    caller = ask.known
    held, required = factors.of(ask.parts, caller.user.id), ask.parts.access.factors.required()
    factor = FactorView(
        since=held.since if held else None, codes=len(held.codes) if held else 0, required=required, lacking=caller.lacks_factor
    )
    token = caller.token.id if caller.token else None
    return Me(user=user_view(caller.user), administers=caller.administers, token=token, second_factor=factor)


@router.delete("/session", status_code=204)
def sign_out(ask: Entering, response: Response) -> None:
    """End this session."""
    people.sign_out(ask.parts, session_of(ask.request))
    drop(response, COOKIE)


@router.put("/session/password", status_code=204)
def change_password(ask: Entering, body: NewPassword, response: Response) -> None:
    """Change one's own password; all one's sessions end, this one too. Not by a token."""
    _not_by_token(ask)
    _slow(ask, ask.known.user.id)
    with _patiently():
        people.change_password(ask.parts, ask.known.user, body.old, body.new, address_of(ask.request), _device(ask))
    drop(response, COOKIE)


@router.post("/session/second-factor", status_code=201)
def offer_factor(ask: Entering, body: Password) -> Offer:
    """A key for one's authenticator app, given the password again; it asks for nothing before a code of it was right. Not by a token."""
    _not_by_token(ask)
    _slow(ask, ask.known.user.id)
    with _patiently():
        made = factors.offer(ask.parts, ask.known.user, body.password, address_of(ask.request), _device(ask))
    return Offer(key=made.key, link=made.link)


@router.put("/session/second-factor")
def turn_factor_on(ask: Entering, body: Code, response: Response) -> RecoveryCodes:
    """Turn the second factor on with a first code of the app: this browser goes on with a new session, all others end."""
    _not_by_token(ask)
    _slow(ask, ask.known.user.id)
    made = factors.turn_on(ask.parts, ask.known.user, body.code)
    _let_in(ask, response, ask.known.user.id, made.session)
    return RecoveryCodes(codes=list(made.codes))


@router.post("/session/second-factor/removal", status_code=204)
def turn_factor_off(ask: Entering, body: Both, response: Response) -> None:
    """Turn the second factor off, with password and code: this browser goes on with a new session, all others end."""
    _not_by_token(ask)
    _slow(ask, ask.known.user.id)
    user = ask.known.user
    with _patiently():
        text = factors.turn_off(ask.parts, user, body.password, body.code, address_of(ask.request), _device(ask))
    _let_in(ask, response, user.id, text)


def _not_by_token(ask: Asked) -> None:
    if ask.known.token:
        raise Refusal(403, "a token cannot change how its user signs in; sign in")


def _device(ask: Asked) -> str:
    return ask.request.cookies.get(DEVICE, "")


def _let_in(ask: Asked, response: Response, user: str, text: str) -> None:
    """Give a browser its session, and let it be known."""
    keep(response, COOKIE, text, people.LONGEST)
    keep(response, DEVICE, people.device_of(ask.parts, user), KNOWN)


def _end_earlier(ask: Asked) -> None:
    """End what this browser had before: a session, or half of one."""
    for text in (session_of(ask.request), ask.request.cookies.get(HALF, "")):
        if text:
            people.sign_out(ask.parts, text)


@contextmanager
def _patiently() -> Iterator[None]:
    """Who guesses too much is told how long to wait."""
    try:
        yield
    except RetryableError as error:
        raise Refusal(429, str(error), {"Retry-After": str(max(1, round(error.wait or 1)))}) from error


def _slow(ask: Asked, what: str) -> None:
    """Ten tries a minute at what takes a guess: each costs 64 MiB and a sixth of a second."""
    wait = ask.request.app.state.guesses.wait(f"{what} {address_of(ask.request)}", ask.parts.clock.monotonic(), writes=True)
    if wait:
        raise Refusal(429, f"too many tries; wait {wait:.0f} s", {"Retry-After": str(max(1, round(wait)))})
