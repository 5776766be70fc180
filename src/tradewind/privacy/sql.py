"""The list of suppressed identifiers in SQL: keyed hashes in blocks, and the sealed originals while needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tradewind.database import Database, Transaction, aware, metadata
from tradewind.errors import TakenError
from tradewind.model.identifier import IdType
from tradewind.model.privacy import Notice, PrivacyRequest, Progress, Recipient, Removal, RequestType
from tradewind.model.run import Answer, Line, LineClass
from tradewind.privacy.keyed import DIGEST, Keyer
from tradewind.privacy.sieve import Sieve

BLOCK = 10_000
"""Identifiers of a block at most: what one request to a platform may hold."""

suppression_table = sa.Table(
    "suppression",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("quick", sa.LargeBinary, nullable=False),
    sa.Column("digests", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Index("suppressed_since", "project", "since"),
)
"""A block of identifiers of one request, all 16 bytes long (`width` 16) or all raw UID2s (0).

`quick` and `digests` hold the hashes of its identifiers in order, 8 and 16 bytes each. `sealed` holds the identifiers
themselves, and is NULL from the moment every recipient was told.
"""

request_table = sa.Table(
    "privacy_request",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("identifiers", sa.Integer, nullable=False),
    sa.Column("progress", sa.String, nullable=False),
    sa.Column("whole", sa.Boolean, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("owner", sa.String),
    sa.Column("until", sa.DateTime(timezone=True)),
    sa.Index("privacy_requests_of", "project", "asked_at"),
)

removal_table = sa.Table(
    "privacy_removal",
    metadata,
    sa.Column("request", sa.ForeignKey("privacy_request.id"), primary_key=True),
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("done_at", sa.DateTime(timezone=True)),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("run", sa.String),
    sa.Column("removed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("note", sa.String, nullable=False, server_default=""),
)

notice_table = sa.Table(
    "privacy_notice",
    metadata,
    sa.Column("request", sa.ForeignKey("privacy_request.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("advertiser", sa.String, nullable=False),
    sa.Column("block", sa.Integer, nullable=False),
    sa.Column("offset", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("id_type", sa.String, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    sa.Column("answer", sa.String),
    sa.Column("status", sa.Integer),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("request_id", sa.String),
)

line_table = sa.Table(
    "privacy_line",
    metadata,
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("notice", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("item", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("line_class", sa.String, nullable=False),
)
"""An item of a notice that the platform refused: its position (0-based), the platform's code and class."""

GUIDS, UID2S = (IdType.TDID.value, IdType.DAID.value), (IdType.UID2.value,)
"""The types under which a recipient is told of the identifiers of a block."""


class Strongbox(Protocol):
    """Seals bytes to the one place they belong to."""

    def within(self, transaction: sa.Connection) -> Strongbox:
        """The same, as part of a transaction that is open."""

    def put_away(self, project: str, request: str, number: int, content: bytes) -> bytes:
        """The content, sealed."""

    def bring_back(self, project: str, request: str, number: int, sealed: bytes) -> bytes:
        """The content. Raises ConfigurationError when it was sealed elsewhere, or with another key."""


@dataclass(frozen=True)
class Entry:
    """Where an identifier stands in the list: in which request, in which block of it and at which place, and since when."""

    request: str
    number: int
    place: int
    since: datetime


