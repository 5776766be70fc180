"""The vault: secrets of connections and sources as sealed rows of the database, written once a version and never shown."""

from __future__ import annotations

import base64
import hmac
import string
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tradewind.database import Database, Store, metadata
from tradewind.errors import ConfigurationError, DefinitionError
from tradewind.model.destination import Secret
from tradewind.vault import seal as seals
from tradewind.vault.key import NAME, NEXT, Key, given_key, new_key, promote, read_key
from tradewind.vault.seal import Place

FIELD = "secret"
"""What a connection's secret is sealed as; it is part of the seal, so that another's can never be mistaken for it."""

KEY_PAIR = "key_pair"
"""What the two keys of a source are sealed as, in one text; their place names the source where others name a connection."""

PLATFORM = "platform_token"
"""What the token is sealed as by which a connection asks for the platform's own view."""

PRIVACY = "privacy"
"""What the identifiers of a privacy request are sealed as; their place names the request where others name a connection."""

SECOND_FACTOR = "second_factor"
"""What the key of a user's authenticator app is sealed as; its place names the user where others name a connection, and no project."""

SHORTEST, LONGEST = 2, 4096
"""Characters of a secret."""

_CANARY = Place("", "", "canary", 0)
_HASHES = Place("", "", "hashes", 0)
"""Where the keys of hashes lie once the key of the home is no longer the one that they were derived from."""

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
"""`sealed` is NULL once a secret is forgotten; its version is never used again. The canary and the keys of hashes are of project ''."""


@dataclass(frozen=True, repr=False)
class Turn:
    """A rotation that is written and not yet committed: `secrets` rows are sealed with the new key."""

    old: Key
    new: Key
    secrets: int

    def again(self, project: str, request: str, number: int, sealed: bytes) -> bytes:
        """What was put away for a privacy request, sealed with the new key."""
        return _again(self.old, self.new, Place(project, request, PRIVACY, number), sealed)


