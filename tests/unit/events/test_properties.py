"""Properties as text: the same from a column of their own and from the JSON, whatever their name; and what an event states."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from event_desk import Desk, exported, sent
from tradewind.compute import Bounds, connect
from tradewind.errors import DefinitionError
from tradewind.events.manifest import Columns
from tradewind.events.people import person_relation

VALUES = {
    "text": ("a b", "a b"),
    "quotes": ('say "hi" \\ ü\n', 'say "hi" \\ ü\n'),
    "number": (12, "12"),
    "large": (12345678901234567890123, "12345678901234567890123"),
    "fraction": (1.5, "1.5"),
    "truth": (True, "true"),
    "nothing": (None, None),
    "list": (["a", 1], '["a",1]'),
    "object": ({"a": {"b": 1}}, '{"a":{"b":1}}'),
    "empty": ("", ""),
    "digits": ("007", "007"),
}
NAMES = ["plain", "a.b'c\"", "a/b~c", "*", "", "$x", "with space", "ünï", "a[0]", "0", "back\\slash", "--;"]


@pytest.mark.parametrize("side", ["event", "user"])
@pytest.mark.parametrize("own_column", [True, False])
def test_values_are_their_json_text(desk: Desk, side: str, own_column: bool) -> None:
    desk.bring(desk.file("e.json", exported(0, "D") | {f"{side}_properties": {name: value for name, (value, _) in VALUES.items()}}))
    assert one(desk, side, list(VALUES), own_column) == {name: text for name, (_, text) in VALUES.items()}


@pytest.mark.parametrize("side", ["event", "user"])
@pytest.mark.parametrize("own_column", [True, False])
def test_any_name_is_safe(desk: Desk, side: str, own_column: bool) -> None:
    desk.bring(desk.file("e.json", exported(0, "D") | {f"{side}_properties": {name: f"<{name}>" for name in NAMES}}))
    assert one(desk, side, NAMES, own_column) == {name: f"<{name}>" for name in NAMES}


def one(desk: Desk, side: str, names: list[str], own_column: bool) -> dict[str, str | None]:
    """The properties of the only event, read from their columns or, as if the file had none, from the JSON."""
    files = desk.store.files("p")
    assert {name for name in names if name} == set(getattr(files[0].columns, side))
    if not own_column:
        files = tuple(replace(file, columns=Columns((), (), file.columns.whole, file.columns.key_check)) for file in files)
    wanted = (names, ()) if side == "event" else ((), names)
    with connect(Bounds()) as connection:
        found = connection.execute(f"SELECT * FROM ({person_relation(files, *wanted)})")
        row = dict(zip((column[0] for column in found.description), found.fetchall()[0], strict=True))
    return {name: row[f"{side[0]}:{name}"] for name in names}


GUIDS = [f"{number:08x}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(0xA0, 0xA8)]


def test_a_property_of_guids_alone_is_kept_as_such_and_read_as_it_was_written(desk: Desk) -> None:
    """In small letters, in capital ones, or as text as soon as one value is written in any other way; none at all is no value."""
    for number, guid in enumerate(GUIDS):
        both, most = (guid.upper() if number == 5 else guid), (guid if number != 6 else "none")
        said = {"small": guid, "capital": guid.upper(), "both": both, "most": most}
        events = exported(number, "D", user_properties=said, event_properties={"small": guid}), exported(number + 50, "E")
        desk.bring(desk.file(f"{number}.json", *events))
    names = ("small", "capital", "both", "most")
    kept = [(file.columns.small, file.columns.capital) for file in desk.store.files("p")]
    assert kept[0] == (("event.small", "user.both", "user.most", "user.small"), ("user.capital",))
    assert kept[5] == (("event.small", "user.most", "user.small"), ("user.both", "user.capital"))
    assert kept[6] == (("event.small", "user.both", "user.small"), ("user.capital",))
    query = "SELECT {} FROM events WHERE device_id = 'D' ORDER BY time"
    texts = desk.ask(query.format(", ".join(f'"u:{name}"' for name in names)), user=names)
    assert [row["u:small"] for row in texts] == GUIDS
    assert [row["u:capital"] for row in texts] == [guid.upper() for guid in GUIDS]
    assert [row["u:both"] for row in texts] == [*GUIDS[:5], GUIDS[5].upper(), *GUIDS[6:]]
    assert [row["u:most"] for row in texts] == [*GUIDS[:6], "none", GUIDS[7]]
    types = desk.ask("SELECT DISTINCT " + ", ".join(f'typeof("user.{name}") AS {name}' for name in names) + " FROM events", user=names)
    assert types == [{"small": "UUID", "capital": "UUID", "both": "VARCHAR", "most": "VARCHAR"}]


def test_a_guid_seen_at_a_glance_may_be_none_at_the_second(desk: Desk) -> None:
    """What a few events show is looked up in all of them before a column becomes one of GUIDs."""
    said = [exported(n % 1440, f"D{n}", user_properties={"ad": GUIDS[0] if n != 777 else "777", "other": GUIDS[1]}) for n in range(2000)]
    desk.bring(desk.file("e.json", *said))
    assert desk.store.files("p")[0].columns.small == ("user.other",)
    assert desk.ask("SELECT \"u:ad\" FROM events WHERE device_id = 'D777'", user=("ad",)) == [{"u:ad": "777"}]


def test_a_rare_property_lives_in_the_json_only(desk: Desk) -> None:
    events = [exported(n, "D", event_properties={"often": n} | ({"rare": n} if n == 7 else {})) for n in range(200)]
    desk.bring(desk.file("e.json", *events))
    assert desk.store.files("p")[0].columns.event == ("often",)
    assert desk.ask('SELECT "e:rare" FROM events WHERE "e:often" = \'7\'', event=("rare", "often")) == [{"e:rare": "7"}]
    assert desk.store.properties("p").event == ("often", "rare")


def test_files_with_and_without_a_column_are_read_together(desk: Desk) -> None:
    desk.bring(desk.file("a.json", exported(0, "D", event_properties={"x": "1"})), desk.file("b.json", exported(50000, "D")))
    desk.bring(desk.file("c.json", *(exported(n, "D", event_properties={"y": n} | ({"x": "2"} if n == 3 else {})) for n in range(1, 300))))
    assert desk.ask('SELECT "e:x" FROM events WHERE "e:x" IS NOT NULL ORDER BY time', event=("x",)) == [{"e:x": "1"}, {"e:x": "2"}]


def test_names_that_differ_only_in_capitals(desk: Desk) -> None:
    desk.bring(desk.file("e.json", exported(0, "D", user_properties={"Plan": "a", "plan": "b"})))
    assert desk.ask('SELECT "u:plan" FROM events', user=("plan",)) == [{"u:plan": "b"}]
    assert desk.ask('SELECT "u:Plan" FROM events', user=("Plan",)) == [{"u:Plan": "a"}]
    with pytest.raises(DefinitionError, match="'Plan' and 'plan' differ only in capital letters"):
        desk.store.view("p", (), ("Plan", "plan")).relation()


def test_an_export_states_the_whole_set_and_http_v2_what_changes(desk: Desk) -> None:
    desk.bring(
        desk.file(
            "e.json",
            exported(0, "D", user_properties={"plan": "free"}),
            exported(1, "D"),
            sent(2, "D", user_properties={"plan": "paid"}),
            sent(3, "D", user_properties={"plan": None}),
            sent(4, "D", user_properties={"other": 1}),
            sent(5, "D"),
        )
    )
    rows = desk.ask('SELECT "u:plan", "s:plan" FROM events ORDER BY time', user=("plan",))
    assert [tuple(row.values()) for row in rows] == [
        ("free", True),
        (None, True),
        ("paid", True),
        (None, True),
        (None, False),
        (None, False),
    ]


def test_clear_all_states_the_whole_set(desk: Desk) -> None:
    """What is set beside it is all that there is afterwards."""
    cleared = sent(1, "D", event_type="$identify", user_properties={"$clearAll": "-", "$set": {"plan": "paid"}})
    summary = desk.bring(desk.file("e.json", sent(0, "D", user_properties={"$set": {"city": "X"}}), cleared, sent(2, "D")))
    assert (summary.events_new, summary.not_applied) == (3, 0)
    said = desk.ask('SELECT "u:plan", "s:plan", "u:city", "s:city" FROM events ORDER BY time', user=("plan", "city"))
    assert [tuple(row.values()) for row in said] == [(None, False, "X", True), ("paid", True, None, True), (None, False, None, False)]


def test_set_and_unset_are_carried_out_and_other_operations_counted(desk: Desk) -> None:
    operations = {
        "$set": {"plan": "paid", "$odd": 1},
        "$unset": {"city": "-", "a/b": "-"},
        "$add": {"n": 1, "m": 2},
        "$setOnce": {"first": 1},
        "x": 2,
    }
    summary = desk.bring(desk.file("e.json", sent(0, "D", event_type="$identify", user_properties=operations)))
    assert (summary.events_new, summary.not_applied) == (1, 3)
    names = ("plan", "city", "a/b", "n", "first", "x")
    (row,) = desk.ask("SELECT * FROM events", user=names)
    assert {name: (row[f"u:{name}"], row[f"s:{name}"]) for name in names} == {
        "plan": ("paid", True), "city": (None, True), "a/b": (None, True), "n": (None, False), "first": (None, False), "x": ("2", True)
    }  # fmt: skip


def test_facts_of_the_event_become_user_properties_unless_stated(desk: Desk) -> None:
    desk.bring(
        desk.file(
            "e.json",
            exported(0, "D", country='No"way', platform="iOS", city=None, user_properties={"platform": "own", "a": {"city": 1}}),
            sent(1, "D", app_version="1.2", user_properties={"country": None}, country="Norway"),
            sent(2, "D", platform="Web", user_properties={"$unset": {"plan": "-"}}),
        )
    )
    rows = desk.ask('SELECT "u:country", "u:platform", "u:version_name", "u:city", "s:country" FROM events ORDER BY time',
                    user=("country", "platform", "version_name", "city"))  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ('No"way', "own", None, None, True), ("Norway", None, "1.2", None, True), (None, "Web", None, None, False)
    ]  # fmt: skip


def test_the_json_of_a_file_is_json(desk: Desk) -> None:
    empty = sent(1, "D", platform="x\\", user_properties={"$set": {}, "a": {"b": {}}})
    desk.bring(desk.file("e.json", exported(0, "D", country="Norway"), empty))
    with connect(Bounds()) as connection:
        file = desk.store.files("p")[0].path
        rows = connection.execute(f"SELECT user_properties FROM read_parquet('{file}') ORDER BY time").fetchall()
    assert [json.loads(text) for (text,) in rows] == [{}, {"a": {"b": {}}}]


def test_of_a_key_that_an_object_has_twice_the_first_counts(desk: Desk) -> None:
    """At every level, and the same from a column of its own and from the JSON; the line is not refused."""
    line = json.dumps(exported(0, "D", "U"))
    sides = '"event_properties":{"a":"first","a":"last"},"user_properties":{"b":{"c":1,"c":2},"b":3}'
    twice = line.replace('"event_properties": {}, "user_properties": {}', sides).replace("{", '{"user_id":"first","event_type":"first",', 1)
    done = desk.bring(desk.file("e.json", twice))
    assert (done.events_new, done.rejects) == (1, {})
    assert desk.ask("SELECT user_id, event_type FROM events") == [{"user_id": "first", "event_type": "first"}]
    for side, name, value in (("event", "a", "first"), ("user", "b", '{"c":1,"c":2}')):
        assert one(desk, side, [name], own_column=False) == one(desk, side, [name], own_column=True) == {name: value}
