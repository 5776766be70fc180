"""Amplitude as a whole: what it holds for its projects, and its answer to each request."""

from __future__ import annotations

import re
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tradewind.sandbox.amplitude import files
from tradewind.sandbox.amplitude.cohorts import Cohort
from tradewind.sandbox.amplitude.denial import Denied
from tradewind.sandbox.amplitude.downloads import Download, Link, State, new_id
from tradewind.sandbox.amplitude.events import Events
from tradewind.sandbox.amplitude.export import export
from tradewind.sandbox.amplitude.limits import Limits, Pace
from tradewind.sandbox.amplitude.projects import BUILT_IN, Project, Region, check, wrong_keys
from tradewind.sandbox.amplitude.troubles import Trouble, Troubles
from tradewind.sandbox.clock import SECOND, Clock, iso
from tradewind.sandbox.faults import Fault
from tradewind.sandbox.wire import Answer, FromFile, Request

DAY = 86_400 * SECOND
AT_ONCE_WRITTEN = 100_000  # a larger file is written while the download is in progress
KEPT_REQUESTS = 10_000
JUST_ANSWERED_SECONDS = 0.25

_PLACES = (
    ("list", re.compile("/api/3/cohorts()")),
    ("request", re.compile("/api/5/cohorts/request/([^/]+)")),
    ("status", re.compile("/api/5/cohorts/request-status/([^/]+)")),
    ("file", re.compile("/api/5/cohorts/request/([^/]+)/file")),
    ("export", re.compile("/api/2/export()")),
    ("link", re.compile(r"/cohort-downloads/([0-9a-f]+)\.csv")),
)


def place_of(path: str) -> tuple[str, str] | None:
    """Which endpoint a path is, and the id in it; None if it is none."""
    for place, pattern in _PLACES:
        if found := pattern.fullmatch(path):
            return place, found[1]
    return None


class Amplitude:
    """Both regions: cohorts, downloads, what was asked for, and one lock over them. Files are written into `folder`."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self.clock, self.folder = clock, folder
        self.lock = threading.Condition(threading.Lock())
        self.urls: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all but the projects; the limits are the documented ones again."""
        with self.lock:
            for file in self.folder.iterdir():
                file.unlink()
            self.limits = Limits()
            self.troubles = Troubles()
            self.cohorts: dict[tuple[int, str], Cohort] = {}
            self.events: dict[int, Events] = {app: Events(app) for app in BUILT_IN}
            self.downloads: dict[str, Download] = {}
            self.links: dict[str, Link] = {}
            self.exports: list[Path] = []
            self.paces: defaultdict[int, Pace] = defaultdict(Pace)
            self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
            self.asked = 0

    def new_export(self) -> Path:
        """Where the next export is written; of those before it, only the ones that may still be under way are kept."""
        self.exports.append(self.folder / f"{new_id()}.zip")
        for old in self.exports[: -2 * self.limits.at_once]:
            old.unlink(missing_ok=True)
        self.exports = self.exports[-2 * self.limits.at_once :]
        return self.exports[-1]

    def tidy(self) -> None:
        """Remove the files of downloads that nobody can ask for any more."""
        for download in self.downloads.values():
            if self.is_over(download):
                download.path.unlink(missing_ok=True)

    def is_over(self, download: Download) -> bool:
        """Whether the request's seven days have passed."""
        return self.clock.now() - download.asked_at >= self.limits.request_days * DAY

    def note(self, ask: Ask, status: int | None) -> None:
        """Keep a record of a request."""
        self.asked += 1
        self.requests.append(
            {
                "number": self.asked,
                "time": iso(self.clock.now()),
                "region": ask.region,
                "app": ask.project.app if ask.project else None,
                "place": ask.place,
                "path": ask.request.path,
                "query": [list(each) for each in ask.request.arguments],
                "authorization": "authorization" in ask.request.headers,
                "range": ask.request.headers.get("range"),
                "status": status,
                "fault": ask.trouble.kind if ask.trouble else None,
            }
        )


