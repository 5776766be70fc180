"""The demo's shop: the same for a seed, spoilt as real data is, and with a key that a hand-made day confirms."""

from __future__ import annotations

import ast
import gzip
import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tradewind.cohorts.document import read_text
from tradewind.cohorts.parse import parse_cohort
from tradewind.demo import shop

DAY = date(2026, 6, 30)
MIDNIGHT = 1_782_792_000_000_000
"""The start of DAY in New York (04:00 UTC), in microseconds."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shop")
    shop.make(out, people=1_500, days=90, seed=7, as_of=DAY)
    return out


def arrivals(out: Path) -> list[str]:
    return [line for path in sorted((out / "events").iterdir()) for line in gzip.open(path, "rt").read().splitlines()]


def parsed(out: Path) -> list[dict[str, object]]:
    found = []
    for line in arrivals(out):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("device_id"):
            found.append(event)
    return found


def test_it_stands_alone() -> None:
    tree = ast.parse(Path(shop.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made: Path, tmp_path: Path) -> None:
    def content(out: Path) -> dict[str, bytes]:
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    shop.make(tmp_path / "again", people=1_500, days=90, seed=7, as_of=DAY)
    shop.make(tmp_path / "other", people=1_500, days=90, seed=8, as_of=DAY)
    assert content(tmp_path / "again") == content(made)
    assert content(tmp_path / "other") != content(made)


def test_the_key_counts_what_the_files_hold(made: Path) -> None:
    counts = json.loads((made / "answer-key.json").read_text())["events"]
    events = parsed(made)
    assert counts["lines"] == len(arrivals(made))
    assert counts["bad_lines"] == counts["lines"] - len(events) > 0
    assert counts["distinct"] == len({(event["device_id"], event["$insert_id"]) for event in events})
    assert counts["duplicates"] == len(events) - counts["distinct"] > 0


def test_uploads_are_in_order_and_some_are_late(made: Path) -> None:
    events = parsed(made)
    sent = [str(event["server_upload_time"]) for event in events]
    assert sent == sorted(sent)
    assert 0.02 < sum(str(event["event_time"])[:10] < str(event["server_upload_time"])[:10] for event in events) / len(events) < 0.10
    assert {str(event["server_upload_time"])[:10] for event in events} >= {"2026-04-05", "2026-06-30", "2026-07-04"}


def test_identifiers_are_spoilt_in_the_shares_of_a_real_set(made: Path) -> None:
    devices = {str(event["device_id"]): event["user_properties"] for event in parsed(made)}
    kinds = Counter(shop.judge("DAID", properties.get("advertising_id")) for properties in devices.values() if isinstance(properties, dict))
    shares = {kind: count / len(devices) for kind, count in kinds.items()}
    for kind, share in {None: 0.738, "missing": 0.161, "zeroed": 0.072, "hashed": 0.015, "bad_format": 0.014}.items():
        assert shares[kind] == pytest.approx(share, abs=0.03)


def test_anonymous_people_log_in_and_devices_are_shared(made: Path) -> None:
    users: dict[object, set[object]] = {}
    for event in parsed(made):
        users.setdefault(event["device_id"], set()).add(event["user_id"])
    assert sum(None in each and len(each) > 1 for each in users.values()) > 100
    assert sum(len(each - {None}) > 1 for each in users.values()) > 20
    assert sum(each == {None} for each in users.values()) > 100


def test_the_files_of_the_key_agree_with_its_counts_and_with_each_other(made: Path) -> None:
    key = json.loads((made / "answer-key.json").read_text())
    assert key["as_of"] == ["2026-06-30", "2026-07-04"]
    for cohort, days in key["cohorts"].items():
        held = [set((made / "answer-key" / f"{cohort}-{day}.txt").read_text().splitlines()) for day in key["as_of"]]
        assert held[1] - held[0]
        assert held[0] - held[1]
        assert held[0] & held[1]
        for day, identifiers in zip(key["as_of"], held, strict=True):
            counts = days[day]
            assert Counter(line.split(" ")[0] for line in identifiers) == counts["identifiers"]
            assert all(line == f"{line[:5]}{line[5:].lower()}" for line in identifiers if not line.startswith("UID2"))
            assert sum(counts["refused"].values()) + len(identifiers) + counts["duplicates"] == 3 * counts["members"]


def test_the_cohorts_are_written_in_the_language_of_the_product(made: Path) -> None:
    root = read_text((made / "cohorts.yaml").read_text())
    cohorts = [parse_cohort(node, "default") for node in root.fields(required=["cohorts"])["cohorts"].items()]
    assert [cohort.id for cohort in cohorts] == list(json.loads((made / "answer-key.json").read_text())["cohorts"])


def event(at: int, user: str | None, device: str, kind: str = shop.OPEN, **traits: str) -> shop.Event:
    return shop.Event(at, user, shop.Device(device, "iOS", [(0, None)]), kind, {}, 0, str(at), traits)


@pytest.mark.parametrize(
    ("happened", "people"),
    [
        ("A- B- B- A-", "device:A device:B device:B device:A"),
        ("G- G- GJohn", "user:John user:John user:John"),
        ("KZack LZack", "user:Zack user:Zack"),
        ("RJane R- RMary R-", "user:Jane user:Jane user:Mary user:Mary"),
        ("YDavid Z- ZDavid Z-", "user:David user:David user:David user:David"),
    ],
)
def test_the_key_knows_whose_an_event_is(happened: str, people: str) -> None:
    """The worked cases of Amplitude's documentation."""
    events = [event(at, word[1:] if word[1:] != "-" else None, word[0]) for at, word in enumerate(happened.split())]
    found = shop.people_before(events, DAY)
    assert set(found) == set(people.split())


def test_windows_begin_at_midnight_in_new_york_and_end_before_the_day() -> None:
    edge = MIDNIGHT - 30 * shop.DAY
    events = [event(edge - 1, "u", "d", shop.CART), event(edge, "u", "d", shop.CART), event(MIDNIGHT - 1, "u", "d", shop.CART, plan="plus")]
    events.append(event(MIDNIGHT, "u", "d", shop.CART, plan="free"))
    person = shop.people_before(events, DAY)["user:u"]
    assert (person.carts, person.traits) == (2, {"plan": "plus"})


def test_a_login_after_the_day_does_not_name_earlier_visits() -> None:
    events = [event(MIDNIGHT - 1, None, "d"), event(MIDNIGHT, "u", "d")]
    assert set(shop.people_before(events, DAY)) == {"device:d"}
    assert set(shop.people_before(events, date(2026, 7, 1))) == {"user:u"}
