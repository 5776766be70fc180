"""Users, their roles, and tokens."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from tradewind.access.roles import Role, Routes, User
from tradewind.errors import MissingError
from tradewind.operations import factors, people
from tradewind.web.bodies import API, Body, Id
from tradewind.web.gate import Admin, Administrator, SignedIn
from tradewind.web.once import Key, once
from tradewind.web.pages import Cursor, Limit, Page, page
from tradewind.web.problems import Refusal
from tradewind.web.views import TokenView, UserView, token_view, user_view

router = APIRouter(prefix=API, tags=["people"])


class NewUser(Body):
    """Somebody who may sign in."""

    id: str = Field(max_length=127)
    name: str = Field(max_length=200)
    administrator: bool = False
    roles: dict[str, Role] = Field(default_factory=dict, max_length=1000)


class Invitation(BaseModel):
    """A user, and the one-time code with which they choose a password. Shown once."""

    user: UserView
    code: str
    until: datetime


class RoleOf(Body):
    """A role in a project; null takes it away."""

    role: Role | None


class ListedUser(UserView):
    """A user, and whether their second factor is on."""

    second_factor: bool


class Rule(Body):
    """Whether everybody who signs in must have a second factor."""

    required: bool


class State(Body):
    """Whether the user is shut out."""

    disabled: bool


class NewToken(Body):
    """A key of a program that acts for the caller: in one project, or in all of the caller's where `project` is empty; by the routes
    that have one of these tags, or by all where `routes` is empty.
    """

    name: str = Field(max_length=200)
    project: str = Field(default="", max_length=63)
    role: Role
    days: int = Field(default=90, ge=1, le=people.LONGEST_DAYS)
    routes: list[Routes] = Field(default_factory=list, max_length=len(Routes))


class IssuedToken(BaseModel):
    """A token, and its text, which is shown once."""

    token: TokenView
    text: str


class Person(BaseModel):
    """Somebody with a role in a project."""

    id: str
    name: str
    role: Role


@router.get("/users")
def list_users(ask: Administrator, cursor: Cursor = None, limit: Limit = 50) -> Page[ListedUser]:
    """All users, by id."""
    on = {each.user for each in ask.parts.access.factors.all() if each.since}

    def listed(each: User) -> ListedUser:
        return ListedUser(**dict(user_view(each)), second_factor=each.id in on)

    return page(ask.parts.access.users.all(), lambda each: each.id, listed, cursor, limit)


@router.post("/users", status_code=201, response_model=Invitation)
def add_user(ask: Administrator, body: NewUser, key: Key = None) -> JSONResponse:
    """Add a user."""

    def make() -> Invitation:
        return _invitation(people.add_user(ask.parts, ask.who, body.id, body.name, administrator=body.administrator, roles=body.roles))

    return once(ask, key, body, make, once_only="code")


@router.post("/users/{user}/code", status_code=201, response_model=Invitation)
def invite_again(ask: Administrator, user: Id, key: Key = None) -> JSONResponse:
    """A new one-time code for who forgot the password."""
    return once(ask, key, None, lambda: _invitation(people.invite_again(ask.parts, ask.who, user)), once_only="code")


@router.delete("/users/{user}/second-factor", status_code=204)
def reset_factor(ask: Administrator, user: Id) -> None:
    """Take out the second factor of a user who lost the phone; their sessions end, and the password is asked for as before."""
    if ask.parts.access.users.find(user) is None:
        raise MissingError("there is no such user", user)
    factors.reset(ask.parts, ask.who, user)


@router.put("/second-factor", status_code=204)
def require_factor(ask: Administrator, body: Rule) -> None:
    """Ask everybody who signs in for a second factor, or leave it to each. Tokens of programs are not concerned."""
    factors.require(ask.parts, ask.who, required=body.required)


@router.put("/users/{user}/state")
def set_state(ask: Administrator, user: Id, body: State) -> UserView:
    """Shut a user out at once, or let them in again."""
    return user_view(people.set_disabled(ask.parts, ask.who, user, disabled=body.disabled))


@router.get("/projects/{project}/people")
def list_people(ask: Admin, project: Id, cursor: Cursor = None, limit: Limit = 50) -> Page[Person]:
    """Who has a role in the project."""
    known = [each for each in ask.parts.access.users.all() if project in each.roles]
    return page(known, lambda each: each.id, lambda each: Person(id=each.id, name=each.name, role=each.roles[project]), cursor, limit)


@router.put("/projects/{project}/people/{user}")
def set_role(ask: Admin, project: Id, user: Id, body: RoleOf) -> UserView:
    """Give a user a role in the project, or none any more. Shows the roles in this project alone."""
    if ask.parts.access.users.find(user) is None:
        raise MissingError("there is no such user; an administrator of the installation adds them", user)
    changed = people.set_role(ask.parts, ask.who, user, project, body.role)
    shown = user_view(changed)
    return shown.model_copy(update={"roles": {each: role for each, role in shown.roles.items() if each == project}})


@router.get("/tokens")
def list_tokens(ask: SignedIn, cursor: Cursor = None, limit: Limit = 50) -> Page[TokenView]:
    """One's own tokens; an administrator sees all."""
    mine = [each for each in ask.parts.access.tokens.all() if ask.known.administers or each.user == ask.known.user.id]
    return page(mine, lambda each: each.id, token_view, cursor, limit)


@router.post("/tokens", status_code=201, response_model=IssuedToken)
def issue_token(ask: SignedIn, body: NewToken, key: Key = None) -> JSONResponse:
    """Issue a token for oneself. Not by a token."""
    if ask.known.token:
        raise Refusal(403, "a token cannot issue another; sign in")
    if body.project and ask.known.role(body.project) is None:
        raise Refusal(422, f"there is no project '{body.project}' that is open to you")

    def make() -> IssuedToken:
        made = people.issue(ask.parts, ask.who, ask.known.user.id, body.name, body.project, body.role, body.days, body.routes)
        return IssuedToken(token=token_view(made.token), text=made.text)

    return once(ask, key, body, make, once_only="text")


@router.delete("/tokens/{token}", status_code=204)
def revoke_token(ask: SignedIn, token: Id) -> None:
    """Take a token out: one's own, or as an administrator any."""
    known = {each.id: each for each in ask.parts.access.tokens.all()}
    if token not in known or not (ask.known.administers or known[token].user == ask.known.user.id):
        raise MissingError("there is no such token of yours", token)
    people.revoke(ask.parts, ask.who, token)


def _invitation(made: people.Invited) -> Invitation:
    return Invitation(user=user_view(made.user), code=made.code, until=made.until)
