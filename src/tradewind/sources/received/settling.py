"""Received lines in their order, with what identifies do to properties worked out: from then on plain values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tradewind.events.values import Key, Who
from tradewind.sources.received.operations import APART, CLEAR, applied, names

Newest = Callable[[Collection[Who], Collection[str]], Mapping[Who, dict[str, Any]]]
"""What users and devices have of these properties so far."""

Known = Callable[[Collection[Key]], set[Key]]
"""Which events were brought in before."""

_MARKS = tuple(f'"{operation}"'.encode() for operation in APART)


def settled(paths: Sequence[Path], newest: Newest, known: Known) -> Iterator[bytes]:
    """The lines of files. Who has an operation among them has all of theirs read; an event that comes again changes nothing twice."""
    wanted: dict[Who, set[str]] = {}
    for line in _lines(paths):
        if _is_apart(line):
            event = orjson.loads(line)
            wanted.setdefault(_who(event), set()).update(names(event["user_properties"]))
    if not wanted:
        yield from _lines(paths)
        return
    have = {who: dict(found) for who, found in newest(wanted, set().union(*wanted.values())).items()}
    seen = known({key for event in map(orjson.loads, _lines(paths)) if _who(event) in wanted and (key := _key(event))})
    for line in _lines(paths):
        event = orjson.loads(line)
        who, stated, key = _who(event), event.get("user_properties"), _key(event)
        if who not in wanted or not isinstance(stated, dict):
            yield line
            continue
        after = {}
        if key not in seen:
            if CLEAR in stated:
                have[who].clear()
            after = applied(stated, have[who])
            have[who] |= after
        if key:
            seen.add(key)
        cleared = {CLEAR: stated[CLEAR]} if CLEAR in stated else {}
        yield line if not _is_apart(line) else orjson.dumps(event | {"user_properties": cleared | after}) + b"\n"


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from file


def _is_apart(line: bytes) -> bool:
    """Whether a line may hold an operation whose outcome depends on what was there."""
    return any(mark in line for mark in _MARKS) and bool(names(orjson.loads(line).get("user_properties") or {}))


def _who(event: dict[str, Any]) -> Who:
    return ("user_id", event["user_id"]) if event.get("user_id") else ("device_id", event["device_id"])


def _key(event: dict[str, Any]) -> Key | None:
    """By what the store knows the event; None without an insert id."""
    return (event.get("device_id") or event["user_id"], event["insert_id"]) if event.get("insert_id") else None
