"""The vault: secrets of connections and sources as sealed rows of the database, written once a version and never shown."""

from __future__ import annotations

import base64
import copy
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, metadata
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Secret
from tradewind.vault import seal as seals
from tradewind.vault.key import Key, read_key
from tradewind.vault.seal import Place

FIELD = "secret"
"""What a connection's secret is sealed as; it is part of the seal, so that another's can never be mistaken for it."""

KEY_PAIR = "key_pair"
"""What the two keys of a source are sealed as, in one text; their place names the source where others name a connection."""

PRIVACY = "privacy"
"""What the identifiers of a privacy request are sealed as; their place names the request where others name a connection."""

SHORTEST, LONGEST = 2, 4096
"""Characters of a secret."""

_CANARY = Place("", "", "canary", 0)
_PLAIN = frozenset(string.ascii_letters + string.digits + string.punctuation)

secret_table = sa.Table(
    "secret",
    metadata,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("connection", sa.String, primary_key=True),
    sa.Column("field", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)
"""`sealed` is NULL once a secret is forgotten; its version is never used again. The canary is the row of project ''."""


class Vault:
    """Opened with the key of a home. Every method raises ConfigurationError when a row does not open with that key."""

    def __init__(self, database: Database, key_file: Path) -> None:
        """Raises ConfigurationError when the key is missing, readable by others, truncated, or not the key of this database."""
        self._database = database
        self._within: sa.Connection | None = None
        self._key = read_key(key_file)
        _verify_canary(database, self._key, key_file)

    def within(self, transaction: sa.Connection) -> Vault:
        """The same vault, whose reads and writes belong to a transaction that is open already."""
        inside = copy.copy(self)
        inside._within = transaction
        return inside

    def seal(self, project: str, connection: str, secret: Secret, field: str = FIELD) -> int:
        """Seal a secret as the newest version and give its number; the same secret again stays the version it is.

        Raises DefinitionError when it cannot be a secret: empty, with spaces or line ends, too short or too long.
        """
        _check(secret)
        with self._transaction() as rows:
            newest = _newest(rows, project, connection, field)
            mark = self._mark(project, connection, secret, field)
            if newest is not None and newest.sealed is not None and newest.fingerprint == mark:
                return int(newest.version)
            version = 1 if newest is None else newest.version + 1
            place = Place(project, connection, field, version)
            sealed = seals.seal(self._key, place, secret.value)
            rows.execute(secret_table.insert().values(**vars(place), sealed=sealed, fingerprint=mark))
        return version

    def open(self, project: str, connection: str, version: int, field: str = FIELD) -> Secret:
        """The secret of a version. Raises ConfigurationError when there is none or it does not open at this place."""
        table = secret_table.c
        place = Place(project, connection, field, version)
        where = (table.project == project, table.connection == connection, table.field == field, table.version == version)
        with self._transaction() as rows:
            sealed = rows.execute(sa.select(table.sealed).where(*where)).scalar()
        if sealed is None:
            how = "sources change" if field == KEY_PAIR else "connections add"
            raise ConfigurationError(f"{place.owner} has no secret of version {version}; give it with 'tradewind {how}'")
        return Secret(seals.unseal(self._key, place, sealed))

    def latest(self, project: str, connection: str, field: str = FIELD) -> int | None:
        """The newest version that can be opened; None when there is no secret."""
        with self._transaction() as rows:
            newest = _newest(rows, project, connection, field)
        return None if newest is None or newest.sealed is None else int(newest.version)

    def fingerprint(self, project: str, connection: str, field: str = FIELD) -> str | None:
        """Sixteen characters that change with the secret; all that is ever shown of it."""
        with self._transaction() as rows:
            newest = _newest(rows, project, connection, field)
        return None if newest is None or newest.sealed is None else str(newest.fingerprint)

    def holds(self, project: str, connection: str, secret: Secret, field: str = FIELD) -> bool:
        """True when this is the newest secret there. Raises DefinitionError when it cannot be a secret."""
        _check(secret)
        return self.fingerprint(project, connection, field) == self._mark(project, connection, secret, field)

    def forget(self, project: str, connection: str, field: str = FIELD) -> None:
        """Destroy every secret there; the numbers of their versions are not given again."""
        table = secret_table.c
        here = (table.project == project, table.connection == connection, table.field == field)
        with self._transaction() as rows:
            rows.execute(secret_table.update().where(*here).values(sealed=None))

    def account(self, api_key: str) -> str:
        """Sixteen characters that name the account of an API key, the same in every project; the key cannot be found from them."""
        return seals.fingerprint(self._key, "", "", "account", api_key)

    def suppressions_key(self) -> bytes:
        """32 bytes, derived from the home's key, under which suppressed identifiers are hashed."""
        return self._key.suppressions

    def put_away(self, project: str, request: str, number: int, content: bytes) -> bytes:
        """The identifiers of a privacy request, sealed to their row."""
        return seals.seal(self._key, Place(project, request, PRIVACY, number), base64.b64encode(content).decode())

    def bring_back(self, project: str, request: str, number: int, sealed: bytes) -> bytes:
        """What was put away there. Raises ConfigurationError when it was sealed elsewhere, or with another key."""
        return base64.b64decode(seals.unseal(self._key, Place(project, request, PRIVACY, number), sealed))

    def places(self) -> set[tuple[str, str]]:
        """Project and connection of every secret that can be opened."""
        table = secret_table.c
        with self._transaction() as rows:
            found = rows.execute(
                sa.select(table.project, table.connection).where(table.sealed.is_not(None), table.field == FIELD).distinct()
            )
            return {(row.project, row.connection) for row in found}

    def _mark(self, project: str, connection: str, secret: Secret, field: str) -> str:
        return seals.fingerprint(self._key, project, connection, field, secret.value)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if self._within is not None:
            yield self._within
            return
        with self._database.transaction() as connection:
            yield connection


def plant_canary(database: Database, key_file: Path) -> None:
    """Tie an empty vault to its key: a known text is sealed, and every later opening must be able to read it.

    Raises ConfigurationError when the vault is tied to another key already.
    """
    key = read_key(key_file)
    with database.transaction() as rows:
        if _canary(rows) is None:
            rows.execute(
                secret_table.insert().values(
                    project="", connection="", field="canary", version=0, sealed=seals.seal(key, _CANARY, "canary"), fingerprint=""
                )
            )
    _verify_canary(database, key, key_file)


def is_planted(database: Database) -> bool:
    """True when the vault is tied to a key."""
    with database.transaction() as rows:
        return _canary(rows) is not None


def _verify_canary(database: Database, key: Key, key_file: Path) -> None:
    with database.transaction() as rows:
        sealed = _canary(rows)
    if sealed is None:
        raise ConfigurationError("the vault was never tied to a key; run 'tradewind init'")
    try:
        seals.unseal(key, _CANARY, sealed)
    except ConfigurationError:
        raise ConfigurationError(f"the key {key_file} is not the key of this database; put back the key that was made with it") from None


def _canary(rows: sa.Connection) -> bytes | None:
    found: bytes | None = rows.execute(
        sa.select(secret_table.c.sealed).where(secret_table.c.project == "", secret_table.c.field == "canary")
    ).scalar()
    return found


def _newest(rows: sa.Connection, project: str, connection: str, field: str) -> sa.Row[Any, Any, Any] | None:
    table = secret_table.c
    return rows.execute(
        sa.select(table.version, table.sealed, table.fingerprint)
        .where(table.project == project, table.connection == connection, table.field == field)
        .order_by(table.version.desc())
        .limit(1)
    ).first()


def _check(secret: Secret) -> None:
    if not SHORTEST <= len(secret.value) <= LONGEST:
        raise DefinitionError(f"the secret has {len(secret.value):,} characters; expected {SHORTEST} to {LONGEST:,}")
    if not _PLAIN.issuperset(secret.value):
        raise DefinitionError("the secret holds a space, a line end or a character beyond ASCII; copy it again, without what is around it")