class Suppressions:
    """The identifiers of people who said no, by project. `key` is 32 bytes; the table alone reveals none of them."""

    def __init__(self, database: Database, key: bytes, box: Strongbox) -> None:
        self._database, self._key, self._box = database, key, box

    def add(self, project: str, request: str, number: int, values: Sequence[bytes], now: datetime) -> None:
        """Write one block, at most BLOCK identifiers of one width: from then on they are suppressed."""
        keyer = Keyer(self._key, project)
        content = b"".join(bytes([len(value)]) + value for value in values)
        row = {
            "project": project,
            "request": request,
            "number": number,
            "since": now.astimezone(UTC),
            "rows": len(values),
            "width": 16 if len(values[0]) == 16 else 0,
            "quick": keyer.quick(pa.array(values, pa.binary())).astype("<u8").tobytes(),
            "digests": b"".join(keyer.digest(value) for value in values),
        }
        with self._database.transaction() as db:
            sealed = self._box.within(db).put_away(project, request, number, content)
            db.execute(suppression_table.insert().values(**row, sealed=sealed))

    def reseal(self, db: Transaction, again: Callable[[str, str, int, bytes], bytes]) -> int:
        """Within a transaction, replace what is sealed by what `again` makes of it; how many blocks there were."""
        s = suppression_table.c
        places = db.execute(sa.select(s.project, s.request, s.number).where(s.sealed.is_not(None))).all()
        for place in places:
            here = (s.project == place.project, s.request == place.request, s.number == place.number)
            sealed = again(place.project, place.request, place.number, db.execute(sa.select(s.sealed).where(*here)).scalar_one())
            db.execute(suppression_table.update().where(*here).values(sealed=sealed))
        return len(places)

    def sieve(self, project: str, since: datetime | None = None) -> Sieve:
        """Everyone who is suppressed now; with `since`, only those who came on the list at that instant or later."""
        s = suppression_table.c
        later = [s.since >= since.astimezone(UTC)] if since else []
        with self._database.reading() as db:
            rows = db.execute(sa.select(s.quick, s.digests).where(s.project == project, *later)).all()
        quick = np.frombuffer(b"".join(row.quick for row in rows), "<u8").astype(np.uint64, copy=False)
        return Sieve(Keyer(self._key, project), quick, b"".join(row.digests for row in rows))

    def blocks_since(self, project: str, since: datetime) -> int:
        """How many blocks came on the list at an instant or later; quick to ask."""
        s = suppression_table.c
        with self._database.reading() as db:
            found = db.execute(sa.select(sa.func.count()).where(s.project == project, s.since >= since.astimezone(UTC))).scalar()
        return int(found or 0)

    def originals(self, project: str, request: str, number: int) -> pa.Array[Any] | None:
        """The identifiers of a block themselves, or None once they were erased. Raises ConfigurationError as a strongbox does."""
        s = suppression_table.c
        query = sa.select(s.sealed).where(s.project == project, s.request == request, s.number == number)
        with self._database.reading() as db:
            sealed = db.execute(query).scalar()
        return None if sealed is None else _taken_apart(self._box.bring_back(project, request, number, sealed))

    def mark(self, project: str, body: bytes | memoryview) -> str:
        """The fingerprint of a request's body, under the project's key: without it nobody can tell whom a request was about."""
        return Keyer(self._key, project).digest(bytes(body)).hex()

    def find(self, project: str, value: bytes) -> tuple[Entry, ...]:
        """Every place where one identifier stands, oldest first."""
        digest, s, found = Keyer(self._key, project).digest(value), suppression_table.c, []
        with self._database.reading() as db:
            query = sa.select(s.request, s.number, s.since, s.digests).where(s.project == project).order_by(s.since, s.request, s.number)
            for row in db.execute(query.execution_options(yield_per=100)):
                place = _place(row.digests, digest)
                if place is not None:
                    found.append(Entry(row.request, row.number, place, aware(row.since)))
        return tuple(found)