class Front:
    """One region's front: what the server asks."""

    def __init__(self, amplitude: Amplitude, region: Region) -> None:
        self._amplitude, self._region = amplitude, region

    def missing(self, request: Request) -> Answer | None:
        """The answer where there is no such endpoint; None where there is."""
        if place_of(request.path) is None:
            return Denied(404, "not_found", "There is no such endpoint").answer()
        if request.method != "GET":
            return Denied(405, "method_not_allowed", "This endpoint takes GET", headers={"Allow": "GET"}).answer()
        return None

    @contextmanager
    def asked(self, request: Request) -> Iterator[Ask]:
        """A request to one of the endpoints, open until its answer is sent."""
        amplitude, (place, key) = self._amplitude, place_of(request.path) or ("", "")
        ask = Ask(amplitude, self._region, request, place, key)
        if place == "link":  # it was signed for, and nobody counts it
            yield ask
            return
        with amplitude.lock:
            download = amplitude.downloads.get(key)
            cohort = key if place == "request" else download.cohort if download else ""
            pace = self._open(ask, cohort)
        try:
            yield ask
        finally:
            with amplitude.lock:
                if pace:
                    pace.end(cohort)
                    amplitude.lock.notify_all()

    def _open(self, ask: Ask, cohort: str) -> Pace | None:
        """Where the request is counted as open; None where it is denied. One that has just been answered is given time to end."""
        amplitude = self._amplitude
        try:
            ask.project = check(self._region, ask.request.headers)
            pace = amplitude.paces[ask.project.app]
            amplitude.lock.wait_for(lambda: pace.has_room(cohort, amplitude.limits), JUST_ANSWERED_SECONDS)
            pace.begin(cohort, amplitude.limits)
        except Denied as denied:
            ask.denied = denied
            return None
        return pace


