"""People: users and their roles, how they come in, and the programs that act for them."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tradewind.access import texts
from tradewind.access.base import Access
from tradewind.access.passwords import check_password
from tradewind.access.roles import ApiToken, Caller, Proof, Role, Routes, Session, User
from tradewind.access.throttle import MEMORY, MOST, network_of, not_before
from tradewind.access.trail import Deed
from tradewind.catalog.rules import check_name, pick
from tradewind.errors import DefinitionError, RetryableError
from tradewind.parts import Parts

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
"""How long a session lasts without a request, and at most."""

HALF = timedelta(minutes=5)
"""How long after the password the code of the second factor may follow."""

SETUP, WELCOME = timedelta(minutes=30), timedelta(hours=24)
"""How long a one-time code opens: the first one of an installation, and that of a new user."""

WAIT = 600.0
"""Seconds after which somebody may look again whether an account of which very many passwords were guessed is open to them."""

LONGEST_DAYS = 365
"""Of a token."""

SEEN = timedelta(minutes=1)
"""How exactly is written when a session or token was last used."""

USER = re.compile(r"[a-z0-9][a-z0-9._%+@-]{0,126}")


@dataclass(frozen=True, repr=False)
class Invited:
    """A user, and the one-time code with which they choose a password; it is shown once."""

    user: User
    code: str
    until: datetime


@dataclass(frozen=True, repr=False)
class Entered:
    """Somebody whose password was right: the text of a session, or with `half` of what only the code of the second factor makes one."""

    user: User
    text: str
    half: bool


@dataclass(frozen=True, repr=False)
class Issued:
    """A token, and its text, which is shown once."""

    token: ApiToken
    text: str


def offer_setup(parts: Parts) -> str | None:
    """A one-time code for who sets the installation up, good for half an hour; None where there is a user already."""
    code = texts.new_code()
    with parts.access.transaction() as inside:
        if inside.users.all():
            return None
        inside.gate.put_code(texts.digest(code), "", parts.clock.now() + SETUP)
    return code


def set_up(parts: Parts, code: str, id_: str, name: str, password: str) -> User:
    """Make the first user, who administers the installation. Raises DefinitionError when there is one, or the code does not open."""
    now, digest = parts.clock.now(), texts.digest(code)
    refusal = DefinitionError(
        "this code does not open; it is good once and for half an hour, and a server without users prints one when it starts"
    )
    if parts.access.gate.code_of(digest, now) != "":
        raise refusal
    user = _checked(User(id_, name, now, administrator=True))
    check_password(password, id_)
    kept = _kept(parts, password)
    with parts.access.transaction() as inside:
        if inside.gate.take_code(digest, now) != "" or inside.users.all():
            raise refusal
        inside.users.add(user)
        inside.users.set_password(user.id, kept)
        inside.trail.write(Deed(user.id, "user.set_up", user.id), now)
    return user


def add_user(
    parts: Parts, who: str, id_: str, name: str, *, administrator: bool = False, roles: Mapping[str, Role] | None = None
) -> Invited:
    """Add a user, and give the one-time code with which they choose a password.

    Raises DefinitionError when the id cannot be one or is taken.
    """
    for project in roles or {}:
        parts.catalog.project(project)
    now = parts.clock.now()
    user = _checked(User(id_, name, now, administrator, roles=dict(roles or {})))
    code = texts.new_code()
    with parts.access.transaction() as inside:
        inside.users.add(user)
        inside.gate.put_code(texts.digest(code), user.id, now + WELCOME)
        details = {"administrator": "yes"} if administrator else {}
        inside.trail.write(Deed(who, "user.add", user.id, "", details | {each: role.value for each, role in user.roles.items()}), now)
    return Invited(user, code, now + WELCOME)


def invite_again(parts: Parts, who: str, id_: str) -> Invited:
    """A new one-time code for a user who forgot the password; the password stays good until the code is used."""
    user, code, now = found(parts, id_), texts.new_code(), parts.clock.now()
    with parts.access.transaction() as inside:
        inside.gate.put_code(texts.digest(code), user.id, now + WELCOME)
        inside.trail.write(Deed(who, "user.invite", user.id), now)
    return Invited(user, code, now + WELCOME)


def welcome(parts: Parts, code: str, password: str) -> User:
    """Give the user of a one-time code a password; all their sessions end. Raises DefinitionError when the code does not open."""
    now, digest = parts.clock.now(), texts.digest(code)
    refusal = DefinitionError("this code does not open; it is good once and for a day; ask an administrator for a new one")
    id_ = parts.access.gate.code_of(digest, now)
    user = parts.access.users.find(id_) if id_ else None
    if user is None or user.disabled:
        raise refusal
    check_password(password, user.id)
    kept = _kept(parts, password)
    with parts.access.transaction() as inside:
        if inside.gate.take_code(digest, now) != user.id:
            raise refusal
        _set_password(inside, user.id, kept, user.id, now)
    return user


def change_password(parts: Parts, user: User, old: str, new: str, address: str, device: str = "") -> None:
    """Change one's own password; all sessions end.

    Raises DefinitionError when the old one is wrong or the new one cannot be one, and RetryableError as `sign_in`.
    """
    check_password(new, user.id)
    if not knows_password(parts, user, old, address, device):
        raise DefinitionError("the old password is not the one this user has")
    kept = _kept(parts, new)
    with parts.access.transaction() as inside:
        _set_password(inside, user.id, kept, user.id, parts.clock.now())


def found(parts: Parts, id_: str) -> User:
    """The user of an id. Raises DefinitionError when there is none."""
    return pick({each.id: each for each in parts.access.users.all()}, id_, "user")


def set_role(parts: Parts, who: str, id_: str, project: str, role: Role | None) -> User:
    """Give a user a role in a project, or none any more; it counts from the next request. Their sessions end with another role."""
    parts.catalog.project(project)
    before = found(parts, id_)
    roles = {each: kept for each, kept in before.roles.items() if each != project} | ({project: role} if role else {})
    deed = Deed(who, "user.role", id_, project, {"before": before.roles.get(project, "none"), "after": role.value if role else "none"})
    return _save(parts, replace(before, roles=roles), deed, ends=roles != before.roles)


def set_disabled(parts: Parts, who: str, id_: str, *, disabled: bool) -> User:
    """Shut a user out, with all sessions and tokens, or let them in again. Raises DefinitionError for the last administrator."""
    before = found(parts, id_)
    others = [each for each in parts.access.users.all() if each.administrator and not each.disabled and each.id != id_]
    if disabled and before.administrator and not others:
        raise DefinitionError(f"user '{id_}' is the last administrator who can sign in; add another first")
    deed = Deed(who, "user.disable" if disabled else "user.enable", id_)
    return _save(parts, replace(before, disabled=disabled), deed, ends=disabled)


def sign_in(parts: Parts, id_: str, password: str, address: str, device: str = "") -> Entered | None:
    """Somebody with a new session, or half of one where a second factor is to follow; None when user or password is wrong, and nothing
    says which.

    `device` is what the browser has of an earlier sign-in. Raises RetryableError, with the seconds to wait, after many wrong passwords
    of this user from this network, or very many from everywhere while the browser is not known; or when very many sign in at once, of whom
    those whose browser is known do not wait.
    """
    account, network = id_[:128], network_of(address)
    known = hold_off(parts, account, address, device)
    with parts.passwords.turn(None if known else network):
        hold_off(parts, account, address, device)  # others guessed while one waited
        now, user = parts.clock.now(), parts.access.users.find(account)
        kept = parts.access.users.password(account) if user and not user.disabled else None
        if not parts.passwords.fits(kept, password) or user is None:
            parts.access.gate.fail(account, network, now)
            return None
    with parts.access.transaction() as inside:
        factor = inside.factors.find(account)
        if factor and factor.since:
            return Entered(user, open_session(inside, account, Proof.HALF, now), half=True)
        inside.gate.forgive(account, network)
        inside.trail.write(Deed(account, "session.open", account, "", {"from": network}), now)
        return Entered(user, open_session(inside, account, Proof.PASSWORD, now), half=False)


def hold_off(parts: Parts, account: str, address: str, device: str) -> bool:
    """Whether the user signed in with this browser before (`device`, as for `sign_in`).

    Raises RetryableError, with the seconds to wait, where too much was guessed of the account.
    """
    now, gate = parts.clock.now(), parts.access.gate
    until = not_before(gate.failures(account, network_of(address), now - MEMORY))
    if until and until > now:
        raise RetryableError("too many wrong passwords or codes; wait a little and try again", (until - now).total_seconds())
    known = hmac.compare_digest(device_of(parts, account).encode(), device.encode())
    if not known and gate.recent(account, now - MEMORY) >= MOST:
        raise RetryableError(
            "too many wrong passwords or codes for this user from everywhere; wait, or use a browser that you signed in with before", WAIT
        )
    return known


def knows_password(parts: Parts, user: User, password: str, address: str, device: str) -> bool:
    """Whether somebody who is signed in knows the password; guesses count, and wait, as at sign-in. Raises RetryableError as `sign_in`."""
    with parts.passwords.turn(None):
        hold_off(parts, user.id, address, device)
        fits = parts.passwords.fits(parts.access.users.password(user.id), password)
        if not fits:
            parts.access.gate.fail(user.id, network_of(address), parts.clock.now())
    return fits


def open_session(inside: Access, user: str, proof: Proof, now: datetime) -> str:
    """The text of a new session; none is ever made from a text that a browser brought."""
    text = texts.new_session()
    inside.sessions.open(Session(texts.digest(text), user, now, now, proof))
    return text


def half_signed_in(parts: Parts, text: str) -> str | None:
    """Whose password was right in this browser a little while ago, if the code of the second factor is still awaited."""
    session = parts.access.sessions.find(texts.digest(text))
    if session is None or session.proof is not Proof.HALF or parts.clock.now() - session.opened_at > HALF:
        return None
    return session.user


def device_of(parts: Parts, user: str) -> str:
    """What a browser keeps of having been signed in with by a user; another after the password was changed."""
    return texts.device_of(parts.vault.suppressions_key(), user, parts.access.users.password(user) or "")


def sign_out(parts: Parts, text: str) -> None:
    """End a session."""
    parts.access.sessions.end(texts.digest(text))


def by_session(parts: Parts, text: str, *, asks: bool = True) -> Caller | None:
    """Who has this session, if it lasts still. Without a request that `asks` it does not last any longer."""
    now, sessions, kept = parts.clock.now(), parts.access.sessions, texts.digest(text)
    session = sessions.find(kept)
    if session is None or session.proof is Proof.HALF:
        return None
    if now - session.seen_at > IDLE or now - session.opened_at > LONGEST:
        sessions.end(kept)
        return None
    if asks and now - session.seen_at > SEEN:
        sessions.touch(kept, now)
    caller = _caller(parts, session.user)
    lacks = session.proof is Proof.PASSWORD and parts.access.factors.required()
    return replace(caller, lacks_factor=True) if caller and lacks else caller


def by_token(parts: Parts, text: str) -> Caller | None:
    """For whom this token acts, if it is good still; that somebody sends one whose time is over stands in the audit trail."""
    token = parts.access.tokens.find(texts.digest(text)) if texts.is_token(text) else None
    now = parts.clock.now()
    if token is None:
        return None
    if token.used_at is None or now - token.used_at > SEEN:
        parts.access.tokens.touch(token.id, now)
        if token.expires_at <= now:
            parts.trail.write(Deed(token.user, "token.refused", token.id, token.project, {"why": "expired"}), now)
    if token.expires_at <= now:
        return None
    return _caller(parts, token.user, token)


def issue(parts: Parts, who: str, user: str, name: str, project: str, role: Role, days: int, routes: Collection[Routes] = ()) -> Issued:
    """A token for a user's program, in one project or in all (''), by some routes or by all (none named).

    Raises DefinitionError when it would be good for more than a year.
    """
    found(parts, user)
    check_name("token", name)
    if project:
        parts.catalog.project(project)
    if not 1 <= days <= LONGEST_DAYS:
        raise DefinitionError(f"a token is good for 1 to {LONGEST_DAYS} days, not for {days}")
    now, text = parts.clock.now(), texts.new_token()
    only = tuple(each for each in Routes if each in routes)
    token = ApiToken(f"t{secrets.token_hex(6)}", user, name, project, role, now, now + timedelta(days=days), only)
    with parts.access.transaction() as inside:
        inside.tokens.add(token, texts.digest(text))
        details = {"user": user, "role": role.value, "routes": ", ".join(only) or "all", "until": f"{token.expires_at:%Y-%m-%d}"}
        inside.trail.write(Deed(who, "token.issue", token.id, project, details), now)
    return Issued(token, text)


def revoke(parts: Parts, who: str, token: str) -> None:
    """Take a token out; it opens nothing from the next request on. Raises DefinitionError when there is none."""
    known = pick({each.id: each for each in parts.access.tokens.all()}, token, "token")
    with parts.access.transaction() as inside:
        inside.tokens.revoke(token)
        inside.trail.write(Deed(who, "token.revoke", token, known.project, {"user": known.user}), parts.clock.now())


def _caller(parts: Parts, user: str, token: ApiToken | None = None) -> Caller | None:
    known = parts.access.users.find(user)
    return None if known is None or known.disabled else Caller(known, token)


def _checked(user: User) -> User:
    if not USER.fullmatch(user.id):
        raise DefinitionError(f"'{user.id[:80]}' cannot be a user's id; expected lower-case letters, digits and . _ % + @ -, at most 127")
    check_name("user", user.name)
    return user


def _save(parts: Parts, user: User, deed: Deed, *, ends: bool) -> User:
    with parts.access.transaction() as inside:
        inside.users.save(user)
        if ends:
            inside.sessions.end_all(user.id)
        inside.trail.write(deed, parts.clock.now())
    return user


def _kept(parts: Parts, password: str) -> str:
    """What is kept of the password of somebody who proved who they are."""
    with parts.passwords.turn(None):
        return parts.passwords.keep(password)


def _set_password(inside: Access, user: str, kept: str, who: str, now: datetime) -> None:
    inside.users.set_password(user, kept)
    inside.sessions.end_all(user)
    inside.trail.write(Deed(who, "user.password", user), now)
