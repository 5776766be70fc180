"""Every request that left for the platform can be told of afterwards: when, to whom, as what, how much, how, with what end, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from site_of import Site
from tradewind.access.roles import Role
from tradewind.database import metadata
from tradewind.model.run import Answer, Line, LineClass, Receipt
from tradewind.worker import Stop, run_once

P = "/api/v1/projects/default"


@pytest.mark.parametrize(
    "answers",
    [
        [Receipt(Answer.APPLIED, status=200, request_id="q1")],
        [Receipt(Answer.APPLIED, (Line(3, "MissingUserId", LineClass.ROW),), status=200, note="no id", request_id="q2")],
        [Receipt(Answer.THROTTLED, status=429, wait=1.0, note="slow down"), Receipt(Answer.UNKNOWN, note="the line broke")],
        [Receipt(Answer.FORBIDDEN, status=403, note="not this account")],
        [Receipt(Answer.TOO_LARGE, status=413, note="too large")],
    ],
    ids=["taken", "refused in part", "sent again", "refused", "halved"],
)
def test_each_request_has_the_nine_facts_of_a_transfer(tmp_path: Path, answers: list[Receipt]) -> None:
    site = Site(tmp_path)
    site.user("ann", {"default": Role.MANAGER})
    ann, parts = site.signed_in("ann"), site.town.parts
    site.town.platform.answers += answers
    sync = ann.post(f"{P}/syncs", json={"cohort": "all", "connection": "main", "id": "daily", "segment": "S"})
    assert sync.status_code == 201, sync.text
    opened = ann.post(f"{P}/syncs/daily/runs").json()["id"]
    list(run_once(parts, Stop()))
    sent = facts(site)
    assert len(sent) == len(site.town.platform.sent)
    for fact in sent:
        assert fact.error or fact.status == 200
        assert all(value not in (None, "") for name, value in fact._mapping.items() if name not in {"error", "status"})
    assert {fact.run for fact in sent} == {opened}
    deeds = {entry.deed.what: entry.deed.actor for entry in parts.trail.entries("default")}
    assert deeds["sync.add"] == deeds["sync.run"] == "ann", "who wanted it"
    assert parts.trail.damage() == ""
    site.close()


def facts(site: Site) -> Sequence[Any]:
    """Of each request: its time, recipient, name, volume, method, outcome, error and checksum; and the run, whose sync the trail knows."""
    run, batch, attempt, binding, target = (metadata.tables[name] for name in ("run", "batch", "attempt", "binding", "target"))
    joined = attempt.join(batch, sa.and_(batch.c.run == attempt.c.run, batch.c.number == attempt.c.batch)).join(
        run, run.c.id == attempt.c.run
    )
    query = sa.select(
        attempt.c.run, attempt.c.batch, attempt.c.number, attempt.c.sent_at, attempt.c.answered_at, target.c.url, target.c.advertiser,
        target.c.segment, batch.c.rows, batch.c.operation, batch.c.id_type, attempt.c.answer, attempt.c.status,
        attempt.c.note.label("error"), batch.c.fingerprint,
    ).select_from(joined.join(binding, binding.c.id == run.c.binding).join(target, target.c.id == binding.c.target))  # fmt: skip
    with site.town.database.transaction() as db:
        return db.execute(query).all()
