"""A message of Amplitude's cohort webhook, read and checked; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from tradewind.errors import DefinitionError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,11}")
_PART = re.compile(r"(.+)::([0-9]{1,7})")


@dataclass(frozen=True)
class Message:
    """Users who enter a cohort of Amplitude, or leave it. `computed` is when that was computed there, in epoch seconds.

    `users` has the columns `user_id` and `properties` (JSON text, empty where none were sent); `nameless` counts entries without a user id.
    """

    id: str
    cohort: str
    entering: bool
    computed: int
    users: pa.Table
    nameless: int


def read(body: bytes) -> Message:
    """The message that a body holds. Raises DefinitionError with the field and what was expected; no value is told."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DefinitionError(f"the body is not JSON: see line {error.lineno}, column {error.colno}") from None
    if not isinstance(found, dict):
        raise DefinitionError("the body is not a JSON object")
    computed = str(_field(found, "computed_time", lambda each: bool(_SECONDS.fullmatch(str(each))), "epoch seconds, as a text"))
    named = _field(found, "message_id", lambda each: isinstance(each, str) and bool(_ID.fullmatch(each)), "a text of 1 to 200 letters")
    cohort = _field(found, "cohort_id", lambda each: isinstance(each, str) and bool(_NAME.fullmatch(each)), "the cohort's id")
    entering = _field(found, "in_cohort", lambda each: isinstance(each, bool), "true or false, which are no texts")
    users = _field(found, "users", lambda each: isinstance(each, list), "a list of users")
    listed, nameless = table(users)
    return Message(named, cohort, entering, int(computed), listed, nameless)


def lacking(messages: Iterable[str]) -> int:
    """How many messages did not come, by the ids of those that did: `job::enter::0`, `::1` and so on are parts of one list.

    Where more numbers lack than came they count something else.
    """
    parts: dict[str, set[int]] = {}
    for each in messages:
        if found := _PART.fullmatch(each):
            parts.setdefault(found[1], set()).add(int(found[2]))
    gaps = {job: max(numbers) + 1 - len(numbers) for job, numbers in parts.items()}
    return sum(gap for job, gap in gaps.items() if gap <= len(parts[job]))


def _field(found: dict[str, Any], name: str, fits: Any, expected: str) -> Any:
    if name not in found:
        raise DefinitionError(f"the message lacks '{name}'; expected {expected}", path=name)
    if not fits(found[name]):
        raise DefinitionError(f"'{name}' is not what it should be; expected {expected}", path=name)
    return found[name]


def table(users: list[Any]) -> tuple[pa.Table, int]:
    """The users of one message as columns, and how many entries name nobody."""
    names: list[str] = []
    properties: list[str] = []
    for place, user in enumerate(users):
        if not isinstance(user, dict):
            raise DefinitionError(f"user {place + 1} is not an object with a user_id", path=f"users[{place}]")
        name, stated = user.get("user_id"), user.get("user_properties")
        if not isinstance(name, str | None) or not isinstance(stated, dict | None):
            raise DefinitionError(
                f"user {place + 1}: expected user_id to be a text and user_properties to be an object", path=f"users[{place}]"
            )
        if name and name.strip():
            names.append(name)
            properties.append(orjson.dumps(stated).decode() if stated else "")
    columns = {"user_id": pa.array(names, pa.string()), "properties": pa.array(properties, pa.string())}
    return pa.table(columns), len(users) - len(names)
