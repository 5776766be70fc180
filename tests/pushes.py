"""Messages of Amplitude's cohort webhook, and who sends them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from site_of import HERE, Site
from town import guid
from tradewind.model.cohort import Cohort, CohortKind, Pushed
from tradewind.model.snapshot import Wanted
from tradewind.operations import webhooks

DOOR = "/api/v1/projects/default/webhook/messages"
AD = (Wanted("user.ad", False),)


def sender(site: Site) -> TestClient:
    """What Amplitude sends with, to a site that has now a cohort that is pushed."""
    site.town.parts.catalog.save_cohort(Cohort("default", "payers", "Payers", CohortKind.WEBHOOK, Pushed("k8dup3vx")))
    secret = webhooks.new_secret(site.town.parts, "default")
    headers = {webhooks.HEADER: secret, "Content-Type": "application/json", "User-Agent": "Amplitude/Webhook/1.0"}
    return TestClient(site.app, base_url=HERE, headers=headers)


def message(
    users: Iterable[int], name: str = "9baaa88f::enter::0", *, entering: bool = True, computed: int = 1_772_366_400
) -> dict[str, Any]:
    """As Amplitude documents it: a time in seconds as a text, one direction, and users with some properties."""
    listed = [{"user_id": f"u{n}", "user_properties": {"ad": str(guid(n)), "plan": "free"}} for n in users]
    head = {"cohort_name": "Payers", "cohort_id": "k8dup3vx", "in_cohort": entering, "computed_time": str(computed), "message_id": name}
    return head | {"users": listed}


def inside(site: Site, folder: Path) -> int:
    """How many are in the cohort now."""
    parts = site.town.parts
    return parts.pushed.evaluate(Pushed("k8dup3vx"), "default", AD, parts.clock.now(), folder / "out" / "members.parquet").members
