"""What a machine must give before a home is opened on it: files enough, locks that hold, and trust that is its own."""

from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path

from tradewind.errors import ConfigurationError

FEWEST, ENOUGH = 256, 4_096
"""Files that a process must be able to open, and those that it asks the system for where it may."""

FAR = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs"})
"""Kinds of file system that more than one machine may have mounted; SQLite's own lock is in the memory of one."""

FOREIGN = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables by which OpenSSL lets anybody who starts a process say whom it trusts."""

Lock = Callable[[int, int], None]


def check_files() -> None:
    """Raise ConfigurationError when this process may open too few files; where the system lets it, it takes more than it has."""
    may, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if most == resource.RLIM_INFINITY else min(ENOUGH, most)
    if may != resource.RLIM_INFINITY and may < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
            may = wanted
    if may != resource.RLIM_INFINITY and may < FEWEST:
        raise ConfigurationError(
            f"this process may open {may} files, and needs {FEWEST}; allow more with: ulimit -n {ENOUGH} (in a service LimitNOFILE=)"
        )


def check_locks(home: Path, mounts: str | None = None, lock: Lock = fcntl.flock) -> None:
    """Raise ConfigurationError when a database that is a file is not safe in this folder: two processes would not see one another.

    `mounts` is the table of what is mounted, as Linux writes it.
    """
    kind = _kind(home, _mounts() if mounts is None else mounts)
    remedy = "put the home on a disk of this machine, or its database into PostgreSQL (TRADEWIND_DATABASE_URL)"
    if kind in FAR:
        raise ConfigurationError(f"{home} lies on {kind}, which other machines may have too, and its database is a file; {remedy}")
    one, two = (os.open(home, os.O_RDONLY) for _ in range(2))
    try:
        with suppress(BlockingIOError):  # another process tries the same now, and is seen
            lock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise ConfigurationError(f"locks do not hold in {home}: its file system gives one to two at once; {remedy}")
    except OSError as error:
        raise ConfigurationError(f"nothing can be locked in {home} ({error.strerror}); {remedy}") from None
    finally:
        os.close(one)
        os.close(two)


def trust_only(authorities: Path | None, environment: MutableMapping[str, str]) -> None:
    """Let this process trust what its machine trusts, and a file of authorities that a setting names; no variable of others says whom."""
    for name in FOREIGN:
        environment.pop(name, None)
    if authorities:
        environment[FOREIGN[0]] = str(authorities)


def _mounts() -> str:
    with suppress(OSError):
        return Path("/proc/self/mounts").read_text("utf-8", "replace")
    return ""


def _kind(folder: Path, mounts: str) -> str:
    """The kind of file system that a folder lies on: that of the longest place above it, and of two at one place the later."""
    real, found = os.path.realpath(folder), ("", "")
    for line in mounts.splitlines():
        _, place, kind, *_ = [*line.split(" "), "", "", ""]
        place = place.replace("\\040", " ")
        if (real == place or real.startswith(place.rstrip("/") + "/")) and len(place) >= len(found[0]):
            found = (place, kind)
    return found[1]