class Requests:
    """What was asked, and what became of it; rows for ever. A request is worked on by one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, request: PrivacyRequest, owner: str, until: datetime) -> None:
        """Write a new request, claimed by who writes down its identifiers."""
        row = {name: getattr(request, name) for name in ("id", "project", "identifiers", "whole")}
        row |= {"type": request.type.value, "progress": request.progress.value, "asked_at": request.asked_at.astimezone(UTC)}
        with self._database.transaction() as db:
            db.execute(request_table.insert().values(**row, owner=owner, until=until.astimezone(UTC)))

    def taken(self, request: str, identifiers: int) -> None:
        """Every identifier of the request is on the list, so many of them."""
        values = {"progress": Progress.TAKEN.value, "whole": True, "identifiers": identifiers}
        with self._database.transaction() as db:
            db.execute(request_table.update().where(request_table.c.id == request).values(**values))

    def find(self, project: str, request: str) -> PrivacyRequest | None:
        """The request of an id, or None."""
        found = self._requests(request_table.c.project == project, request_table.c.id == request)
        return found[0] if found else None

    def listed(self, project: str) -> tuple[PrivacyRequest, ...]:
        """Every request of a project, newest first."""
        return self._requests(request_table.c.project == project)

    def due(self, now: datetime) -> tuple[PrivacyRequest, ...]:
        """The requests of all projects with something to do now that nobody is at."""
        r, now = request_table.c, now.astimezone(UTC)
        free = sa.or_(r.until.is_(None), r.until <= now)
        beginning = r.progress.in_([Progress.TAKING.value, Progress.TAKEN.value])
        waits = [
            sa.exists().where(table.c.request == r.id, table.c.due_at <= now, unsettled)
            for table, unsettled in ((removal_table, removal_table.c.done_at.is_(None)), (notice_table, ~notice_table.c.settled))
        ]
        return self._requests(free, r.progress != Progress.DONE.value, sa.or_(beginning, *waits))

    def claim(self, request: str, owner: str, now: datetime, until: datetime, dead: Iterable[str] = ()) -> None:
        """Take a request, or keep it. Raises TakenError while another process has it, unless that one is among `dead`."""
        r = request_table.c
        free = sa.or_(r.until.is_(None), r.until <= now.astimezone(UTC), r.owner == owner, r.owner.in_(list(dead)))
        change = request_table.update().where(r.id == request, free).values(owner=owner, until=until.astimezone(UTC))
        with self._database.transaction() as db:
            if db.execute(change).rowcount != 1:
                raise TakenError(f"request {request} is being worked on by another process; look again in a minute")

    def holder(self, request: str) -> str | None:
        """Who has the request, or had it last."""
        with self._database.reading() as db:
            return db.execute(sa.select(request_table.c.owner).where(request_table.c.id == request)).scalar()

    def release(self, request: str, owner: str) -> None:
        """Give a request back; nothing happens when another has it."""
        here = (request_table.c.id == request, request_table.c.owner == owner)
        with self._database.transaction() as db:
            db.execute(request_table.update().where(*here).values(owner=None, until=None))

    def spread(self, request: PrivacyRequest, targets: Iterable[str], recipients: Iterable[Recipient], now: datetime) -> None:
        """Write down all that is to be done for a request, in one transaction: from now on it is OPEN. A second time changes nothing."""
        s, moment = suppression_table.c, now.astimezone(UTC)
        with self._database.transaction() as db:
            mine = (request_table.c.id == request.id, request_table.c.progress.in_([Progress.TAKING.value, Progress.TAKEN.value]))
            if db.execute(request_table.update().where(*mine).values(progress=Progress.OPEN.value)).rowcount != 1:
                return
            here = (s.project == request.project, s.request == request.id)
            blocks = db.execute(sa.select(s.number, s.rows, s.width).where(*here).order_by(s.number)).all()
            total = sum(block.rows for block in blocks)
            db.execute(request_table.update().where(request_table.c.id == request.id).values(identifiers=total))
            removals = [{"request": request.id, "target": target, "due_at": moment} for target in targets] if blocks else []
            places = [(block, id_type) for block in blocks for id_type in (GUIDS if block.width else UID2S)]
            notices = [
                {"url": to.url, "advertiser": to.advertiser, "block": block.number, "offset": 0, "rows": block.rows, "id_type": id_type}
                for to in recipients
                for block, id_type in places
            ]
            for table, rows in ((removal_table, removals), (notice_table, _numbered(request.id, notices, 0, moment))):
                if rows:
                    db.execute(table.insert(), rows)

    def removals(self, request: str) -> tuple[Removal, ...]:
        """What is to be done in each target, or was."""
        with self._database.reading() as db:
            rows = db.execute(sa.select(removal_table).where(removal_table.c.request == request).order_by(removal_table.c.target)).all()
        return tuple(_removal(row) for row in rows)

    def write(self, removal: Removal) -> None:
        """What became of a removal."""
        r = removal_table.c
        changes = {name: value for name, value in vars(removal).items() if name not in {"request", "target"}}
        with self._database.transaction() as db:
            db.execute(removal_table.update().where(r.request == removal.request, r.target == removal.target).values(**_stored(changes)))

    def notices(self, request: str) -> tuple[Notice, ...]:
        """What is to be told each recipient, or was, in order."""
        with self._database.reading() as db:
            rows = db.execute(sa.select(notice_table).where(notice_table.c.request == request).order_by(notice_table.c.number)).all()
        return tuple(_notice(row) for row in rows)

    def tell(self, notice: Notice, lines: Sequence[Line] = (), instead: Sequence[Notice] = ()) -> None:
        """What is being sent, or what was answered; `lines` are the refused items, and `instead` the halves that take its place."""
        n = notice_table.c
        here = (n.request == notice.request, n.number == notice.number)
        with self._database.transaction() as db:
            db.execute(line_table.delete().where(line_table.c.request == notice.request, line_table.c.notice == notice.number))
            if instead:
                db.execute(notice_table.delete().where(*here))
                last = db.execute(sa.select(sa.func.max(n.number)).where(n.request == notice.request)).scalar()
                rows = [{name: value for name, value in _row(half).items() if name in _PLACE} for half in instead]
                db.execute(notice_table.insert(), _numbered(notice.request, rows, max(notice.number, last or 0) + 1, notice.due_at))
                return
            db.execute(notice_table.update().where(*here).values(**_row(notice)))
            if lines:
                same = {"request": notice.request, "notice": notice.number}
                rows = [same | {"item": line.item, "code": line.code, "line_class": line.line_class.value} for line in lines]
                db.execute(line_table.insert(), rows)

    def postpone(self, request: str, recipient: Recipient, until: datetime, note: str) -> None:
        """Tell one recipient nothing of a request before an instant, and say why."""
        n = notice_table.c
        here = (n.request == request, n.url == recipient.url, n.advertiser == recipient.advertiser, ~n.settled)
        with self._database.transaction() as db:
            db.execute(notice_table.update().where(*here).values(due_at=until.astimezone(UTC), note=note))

    def lines(self, request: str) -> tuple[tuple[int, Line], ...]:
        """The items that were refused, with the number of their notice."""
        query = sa.select(line_table).where(line_table.c.request == request).order_by(line_table.c.notice, line_table.c.item)
        with self._database.reading() as db:
            return tuple((row.notice, Line(row.item, row.code, LineClass(row.line_class))) for row in db.execute(query))

    def close(self, request: str, now: datetime) -> bool:
        """End a request for which nothing is left to do, and erase the identifiers themselves; whether it was ended."""
        r, n, mine = removal_table.c, notice_table.c, request_table.c.id == request
        left = (
            sa.select(r.request).where(r.request == request, r.done_at.is_(None)),
            sa.select(n.request).where(n.request == request, ~n.settled),
        )
        with self._database.transaction() as db:
            if any(db.execute(query.limit(1)).first() for query in left):
                return False
            ending = {"progress": Progress.DONE.value, "closed_at": now.astimezone(UTC)}
            db.execute(request_table.update().where(mine, request_table.c.progress == Progress.OPEN.value).values(**ending))
            db.execute(suppression_table.update().where(suppression_table.c.request == request).values(sealed=None))
        return True

    def _requests(self, *conditions: sa.ColumnElement[bool]) -> tuple[PrivacyRequest, ...]:
        order = (request_table.c.asked_at.desc(), request_table.c.id.desc())
        with self._database.reading() as db:
            return tuple(_request(row) for row in db.execute(sa.select(request_table).where(*conditions).order_by(*order)))


_PLACE = ("url", "advertiser", "block", "offset", "rows", "id_type")


def _numbered(request: str, rows: Iterable[dict[str, Any]], first: int, due_at: datetime) -> list[dict[str, Any]]:
    same = {"request": request, "due_at": due_at, "settled": False, "sends": 0, "rejected": 0, "note": "", "fingerprint": ""}
    return [same | row | {"number": number} for number, row in enumerate(rows, first)]


def _row(notice: Notice) -> dict[str, Any]:
    whole = {name: value for name, value in vars(notice).items() if name != "recipient"}
    return _stored(whole | vars(notice.recipient) | {"id_type": notice.id_type.value, "answer": notice.answer and notice.answer.value})


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values.items()}


def _request(row: Any) -> PrivacyRequest:
    kind, progress = RequestType(row.type), Progress(row.progress)
    return PrivacyRequest(row.id, row.project, kind, aware(row.asked_at), row.identifiers, progress, row.whole, _moment(row.closed_at))


def _removal(row: Any) -> Removal:
    return Removal(row.request, row.target, aware(row.due_at), _moment(row.done_at), row.tries, row.run, row.removed, row.note)


def _notice(row: Any) -> Notice:
    same = ("request", "number", "block", "offset", "rows", "settled", "sends", "fingerprint", "status", "rejected", "note", "request_id")
    return Notice(
        **{name: getattr(row, name) for name in same},
        sent_at=_moment(row.sent_at),
        answered_at=_moment(row.answered_at),
        recipient=Recipient(row.url, row.advertiser),
        id_type=IdType(row.id_type),
        due_at=aware(row.due_at),
        answer=Answer(row.answer) if row.answer else None,
    )


def _moment(moment: datetime | None) -> datetime | None:
    return aware(moment) if moment else None


def _place(digests: bytes, digest: bytes) -> int | None:
    """Where a digest stands in a column of them."""
    start = digests.find(digest)
    while start % DIGEST and start >= 0:
        start = digests.find(digest, start + 1)
    return None if start < 0 else start // DIGEST


def _taken_apart(content: bytes) -> pa.Array[Any]:
    """Identifiers that were joined, each after its length."""
    values, place = [], 0
    while place < len(content):
        values.append(content[place + 1 : place + 1 + content[place]])
        place += 1 + content[place]
    return pa.array(values, pa.binary())
