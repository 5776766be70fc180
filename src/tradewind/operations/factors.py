"""The second factor: an app's codes beside the password, which each user turns on and off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tradewind.access import texts, totp
from tradewind.access.base import Access
from tradewind.access.roles import Factor, Proof, User
from tradewind.access.throttle import network_of
from tradewind.access.trail import Deed
from tradewind.errors import DefinitionError
from tradewind.model.destination import Secret
from tradewind.operations import people
from tradewind.parts import Parts
from tradewind.vault.sql import SECOND_FACTOR

CODES = 10
"""Recovery codes, each good once, for who has not the app at hand."""

APP, RECOVERY = "app", "recovery code"
"""By what somebody came in, as the audit trail says it."""


@dataclass(frozen=True, repr=False)
class Offered:
    """A key for an authenticator app, and the link that a QR code holds; shown once."""

    key: str
    link: str


@dataclass(frozen=True, repr=False)
class TurnedOn:
    """The recovery codes, which are shown once, and the text of the session that goes on."""

    codes: tuple[str, ...]
    session: str


def of(parts: Parts, user: str) -> Factor | None:
    """A user's second factor where it is on."""
    factor = parts.access.factors.find(user)
    return factor if factor and factor.since else None


def prove(parts: Parts, half: str, code: str, address: str, device: str = "") -> str | None:
    """The text of a new session for a browser whose password was right (`half` is what it holds); None when the code is not good.

    A code of the app is good once, and so is a recovery code. Raises DefinitionError when the password was given too long ago, and
    RetryableError as `people.sign_in`.
    """
    user = people.half_signed_in(parts, half)
    factor = of(parts, user) if user else None
    if user is None or factor is None:
        raise DefinitionError("the password was given too long ago; sign in again from the beginning")
    people.hold_off(parts, user, address, device)
    now, network, (how, after) = parts.clock.now(), network_of(address), _spent(parts, factor, code)
    with parts.access.transaction() as inside:
        if not (how and inside.factors.change(user, factor, after)):
            inside.gate.fail(user, network, now)
            inside.trail.write(Deed(user, "session.refused", user, "", {"from": network, "why": "the code of the second factor"}), now)
            return None
        inside.gate.forgive(user, network)
        inside.sessions.end(texts.digest(half))
        inside.trail.write(Deed(user, "session.open", user, "", {"from": network, "second factor": how}), now)
        return people.open_session(inside, user, Proof.BOTH, now)


def offer(parts: Parts, user: User, password: str, address: str, device: str = "") -> Offered:
    """A key for the app of a user who gives the password again; it asks for nothing before `turn_on`.

    Raises DefinitionError when the second factor is on already or the password is wrong, and RetryableError as `people.sign_in`.
    """
    _refuse_another(of(parts, user.id))
    if not people.knows_password(parts, user, password, address, device):
        raise DefinitionError("the password is not the one this user has")
    key = totp.new_key()
    version = parts.vault.seal("", user.id, Secret(key), SECOND_FACTOR)
    with parts.access.transaction() as inside:
        before = inside.factors.find(user.id)
        _refuse_another(before)
        inside.factors.change(user.id, before, Factor(user.id, version))
        inside.trail.write(Deed(user.id, "second_factor.offer", user.id), parts.clock.now())
    return Offered(key, totp.link(key, user.id))


def turn_on(parts: Parts, user: User, code: str) -> TurnedOn:
    """Ask for the second factor from now on, once a code of the app is right. All other sessions of the user end.

    Raises DefinitionError when no key was offered, or the code is not that of now.
    """
    now, factor = parts.clock.now(), parts.access.factors.find(user.id)
    _refuse_another(factor)
    if factor is None:
        raise DefinitionError("no key was offered yet; begin with the password")
    step = _step(parts, factor, code)
    if step is None:
        raise DefinitionError(
            "this is not the code of now; give the six digits that the app shows, and see that the clocks of phone and server are right"
        )
    codes = tuple(texts.new_code() for _ in range(CODES))
    after = Factor(user.id, factor.version, now, step, frozenset(map(texts.digest, codes)))
    with parts.access.transaction() as inside:
        if not inside.factors.change(user.id, factor, after):
            raise DefinitionError("another key was offered meanwhile; take the newest into the app, or begin again")
        inside.sessions.end_all(user.id)
        inside.trail.write(Deed(user.id, "second_factor.on", user.id), now)
        return TurnedOn(codes, people.open_session(inside, user.id, Proof.BOTH, now))


