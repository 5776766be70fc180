"""The client of Amplitude's own API: how each question is asked over the wire, and what each answer means.

Source: Amplitude's Behavioral Cohorts API and Export API as documented in March 2026.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit
from zipfile import is_zipfile

from tradewind.clock import Clock
from tradewind.door import Door, Incoming, Response, is_loopback
from tradewind.errors import EngineError, GoneError, RetryableError, UncertainError
from tradewind.sources.amplitude.base import Account, Exported, Fetched, Listed, Pace
from tradewind.sources.amplitude.download import unpacked, write_parquet
from tradewind.sources.amplitude.retry import THROTTLED, TRIES, backing_off, refused, wait_after

LARGEST_LIST = 64 << 20
"""Bytes of the list of cohorts at most: each comes with its definition."""

LARGEST_ANSWER = 1 << 20

LONGEST_DOWNLOAD = 2 * 3600.0
"""Seconds that one transfer of a file may take."""

LONGEST_SILENCE = 300.0
"""Seconds that Amplitude may think before a file begins, and pause within it: it gathers the events of an export first."""

HOUR = timedelta(hours=1)

Result = TypeVar("Result")

_PUT_OFF = (RetryableError, UncertainError)
_REDIRECTS = {301, 302, 303, 307, 308}


class WireClient:
    """The client that asks Amplitude itself, as `base.Client` says.

    What passes by itself (429, 5xx, a line that breaks) is waited out within bounds, but for a request of a download that
    may have been counted.
    """

    def __init__(self, door: Door, account: Account, pace: Pace, clock: Clock) -> None:
        self._door, self._pace, self._clock = door, pace, clock
        self._host = account.host.rstrip("/")
        token = b64encode(f"{account.api_key}:{account.secret_key}".encode()).decode()
        self._signed = {"Authorization": f"Basic {token}"}

    def cohorts(self) -> tuple[Listed, ...]:
        """The discoverable cohorts."""
        answer = self._asked("/api/3/cohorts?includeSyncInfo=true", LARGEST_LIST)
        if answer.status != 200:
            raise refused(answer.status, "the list of cohorts")
        cohorts = _json(answer).get("cohorts")
        if not isinstance(cohorts, list):
            raise _unlike("the list of cohorts")
        return tuple(map(_listed, cohorts))

    def request(self, cohort: str, properties: Sequence[str]) -> str:
        """Ask for a download, and only once where it may have been counted; its request id."""
        wanted = [("props", "1"), *(("propKeys", name) for name in properties)] if properties else [("props", "0")]
        answer = self._asked(f"/api/5/cohorts/request/{quote(cohort, safe='')}?{urlencode(wanted, quote_via=quote)}", counted=True)
        if answer.status not in {200, 202}:
            raise refused(answer.status, f"cohort {cohort}")
        try:
            request_id = _json(answer).get("request_id")
        except EngineError:
            request_id = None
        if not isinstance(request_id, str) or not request_id:
            raise UncertainError(f"{_unlike('the answer to the request of a download')}; it may have been counted")
        return request_id

    def poll(self, request_id: str) -> bool:
        """Whether the download is ready."""
        answer = self._asked(f"/api/5/cohorts/request-status/{quote(request_id, safe='')}")
        if answer.status not in {200, 202}:
            raise refused(answer.status, "the requested download")
        said = str(_json(answer).get("async_status", "")).upper()
        if "FAIL" in said or "ERROR" in said:
            raise GoneError("Amplitude could not make the download: it says that its own job failed; ask for it anew")
        return answer.status == 200 and "PROGRESS" not in said

    def fetch(self, request_id: str, columns: Sequence[str], out: Path) -> Fetched:
        """Write the file of a download that is ready. A transfer that breaks off is begun anew at the request's own link."""
        path = f"/api/5/cohorts/request/{quote(request_id, safe='')}/file"

        def take(sends: int) -> Fetched:
            with self._file(path, sends, (), self._pace.turn()) as answer:
                if answer.status != 200:
                    raise refused(answer.status, "the file of the download")
                return write_parquet(unpacked(answer), answer.bounded, columns, out)

        return self._in_the_end(take, _PUT_OFF)

    def export(self, first: datetime, until: datetime, out: Path, moved: Callable[[int], None]) -> Exported:
        """Write the zip of the events of some hours. Amplitude does not count exports among its 60 requests: they take no turn."""
        path = f"/api/2/export?start={first:%Y%m%dT%H}&end={until - HOUR:%Y%m%dT%H}"
        too_much = {400, 413, 504} if until - first > HOUR else {400, 413}

        def take(sends: int) -> Exported:
            with self._file(path, sends, too_much, nullcontext()) as answer:
                if answer.status in too_much:
                    return Exported.TOO_MUCH
                if answer.status == 404:
                    return Exported.NOTHING
                if answer.status != 200:
                    raise refused(answer.status, "the events of these hours")
                _write(answer, out, moved)
            return Exported.FILE

        return self._in_the_end(take, _PUT_OFF)

    def _asked(self, path: str, most: int = LARGEST_ANSWER, *, counted: bool = False) -> Response:
        """The answer to a small question, once it is neither 429 nor 5xx.

        `counted`: it may have been taken although the answer says otherwise or is lost; then UncertainError.
        """

        def ask(sends: int) -> Response:
            with self._pace.turn():
                answer = self._door.get(self._host + path, self._signed, most)
            if counted and answer.status >= 500:
                raise UncertainError(f"Amplitude answered {answer.status}: it may have counted the request")
            self._check_it_stands(answer, sends)
            return answer

        return self._in_the_end(ask, RetryableError if counted else _PUT_OFF)

    def _in_the_end(self, take: Callable[[int], Result], put_off: type[Exception] | tuple[type[Exception], ...]) -> Result:
        """What is taken, tried as often as it is put off, within a bound."""
        for sends in range(1, TRIES + 1):
            try:
                return take(sends)
            except put_off as error:
                why, wait = str(error), getattr(error, "wait", None)
            if sends < TRIES:
                self._clock.sleep(backing_off(sends) if wait is None else wait)
        raise RetryableError(f"Amplitude was asked {TRIES} times in vain; the last time: {why}; try again later")

    def _check_it_stands(self, answer: Response | Incoming, sends: int) -> None:
        """Raise RetryableError for an answer that may be another one later; after a 429 everybody waits."""
        wait = wait_after(answer.status, answer.headers, sends)
        if answer.status == THROTTLED and wait:
            self._pace.hold_off(wait)
        if wait is not None:
            raise RetryableError(f"it answered {answer.status}", wait)

    @contextmanager
    def _file(self, path: str, sends: int, standing: Collection[int], turn: AbstractContextManager[None]) -> Iterator[Incoming]:
        """The answer to a question for a file, wherever it lies. Raises RetryableError for one that may change, unless it is `standing`."""
        url, accepted = self._host + path, {"Accept": "*/*", "Accept-Encoding": "gzip"}
        with ExitStack() as stack:
            with turn:
                answer = stack.enter_context(self._door.stream(url, self._signed | accepted, LONGEST_DOWNLOAD, LONGEST_SILENCE))
            if answer.status in _REDIRECTS:
                place = next_place(url, answer.headers.get("location", ""))
                answer = stack.enter_context(self._door.stream(place, accepted, LONGEST_DOWNLOAD, LONGEST_SILENCE))
                if answer.status != 200:
                    raise RetryableError(f"the link to it answered {answer.status}")
            if answer.status not in standing:
                self._check_it_stands(answer, sends)
            yield answer