class Vault(Store):
    """Opened with the key of a home. Every method raises ConfigurationError when a row does not open with that key.

    When another process rotates the key, this one goes on with the new one.
    """

    def __init__(self, database: Database, key_file: Path, given: str = "") -> None:
        """With `given` the key is this text, and no file. Raises ConfigurationError when the key is missing, readable by others,
        truncated, or not the key of this database.
        """
        super().__init__(database)
        self._ring = _Ring(key_file, given)
        with database.transaction() as rows:
            self._ring.load(rows)

    def seal(self, project: str, connection: str, secret: Secret, field: str = FIELD) -> int:
        """Seal a secret as the newest version and give its number; the same secret again stays the version it is.

        Raises DefinitionError when it cannot be a secret: empty, with spaces or line ends, too short or too long.
        """
        _check(secret)
        with self._transaction() as rows:
            key = self._ring.fresh(rows)
            newest = _newest(rows, project, connection, field)
            mark = self.mark(project, connection, secret, field)
            if newest is not None and newest.sealed is not None and newest.fingerprint == mark:
                return int(newest.version)
            version = 1 if newest is None else newest.version + 1
            place = Place(project, connection, field, version)
            sealed = seals.seal(key, place, secret.value)
            rows.execute(secret_table.insert().values(**vars(place), sealed=sealed, fingerprint=mark))
        return version

    def open(self, project: str, connection: str, version: int, field: str = FIELD) -> Secret:
        """The secret of a version. Raises ConfigurationError when there is none or it does not open at this place."""
        table = secret_table.c
        place = Place(project, connection, field, version)
        where = (table.project == project, table.connection == connection, table.field == field, table.version == version)
        with self._reading() as rows:
            sealed = rows.execute(sa.select(table.sealed).where(*where)).scalar()
            key = self._ring.fresh(rows)
        if sealed is None:
            how = {KEY_PAIR: "sources change", SECOND_FACTOR: "users reset-factor"}.get(field, "connections add")
            raise ConfigurationError(f"{place.owner} has no secret of version {version}; give it with 'tradewind {how}'")
        return Secret(seals.unseal(key, place, sealed))

    def latest(self, project: str, connection: str, field: str = FIELD) -> int | None:
        """The newest version that can be opened; None when there is no secret."""
        with self._reading() as rows:
            newest = _newest(rows, project, connection, field)
        return None if newest is None or newest.sealed is None else int(newest.version)

    def fingerprint(self, project: str, connection: str, field: str = FIELD) -> str | None:
        """Sixteen characters that change with the secret; all that is ever shown of it."""
        with self._reading() as rows:
            newest = _newest(rows, project, connection, field)
        return None if newest is None or newest.sealed is None else str(newest.fingerprint)

    def holds(self, project: str, connection: str, secret: Secret, field: str = FIELD) -> bool:
        """True when this is the newest secret there. Raises DefinitionError when it cannot be a secret."""
        _check(secret)
        return self.fingerprint(project, connection, field) == self.mark(project, connection, secret, field)

    def mark(self, project: str, connection: str, secret: Secret, field: str = FIELD) -> str:
        """The fingerprint that a text has there, or would have, also one that cannot be a secret."""
        return seals.fingerprint(self._ring.key, project, connection, field, secret.value)

    def forget(self, project: str, connection: str, field: str = FIELD) -> None:
        """Destroy every secret there; the numbers of their versions are not given again."""
        table = secret_table.c
        here = (table.project == project, table.connection == connection, table.field == field)
        with self._transaction() as rows:
            rows.execute(secret_table.update().where(*here).values(sealed=None))

    def account(self, api_key: str) -> str:
        """Sixteen characters that name the account of an API key, the same in every project; the key cannot be found from them."""
        return seals.fingerprint(self._ring.key, "", "", "account", api_key)

    def suppressions_key(self) -> bytes:
        """32 bytes, derived from the home's key, under which suppressed identifiers are hashed."""
        return self._ring.key.suppressions

    def put_away(self, project: str, request: str, number: int, content: bytes) -> bytes:
        """The identifiers of a privacy request, sealed to their row."""
        with self._transaction() as rows:
            return seals.seal(self._ring.fresh(rows), Place(project, request, PRIVACY, number), base64.b64encode(content).decode())

    def bring_back(self, project: str, request: str, number: int, sealed: bytes) -> bytes:
        """What was put away there. Raises ConfigurationError when it was sealed elsewhere, or with another key."""
        with self._transaction() as rows:
            key = self._ring.fresh(rows)
        return base64.b64decode(seals.unseal(key, Place(project, request, PRIVACY, number), sealed))

    def turn(self, rows: sa.Connection) -> Turn:
        """Within a transaction, make a new key and seal every secret with it; once that is committed, `settle`.

        The new key is on the disk before anything is sealed with it, and the old one until nothing is. Whatever is interrupted
        between, the next opening finds the key that fits. Raises ConfigurationError when the key is not a file.
        """
        key_file = self._ring.file()
        old = self._ring.fresh(rows, alone=True)
        new = replace(new_key(key_file), fingerprints=old.fingerprints, suppressions=old.suppressions)
        table = secret_table.c
        if rows.execute(sa.select(table.field).where(*_at(_HASHES))).scalar() is None:
            hashes = base64.b64encode(old.fingerprints + old.suppressions).decode()
            rows.execute(secret_table.insert().values(**vars(_HASHES), sealed=seals.seal(old, _HASHES, hashes), fingerprint=""))
        sealed = rows.execute(sa.select(secret_table).where(table.sealed.is_not(None))).all()
        for row in sealed:
            place = Place(row.project, row.connection, row.field, row.version)
            rows.execute(secret_table.update().where(*_at(place)).values(sealed=_again(old, new, place, row.sealed)))
        return Turn(old, new, sum(1 for row in sealed if row.connection))

    def settle(self) -> Path:
        """After a rotation was committed: make the new key the home's own. Gives the file where the one before is kept."""
        before = self._ring.file().with_name(f"{NAME}.before-{self._ring.key.id.hex()}")
        with self._transaction() as rows:
            self._ring.load(rows)
        return before

    def places(self) -> set[tuple[str, str]]:
        """Project and connection of every secret that can be opened."""
        table = secret_table.c
        with self._reading() as rows:
            found = rows.execute(
                sa.select(table.project, table.connection).where(table.sealed.is_not(None), table.field == FIELD).distinct()
            )
            return {(row.project, row.connection) for row in found}