def turn_off(parts: Parts, user: User, password: str, code: str, address: str, device: str = "") -> str:
    """Ask for the password alone again; the text of the session that goes on, all others end.

    Raises DefinitionError when password or code is wrong, and nothing says which, and RetryableError as `people.sign_in`.
    """
    factor = of(parts, user.id)
    if factor is None:
        raise DefinitionError("the second factor is not on")
    now, wrong = parts.clock.now(), DefinitionError("password or code is wrong")
    if not people.knows_password(parts, user, password, address, device):
        raise wrong
    how, _ = _spent(parts, factor, code)
    if not how:
        parts.access.gate.fail(user.id, network_of(address), now)
        raise wrong
    with parts.access.transaction() as inside:
        _remove(inside, factor, Deed(user.id, "second_factor.off", user.id), now)
        text = people.open_session(inside, user.id, Proof.PASSWORD, now)
    parts.vault.forget("", user.id, SECOND_FACTOR)
    return text


def reset(parts: Parts, who: str, id_: str) -> User:
    """Take out the second factor of a user who has neither app nor recovery codes; their sessions end, and the password stays asked for.

    Raises DefinitionError when there is no such user, or none is there.
    """
    user, factor = people.found(parts, id_), of(parts, id_)
    if factor is None:
        raise DefinitionError(f"user '{id_}' has no second factor")
    with parts.access.transaction() as inside:
        _remove(inside, factor, Deed(who, "second_factor.reset", id_), parts.clock.now())
    parts.vault.forget("", id_, SECOND_FACTOR)
    return user


def require(parts: Parts, who: str, *, required: bool) -> None:
    """Ask everybody who signs in for a second factor, or leave it to each; who has none turns it on before anything else is open."""
    with parts.access.transaction() as inside:
        before = "required" if inside.factors.required() else "optional"
        inside.factors.require(required=required)
        details = {"before": before, "after": "required" if required else "optional"}
        inside.trail.write(Deed(who, "second_factor.require", "everybody", "", details), parts.clock.now())


def _step(parts: Parts, factor: Factor, code: str) -> int | None:
    """The step of the clock whose code was given; None where it is none of now."""
    key = parts.vault.open("", factor.user, factor.version, SECOND_FACTOR)
    return totp.step_of(key.value, _plain(code), parts.clock.now())


def _spent(parts: Parts, factor: Factor, code: str) -> tuple[str, Factor]:
    """By what a code came, or nothing where it is not good; and the factor without it, for which it is never good again."""
    step, digest = _step(parts, factor, code), texts.digest(_plain(code))
    if step is not None and step > factor.step:
        return APP, replace(factor, step=step)
    return RECOVERY if digest in factor.codes else "", replace(factor, codes=factor.codes - {digest})


def _plain(code: str) -> str:
    """As it is kept: people put spaces between, and a phone writes capital letters."""
    return "".join(code.split()).lower()


def _remove(inside: Access, factor: Factor, deed: Deed, now: datetime) -> None:
    if not inside.factors.change(factor.user, factor, None):
        raise DefinitionError("the second factor was used or changed at this very moment; try again")
    inside.sessions.end_all(factor.user)
    inside.trail.write(deed, now)


def _refuse_another(factor: Factor | None) -> None:
    if factor is not None and factor.since is not None:
        raise DefinitionError("the second factor is on already; turn it off first, for instance to take another phone")
