"""A stream of any length under a passphrase: AES-GCM in numbered pieces, of which the last says that it is the last."""

from __future__ import annotations

import secrets
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tradewind.errors import ConfigurationError, DefinitionError

MAGIC = b"tradewind backup 1\n"
SHORTEST = 12
"""Characters of a passphrase: it guards identifiers in a file that anybody may try at for as long as they like."""

COST = 17
"""The binary logarithm of scrypt's cost: 128 MiB of memory and about half a second for each guess."""

PIECE = 1 << 20
_SALT, _TAG, _HARDEST = 16, 16, 20


class Sealer:
    """Writes to `file` what is written to it, sealed; `close` writes the last piece, without which nothing can be opened.

    The file begins with MAGIC, the binary logarithm of scrypt's cost (1 byte) and its salt (16), which belong to every
    piece as associated data. A piece is 1 MiB and its tag; its nonce is its number (11 bytes) and whether it is the last (1):
    no piece can be left out, moved or taken from another backup, and a file that was cut short does not open.
    """

    def __init__(self, file: BinaryIO, passphrase: str, cost: int = COST) -> None:
        """Raises DefinitionError for a short passphrase."""
        if len(passphrase) < SHORTEST:
            raise DefinitionError(f"the passphrase of a backup needs {SHORTEST} characters or more; it has {len(passphrase)}")
        salt = secrets.token_bytes(_SALT)
        self._file, self._head = file, MAGIC + bytes([cost]) + salt
        self._cipher, self._number, self._waiting = _cipher(passphrase, salt, cost), 0, bytearray()
        file.write(self._head)

    def write(self, data: bytes) -> int:
        """Take in some bytes; how many they were."""
        self._waiting += data
        while len(self._waiting) > PIECE:  # the last piece is known as such only when the stream ends
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(data)

    def close(self) -> None:
        """Write what is left as the last piece; the file stays open."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, self._head))
        self._number += 1


class Opener:
    """Reads from `file` what a Sealer wrote. Nothing is given out that was not checked first."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        """Raises DefinitionError when the file is no backup."""
        head = file.read(len(MAGIC) + 1 + _SALT)
        if not head.startswith(MAGIC) or len(head) < len(MAGIC) + 1 + _SALT or head[len(MAGIC)] > _HARDEST:
            raise DefinitionError("the file is not a backup that this program knows; expected what 'tradewind backup' wrote")
        self._file, self._head = file, head
        self._cipher = _cipher(passphrase, head[len(MAGIC) + 1 :], head[len(MAGIC)])
        self._number, self._ready = 0, bytearray()
        self._next: bytes | None = file.read(PIECE + _TAG)

    def read(self, size: int) -> bytes:
        """So many bytes, fewer only at the end. Raises ConfigurationError for another passphrase, or a damaged file."""
        while len(self._ready) < size and self._next is not None:
            self._open()
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def drain(self) -> None:
        """Read to the end, so that a file which was cut short is found. Raises as `read` does."""
        while self.read(PIECE):
            pass

    def _open(self) -> None:
        assert self._next is not None, "nothing is read after the last piece"
        sealed, following = self._next, self._file.read(PIECE + _TAG)
        try:
            self._ready += self._cipher.decrypt(_nonce(self._number, last=not following), sealed, self._head)
        except InvalidTag:
            what = "is damaged or cut short" if self._number else "does not open: the passphrase is another, or the file is damaged"
            raise ConfigurationError(f"the backup {what}; nothing was restored") from None
        self._number, self._next = self._number + 1, following or None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(passphrase: str, salt: bytes, cost: int) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase.encode()))
