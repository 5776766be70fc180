"""A YAML text as a tree of nodes that know their file, line and path, so that every error can name all three."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import yaml

from tradewind.errors import DefinitionError

LARGEST = 1_048_576
"""Bytes of YAML read at most; definitions are written by people."""

DEEPEST = 48
"""Levels of nesting read at most."""

Scalar = str | int | float | bool | date | None


@dataclass(frozen=True)
class Node:
    """One place of the text: a mapping, a list or a scalar; `written` is a scalar letter by letter (`01234`, `1.50`)."""

    value: dict[str, Node] | list[Node] | Scalar
    file: str
    line: int | None
    path: str
    written: str = ""

    def refuse(self, message: str) -> NoReturn:
        """Raise DefinitionError at this place."""
        raise DefinitionError(message, file=self.file, line=self.line, path=self.path or None)

    def fields(self, *, required: Iterable[str] = (), optional: Iterable[str] = (), what: str = "here") -> Mapping[str, Node]:
        """The entries of a mapping, after refusing unknown and missing keys."""
        if not isinstance(self.value, dict):
            self.refuse(f"expected a mapping with {', '.join(required) or 'fields'}, found {self.described()}")
        required, known = list(required), [*required, *optional]
        for key, node in self.value.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"; did you mean '{near[0]}'?" if near else f"; expected one of {', '.join(known)}"
                node.refuse(f"'{key}' is not known {what}{hint}")
        for key in required:
            if key not in self.value:
                self.refuse(f"'{key}' is missing {what}")
        return self.value

    def items(self) -> list[Node]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            self.refuse(f"expected a list, found {self.described()}")
        return self.value

    def text(self) -> str:
        """A scalar text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.refuse(f"expected a text, found {self.described()}")
        return self.value

    def number(self) -> int:
        """A whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse(f"expected a whole number, found {self.described()}")
        return self.value

    def described(self) -> str:
        """What stands here, for a sentence."""
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case None:
                return "nothing"
            case _:
                return f"'{str(self.value)[:60]}'"


class _Loader(yaml.SafeLoader):
    """Refuses aliases and deep nesting while the tree is built: it would else take as long as the sender likes."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self.file, self.depth = file, 0

    def get_event(self) -> yaml.Event | None:
        event: yaml.Event | None = super().get_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it bare
        line = event.start_mark.line + 1 if event and event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            raise DefinitionError("aliases are not read; write the value out", file=self.file, line=line)
        self.depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if self.depth > DEEPEST:
            raise DefinitionError(f"is nested deeper than {DEEPEST} levels", file=self.file, line=line)
        return event


def read_file(path: Path) -> Node:
    """The tree of a YAML file.

    Raises DefinitionError when it cannot be read, is over 1 MiB, is not UTF-8, or holds aliases, tags or twice the same key.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise DefinitionError(f"is {size:,} bytes; a definition file has at most {LARGEST:,}", file=str(path))
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DefinitionError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"is not UTF-8 at byte {error.start}; save it as UTF-8", file=str(path)) from error
    return read_text(text, str(path))


def read_text(text: str, file: str = "<text>") -> Node:
    """The tree of a YAML text; `file` is what errors call it. Raises DefinitionError."""
    try:
        root = _Loader(text, file).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DefinitionError(f"is not YAML: {error.problem}", file=file, line=mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError("is not YAML that can be read", file=file) from error
    if root is None:
        raise DefinitionError("is empty", file=file)
    return _node(root, file, "", 0)


def read_value(value: object, file: str = "<request>") -> Node:
    """The tree of mappings, lists and scalars as JSON has them; errors name `file` and the path. Raises DefinitionError."""
    return _value(value, file, "", 0)


def _value(value: object, file: str, path: str, depth: int) -> Node:
    if depth > DEEPEST:
        raise DefinitionError(f"is nested deeper than {DEEPEST} levels", file=file, path=path)
    if isinstance(value, Mapping):
        entries = {str(key): _value(item, file, f"{path}.{key}" if path else str(key), depth + 1) for key, item in value.items()}
        return Node(entries, file, None, path)
    if isinstance(value, list | tuple):
        return Node([_value(item, file, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)], file, None, path)
    if value is None or isinstance(value, str | int | float | date):
        return Node(value, file, None, path, str(value).lower() if isinstance(value, bool) else str(value))
    raise DefinitionError(f"'{str(value)[:60]}' is not a plain value", file=file, path=path or None)


def _node(raw: yaml.Node, file: str, path: str, depth: int) -> Node:
    line = raw.start_mark.line + 1
    if depth > DEEPEST:
        raise DefinitionError(f"is nested deeper than {DEEPEST} levels", file=file, line=line, path=path)
    if isinstance(raw, yaml.MappingNode):
        entries: dict[str, Node] = {}
        for key, value in raw.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                raise DefinitionError("a key must be a plain word", file=file, line=key.start_mark.line + 1, path=path or None)
            if name in entries:
                raise DefinitionError(f"'{name}' is given twice", file=file, line=key.start_mark.line + 1, path=path or None)
            entries[name] = _node(value, file, f"{path}.{name}" if path else name, depth + 1)
        return Node(entries, file, line, path)
    if isinstance(raw, yaml.SequenceNode):
        return Node([_node(item, file, f"{path}[{i}]", depth + 1) for i, item in enumerate(raw.value)], file, line, path)
    return Node(_scalar(raw, file, line, path), file, line, path, raw.value)


PLAIN = {
    "tag:yaml.org,2002:bool": re.compile("true|false", re.IGNORECASE),
    "tag:yaml.org,2002:int": re.compile("[-+]?(0|[1-9][0-9]*)"),
}
"""What counts as a switch or a whole number. YAML 1.1 would also read NO as false, 012 as ten and 12:30 as 750."""


def _scalar(raw: yaml.Node, file: str, line: int, path: str) -> Scalar:
    if raw.tag in PLAIN and not PLAIN[raw.tag].fullmatch(raw.value):
        return str(raw.value)
    try:
        value = yaml.SafeLoader("").construct_object(raw)
    except (yaml.YAMLError, ValueError) as error:
        raise DefinitionError(f"cannot read '{str(raw.value)[:60]}'", file=file, line=line, path=path or None) from error
    if value is None or isinstance(value, str | int | float | date):
        return value
    raise DefinitionError(f"'{str(raw.value)[:60]}' is not a plain value", file=file, line=line, path=path or None)
