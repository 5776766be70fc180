"""The key file of a home, `key`: 32 random bytes as Base64 text, readable by its owner alone."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tradewind.durable import sync
from tradewind.errors import ConfigurationError

NAME, NEXT = "key", "key.next"
"""The home's key, and one that is not in force yet: it is put here before anything is sealed with it."""

_LENGTH = 32


@dataclass(frozen=True, repr=False)
class Key:
    """What is derived from a key: 4 bytes that name it, and one key of 32 bytes for each use.

    When a key is rotated, those of hashes stay what they were: what was hashed cannot be hashed again.
    """

    id: bytes
    sealing: bytes
    fingerprints: bytes
    suppressions: bytes


def create_key(home: Path) -> Path:
    """Write a new key into the home with mode 0600 and give its path.

    Raises ConfigurationError when a key is there already: what was sealed with it could never be opened again.
    """
    return _write(home / NAME, base64.b64encode(secrets.token_bytes(_LENGTH)) + b"\n")


def write_key(home: Path, key_file: Path) -> Path:
    """Write a copy of a key into a home that has none, with mode 0600. Raises ConfigurationError as `read_key` and `create_key` do."""
    read_key(key_file)
    return _write(home / NAME, key_file.read_bytes())


def _write(path: Path, text: bytes) -> Path:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists already and is never overwritten") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path


def read_key(path: Path) -> Key:
    """The key of a file. Raises ConfigurationError when it is missing, readable by others, truncated or not a key."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            mode, text = os.fstat(handle).st_mode, file.read(256)
    except FileNotFoundError as error:
        raise ConfigurationError(f"the key {path} is missing; put it back, or make a new home in another folder") from error
    except OSError as error:
        raise ConfigurationError(f"the key {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"the key {path} has mode {stat.S_IMODE(mode):04o} and others may read it; run 'chmod 600 {path}'")
    return _key_of(text, f"the key {path} is truncated or not a key; put back the file that 'tradewind init' made")


def given_key(text: str) -> Key:
    """The key that a setting holds. Raises ConfigurationError when it is none."""
    return _key_of(text.encode(), "TRADEWIND_KEY is not a key; expected 32 bytes as Base64, as 'openssl rand -base64 32' prints them")


def new_key(path: Path) -> Key:
    """Write another key beside that of a home, in place of one that never came into force; it waits for `promote`."""
    waiting = path.with_name(NEXT)
    waiting.unlink(missing_ok=True)
    _write(waiting, base64.b64encode(secrets.token_bytes(_LENGTH)) + b"\n")
    sync(path.parent)
    return read_key(waiting)


def promote(path: Path) -> Path:
    """Make the key that waits beside that of a home the home's own, and give the place where the one before is kept.

    It may be interrupted anywhere and done again.
    """
    before = path.with_name(f"{NAME}.before-{read_key(path).id.hex()}")
    with suppress(FileExistsError):
        os.link(path, before)
    path.with_name(NEXT).replace(path)
    sync(path.parent)
    return before


def _key_of(text: bytes, wrong: str) -> Key:
    try:
        material = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        material = b""
    if len(material) != _LENGTH:
        raise ConfigurationError(wrong)
    return Key(
        _derive(material, b"id")[:4], _derive(material, b"sealing"), _derive(material, b"fingerprints"), _derive(material, b"suppressions")
    )


def _derive(material: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"tradewind vault " + use).derive(material)
