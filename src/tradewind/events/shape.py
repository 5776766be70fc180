"""One line of text as one event: the SQL that finds its fields, says why a line is refused, and merges its user facts."""

from __future__ import annotations

from tradewind.compute import literal
from tradewind.events.quoting import text_list

FACTS = (
    "platform", "country", "region", "city", "language", "os_name", "device_type", "version_name", "idfa", "adid"
)  # fmt: skip
"""What an event says of its user outside `user_properties`; merged into them unless a property of that name is there."""

NO_PERSON = ("anonymous", "nil", "none", "null", "n/a", "na", "undefined", "unknown", "", "{}", "lmy47d", "0", "-1")
"""Ids that stand for nobody, in small letters; like the all-zero GUID they count as missing."""

BLANK = "blank"
"""A line that holds nothing: it is neither an event nor rejected."""

NOT_JSON = "not JSON"
NOT_AN_EVENT = "not a JSON object"
WHOLE_BODY = "a whole request body; expected one event a line"
NO_TYPE = "no event_type"
NOBODY = "no user_id and no device_id that names a person"
BAD_ID = "an id that is not text"
BAD_TIME = "no time, or one that is not a time between 2000 and 2200"
BAD_PROPERTIES = "properties that are not a JSON object"

_FIELDS = (
    "/user_id", "/device_id", "/event_type", "/event_time", "/time", "/$insert_id", "/insert_id",
    "/event_properties", "/user_properties", "/app_version",
)  # fmt: skip
_FIRST, _LAST = "TIMESTAMP '2000-01-01'", "TIMESTAMP '2200-01-01'"


def events_of(lines: str) -> str:
    """A SELECT over a relation of numbered lines (file, line, text, fault).

    Columns: file, line, reason (NULL when the event is good), user_id, device_id, event_type, time, insert_id,
    whole, event_properties, user_properties, not_applied (property operations that are not carried out), key.
    """
    paths = text_list([*_FIELDS, *(f"/{fact}" for fact in FACTS)])
    found = f"SELECT file, line, fault, text, try(json_extract_string(text, {paths})) AS f FROM {lines}"
    named = f"""SELECT file, line, fault, text, f IS NULL AS broken, {_person("f[1]")} AS user_id, {_person("f[2]")} AS device_id,
        f[1] AS raw_user, f[2] AS raw_device, nullif(f[3], '') AS event_type, f[4] IS NOT NULL AS whole, {_time()} AS time,
        nullif(coalesce(f[6], f[7]), '') AS insert_id, coalesce(f[8], '{{}}') AS event_properties,
        coalesce(f[9], '{{}}') AS stated, f[9] IS NOT NULL AS states, {_facts()} AS facts FROM ({found})"""
    return f"""SELECT file, line, {_reason()} AS reason, user_id, device_id, event_type, time, insert_id,
        whole AND states AS whole, event_properties, {_merged()} AS user_properties,
        CASE WHEN contains(stated, '"$') AND NOT whole THEN {_not_applied()} ELSE 0 END AS not_applied, {KEY} AS key
        FROM ({named})"""


KEY = "CASE WHEN insert_id IS NOT NULL THEN hash(coalesce(device_id, user_id), insert_id) END"
"""The de-duplication key: equal for equal (device, insert id); equal keys are compared by the texts themselves."""

KEY_CHECK = "SELECT hash('device', 'insert')"
"""Its answer changes when DuckDB's hash function does, so that older keys are not trusted blindly."""


def _person(field: str) -> str:
    """The id, or NULL when it stands for nobody."""
    nobody = f"strlen({field}) < 10 AND lower({field}) IN ({', '.join(map(literal, NO_PERSON))})"
    zero = "00000000-0000-0000-0000-000000000000"
    return f"CASE WHEN {nobody} THEN NULL ELSE nullif({field}, '{zero}') END"


