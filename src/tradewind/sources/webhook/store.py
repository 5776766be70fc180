"""Messages of webhooks on the disk: each a file and a row before it is answered, and what they amount to as members."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tradewind.compute import literal, quoted
from tradewind.durable import publish, sync
from tradewind.errors import DefinitionError, EngineError, TakenError
from tradewind.model.cohort import Pushed
from tradewind.model.snapshot import Snapshot, Wanted
from tradewind.sources import members
from tradewind.sources.files import ROW
from tradewind.sources.session import Session, session
from tradewind.sources.webhook.message import Message, lacking, table
from tradewind.sources.webhook.spares import Spares
from tradewind.sources.webhook.sql import Folded, MessageRow, Messages

READY = ".ready"
"""The folder of files that lie ready; no project has such an id."""

FOLD = 200
"""So many messages are folded into one file unless the store is told otherwise: however many came, few files are read."""

WAITS = timedelta(days=1)
"""How long a message that lacks is waited for: Amplitude sends one again within minutes, and never later."""

TRIES = 20
"""How often a number is asked for while others store messages of the same cohort."""


@dataclass(frozen=True)
class PushedStore:
    """The messages under one home folder, found by their rows: `pushed/<project>/<cohort>/<name>.parquet`, or one of the `spares`."""

    home: Path
    messages: Messages
    fold: int = FOLD
    spares: Spares | None = None

    def add(self, project: str, message: Message, now: datetime) -> bool:
        """Store a message, so that nothing loses it. False when it was stored before.

        Raises TakenError when another message had its id, EngineError when it cannot be stored.
        """
        if self._is_known(project, message, now):
            return False
        content = _content(message.users)
        path = (self.spares and self.spares.fill(content)) or self._write(self._new(project, message.cohort), content)
        row = MessageRow(
            project, message.cohort, message.id, 0, message.entering, message.computed, message.users.num_rows, message.nameless, now,
            str(path.relative_to(self.home)),
        )  # fmt: skip
        for _ in range(TRIES):
            if self.messages.add(row):
                return True
            if self._is_known(project, message, now):
                path.unlink()
                return False
        path.unlink()
        raise EngineError("too many messages of one cohort came at the same time; send it again")

    def evaluate(self, definition: Pushed, project: str, wanted: Iterable[Wanted], as_of: datetime, out: Path) -> Snapshot:
        """The members as the messages so far have them, written to `out`: of each user the message that was computed last counts.

        Messages may come in any order. Raises DefinitionError when none came yet, EngineError when a file is gone or damaged.
        """
        state = next(iter(self.messages.folded(project, definition.cohort)), None)
        news = self.messages.after(project, definition.cohort, state.through if state else 0)
        if not (state or news):
            raise DefinitionError(
                f"nothing was pushed yet of cohort {definition.cohort}; sync it in Amplitude to the webhook of this project, "
                "which sends all of it first"
            )
        wanted = tuple(wanted)
        files = [self.home / path for path in (*([state.path] if state else []), *(row.path for row in news))]
        with session(out.parent, files) as work:
            _view(work, self.home, state, news)
            if len(news) >= self.fold:
                self._fold(work, project, definition.cohort, news[-1].number)
            rows = work.folder / "inside.parquet"
            columns = _write_inside(work, wanted, rows)
            snapshot = members.write_members(members.Rows(rows, columns, "user_id", ("user_id",)), wanted, as_of, out)
        return replace(snapshot, lost=lacking(self.messages.named(project, definition.cohort, as_of - WAITS)))

    def warm(self) -> None:
        """Load what the first message needs."""
        _content(table([])[0])

    def make_ready(self) -> None:
        """Let files lie ready for messages, where messages come to this process. Raises OSError."""
        if self.spares:
            self.spares.make_ready()

    def sweep(self) -> None:
        """Remove files that processes had ready which have ended."""
        if self.spares:
            self.spares.sweep({self.home / path for path in self.messages.paths()})

    def forget(self, project: str, cohort: str) -> None:
        """Take away all that came of a cohort."""
        for path in self.messages.forget(project, cohort):
            (self.home / path).unlink(missing_ok=True)

    def _is_known(self, project: str, message: Message, now: datetime) -> bool:
        before = self.messages.find(project, message.cohort, message.id)
        said = (message.entering, message.computed, message.users.num_rows, message.nameless)
        if before and (before.entering, before.computed, before.users, before.nameless) != said:
            self.messages.dispute(before, now)
            raise TakenError("another message came with this message_id before; it counts, and this one is not taken")
        return before is not None

    def _new(self, project: str, cohort: str) -> Path:
        return self.home / "pushed" / project / cohort / f"{secrets.token_hex(8)}.parquet"

    @staticmethod
    def _write(path: Path, content: bytes) -> Path:
        """A new file, on the disk when this returns; without a row it does not exist."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
        return path

    def _fold(self, work: Session, project: str, cohort: str, through: int) -> None:
        """Write what the messages amount to as one file. Files that an earlier one stands for go: nobody reads them any more."""
        earlier = self.messages.folded(project, cohort)
        path = self._new(project, cohort)
        written = work.folder / "state.parquet"
        work.connection.execute(f"COPY latest TO {literal(str(written))} (FORMAT parquet, COMPRESSION zstd)")
        written.chmod(0o600)
        publish(written, path, new=True)
        if not self.messages.fold(project, cohort, Folded(through, str(path.relative_to(self.home)))):
            path.unlink()
            return
        for old in earlier[1:]:
            (self.home / old.path).unlink(missing_ok=True)
        if earlier:
            for row in self.messages.after(project, cohort, earlier[1].through if earlier[1:] else 0):
                if row.number <= earlier[0].through:
                    (self.home / row.path).unlink(missing_ok=True)


