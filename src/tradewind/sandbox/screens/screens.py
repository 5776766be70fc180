"""The screens: choose an advertiser, Settings > Integrations > Add integration > Amplitude, segments and last requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice
from urllib.parse import urlsplit

from tradewind.sandbox.advertisers import Advertiser
from tradewind.sandbox.clock import SECOND, parse_instant
from tradewind.sandbox.desk import Desk
from tradewind.sandbox.screens.page import FILES, Markup, file, fill, join, page, table
from tradewind.sandbox.server import Asked, Site
from tradewind.sandbox.wire import Answer, Request

LAST = 20
OFFERED = {"amplitude": "Amplitude"}
"""The integrations that can be added, by their place in an address."""

_PATH = re.compile(r"/advertisers/([A-Za-z0-9]{1,32})/(settings/integrations(?:/[a-z]+)?|segments|platform)")


class Screens:
    """The emulated platform with the screens a person sees. What has been added is forgotten with the process, or by a reset."""

    def __init__(self, desk: Desk, doors: Site) -> None:
        self._desk, self._doors = desk, doors

    def missing(self, request: Request) -> Answer | None:
        """A screen, or the answer where there is no such endpoint; None where there is one."""
        return self._screen(request) or self._doors.missing(request)

    def asked(self, request: Request) -> AbstractContextManager[Asked]:
        """A request to one of the platform's endpoints."""
        return self._doors.asked(request)

    def _screen(self, request: Request) -> Answer | None:
        if request.path in FILES and request.method == "GET":
            return file(request.path)
        if request.path == "/" and request.method == "GET":
            return _advertisers(self._desk)
        found = _PATH.fullmatch(request.path)
        advertiser = self._desk.advertisers.get(found[1]) if found else None
        if found is None or advertiser is None:
            return None
        place = found[2].removeprefix("settings/integrations").removeprefix("/")
        if request.method == "POST":
            return self._add(request, advertiser, place)
        screens: dict[str, Callable[[Desk, Advertiser, Request], Answer]] = {
            "": _integrations,
            "add": _add,
            "segments": _segments,
            "platform": _platform,
        }
        screen = screens.get(place, _values if place in OFFERED else None)
        return screen(self._desk, advertiser, request) if screen else None

    def _add(self, request: Request, advertiser: Advertiser, place: str) -> Answer | None:
        if place not in OFFERED:
            return None
        if request.headers.get("origin") and urlsplit(request.headers["origin"]).netloc != request.headers.get("host"):
            return page("Refused", Markup("<h1>Refused</h1><p>This order came from another site.</p>"), status=403)
        with self._desk.lock:
            self._desk.integrations.add((advertiser.id, place))
        return Answer(303, headers={"Location": f"{_home(advertiser)}/settings/integrations/{place}"})


def _home(advertiser: Advertiser) -> str:
    return f"/advertisers/{advertiser.id}"


def _menu(advertiser: Advertiser, here: str) -> Markup:
    links = {"Segments": "segments", "Made of them": "platform", "Settings": "settings/integrations"}
    shown = join(
        fill(
            '<a href="{home}/{place}"{mark}>{name}</a>',
            home=_home(advertiser), place=place, name=name, mark=Markup(' aria-current="page"' if name == here else ""),
        )
        for name, place in links.items()
    )  # fmt: skip
    return fill(
        '<nav aria-label="Advertiser"><a href="/">Advertisers</a>{shown}</nav><span>{name}</span>', shown=shown, name=advertiser.name
    )


def _advertisers(desk: Desk) -> Answer:
    sheet = """<div class="sheet row"><div><h3><a href="{home}/segments">{id}</a></h3><p>{name}</p></div>
<a class="button" href="{home}/settings/integrations" aria-label="Settings of {id}">Settings</a></div>"""
    body = join(fill(sheet, home=_home(each), name=each.name, id=each.id) for each in desk.advertisers.values())
    lead = Markup('<h1>Advertisers</h1><p class="lead">Each stands for a state that an account can be in. The secrets guard nothing.</p>')
    return page("Advertisers", join([lead, body]))


def _integrations(desk: Desk, advertiser: Advertiser, request: Request) -> Answer:  # noqa: ARG001 - all screens are called alike
    sheet = """<div class="sheet row"><h3>{name}</h3>
<a href="{home}/settings/integrations/{place}">Advertiser ID and Advertiser Secret Key</a></div>"""
    with desk.lock:
        added = sorted(place for who, place in desk.integrations if who == advertiser.id)
    body = join(fill(sheet, name=OFFERED[place], home=_home(advertiser), place=place) for place in added)
    head = """<p class="trail">Settings &rsaquo; Integrations</p><div class="row"><h1>Integrations</h1>
<a class="button" href="{home}/settings/integrations/add">Add integration</a></div>
<p class="lead">What may send data to this advertiser.</p>"""
    none = Markup('<div class="sheet empty">None yet. Add Amplitude to see the two values it asks for.</div>')
    return page("Integrations", join([fill(head, home=_home(advertiser)), body or none]), _menu(advertiser, "Settings"))


