"""Users, sessions, tokens, codes and the audit trail in SQL, on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tradewind.access.base import REMEMBERED, Reply
from tradewind.access.roles import ApiToken, Factor, Proof, Role, Routes, Session, User
from tradewind.access.trail import Deed, Entry, damage, seal
from tradewind.database import Store, Transaction, aware, metadata
from tradewind.errors import DefinitionError

user_table = sa.Table(
    "app_user",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("administrator", sa.Boolean, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("password", sa.String),
)
"""Not called `user`, a word that PostgreSQL keeps for itself. `password` is what Argon2id makes of one."""

role_table = sa.Table(
    "role",
    metadata,
    sa.Column("user", sa.ForeignKey("app_user.id"), primary_key=True),
    sa.Column("project", sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("role", sa.String, nullable=False),
)

session_table = sa.Table(
    "session",
    metadata,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("user", sa.ForeignKey("app_user.id"), nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("proof", sa.String, nullable=False),
)

factor_table = sa.Table(
    "second_factor",
    metadata,
    sa.Column("user", sa.ForeignKey("app_user.id"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True)),
    sa.Column("step", sa.Integer, nullable=False),
)
"""`version` is that of the key in the vault."""

recovery_table = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("user", sa.ForeignKey("second_factor.user"), primary_key=True),
    sa.Column("digest", sa.String, primary_key=True),
)

rule_table = sa.Table("sign_in_rule", metadata, sa.Column("rule", sa.String, primary_key=True))
"""What is asked of everybody who signs in; a rule that is not there is not asked."""

REQUIRED = "second_factor"

token_table = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("digest", sa.String, nullable=False, unique=True),
    sa.Column("user", sa.ForeignKey("app_user.id"), nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("routes", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("used_at", sa.DateTime(timezone=True)),
)

code_table = sa.Table(
    "one_time_code",
    metadata,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("user", sa.String, nullable=False, unique=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)

failure_table = sa.Table(
    "sign_in_failure",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("user", sa.String, nullable=False, index=True),
    sa.Column("network", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

reply_table = sa.Table(
    "reply",
    metadata,
    sa.Column("caller", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("asked", sa.String, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("request", sa.String, nullable=False, server_default=""),
    sa.Column("seal", sa.String, nullable=False),
)
"""`at` is text, to the microsecond and in UTC, because the seal is over that text on every database."""


class SqlUsers(Store):
    """The promises of `base.Users`."""

    def add(self, user: User) -> None:
        """Write a new user; see the Protocol."""
        with self._transaction() as db:
            if db.execute(sa.select(user_table.c.id).where(user_table.c.id == user.id)).first():
                raise DefinitionError(f"user '{user.id}' exists already")
            db.execute(user_table.insert().values(**_user_row(user)))
            _write_roles(db, user)

    def save(self, user: User) -> None:
        """Write all of a user; see the Protocol."""
        with self._transaction() as db:
            db.execute(user_table.update().where(user_table.c.id == user.id).values(**_user_row(user)))
            db.execute(role_table.delete().where(role_table.c.user == user.id))
            _write_roles(db, user)

    def find(self, user: str) -> User | None:
        """The user of an id; see the Protocol."""
        return next(iter(self._users(user_table.c.id == user, role_table.c.user == user)), None)

    def all(self) -> tuple[User, ...]:
        """Every user; see the Protocol."""
        return self._users(sa.true(), sa.true())

    def password(self, user: str) -> str | None:
        """What is kept of the password; see the Protocol."""
        with self._reading() as db:
            kept: str | None = db.execute(sa.select(user_table.c.password).where(user_table.c.id == user)).scalar()
        return kept

    def set_password(self, user: str, kept: str) -> None:
        """Keep another one; see the Protocol."""
        with self._transaction() as db:
            db.execute(user_table.update().where(user_table.c.id == user).values(password=kept))

    def _users(self, of_users: sa.ColumnElement[bool], of_roles: sa.ColumnElement[bool]) -> tuple[User, ...]:
        columns = [column for column in user_table.c if column.name != "password"]
        roles: dict[str, dict[str, Role]] = {}
        with self._reading() as db:
            for row in db.execute(sa.select(role_table).where(of_roles)):
                roles.setdefault(row.user, {})[row.project] = Role(row.role)
            rows = db.execute(sa.select(*columns).where(of_users).order_by(user_table.c.id)).all()
        return tuple(User(row.id, row.name, aware(row.added_at), row.administrator, row.disabled, roles.get(row.id, {})) for row in rows)


class SqlSessions(Store):
    """The promises of `base.Sessions`."""

    def open(self, session: Session) -> None:
        """Write a new session; see the Protocol."""
        with self._transaction() as db:
            db.execute(session_table.delete().where(session_table.c.opened_at <= session.opened_at.astimezone(UTC) - REMEMBERED))
            db.execute(session_table.insert().values(**vars(session) | {"proof": session.proof.value}))

    def find(self, digest: str) -> Session | None:
        """The session of a digest; see the Protocol."""
        with self._reading() as db:
            row = db.execute(sa.select(session_table).where(session_table.c.digest == digest)).first()
        return Session(row.digest, row.user, aware(row.opened_at), aware(row.seen_at), Proof(row.proof)) if row else None

    def touch(self, digest: str, at: datetime) -> None:
        """Write when it was last seen; see the Protocol."""
        with self._transaction() as db:
            db.execute(session_table.update().where(session_table.c.digest == digest).values(seen_at=at))

    def end(self, digest: str) -> None:
        """End it; see the Protocol."""
        with self._transaction() as db:
            db.execute(session_table.delete().where(session_table.c.digest == digest))

    def end_all(self, user: str) -> None:
        """End every session of a user; see the Protocol."""
        with self._transaction() as db:
            db.execute(session_table.delete().where(session_table.c.user == user))


class SqlFactors(Store):
    """The promises of `base.Factors`."""

    def find(self, user: str) -> Factor | None:
        """A user's; see the Protocol."""
        with self._reading() as db:
            return next(iter(_factors(db, user)), None)

    def all(self) -> tuple[Factor, ...]:
        """Every one; see the Protocol."""
        with self._reading() as db:
            return _factors(db)

    def change(self, user: str, before: Factor | None, after: Factor | None) -> bool:
        """Write what a user has from now on; see the Protocol. The user's row is held, so that changes take turns."""
        with self._transaction() as db:
            db.execute(sa.select(user_table.c.id).where(user_table.c.id == user).with_for_update())
            if next(iter(_factors(db, user)), None) != before:
                return False
            db.execute(recovery_table.delete().where(recovery_table.c.user == user))
            db.execute(factor_table.delete().where(factor_table.c.user == user))
            if after:
                row = {name: value for name, value in vars(after).items() if name != "codes"}
                db.execute(factor_table.insert().values(row))
                for digest in after.codes:
                    db.execute(recovery_table.insert().values(user=user, digest=digest))
        return True

    def required(self) -> bool:
        """Whether everybody must have one; see the Protocol."""
        with self._reading() as db:
            return db.execute(sa.select(rule_table).where(rule_table.c.rule == REQUIRED)).first() is not None

    def require(self, *, required: bool) -> None:
        """Write that everybody must have one; see the Protocol."""
        with self._transaction() as db:
            db.execute(rule_table.delete().where(rule_table.c.rule == REQUIRED))
            if required:
                db.execute(rule_table.insert().values(rule=REQUIRED))


