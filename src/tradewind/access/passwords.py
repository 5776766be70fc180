"""Passwords: which may be one, and how they are kept (Argon2id)."""

from __future__ import annotations

import threading
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tradewind.errors import DefinitionError

SHORTEST, LONGEST = 12, 256
"""Characters; a long one is never cut."""

AT_ONCE = 2
"""Verifications at once: each takes 64 MiB."""

_CONTEXT = ("tradewind", "tradedesk", "password", "passwort", "qwertyuiop", "letmein", "welcome", "iloveyou", "changeme")


class Passwords:
    """Keeps and compares them. The usual hasher takes 64 MiB and three passes; tests may bring a quicker one."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("nobody has this one")

    def keep(self, password: str) -> str:
        """What is kept of a password."""
        with self._turns:
            return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Where there is none it takes as long, so that nobody learns who is a user."""
        with self._turns:
            try:
                return self._hasher.verify(kept or self._nobody, password[: LONGEST + 1]) and kept is not None
            except (VerificationError, InvalidHashError):
                return False


def check_password(password: str, user: str) -> None:
    """Raise DefinitionError, without the text, unless it can be somebody's password."""
    folded = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise DefinitionError(f"a password has {SHORTEST} to {LONGEST} characters; any of them, also spaces")
    if len(set(folded)) < 6:
        raise DefinitionError("this password repeats few characters and is easily guessed; take another")
    known = [word for word in (*_CONTEXT, user.casefold(), user.casefold().partition("@")[0]) if len(word) > 2]
    left = folded
    for word in known:
        left = left.replace(word, "")
    if len("".join(char for char in left if char.isalpha())) < 4 and left != folded:
        raise DefinitionError("this password is little more than a word that everybody here knows; take another")
    if any(run in folded for run in ("123456789", "987654321", "abcdefgh", "qwertyui")):
        raise DefinitionError("this password is a row of keys or letters, and among the first to be guessed; take another")