def _add(desk: Desk, advertiser: Advertiser, request: Request) -> Answer:  # noqa: ARG001 - same
    sought = request.query.get("find", "")
    head = """<p class="trail">Settings &rsaquo; Integrations &rsaquo; Add integration</p><h1>Add integration</h1>
<form class="field" role="search"><label for="find">Find an integration</label><div>
<input id="find" name="find" type="search" value="{sought}" maxlength="60"><button class="plain">Find</button></div></form>"""
    sheet = """<form method="post" action="{home}/settings/integrations/{place}" class="sheet row"><div><h3>{name}</h3>
<p>Cohorts are sent to this advertiser's segments.</p></div><button>Add {name}</button></form>"""
    found = [(place, name) for place, name in OFFERED.items() if sought.strip().lower() in name.lower()]
    body = join(fill(sheet, home=_home(advertiser), place=place, name=name) for place, name in found)
    none = fill('<div class="sheet empty">No integration is called "{sought}". The emulation offers Amplitude.</div>', sought=sought)
    return page("Add integration", join([fill(head, sought=sought), body or none]), _menu(advertiser, "Settings"))


def _values(desk: Desk, advertiser: Advertiser, request: Request) -> Answer:
    name = OFFERED[request.path.rpartition("/")[2]]
    with desk.lock:
        added = (advertiser.id, request.path.rpartition("/")[2]) in desk.integrations
    if not added:
        return Answer(303, headers={"Location": f"{_home(advertiser)}/settings/integrations/add"})
    field = """<div class="field"><label for="{key}">{label}</label><div><input id="{key}" readonly value="{value}" spellcheck="false">
<button type="button" class="plain" data-copy="{key}" aria-label="Copy {label}">Copy</button></div></div>"""
    fields = [("advertiser-id", "Advertiser ID", advertiser.id), ("secret-key", "Advertiser Secret Key", advertiser.secret)]
    head = """<p class="trail">Settings &rsaquo; Integrations &rsaquo; {name}</p><h1>{name}</h1>
<p class="lead">Copy both values to where cohorts are sent from.</p>"""
    body = join(fill(field, key=key, label=label, value=value) for key, label, value in fields)
    return page(name, join([fill(head, name=name), fill('<div class="sheet">{body}</div>', body=body)]), _menu(advertiser, "Settings"))


def _segments(desk: Desk, advertiser: Advertiser, request: Request) -> Answer:  # noqa: ARG001 - same
    with desk.lock:
        now = desk.clock.now()
        held = desk.segments.summaries(now, advertiser.id)
        sent = list(islice((each for each in reversed(desk.journal.requests) if each["advertiser"] == advertiser.id), LAST))
    segments = [
        (
            each["name"], each["members"], ", ".join(f"{kind} {count:,}" for kind, count in each["by_type"].items()),
            _left(each["first_expiry"], now), _left(each["last_expiry"], now), each["lapsed"],
        )
        for each in held
    ]  # fmt: skip
    requests = [
        (
            each["time"][:19].replace("T", " "), each["status"] or "no answer", each["accepted"] - each["removals"],
            each["removals"], each["refused"], each["bytes"], each["error"] or each["fault"] or "",
        )
        for each in sent
    ]  # fmt: skip
    columns = ("Segment", "Members", "By type", "First expires", "Last expires", "Expired")
    asked = ("Time (UTC)", "Answer", "Added or renewed", "Removed", "Refused", "Bytes", "Error or fault")
    body = [
        Markup('<div class="row"><h1>Segments</h1><a href="">Look again</a></div><p class="lead">What this advertiser holds now.</p>'),
        table(columns, segments, "No segment yet. The first delivery makes one."),
        Markup("<h2>Last requests</h2>"),
        table(asked, requests, "Nothing was sent to this advertiser yet."),
    ]
    return page("Segments", join(body), _menu(advertiser, "Segments"))


def _platform(desk: Desk, advertiser: Advertiser, request: Request) -> Answer:  # noqa: ARG001 - same
    with desk.lock:
        shown = desk.directory.shown(advertiser.id, desk.clock.now())
    listed = [(each["name"], f"{each['id']}", each["ids"], each["in_app"], each["web"]) for each in shown["segments"]]
    made = {
        kind: [(each["name"], each["id"], ", ".join(map(str, each["holds"]))) for each in shown[kind]]
        for kind in ("data_groups", "audiences")
    }
    seeds = [
        (each["name"], each["id"], ", ".join(map(str, each["segments"])), each["status"], each["active"], "yes" if each["default"] else "")
        for each in shown["seeds"]
    ]
    body = [
        Markup('<div class="row"><h1>First-party data</h1><a href="">Look again</a></div>'),
        table(("Segment", "FirstPartyDataId", "Active ids", "In apps", "On the web"), listed, "The platform lists no segment yet."),
        Markup("<h2>Data groups</h2>"),
        table(("Data group", "Id", "First-party data"), made["data_groups"], "No data group yet."),
        Markup("<h2>Audiences</h2>"),
        table(("Audience", "Id", "Data groups, of which a person is in all"), made["audiences"], "No audience yet."),
        Markup("<h2>Seeds</h2>"),
        table(("Seed", "Id", "First-party data", "Status", "Active ids", "Default"), seeds, "No seed yet."),
    ]
    return page("Made of segments", join(body), _menu(advertiser, "Made of them"))


def _left(until: str | None, now: int) -> str:
    """The time left, in the largest unit of which there are two."""
    instant = parse_instant(until) if until else None
    if instant is None:
        return ""
    seconds = max(0, instant - now) // SECOND
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"in {round(seconds / size)} {unit}"
    return f"in {seconds} seconds"
