"""Figures of all accounts, and the month of one: every identifier that was sent is in it once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from town import Town
from tradewind.errors import DefinitionError
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.model.sync import Cadence, Leaving
from tradewind.operations import endings, runs, syncs
from tradewind.operations.figures import figures
from tradewind.operations.statements import Statement, as_csv, statement
from tradewind.worker import Stop, run_once

DAY = timedelta(days=1)


def watch(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, zone="America/New_York")
    town.add("s", Cadence.DAILY)
    yield town
    town.close()


def of(found: Statement) -> dict[str, tuple[int, int, int, int, int]]:
    """Operation -> identifiers, accepted, rejected, unknown, requests."""
    assert len({line.segment for line in found.lines}) <= 1
    return {line.operation: (line.identifiers, line.accepted, line.rejected, line.unknown, line.requests) for line in found.lines}


def run(town: Town, *people: int) -> None:
    town.people.numbers = set(people) or town.people.numbers
    syncs.run(town.parts, "default", "s", None, watch)


def test_a_month_says_what_was_sent_and_answered(town: Town) -> None:
    town.platform.answers.append(Receipt(Answer.APPLIED, (Line(3, "Expired", LineClass.ROW), Line(4, "Bad;=1", LineClass.ROW))))
    run(town)
    town.at(datetime(2026, 3, 2, 12, tzinfo=UTC))
    run(town, *range(11, 111))
    found = statement(town.parts, "default", "main", "2026-03")
    assert of(found) == {"add": (110, 108, 2, 0, 2), "refresh": (90, 90, 0, 0, 1), "remove": (8, 8, 0, 0, 1)}
    (reasons,) = [line.reasons for line in found.lines if line.operation == "add"]
    assert reasons == {"Expired": 1, "Bad;=1": 1}
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [(row["operation"], row["identifiers"], row["rejected_by_reason"]) for row in rows] == [
        ("add", "110", "Bad;=1 1; Expired 1"), ("refresh", "90", ""), ("remove", "8", ""),
    ]  # fmt: skip
    assert {(row["month"], row["project"], row["account"], row["advertiser"], row["segment"]) for row in rows} == {
        ("2026-03", "default", "main", "adv1", "segment s")
    }


def test_months_part_at_midnight_of_the_project_and_add_up_to_all(town: Town) -> None:
    """New York is at UTC-4 then: the first hours of April in UTC belong to March."""
    for moment in (datetime(2026, 4, 1, 3, 59, tzinfo=UTC), datetime(2026, 4, 1, 4, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)):
        town.at(moment)
        run(town)
    by_month = {month: of(statement(town.parts, "default", "main", f"2026-{month}")) for month in ("02", "03", "04", "05", "12")}
    assert by_month == {
        "02": {}, "03": {"add": (100, 100, 0, 0, 1)}, "04": {"refresh": (100, 100, 0, 0, 1)}, "05": {"add": (100, 100, 0, 0, 1)}, "12": {},
    }  # fmt: skip


def test_what_was_lost_is_unknown_and_what_never_left_is_not_there(town: Town) -> None:
    town.platform.answers.extend([Receipt(Answer.UNREACHED)] * 2)
    run(town)
    assert of(statement(town.parts, "default", "main", "2026-03"))["add"] == (100, 100, 0, 0, 3)
    town.clock.sleep(DAY.total_seconds())
    town.platform.answers.append(Receipt(Answer.FORBIDDEN, note="no"))
    run(town)
    assert of(statement(town.parts, "default", "main", "2026-03")) == {"add": (100, 100, 0, 0, 3), "refresh": (0, 0, 0, 0, 1)}


def test_an_account_that_was_removed_still_has_its_months(town: Town) -> None:
    run(town)
    endings.remove_connection(town.parts, "default", "main", Leaving.LET_EXPIRE, watch)
    assert of(statement(town.parts, "default", "main", "2026-03")) == {"add": (100, 100, 0, 0, 1)}


@pytest.mark.parametrize("month", ["", "2026-13", "26-11", "2026-1", "2026-11-01", "November"])
def test_what_is_no_month_is_refused(town: Town, month: str) -> None:
    with pytest.raises(DefinitionError, match="is not a month; expected one such as 2026-11"):
        statement(town.parts, "default", "main", month)
    with pytest.raises(DefinitionError, match="main"):
        statement(town.parts, "default", "mian", "2026-03")


def test_text_that_a_spreadsheet_would_work_out_is_quoted(town: Town) -> None:
    wish = syncs.Wish("all", "main", "f", "=HYPERLINK(1)", 30, Cadence.DAILY)
    syncs.add(town.parts, "default", wish)
    syncs.run(town.parts, "default", "f", None, watch)
    assert ",'=HYPERLINK(1)," in as_csv(statement(town.parts, "default", "main", "2026-03"))


def test_figures_say_where_somebody_is_needed(town: Town) -> None:
    (fresh,) = figures(town.parts, ["default"])
    assert (fresh.account, fresh.syncs, fresh.late, fresh.held, fresh.failing, fresh.members, fresh.next_expiry) == (
        "main",
        1,
        0,
        0,
        0,
        0,
        None,
    )
    run(town)
    (well,) = figures(town.parts, ["default"])
    assert (well.members, well.failing) == (100, 0)
    assert well.next_expiry is not None
    assert well.next_expiry - town.clock.now() > 29 * DAY
    town.people.numbers = set()
    town.clock.sleep(DAY.total_seconds())
    run(town)
    (held,) = figures(town.parts, ["default"])
    assert (held.held, held.failing, held.late) == (1, 0, 0)
    town.clock.sleep(3 * DAY.total_seconds())
    town.people.broken = True
    list(run_once(town.parts, Stop()))
    (worse,) = figures(town.parts, ["default"])
    assert (worse.held, worse.failing, worse.late) == (0, 1, 1)
    assert figures(town.parts, []) == ()


def test_runs_come_in_pages_that_leave_none_out(town: Town) -> None:
    for _ in range(7):
        run(town)
    everything = [each.id for each in runs.listed(town.parts, "default")]
    pages, last = [], None
    while page := [each.id for each in runs.listed(town.parts, "default", "s", 3, last)]:
        pages.append(page)
        last = page[-1]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [run for page in pages for run in page] == everything
    with pytest.raises(DefinitionError, match="there is no run 'nowhere'"):
        runs.listed(town.parts, "default", "s", 3, "nowhere")
