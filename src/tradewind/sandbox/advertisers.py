"""The sandbox's advertisers: one built in for each state an account can be in, and more from a file."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from tradewind.sandbox.unusable import Unusable


class State(StrEnum):
    """What an advertiser's requests meet."""

    READY = "ready"
    WRONG_SECRET = "wrong_secret"  # every credential is answered 401, as after a rotation
    NOT_CONFIGURED = "not_configured"  # data upload was never enabled, for example for want of a paid plan
    FORBIDDEN = "forbidden"  # the credential is right and may not do this
    NO_CREATION = "no_creation"  # segments that exist may be filled, new ones may not be made


@dataclass(frozen=True, slots=True)
class Advertiser:
    """An account. Its secret signs requests, its token replaces the signature; `segments` are there from the start.

    `platform_token` is for what is made of segments, and good for nothing else; empty where there is none.
    """

    id: str
    name: str
    secret: str
    token: str
    state: State = State.READY
    segments: tuple[str, ...] = ()
    platform_token: str = ""


_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_FIELDS = frozenset({"id", "name", "secret", "token", "state", "segments", "platform_token"})


def built_in() -> dict[str, Advertiser]:
    """The advertisers every sandbox has, by id. Their secrets are public: nothing here guards anything."""
    states = {
        "ready1": State.READY,
        "ready2": State.READY,
        "wrongsecret1": State.WRONG_SECRET,
        "notconfigured1": State.NOT_CONFIGURED,
        "forbidden1": State.FORBIDDEN,
        "nocreation1": State.NO_CREATION,
    }
    return {
        key: Advertiser(
            id=key,
            name=f"Sandbox advertiser: {state.value.replace('_', ' ')}",
            secret=f"sandbox-secret-{key}",
            token=f"sandbox-token-{key}",
            state=state,
            segments=("existing_segment",) if state is State.NO_CREATION else (),
            platform_token=f"sandbox-platform-token-{key}",
        )
        for key, state in states.items()
    }


def read_advertisers(path: Path) -> dict[str, Advertiser]:
    """Advertisers of a JSON file: a list of objects with id, secret, token and, if wished, name, state, segments, platform_token.

    Raises Unusable with one sentence that names the entry.
    """
    try:
        entries = orjson.loads(path.read_bytes())
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError as error:
        raise Unusable(f"{path}: is not valid JSON ({error})") from None
    if not isinstance(entries, list):
        raise Unusable(f"{path}: expected a list of advertisers")
    found: dict[str, Advertiser] = {}
    for number, entry in enumerate(entries, 1):
        try:
            advertiser = _advertiser(entry)
        except Unusable as error:
            raise Unusable(f"{path}: advertiser {number} {error}") from None
        found[advertiser.id] = advertiser
    return found


def _advertiser(entry: Any) -> Advertiser:
    if not isinstance(entry, dict):
        raise Unusable("is not an object")
    if unknown := sorted(set(entry) - _FIELDS):
        raise Unusable(f"has the unknown field {unknown[0]!r}; known are {', '.join(sorted(_FIELDS))}")
    key, secret, token = (_text(entry, field) for field in ("id", "secret", "token"))
    if not _ID.fullmatch(key):
        raise Unusable("has an id that is not 1 to 32 letters and digits")
    state, segments = entry.get("state", State.READY.value), entry.get("segments", [])
    if state not in list(State):
        raise Unusable(f"has an unknown state; known are {', '.join(State)}")
    if not isinstance(segments, list) or not all(isinstance(name, str) and name for name in segments):
        raise Unusable("has segments that are not a list of names")
    platform_token = _text(entry, "platform_token") if "platform_token" in entry else ""
    return Advertiser(key, str(entry.get("name", key)), secret, token, State(state), tuple(segments), platform_token)


def _text(entry: dict[str, Any], field: str) -> str:
    text = entry.get(field)
    if not isinstance(text, str) or not text:
        raise Unusable(f"has no {field}")
    return text


def shown(advertiser: Advertiser) -> dict[str, Any]:
    """An advertiser as the sandbox lists it, secret and token included."""
    return asdict(advertiser)
