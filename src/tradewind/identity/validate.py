"""The check of a value, twice: in plain Python (the reference) and as SQLGlot expressions for DuckDB.

Both read the same table of patterns. A pattern is written so that Python's `re` and DuckDB's RE2 cannot differ:
explicit ASCII classes only, no `.`, no `\\d`, no `\\s`, no case folding, and always the whole text.

What cannot be seen: the Base64 SHA-256 of an e-mail address has the very form of a raw UID2 (32 bytes), and a device
id has the form of a TDID. Only the map says what a column holds, so previews show a sample for a person to confirm.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor

from sqlglot import exp

from tradewind.identity.kinds import from_text, is_guid
from tradewind.model.identifier import IdType, Refusal

WHITESPACE = " \t\n\r\v\f"
"""What is stripped. A no-break or zero-width space is not: it is part of the value, which is then refused."""

WORDS = ("null", "(null)", "nil", "none", "(none)", "nan", "undefined", "unknown", "n/a", "na", "test", "(not set)", "-", "0")


def _either_case(word: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if "a" <= c <= "z" else f"[{c}]" for c in word)


_HEX = "[0-9a-fA-F]"
_GUID = f"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
_CONSTANT = "|".join(f"{c}{{8}}(?:-{c}{{4}}){{3}}-{c}{{12}}|{c}{{32}}" for c in ("0", "[fF]"))
_CONSTANTS = f"{{0}} IN ('{'0' * 32}'::UUID, '{'f' * 32}'::UUID)"
_RAW_UID2 = "[A-Za-z0-9+/]{42}(?:[AEIMQUYcgkosw048]=|[A-Za-z0-9+/]{2})"
"""32 bytes end in one of 16 letters and `=` (the two spare bits are zero); 33 bytes need no padding."""

_PLACEHOLDER = "|".join(map(_either_case, WORDS))
_HASH = f"{_HEX}{{32}}|{_HEX}{{40}}|{_HEX}{{64}}"
_MAIL = "[^@]*(?:@[^@]*)+"
"""No identifier holds an `@`, so whatever does is taken for an address."""

_PHONE = "[+](?:[ ().-]*[0-9]){7,15}[ ().-]*|[ ().-]*(?:[0-9][ ().-]*){10,15}"
_TOKEN = "[A-Za-z0-9+/_=-]{100,}"

_PERSONAL = (f"{_MAIL}|{_PHONE}", Refusal.RAW_PII)
_GUID_RULES = ((_CONSTANT, Refusal.ZEROED), (_GUID, None), (_PLACEHOLDER, Refusal.PLACEHOLDER), (_HASH, Refusal.HASHED), _PERSONAL)
_UID2_RULES = ((_RAW_UID2, None), (_PLACEHOLDER, Refusal.PLACEHOLDER), (_HASH, Refusal.HASHED), _PERSONAL, (_TOKEN, Refusal.TOKEN))


def _rules(id_type: IdType) -> list[tuple[str, Refusal | None]]:
    """The first pattern that fits the whole text decides; None accepts; if none fits, the value is of bad format."""
    own = _GUID_RULES if is_guid(id_type) else _UID2_RULES
    return [(f"[{WHITESPACE}]*(?:{pattern})[{WHITESPACE}]*", verdict) for pattern, verdict in (("", Refusal.MISSING), *own)]


_COMPILED = {id_type: [(re.compile(pattern), verdict) for pattern, verdict in _rules(id_type)] for id_type in IdType}


def check(id_type: IdType, text: str | None) -> bytes | Refusal:
    """The bytes of a value, or why it cannot be used. An empty cell is missing, as an absent one is."""
    if text is None:
        return Refusal.MISSING
    for pattern, verdict in _COMPILED[id_type]:
        if pattern.fullmatch(text):
            return verdict or from_text(id_type, text.strip(WHITESPACE))
    return Refusal.BAD_FORMAT


def unusual(id_type: IdType, value: bytes) -> bool:
    """Whether an accepted raw UID2 of 33 bytes says of itself that it is an EUID, not of production, or damaged.

    The platform decides; the form is no contract. Such values are sent, and counted as a warning.
    """
    if id_type is not IdType.UID2 or len(value) != 33:
        return False
    scope_euid, versioned, environment = value[0] >> 4 & 1, value[0] >> 5 & 1, value[0] >> 6
    return bool(scope_euid or (versioned and (environment != 2 or reduce(xor, value) != 0)))


def refusal(id_type: IdType, column: exp.Expr) -> exp.Expr:
    """`check` as a DuckDB expression over a VARCHAR: the reason as text, NULL when the value is accepted."""
    ifs = [exp.If(this=exp.Is(this=column.copy(), expression=exp.null()), true=exp.Literal.string(Refusal.MISSING.value))]
    for pattern, verdict in _rules(id_type):
        fits = exp.func("regexp_full_match", column.copy(), exp.Literal.string(pattern))
        ifs.append(exp.If(this=fits, true=exp.Literal.string(verdict.value) if verdict else exp.null()))
    return exp.Case(ifs=ifs, default=exp.Literal.string(Refusal.BAD_FORMAT.value))


def checked(id_type: IdType, relation: str, *, uuid: bool = False) -> str:
    """`check` as a SELECT for DuckDB over a relation with a column `text`: all its columns, and `reason` and `id`, of which one is NULL.

    `id` is a UUID for GUIDs and a BLOB for the others. A decoder is only given a text that fits, since it raises on any other. Nearly
    every GUID is written as DuckDB writes it, and such a one needs no pattern. With `uuid`, for GUIDs alone, `text` is a UUID already.
    """
    if uuid:
        missing, zeroed = f"WHEN text IS NULL THEN '{Refusal.MISSING}'", f"WHEN {_CONSTANTS.format('text')} THEN '{Refusal.ZEROED}'"
        reasoned = f"SELECT *, CASE {missing} {zeroed} END AS reason FROM ({relation})"
        return f"SELECT *, CASE WHEN reason IS NULL THEN text END AS id FROM ({reasoned})"
    text = exp.column("text")
    reason, stripped = refusal(id_type, text).sql("duckdb"), exp.Trim(this=text, expression=exp.Literal.string(WHITESPACE)).sql("duckdb")
    if not is_guid(id_type):
        reasoned = f"SELECT *, {reason} AS reason FROM ({relation})"
        return f"SELECT *, CASE WHEN reason IS NULL THEN from_base64({stripped}) END AS id FROM ({reasoned})"
    parsed = f"SELECT *, TRY_CAST(text AS UUID) AS parsed FROM ({relation})"
    plain = f"parsed::VARCHAR = lower(text) AND NOT {_CONSTANTS.format('parsed')}"
    reasoned = f"SELECT *, CASE WHEN {plain} THEN NULL ELSE {reason} END AS reason FROM ({parsed})"
    return f"SELECT * EXCLUDE (parsed), CASE WHEN reason IS NULL THEN coalesce(parsed, {stripped}::UUID) END AS id FROM ({reasoned})"


def unusual_sql(id_type: IdType, blob: exp.Expr) -> exp.Expr:
    """`unusual` as a DuckDB expression over a BLOB; false for NULL."""
    if id_type is not IdType.UID2:
        return exp.false()
    bits = exp.cast(blob.copy(), "BIT")
    first = [f"get_bit({{bits}}, {position}) = 1" for position in range(4)]
    masks = ["".join("1" if bit % 8 == position else "0" for bit in range(264)) for position in range(8)]
    damaged = " OR ".join(f"bit_count({{bits}} & '{mask}'::BIT) % 2 = 1" for mask in masks)
    odd = f"{first[3]} OR ({first[2]} AND (NOT ({first[0]} AND NOT {first[1]}) OR {damaged}))"
    sql = f"coalesce(CASE WHEN octet_length({{blob}}) = 33 THEN {odd} ELSE false END, false)"
    return exp.maybe_parse(sql.format(bits=bits.sql("duckdb"), blob=blob.sql("duckdb")), dialect="duckdb")