def _write(answer: Incoming, out: Path, moved: Callable[[int], None]) -> None:
    """Write a zip as it comes. Raises RetryableError when its end is not there."""
    moved(0)
    with out.open("wb") as file:
        for piece in unpacked(answer):
            file.write(piece)
            moved(file.tell())
    if not is_zipfile(out):
        raise RetryableError("the zip came without its end")


def next_place(url: str, location: str) -> str:
    """Where a redirect leads: https, and this machine only from this machine. Raises EngineError for any other place."""
    place = urlsplit(urljoin(url, location))
    here, there = (is_loopback(host or "") for host in (urlsplit(url).hostname, place.hostname))
    if not location or here != there or not (place.scheme == "https" or there):
        raise EngineError("Amplitude sent us to a place that is not followed: only https is, and nothing on this machine")
    return place._replace(fragment="").geturl()


def _json(answer: Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _unlike("an answer")
    return found


def _listed(cohort: Any) -> Listed:
    if not isinstance(cohort, dict) or not isinstance(cohort.get("id"), str) or not isinstance(cohort.get("name"), str):
        raise _unlike("the list of cohorts")
    size, computed = cohort.get("size"), cohort.get("lastComputed")
    return Listed(
        cohort["id"],
        cohort["name"],
        size if type(size) is int else None,
        datetime.fromtimestamp(computed, UTC) if type(computed) is int and 0 < computed < 1 << 33 else None,
        cohort.get("archived") is True,
        str(cohort.get("type", "")),
    )


def _unlike(what: str) -> EngineError:
    return EngineError(f"{what} is not what Amplitude documents: check the region, and that nothing stands between it and this machine")