class SqlTokens(Store):
    """The promises of `base.Tokens`."""

    def add(self, token: ApiToken, digest: str) -> None:
        """Write a new token; see the Protocol."""
        with self._transaction() as db:
            db.execute(token_table.insert().values(**vars(token) | {"role": token.role.value}, digest=digest))

    def find(self, digest: str) -> ApiToken | None:
        """The token of a digest; see the Protocol."""
        with self._reading() as db:
            row = db.execute(sa.select(token_table).where(token_table.c.digest == digest)).first()
        return _token(row) if row else None

    def all(self) -> tuple[ApiToken, ...]:
        """Every token; see the Protocol."""
        with self._reading() as db:
            rows = db.execute(sa.select(token_table).order_by(token_table.c.created_at.desc(), token_table.c.id)).all()
        return tuple(_token(row) for row in rows)

    def touch(self, token: str, at: datetime) -> None:
        """Write when it was last used; see the Protocol."""
        with self._transaction() as db:
            db.execute(token_table.update().where(token_table.c.id == token).values(used_at=at))

    def revoke(self, token: str) -> bool:
        """Take it out; see the Protocol."""
        with self._transaction() as db:
            return bool(db.execute(token_table.delete().where(token_table.c.id == token)).rowcount)


class SqlGate(Store):
    """The promises of `base.Gate`."""

    def put_code(self, digest: str, user: str, until: datetime) -> None:
        """Write a code; see the Protocol."""
        with self._transaction() as db:
            db.execute(code_table.delete().where(code_table.c.user == user))
            db.execute(code_table.insert().values(digest=digest, user=user, until=until))

    def code_of(self, digest: str, now: datetime) -> str | None:
        """Whose code it is; see the Protocol."""
        with self._transaction() as db:
            row = db.execute(sa.select(code_table).where(code_table.c.digest == digest)).first()
        return row.user if row and aware(row.until) > now else None

    def take_code(self, digest: str, now: datetime) -> str | None:
        """Whose code it is; see the Protocol. Of two who take it at once, the one whose deletion counts has it."""
        with self._transaction() as db:
            row = db.execute(sa.select(code_table).where(code_table.c.digest == digest)).first()
            taken = db.execute(code_table.delete().where(code_table.c.digest == digest)).rowcount
        return row.user if row and taken and aware(row.until) > now else None

    def fail(self, user: str, network: str, at: datetime) -> None:
        """Write a wrong password; see the Protocol."""
        with self._transaction() as db:
            db.execute(failure_table.insert().values(user=user, network=network, at=at.astimezone(UTC)))

    def failures(self, user: str, network: str, since: datetime) -> tuple[datetime, ...]:
        """The wrong passwords after an instant; see the Protocol."""
        at = failure_table.c.at
        with self._transaction() as db:
            db.execute(failure_table.delete().where(at <= since.astimezone(UTC)))
            mine = (failure_table.c.user == user, failure_table.c.network == network)
            return tuple(aware(each) for each in db.execute(sa.select(at).where(*mine).order_by(at)).scalars())

    def recent(self, user: str, since: datetime) -> int:
        """How many wrong passwords there were; see the Protocol."""
        mine = (failure_table.c.user == user, failure_table.c.at > since.astimezone(UTC))
        with self._reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(failure_table).where(*mine)).scalar_one())

    def forgive(self, user: str, network: str) -> None:
        """Forget them; see the Protocol."""
        with self._transaction() as db:
            db.execute(failure_table.delete().where(failure_table.c.user == user, failure_table.c.network == network))


