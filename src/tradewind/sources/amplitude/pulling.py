"""Kind `amplitude`: a cohort that Amplitude keeps, downloaded with the properties that identifiers are found in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tradewind.clock import Clock
from tradewind.errors import DefinitionError, EngineError, GoneError, TradewindError, UncertainError
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.moment import reached
from tradewind.sources import members
from tradewind.sources.amplitude.base import AMPLITUDE_ID, USER_ID, Client, Fetched, Listed
from tradewind.sources.amplitude.budget import YOUNG
from tradewind.sources.amplitude.sql import Download, Downloads, DownloadState
from tradewind.sources.files import ROW

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two looks at whether a download is ready; each pause is twice the one before."""

PATIENCE = 3600.0
"""Seconds that a run waits for a download. The next one goes on with the same, as long as it answers for that one's instant."""

NAMED_BY_AMPLITUDE = Wanted(AMPLITUDE_ID, all_values=False)
"""Beside every member, so that whoever gave no identifier can be found again in Amplitude."""


@dataclass(frozen=True)
class Pull:
    """One cohort as a run wants it: through whom, of which account, with which properties, for which instant."""

    client: Client
    downloads: Downloads
    account: str
    cohort: str
    properties: tuple[str, ...]
    as_of: datetime
    clock: Clock


def properties_of(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    """The user properties to ask for: what `user.` and `column.` sources name. The two ids come by themselves.

    Raises DefinitionError for names that differ only in case, from one another or from a column that is there anyway: they could
    not be told apart afterwards.
    """
    named = (want.source.partition(".") for want in wanted)
    names = sorted({name for kind, _, name in named if kind in {"user", "column"} and name not in {AMPLITUDE_ID, USER_ID}})
    seen = {each: each for each in (AMPLITUDE_ID, USER_ID, ROW)}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise DefinitionError(
                f"the user property '{name[:60]}' cannot be pulled beside '{other[:60]}', whose name is the same but for case"
            )
    return tuple(names)


def evaluate(pull: Pull, wanted: Sequence[Wanted], out: Path) -> Snapshot:
    """The members as Amplitude has them now, written to `out`; `expected` is the size that its list showed when they were asked for.

    A member is the person of its user id, else of its Amplitude id. Raises GoneError and EngineError when the cohort is not
    listed, archived, cannot be downloaded, or the month's downloads are spent; RefusedKeyError and RetryableError as the client does.
    """
    listed = _listed(pull)
    file = out.with_name(f".{out.name}.download")
    try:
        fetched, size = _fetch(pull, listed.size, file)
        columns = (AMPLITUDE_ID, USER_ID, *pull.properties)
        rows = members.Rows(file, columns, USER_ID, (AMPLITUDE_ID,), otherwise=AMPLITUDE_ID)
        found = members.write_members(rows, (*wanted, NAMED_BY_AMPLITUDE), pull.as_of, out)
    finally:
        file.unlink(missing_ok=True)
    return replace(found, rows=fetched.rows, expected=size)


def _listed(pull: Pull) -> Listed:
    """The cohort as Amplitude lists it now."""
    found = next((each for each in pull.client.cohorts() if each.id == pull.cohort), None)
    if found is None:
        raise GoneError(
            f"Amplitude lists no cohort {pull.cohort}: it was deleted, or is not discoverable; make it discoverable there, or name another"
        )
    if found.archived:
        raise GoneError(f"cohort {pull.cohort} is archived in Amplitude and computed no more; bring it back there, or name another")
    return found


def _fetch(pull: Pull, size: int | None, file: Path) -> tuple[Fetched, int | None]:
    """Write the download: one that is there already if it will do, else a new one; of those that are there some may be gone.

    `size` is what is listed now; given back is what was listed when the download was asked for.
    """
    while True:
        download = pull.downloads.obtain(pull.account, pull.cohort, pull.properties, pull.as_of - YOUNG, pull.clock.now())
        if download is None:
            pull.clock.sleep(FIRST_PAUSE)
            continue
        known = download.request is not None
        asked = download if known else _ask(pull, download, size)
        try:
            return _take(pull, asked, file), asked.size
        except GoneError:
            pull.downloads.mark(download, DownloadState.GONE)
            if not known:
                raise


def _ask(pull: Pull, new: Download, size: int | None) -> Download:
    """Ask for a download that is counted already; what certainly was not taken is not counted after all."""
    reached("download.counted")
    try:
        request = pull.client.request(pull.cohort, pull.properties)
    except UncertainError as error:
        raise UncertainError(f"{error}; the download is counted as spent, and the next run asks for another") from error
    except TradewindError:
        pull.downloads.mark(new, DownloadState.REFUSED)
        raise
    reached("download.asked")
    pull.downloads.answered(new, request, size)
    reached("download.recorded")
    return replace(new, request=request, state=DownloadState.ASKED, size=size)


def _take(pull: Pull, download: Download, file: Path) -> Fetched:
    assert download.request is not None, "only a download with a request id can be fetched"
    _await(pull, download.request)
    reached("download.ready")
    fetched = pull.client.fetch(download.request, (AMPLITUDE_ID, USER_ID, *pull.properties), file)
    reached("download.fetched")
    pull.downloads.mark(download, DownloadState.FETCHED)
    return fetched


def _await(pull: Pull, request: str) -> None:
    """Wait until a download is ready."""
    pause, waited = FIRST_PAUSE, 0.0
    while not pull.client.poll(request):
        if waited >= PATIENCE:
            raise EngineError(f"Amplitude did not make the download of cohort {pull.cohort} ready within an hour; run again later")
        pull.clock.sleep(pause)
        waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)
