"""Glob patterns as regular expressions that every engine reads alike: `*` and `?` stop at `/`, `**` does not."""

from __future__ import annotations

SPECIAL = frozenset("\\^$.|?*+()[]{}-&~#")


def regex(pattern: str) -> str:
    """The regular expression that a whole text must match. Raises ValueError for a range such as `[z-a]`."""
    parts, at = [], 0
    while at < len(pattern):
        taken, part = _next(pattern, at)
        parts.append(part)
        at += taken
    return "".join(parts)


def _next(pattern: str, at: int) -> tuple[int, str]:
    """How many characters the next piece has, and its expression."""
    match pattern[at]:
        case "*" if pattern.startswith("**", at):
            return 2, "(?s:.*)"
        case "*":
            return 1, "[^/]*"
        case "?":
            return 1, "[^/]"
        case "[":
            return _class(pattern, at)
        case letter:
            return 1, _literal(letter)


def _class(pattern: str, at: int) -> tuple[int, str]:
    """`[0-9]`, `[!a-z]`; a bracket that is never closed stands for itself."""
    negated = pattern.startswith("[!", at)
    start = at + 1 + negated
    end = pattern.find("]", start + 1)
    if end < 0:
        return 1, _literal("[")
    inside = pattern[start:end]
    parts, i = [], 0
    while i < len(inside):
        if inside[i + 1 : i + 2] == "-" and i + 2 < len(inside):
            first, last = inside[i], inside[i + 2]
            if first > last:
                raise ValueError(f"the range '{first}-{last}' runs backwards")
            parts.append(f"{_literal(first)}-{_literal(last)}")
            i += 3
        else:
            parts.append(_literal(inside[i]))
            i += 1
    return end + 1 - at, f"[{'^/' if negated else ''}{''.join(parts)}]"


def _literal(letter: str) -> str:
    return f"\\{letter}" if letter in SPECIAL else letter
