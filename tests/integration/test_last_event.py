"""A sync that goes by the last event, from events on a disk to what the platform holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from product import Product
from sandbox_process import SandboxProcess

RULE = "{any: [{did: Open, where: {event.place: {is: home}}, in: {last: 90 days}}, {user.plan: {is: paid}}]}"
MINUTE = timedelta(minutes=1)


def told(user: str, device: int, when: datetime, place: str = "home", plan: str = "free") -> str:
    """A line of the Export API: somebody opened the app somewhere."""
    event = {
        "event_type": "Open",
        "event_time": f"{when:%Y-%m-%d %H:%M:%S.%f}",
        "user_id": user,
        "$insert_id": f"{user}/{when.timestamp()}",
        "event_properties": {"place": place},
        "user_properties": {"adid": f"a0000000-0000-4000-8000-{device:012}", "plan": plan},
    }
    return json.dumps(event) + "\n"


def test_from_events_to_the_platform(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """Each stamp is the minute of the person's last qualifying event, and all lapse together; who has none has the run's time."""
    now = datetime.now(UTC)
    days = [now - timedelta(days=number, seconds=7) for number in range(6)]
    lines = [told(f"u{number}", number, days[number]) for number in range(1, 6)]
    lines += [
        told("u1", 1, days[0] - timedelta(hours=1), place="away"),  # later, and not what brings them in
        told("u4", 3, days[4] + timedelta(minutes=5)),  # on the device of u3, who did something later
        told("u9", 9, days[2], place="away", plan="paid"),  # in for their plan alone
    ]
    product = Product(tmp_path, sandbox.url, TTD_SECRET="sandbox-secret-ready1")
    product.ok("init")
    words = ("--advertiser", "ready1", "--region", "sandbox", "--secret-env", "TTD_SECRET", "--map", "user.adid=DAID")
    product.ok("connections", "add", "main", *words)
    text = f"cohorts: [{{id: home, name: Home, kind: behavioural, who: {RULE}}}]\n"
    text += "syncs: [{id: home, cohort: home, connection: main, cadence: daily, refresh: before_expiry, recency: last_event}]\n"
    product.write("home.yaml", text)
    product.ok("apply", "home.yaml")
    product.ok("events", "import", str(product.write("events.json", "".join(lines))))
    product.ok("syncs", "run", "home")
    found = members(sandbox)
    began = minute(now)
    assert set(found) == {1, 2, 3, 5, 9}
    assert {number: found[number][0] for number in (1, 2, 3, 5)} == {number: minute(days[number]) for number in (1, 2, 3, 5)}
    assert began <= found[9][0] <= minute(datetime.now(UTC)) + MINUTE
    expiries = {found[number][1] for number in (1, 2, 3, 5)}
    assert len(expiries) == 1
    assert began <= expiries.pop() - timedelta(days=30) <= minute(datetime.now(UTC))

    product.ok("events", "import", str(product.write("more.json", told("u5", 5, datetime.now(UTC)))))
    report = product.ok("syncs", "run", "home")
    (part,) = report["plan"]["delta"]["parts"]
    assert (part["operation"], part["rows"]) == ("refresh", 1)
    assert members(sandbox)[5][0] >= began
    assert [sync["recency"] for sync in product.ok("syncs", "list")["syncs"]] == ["last_event"]


def members(sandbox: SandboxProcess) -> dict[int, tuple[datetime, datetime]]:
    """The platform's members by the number of their device: the stamp, and when they lapse."""
    _, _, text = sandbox.send("GET", "/_sandbox/segments/ready1/members?name=%5BTradewind%5D%20Home:%20home")
    rows: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    return {int(row["id"][-12:]): (datetime.fromisoformat(row["stamp"]), datetime.fromisoformat(row["expires_at"])) for row in rows}


def minute(moment: datetime) -> datetime:
    """Without its seconds."""
    return moment.replace(second=0, microsecond=0)
