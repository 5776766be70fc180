"""The moments at which a crash would matter most: named in the code, and watched by the tests that kill the product there."""

from __future__ import annotations

from collections.abc import Callable

MOMENTS = {
    "schema.written": "a new schema is written, and not yet committed",
    "schema.committed": "the schema is up to date",
    "import.written": "the files of an import are on the disk, and no row names them",
    "import.named": "rows name the files of an import",
    "compaction.written": "a file that takes the place of others is on the disk, and no row names it",
    "compaction.named": "rows name that file in the place of the others",
    "compaction.removed": "files that were replaced are gone, and rows still name them",
    "list.published": "a new version of a list is on the disk, and no row names it",
    "list.recorded": "a row names the new version of a list",
    "run.opened": "a run has its row, and its slot is taken",
    "run.superseded": "a held run was closed, because the next one takes over",
    "claim.taken": "a worker holds the run",
    "claim.renewed": "the claim on the run lasts longer",
    "claim.released": "the claim was given back",
    "download.counted": "a download of a cohort is counted, and not yet asked for",
    "download.asked": "a download was asked for, and no row names it",
    "download.recorded": "a row names the download that was asked for",
    "download.ready": "a download can be fetched",
    "download.fetched": "the download is in a file of this run",
    "snapshot.written": "the members are in a file, and no row names it",
    "identifiers.written": "the identifiers are in files, and no row names them",
    "delta.written": "the delta is in files, and no row names them",
    "phase.recorded": "a row names what a phase gave",
    "plan.recorded": "the plan is in the ledger",
    "hold.recorded": "the ledger says that the run is held",
    "batches.laid": "every batch of the plan has its row",
    "request.signed": "a batch is laid out and signed",
    "intent.written": "a batch is marked as sent, and that is not yet committed",
    "intent.committed": "a batch is marked as sent, and not a byte of it has left",
    "request.begun": "the head of a request may have left, and nothing of its body",
    "request.sent": "the whole request may have left",
    "answer.begun": "the head of an answer has come",
    "answer.whole": "the whole answer has come, and nothing says so",
    "receipt.written": "the outcome of a batch is written, and not yet committed",
    "receipt.committed": "the outcome of a batch is in the ledger",
    "attempt.written": "an answer that settles nothing is written, and not yet committed",
    "attempt.committed": "an answer that settles nothing is in the ledger",
    "delivery.waiting": "a batch waits to be sent again",
    "settling.recorded": "the run waits until it may say again what an older request may undo",
    "sync.removed": "a sync is out of the catalog, and nobody has been taken out of its segment yet",
    "suppressions.written": "people who said no are on the list, and their request is not yet taken in whole",
    "privacy.spread": "rows say from where they are taken out, and who is to be told",
    "notice.written": "a notice is marked as sent, and not a byte of it has left",
    "notice.answered": "the answer to a notice is in its row",
    "connection.paused": "the connection waits for a person",
    "membership.written": "the files of a membership version are on the disk, and no row names them",
    "membership.named": "a row names the membership version",
    "run.closing": "the end of a run is written, and not yet committed",
    "run.closed": "the run is closed",
    "sync.ended": "a One-Time Sync has ended",
}
"""Every moment and what is true then. A test compares this table with the calls of `reached`."""

_watchers: list[Callable[[str], None]] = []


def reached(name: str) -> None:
    """Say that a moment of the table has come. Nothing happens, unless this process watches."""
    for watcher in _watchers:
        watcher(name)


def watch(watcher: Callable[[str], None]) -> None:
    """Call `watcher` with the name of each moment, from now on and in this process only. For tests; no setting leads here."""
    _watchers.append(watcher)
