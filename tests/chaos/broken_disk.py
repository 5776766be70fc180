"""A disk that fails: from some moment on, nothing that this process writes gets there, and the system says so (EIO)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_LOAD, _IS, _ANSWER = 0x20, 0x15, 0x06
"""Of a filter's program: take the number of the system call, compare it, and answer."""

_ANSWERS = (_ALLOW, _ERROR | errno.EIO)
"""To what is none of the calls, and to what is one."""

_SET_FILTER, _ALL_THREADS, _NO_NEW_PRIVILEGES = 1, 1, 38

_SECCOMP, _CALLS = {
    "x86_64": (317, {"pwrite64": 18, "fsync": 74, "fdatasync": 75}),
    "aarch64": (277, {"pwrite64": 68, "fsync": 82, "fdatasync": 83}),
}.get(os.uname().machine, (0, {}))
"""The numbers of system calls: that which sets a filter, and those by which a database writes, and by which anybody asks for certainty."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def break_disk(calls: Iterable[str]) -> None:
    """Let these calls fail (EIO) in all threads of this process, for as long as it lives. Raises OSError where none can be made to."""
    numbers = [_CALLS[call] for call in calls] if _CALLS else []
    known = [struct.pack("HBBI", _IS, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps = b"".join([struct.pack("HBBI", _LOAD, 0, 0, 0), *known, *(struct.pack("HBBI", _ANSWER, 0, 0, each) for each in _ANSWERS)])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(_SECCOMP, _SET_FILTER, _ALL_THREADS, ctypes.byref(_Program(len(steps) // 8, steps))):
        raise OSError(ctypes.get_errno(), "no filter for system calls can be set here")