class SqlTrail(Store):
    """The promises of `trail.Trail`. Writers take turns, so that numbers have no gap."""

    def write(self, deed: Deed, at: datetime) -> Entry:
        """Add an entry; see the Protocol."""
        with self._transaction() as db:
            if db.dialect.name == "postgresql":
                db.execute(sa.text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
            last = db.execute(sa.select(audit_table.c.number, audit_table.c.seal).order_by(audit_table.c.number.desc()).limit(1)).first()
            number, moment = (last.number if last else 0) + 1, at.astimezone(UTC)
            entry = Entry(number, moment, deed, seal(last.seal if last else "", number, moment, deed))
            db.execute(audit_table.insert().values(number=number, at=moment.isoformat(), **vars(deed), seal=entry.seal))
        return entry

    def entries(self, project: str | None = None, before: int | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """The newest first; see the Protocol."""
        query = sa.select(audit_table).order_by(audit_table.c.number.desc()).limit(limit)
        if project is not None:
            query = query.where(audit_table.c.project == project)
        if before is not None:
            query = query.where(audit_table.c.number < before)
        with self._reading() as db:
            return tuple(_entry(row) for row in db.execute(query))

    def damage(self) -> str:
        """What is wrong with the whole trail; see the Protocol."""
        with self._reading() as db:
            return damage(_entry(row) for row in db.execute(sa.select(audit_table).order_by(audit_table.c.number)))


class SqlReplies(Store):
    """The promises of `base.Replies`."""

    def begin(self, caller: str, key: str, asked: str, now: datetime) -> Reply | None:
        """Write that a request is being worked on; see the Protocol."""
        with self._transaction() as db:
            db.execute(reply_table.delete().where(reply_table.c.at <= now.astimezone(UTC) - REMEMBERED))
            row = db.execute(sa.select(reply_table).where(*_keyed(caller, key))).first()
            if row:
                return Reply(row.asked, row.status, row.body)
            db.execute(reply_table.insert().values(caller=caller, key=key, asked=asked, body="", at=now.astimezone(UTC)))
        return None

    def finish(self, caller: str, key: str, status: int, body: str) -> None:
        """Write the answer; see the Protocol."""
        with self._transaction() as db:
            db.execute(reply_table.update().where(*_keyed(caller, key)).values(status=status, body=body))

    def forget(self, caller: str, key: str) -> None:
        """Forget a request; see the Protocol."""
        with self._transaction() as db:
            db.execute(reply_table.delete().where(*_keyed(caller, key)))


class SqlAccess(Store):
    """The promises of `base.Access`."""

    @property
    def users(self) -> SqlUsers:
        return SqlUsers(self.database, self._within)

    @property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self.database, self._within)

    @property
    def factors(self) -> SqlFactors:
        return SqlFactors(self.database, self._within)

    @property
    def tokens(self) -> SqlTokens:
        return SqlTokens(self.database, self._within)

    @property
    def gate(self) -> SqlGate:
        return SqlGate(self.database, self._within)

    @property
    def trail(self) -> SqlTrail:
        return SqlTrail(self.database, self._within)

    @property
    def replies(self) -> SqlReplies:
        return SqlReplies(self.database, self._within)

    @contextmanager
    def transaction(self) -> Iterator[SqlAccess]:
        """The same, in one transaction; see the Protocol."""
        with self._transaction() as db:
            yield SqlAccess(self.database, db)


def _entry(row: Any) -> Entry:
    deed = Deed(row.actor, row.what, row.object, row.project, row.details, row.request)
    return Entry(row.number, datetime.fromisoformat(row.at), deed, row.seal)


def _keyed(caller: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return reply_table.c.caller == caller, reply_table.c.key == key


def _user_row(user: User) -> dict[str, Any]:
    names = ("id", "name", "administrator", "disabled", "added_at")
    return {name: getattr(user, name) for name in names}


def _write_roles(db: Transaction, user: User) -> None:
    for project, role in user.roles.items():
        db.execute(role_table.insert().values(user=user.id, project=project, role=role.value))


def _factors(db: Transaction, user: str | None = None) -> tuple[Factor, ...]:
    codes: dict[str, set[str]] = {}
    for row in db.execute(sa.select(recovery_table).where(sa.true() if user is None else recovery_table.c.user == user)):
        codes.setdefault(row.user, set()).add(row.digest)
    rows = db.execute(
        sa.select(factor_table).where(sa.true() if user is None else factor_table.c.user == user).order_by(factor_table.c.user)
    )
    return tuple(
        Factor(row.user, row.version, row.since and aware(row.since), row.step, frozenset(codes.get(row.user, ()))) for row in rows
    )


def _token(row: Any) -> ApiToken:
    routes, used = tuple(Routes(each) for each in row.routes), row.used_at and aware(row.used_at)
    where = (row.id, row.user, row.name, row.project, Role(row.role))
    return ApiToken(*where, aware(row.created_at), aware(row.expires_at), routes, used)
