"""One line of text as one event: the SQL that finds its fields and says why a line is refused."""

from __future__ import annotations

import json

from tradewind.compute import literal

FACTS = ("platform", "country", "region", "city", "language", "os_name", "device_type", "version_name", "idfa", "adid")
"""What an event says of its user outside `user_properties`: read as user properties unless one of that name has a value."""

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

KEYS = ("key_high", "key_low")
"""The de-duplication key: 128 bits of hash over the device (the user where there is none) and the insert id."""

PERSON_KEYS = ("who", "device_key")
"""Whose event it is before devices are looked into (the user, else the device), and the device: 16 bytes each, told apart fast."""

KEY_CHECK = "SELECT hash('device', 'insert')"
"""Its answer changes when DuckDB's hash function does, so that older keys are not trusted blindly."""

_FIELDS = (
    "user_id",
    "device_id",
    "event_type",
    "event_time",
    "time",
    "$insert_id",
    "insert_id",
    "uuid",
    "event_properties",
    "user_properties",
)
_BEYOND = r"^.{10}[ T]24|^.{16}.*[-+](2[4-9]|[3-9]\d|\d\d:?[6-9]\d)"
"""What DuckDB takes for a time and nobody else does: 24:00:00, +25:00, +02:75."""

_FIRST, _LAST = "TIMESTAMP '2000-01-01'", "TIMESTAMP '2200-01-01'"


def events_of(lines: str) -> str:
    """A SELECT over a relation of numbered lines (file, line, text, fault).

    Columns: file, line, reason (NULL when the event is good), user_id, device_id, event_type, time, insert_id, whole,
    event_properties, user_properties, not_applied (property operations that are not carried out), a column for each
    fact, key_high, key_low.
    """
    wanted = json.dumps(dict.fromkeys([*_FIELDS, *FACTS, "app_version"], "VARCHAR"))
    found = f"SELECT file, line, fault, text, try(json_transform(text, {literal(wanted)})) AS f FROM {lines}"
    named = f"""SELECT file, line, fault, text, f IS NULL AS broken, {_person("f.user_id")} AS user_id,
        {_person("f.device_id")} AS device_id, nullif(f.event_type, '') AS event_type, f.event_time IS NOT NULL AS exported,
        {_time()} AS time, coalesce(nullif(f."$insert_id", ''), nullif(f.insert_id, ''), nullif(f.uuid, '')) AS insert_id,
        coalesce(f.event_properties, '{{}}') AS event_properties, f.user_properties AS stated, {_facts()} FROM ({found})"""
    operates = "NOT exported AND contains(stated, '\"$')"
    return f"""SELECT file, line, {_reason()} AS reason, user_id, device_id, event_type, time, insert_id,
        CASE WHEN {operates} THEN coalesce(try(json_exists(stated, '/$clearAll')), false) ELSE exported AND stated IS NOT NULL END AS whole,
        event_properties,
        CASE WHEN {operates} THEN {_operations()} ELSE coalesce(stated, '{{}}') END AS user_properties,
        CASE WHEN {operates} THEN {_not_applied()} ELSE 0 END AS not_applied, {", ".join(FACTS)}, {", ".join(keys())} FROM ({named})"""


def keys() -> tuple[str, str]:
    """The two halves of the key as expressions over device_id, user_id and insert_id; NULL without an insert id."""
    device = "coalesce(device_id, user_id)"
    halves = (f"hash({device}, insert_id)", f"hash(insert_id, {device})")
    high, low = (f"CASE WHEN insert_id IS NOT NULL THEN {half} END AS {name}" for half, name in zip(halves, KEYS, strict=True))
    return high, low


def person_key(person: str) -> str:
    """The key of a person (`user:<id>` or `device:<id>`, an expression) as a UUID: 128 bits of its MD5."""
    return f"md5_number({person})::UHUGEINT::UUID"


def person_keys() -> tuple[str, str]:
    """PERSON_KEYS as expressions over user_id and device_id; without a user the two are equal."""
    user, device = person_key("'user:' || user_id"), person_key("'device:' || device_id")
    who, device_key = PERSON_KEYS
    return f"CASE WHEN user_id IS NULL THEN {device} ELSE {user} END AS {who}", f"{device} AS {device_key}"


def _person(field: str) -> str:
    """The id, or NULL when it stands for nobody."""
    nobody = f"strlen({field}) < 10 AND lower({field}) IN ({', '.join(map(literal, NO_PERSON))})"
    zero = "00000000-0000-0000-0000-000000000000"
    return f"CASE WHEN {nobody} THEN NULL ELSE nullif({field}, '{zero}') END"


def _time() -> str:
    """The export's text, milliseconds, or any text with date, time and perhaps a zone; in UTC. No day has an hour 24, no zone one."""
    text = "coalesce(f.event_time, f.time)"
    return f"""CASE WHEN f.event_time IS NULL AND strlen(f.time) < 19 THEN try(make_timestamp(CAST(f.time AS BIGINT) * 1000))
        ELSE coalesce(try_strptime({text}, '%Y-%m-%d %H:%M:%S.%f'),
            CASE WHEN strlen({text}) >= 19 AND NOT regexp_matches({text}, {literal(_BEYOND)})
            THEN CAST(try_cast({text} AS TIMESTAMPTZ) AS TIMESTAMP) END) END"""


def _facts() -> str:
    return ", ".join(f"coalesce(f.{fact}, f.app_version) AS {fact}" if fact == "version_name" else f"f.{fact}" for fact in FACTS)


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
        WHEN NOT ({_object("event_properties")} AND {_object("coalesce(stated, '{}')")}) THEN {literal(BAD_PROPERTIES)} END"""


def _object(text: str) -> str:
    return f"(starts_with({text}, '{{') AND json_valid({text}))"


def _operations() -> str:
    """Plain properties, those of $set, and null for those of $unset, as one object; the first of a name counts.

    Where there is $clearAll, they are all that the user has (`whole`).
    """
    given = (
        "CASE WHEN json_type(stated, '/$set') = 'OBJECT' THEN [nullif(left(substr(json_extract(stated, '/$set'), 2), -1), '')] ELSE [] END"
    )
    unset = "list_transform(json_keys(stated, '/$unset'), lambda k: to_json(k) || ':null')"
    plain = f"""list_transform(list_filter(json_keys(stated), lambda k: NOT starts_with(k, '$')),
        lambda k: to_json(k) || ':' || json_extract(stated, {_pointer("k")}))"""
    return f"coalesce(try('{{' || array_to_string(list_concat({given}, {unset}, {plain}), ',') || '}}'), '{{}}')"


def _not_applied() -> str:
    """How many properties have an operation that is not carried out ($add, $append, $setOnce, ...)."""
    others = "list_filter(json_keys(stated), lambda k: starts_with(k, '$') AND k NOT IN ('$set', '$unset', '$clearAll'))"
    return f"coalesce(try(list_sum(list_transform({others}, lambda k: greatest(1, len(json_keys(stated, {_pointer('k')})))))), 0)"


def _pointer(name: str) -> str:
    return f"('/' || replace(replace({name}, '~', '~0'), '/', '~1'))"