class _Ring:
    """The key in force, shared by a vault and all that it gives out within transactions."""

    def __init__(self, key_file: Path, given: str) -> None:
        self._key_file, self._given = key_file, given
        self.key = given_key(given) if given else read_key(key_file)

    def file(self) -> Path:
        """The file of the key. Raises ConfigurationError when it comes from elsewhere."""
        if self._given:
            raise ConfigurationError(
                "the key comes from TRADEWIND_KEY; put it into the home's file 'key' (mode 0600), unset that, and rotate"
            )
        return self._key_file

    def load(self, rows: sa.Connection) -> None:
        """Find the key of the database; one that waits beside the home's, when that is it, takes its place.

        Raises ConfigurationError when neither is.
        """
        sealed = _canary(rows)
        if sealed is None:
            raise ConfigurationError("the vault was never tied to a key; run 'tradewind init'")
        key = given_key(self._given) if self._given else self._of_file(sealed)
        if not _opens(key, sealed):
            where = "TRADEWIND_KEY" if self._given else f"the key {self._key_file}"
            raise ConfigurationError(f"{where} is not the key of this database; put back the key that was made with it")
        hashes = rows.execute(sa.select(secret_table.c.sealed).where(*_at(_HASHES))).scalar()
        if hashes is not None:
            both = base64.b64decode(seals.unseal(key, _HASHES, hashes))
            key = replace(key, fingerprints=both[:32], suppressions=both[32:])
        self.key = key

    def fresh(self, rows: sa.Connection, *, alone: bool = False) -> Key:
        """The key by which to seal and open within a transaction; `alone`, nobody else seals until that has ended."""
        sealed = _canary(rows, sharing=not alone)
        if sealed is None or not hmac.compare_digest(sealed[: len(self.key.id)], self.key.id):
            self.load(rows)
        return self.key

    def _of_file(self, sealed: bytes) -> Key:
        key, waiting = read_key(self._key_file), self._key_file.with_name(NEXT)
        if not _opens(key, sealed) and waiting.exists() and _opens(following := read_key(waiting), sealed):
            with suppress(FileNotFoundError):  # another process has done it
                promote(self._key_file)
            return following
        return key if _opens(key, sealed) else read_key(self._key_file)


def plant_canary(database: Database, key_file: Path, given: str = "") -> None:
    """Tie an empty vault to its key: a known text is sealed, and every later opening must be able to read it.

    Raises ConfigurationError when the vault is tied to another key already.
    """
    ring = _Ring(key_file, given)
    with database.transaction() as rows:
        if _canary(rows) is None:
            rows.execute(secret_table.insert().values(**vars(_CANARY), sealed=seals.seal(ring.key, _CANARY, "canary"), fingerprint=""))
        ring.load(rows)


def is_planted(database: Database) -> bool:
    """True when the vault is tied to a key."""
    with database.transaction() as rows:
        return _canary(rows) is not None


def _opens(key: Key, sealed: bytes) -> bool:
    """Whether a canary was sealed with a key."""
    try:
        seals.unseal(key, _CANARY, sealed)
    except ConfigurationError:
        return False
    return True


def _again(old: Key, new: Key, place: Place, sealed: bytes) -> bytes:
    """A text sealed with another key, and seen to open with it."""
    text = seals.unseal(old, place, sealed)
    turned = seals.seal(new, place, text)
    assert seals.unseal(new, place, turned) == text, "what is sealed opens"
    return turned


def _canary(rows: sa.Connection, *, sharing: bool | None = None) -> bytes | None:
    """The canary as it is sealed; where it is said, no rotation begins (`sharing`), or nobody seals, until the transaction has ended."""
    query = sa.select(secret_table.c.sealed).where(*_at(_CANARY))
    found: bytes | None = rows.execute(query if sharing is None else query.with_for_update(read=sharing)).scalar()
    return found


def _at(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    """The one row of a place."""
    return tuple(secret_table.c[name] == value for name, value in vars(place).items())


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