def _content(users: pa.Table) -> bytes:
    written = pa.BufferOutputStream()
    pq.write_table(users, written, compression="zstd")
    return written.getvalue().to_pybytes()


def _view(work: Session, home: Path, state: Folded | None, news: Sequence[MessageRow]) -> None:
    """Make the table `latest`: of each user ever named, what the message that was computed last says."""
    said = "SELECT NULL::VARCHAR AS user_id, '' AS properties, false AS entering, 0::BIGINT AS computed, 0 AS number WHERE false"
    if news:
        links = {str(work.reach(home / row.path, f"m{row.number}.parquet")): row for row in news}
        values = ", ".join(f"({literal(link)}, {row.entering}, {row.computed}, {row.number})" for link, row in links.items())
        listed = ", ".join(map(literal, links))
        said += (
            f" UNION ALL SELECT user_id, properties, m.entering, m.computed, m.number FROM read_parquet([{listed}], filename = true) "
            f"JOIN (VALUES {values}) m(filename, entering, computed, number) USING (filename)"
        )
    if state:
        link = literal(str(work.reach(home / state.path, "folded.parquet")))
        said += f" UNION ALL SELECT user_id, properties, entering, computed, number FROM read_parquet({link})"
    newest = "row_number() OVER (PARTITION BY user_id ORDER BY computed DESC, number DESC) = 1"
    work.connection.execute(f"CREATE TABLE latest AS SELECT * FROM ({said}) QUALIFY {newest}")


def _write_inside(work: Session, wanted: Sequence[Wanted], rows: Path) -> tuple[str, ...]:
    """Write who is inside, with the properties wanted that somebody has; the columns there are."""
    names = list(dict.fromkeys(name for each in wanted if (name := _property(each.source))))
    taken = [f"json_extract_string(nullif(properties, ''), {literal(_pointer(name))}) AS {quoted(name)}" for name in names]
    inside = ", ".join(["user_id", *taken, f"row_number() OVER () AS {ROW}"])
    work.connection.execute(f"CREATE TABLE inside AS SELECT {inside} FROM latest WHERE entering")
    there = [name for name in names if work.number(f"SELECT count({quoted(name)}) FROM inside")]
    columns = ("user_id", *there)
    chosen = ", ".join(quoted(name) for name in (*columns, ROW))
    work.connection.execute(f"COPY (SELECT {chosen} FROM inside) TO {literal(str(rows))} (FORMAT parquet)")
    return columns


def _property(source: str) -> str | None:
    """The user property that a source names."""
    kind, dot, name = source.partition(".")
    return name if dot and kind in {"user", "column"} and name != "user_id" else None


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
