"""Time zones whose rules an update has changed are noted for the projects that count their days by them."""

from __future__ import annotations

import json

from town import Town
from tradewind.operations.zones import MARK, note_rules, rules


def noted(town: Town) -> list[tuple[str, str, dict[str, str]]]:
    """What the trail says of zones."""
    deeds = [entry.deed for entry in town.parts.trail.entries()]
    return [(deed.project, deed.object, deed.details) for deed in deeds if deed.what == "zone.rules"]


def test_other_rules_than_before_are_noted_once(town: Town) -> None:
    (project,) = town.parts.catalog.projects()
    assert note_rules(town.parts) == (), "whatever they are at first"
    mark, now = town.parts.home / MARK, rules(project.zone)
    assert json.loads(mark.read_text("utf-8")) == {project.zone: now}
    mark.write_text(json.dumps({project.zone: "of last year", "Europe/Berlin": "kept"}), "utf-8")
    assert note_rules(town.parts) == (project.id,)
    assert note_rules(town.parts) == ()
    ((of, zone, details),) = noted(town)
    assert (of, zone, details["before"], details["rules"]) == (project.id, project.zone, "of last year", now)
    assert json.loads(mark.read_text("utf-8"))["Europe/Berlin"] == "kept"


def test_rules_differ_where_clocks_do() -> None:
    assert rules("Europe/Berlin") == rules("Europe/Vienna")
    assert len({rules(zone) for zone in ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Santiago")}) == 5