@dataclass(slots=True)
class Ask:
    """One request: who asks, for what, and the trouble it meets."""

    amplitude: Amplitude
    region: Region
    request: Request
    place: str
    key: str
    project: Project | None = None
    denied: Denied | None = None
    trouble: Trouble | None = None

    def __post_init__(self) -> None:
        with self.amplitude.lock:
            self.trouble = self.amplitude.troubles.take(self.place)

    @property
    def fault(self) -> Fault | None:
        """What the server is to do to the answer."""
        return self.trouble.fault if self.trouble else None

    def answer(self) -> Answer:
        """Judge the request, apply it and keep a record."""
        with self.amplitude.lock:
            answer = self._answer()
            if isinstance(answer.body, FromFile) and self.trouble is None:
                self.trouble = self.amplitude.troubles.take(self.place, content=True)
                answer = files.spoilt(answer, self.trouble.kind) if self.trouble else answer
            self.amplitude.note(self, None if self.fault and self.fault.silent else answer.status)
            return answer

    def _answer(self) -> Answer:
        fault = self.fault
        if fault and fault.kind == "unread":
            return Answer(503)
        forged = fault.answer() if fault else None
        if forged and fault and not fault.applied:
            return forged
        try:
            answer = self._own()
        except Denied as denied:
            answer = denied.answer()
        return forged or answer

    def _own(self) -> Answer:
        """What Amplitude itself answers. Raises Denied."""
        if self.place == "link":
            return self._link()
        if self.denied:
            raise self.denied
        if self.trouble and self.trouble.kind == "wrong_keys":
            raise wrong_keys()
        if self.place == "export":
            path = self.amplitude.new_export()
            return export(self.amplitude.events[self._app], self.request, self._now, self.amplitude.limits, path)
        self._pace.admit(self._now, self.amplitude.limits)
        steps: dict[str, Callable[[], Answer]] = {
            "list": self._list,
            "request": self._request,
            "status": self._status,
            "file": self._file,
        }
        return steps[self.place]()

    @property
    def _now(self) -> int:
        return self.amplitude.clock.now()

    @property
    def _app(self) -> int:
        assert self.project is not None
        return self.project.app

    @property
    def _pace(self) -> Pace:
        return self.amplitude.paces[self._app]

    def _list(self) -> Answer:
        mine = [cohort.shown() for (app, _), cohort in self.amplitude.cohorts.items() if app == self._app and cohort.published]
        return Answer(200, orjson.dumps({"cohorts": mine}))

    def _request(self) -> Answer:
        limits, cohort = self.amplitude.limits, self.amplitude.cohorts.get((self._app, self.key))
        if cohort is None:
            raise Denied(404, "not_found", "Cohort not found")
        if cohort.members.count > limits.largest_cohort:
            raise Denied(400, "invalid_request", f"The cohort has more than {limits.largest_cohort} members")
        self._pace.charge(self._now, limits)
        self.amplitude.tidy()
        key, named = new_id(), tuple(value for name, value in self.request.arguments if name == "propKeys")
        properties = (named or cohort.members.properties) if self.request.query.get("props") == "1" else ()
        slow, failed = (self.trouble is not None and self.trouble.kind == kind for kind in ("slow", "failed"))
        polls = self.trouble.polls if self.trouble and slow else limits.polls
        download = Download(key, self._app, cohort.id, properties, self._now, self.amplitude.folder / f"{key}.csv", polls, fails=failed)
        self.amplitude.downloads[key] = download
        _write(download, cohort)
        return Answer(202, orjson.dumps({"request_id": key, "cohort_id": cohort.id}))

    def _known(self) -> Download:
        download = self.amplitude.downloads.get(self.key)
        if download is None or download.app != self._app or self.amplitude.is_over(download):
            raise Denied(404, "not_found", "Request not found, or older than seven days")
        return download

    def _status(self) -> Answer:
        download = self._known()
        state = download.poll()
        body = {"request_id": download.id, "cohort_id": download.cohort, "async_status": state}
        return Answer(202 if state is State.IN_PROGRESS else 200, orjson.dumps(body))

    def _file(self) -> Answer:
        download, limits = self._known(), self.amplitude.limits
        if download.state is State.FAILED:
            raise Denied(404, "not_found", "The request failed; it has no file")
        if download.state is State.IN_PROGRESS:
            raise Denied(400, "invalid_request", "The request is still in progress")
        if download.path.stat().st_size <= limits.direct_bytes:
            return files.whole(download.path)
        seconds = 0 if self.trouble and self.trouble.kind == "expired_link" else limits.link_seconds
        link = Link(new_id(), download.path, self._now, self._now + seconds * SECOND)
        self.amplitude.links[link.token] = link
        signed = f"X-Amz-Expires={seconds}&X-Amz-Signature={new_id()}"
        return Answer(302, headers={"Location": f"http://{self.request.headers['host']}/cohort-downloads/{link.token}.csv?{signed}"})

    def _link(self) -> Answer:
        link = self.amplitude.links.get(self.key)
        if "authorization" in self.request.headers:
            return _store(400, "InvalidArgument", "Only one auth mechanism allowed")
        if link is None:
            return _store(403, "AccessDenied", "Access Denied")
        if not link.made_at <= self._now < link.until:
            return _store(403, "AccessDenied", "Request has expired")
        return files.ranged(link.path, self.request)


def _write(download: Download, cohort: Cohort) -> None:
    """Write the file now, or, a large one, in a thread of its own."""

    def written() -> None:
        files.write(download.path, cohort.members, download.properties)
        download.written = True

    if cohort.members.count <= AT_ONCE_WRITTEN:
        written()
    else:
        threading.Thread(target=written, daemon=True).start()


def _store(status: int, code: str, message: str) -> Answer:
    """A refusal as the store of files words it."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, text.encode(), "application/xml")
