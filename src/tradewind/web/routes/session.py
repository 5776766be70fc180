"""Coming in and going out: set-up, one-time codes, sign-in, and who one is."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tradewind.errors import RetryableError
from tradewind.operations import people
from tradewind.web.bodies import API, Body
from tradewind.web.gate import COOKIE, Anybody, Asked, SignedIn, address_of, session_of
from tradewind.web.problems import Refusal
from tradewind.web.views import UserView, user_view

router = APIRouter(prefix=API, tags=["session"])


DEVICE, KNOWN = "__Host-tradewind-device", timedelta(days=90)
"""The cookie by which a browser is known that somebody signed in with, and how long it is kept: while many guess, it still may try."""


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


class NewPassword(Body):
    """The old one and the new one."""

    old: str = Field(max_length=1024, json_schema_extra={"format": "password"})
    new: str = Field(max_length=1024, json_schema_extra={"format": "password"})


class Me(BaseModel):
    """Who asks, and whether they may change what concerns the whole installation. `token` is the id of the token they came by."""

    user: UserView
    administers: bool
    token: str | None


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
    """Make the first user. Only once, and only with the code."""
    _slow(ask, "setup")
    return user_view(people.set_up(ask.parts, body.code.strip(), body.user, body.name, body.password))


@router.post("/welcome")
def welcome(ask: Anybody, body: Welcome) -> UserView:
    """Choose a password with a one-time code. All sessions of the user end."""
    _slow(ask, "welcome")
    return user_view(people.welcome(ask.parts, body.code.strip(), body.password))


@router.post("/session", status_code=201)
def sign_in(ask: Anybody, body: SignIn, response: Response) -> UserView:
    """Sign in: a cookie that scripts cannot read, for at most twelve hours. An earlier session of this browser ends."""
    try:
        known = ask.request.cookies.get(DEVICE, "")
        text = people.sign_in(ask.parts, body.user, body.password, address_of(ask.request), known)
    except RetryableError as error:
        raise Refusal(429, str(error), {"Retry-After": str(max(1, round(error.wait or 1)))}) from error
    if text is None:
        raise Refusal(401, "user or password is wrong")
    if session_of(ask.request):
        people.sign_out(ask.parts, session_of(ask.request))
    user = people.found(ask.parts, body.user)
    kept = {COOKIE: (text, people.LONGEST), DEVICE: (people.device_of(ask.parts, user.id), KNOWN)}
    for name, (value, long) in kept.items():
        response.set_cookie(name, value, max_age=int(long.total_seconds()), path="/", secure=True, httponly=True, samesite="lax")
    return user_view(user)


@router.get("/session")
def who_am_i(ask: SignedIn) -> Me:
    """Who one is, with the role in each project."""
    caller = ask.known
    return Me(user=user_view(caller.user), administers=caller.administers, token=caller.token.id if caller.token else None)


@router.delete("/session", status_code=204)
def sign_out(ask: SignedIn, response: Response) -> None:
    """End this session."""
    people.sign_out(ask.parts, session_of(ask.request))
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


@router.put("/session/password", status_code=204)
def change_password(ask: SignedIn, body: NewPassword, response: Response) -> None:
    """Change one's own password; all one's sessions end, this one too. Not by a token."""
    if ask.known.token:
        raise Refusal(403, "a token cannot change a password; sign in")
    _slow(ask, ask.known.user.id)
    people.change_password(ask.parts, ask.known.user, body.old, body.new)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def _slow(ask: Asked, what: str) -> None:
    """Ten tries a minute at what takes a guess: each costs 64 MiB and a sixth of a second."""
    wait = ask.request.app.state.guesses.wait(f"{what} {address_of(ask.request)}", ask.parts.clock.monotonic(), writes=True)
    if wait:
        raise Refusal(429, f"too many tries; wait {wait:.0f} s", {"Retry-After": str(max(1, round(wait)))})