def _time() -> str:
    text = "coalesce(f[4], f[5])"
    milliseconds = "try(make_timestamp(CAST(f[5] AS BIGINT) * 1000))"
    written = f"CASE WHEN strlen({text}) >= 19 THEN CAST(try_cast({text} AS TIMESTAMPTZ) AS TIMESTAMP) END"
    return f"CASE WHEN f[4] IS NULL AND strlen(f[5]) < 19 THEN {milliseconds} ELSE {written} END"


def _facts() -> str:
    """The facts of an event as the inside of a JSON object, without those stated as properties; '' when there are none."""
    parts = []
    for position, fact in enumerate(FACTS, len(_FIELDS) + 1):
        value = f"coalesce(f[{position}], f[10])" if fact == "version_name" else f"f[{position}]"
        stated = f"try(json_exists(f[9], '/{fact}'))"
        parts.append(
            f"""CASE WHEN {value} IS NULL THEN NULL
            WHEN contains(f[9], '"{fact}"') THEN CASE WHEN {stated} THEN NULL ELSE '"{fact}":' || to_json({value}) END
            ELSE '"{fact}":' || to_json({value}) END"""
        )
    return f"concat_ws(',', {', '.join(parts)})"


def _reason() -> str:
    unlike = "({0}[1] IN ('{{', '[') OR {0} IN ('true', 'false'))"
    return f"""CASE WHEN fault IS NOT NULL THEN fault
        WHEN broken THEN CASE WHEN trim(text, ' \t\r\n') = '' THEN {literal(BLANK)} ELSE {literal(NOT_JSON)} END
        WHEN event_type IS NULL AND json_type(text) <> 'OBJECT' THEN {literal(NOT_AN_EVENT)}
        WHEN event_type IS NULL AND json_exists(text, '/events') THEN {literal(WHOLE_BODY)}
        WHEN event_type IS NULL THEN {literal(NO_TYPE)}
        WHEN {unlike.format("user_id")} OR {unlike.format("device_id")} THEN {literal(BAD_ID)}
        WHEN user_id IS NULL AND device_id IS NULL THEN {literal(NOBODY)}
        WHEN time IS NULL OR time < {_FIRST} OR time >= {_LAST} THEN {literal(BAD_TIME)}
        WHEN NOT ({_object("event_properties")} AND {_object("stated")}) THEN {literal(BAD_PROPERTIES)} END"""


def _object(text: str) -> str:
    return f"(starts_with({text}, '{{') AND json_valid({text}))"


def _merged() -> str:
    stated = f"""CASE WHEN contains(stated, '"$') AND NOT whole THEN {_operations()} ELSE stated END"""
    return f"""CASE WHEN facts = '' THEN {stated} WHEN stated = '{{}}' THEN '{{' || facts || '}}'
        ELSE replace(left({stated}, -1) || ',' || facts || '}}', '{{,', '{{') END"""


def _operations() -> str:
    """Plain properties, those of $set, and null for those of $unset, as one object; the first of a name counts."""
    plain = f"""list_transform(list_filter(json_keys(stated), lambda k: NOT starts_with(k, '$')),
        lambda k: to_json(k) || ':' || json_extract(stated, {_pointer("k")}))"""
    given = (
        "CASE WHEN json_type(stated, '/$set') = 'OBJECT' THEN [nullif(left(substr(json_extract(stated, '/$set'), 2), -1), '')] ELSE [] END"
    )
    unset = "list_transform(json_keys(stated, '/$unset'), lambda k: to_json(k) || ':null')"
    return f"try('{{' || array_to_string(list_concat({given}, {unset}, {plain}), ',') || '}}')"


def _not_applied() -> str:
    """How many properties have an operation that is not carried out ($add, $append, $setOnce, ...)."""
    others = "list_filter(json_keys(stated), lambda k: starts_with(k, '$') AND k NOT IN ('$set', '$unset'))"
    return f"coalesce(try(list_sum(list_transform({others}, lambda k: greatest(1, len(json_keys(stated, {_pointer('k')})))))), 0)"


def _pointer(name: str) -> str:
    return f"('/' || replace(replace({name}, '~', '~0'), '/', '~1'))"
