"""Landlock: from here on this thread and all it starts may only read the paths named, and open no TCP connection.

Linux's own sandbox for unprivileged programs (https://docs.kernel.org/userspace-api/landlock.html), by system call.
Irrevocable. Must be called before threads are started, since it holds for the calling thread and its children.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from typing import Final

# The numbers are the same on every architecture that has them.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_NO_NEW_PRIVILEGES: Final = 38  # prctl

_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
# Rights that exist by version of the interface; all that exist are handled, which means denied unless a rule allows.
_FILE_RIGHTS_BY_VERSION: Final = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NETWORK_RIGHTS: Final = 0b11  # bind and connect of TCP, since version 4
_NETWORK_SINCE: Final = 4


class LandlockUnavailableError(OSError):
    """This kernel has no Landlock, or it is switched off."""


def allow_only_reading(paths: Iterable[str]) -> None:
    """Restrict the calling thread to reading below `paths`; those that do not exist are passed over.

    Raises:
        LandlockUnavailableError: the kernel cannot; nothing is restricted.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = _version(libc)
    if version < 1:
        raise LandlockUnavailableError(ctypes.get_errno() or errno.ENOSYS, "Landlock is not available")
    files = sum(rights for since, rights in _FILE_RIGHTS_BY_VERSION if version >= since)
    attributes = struct.pack("<Q", files)
    if version >= _NETWORK_SINCE:
        attributes += struct.pack("<Q", _NETWORK_RIGHTS)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0), "create the ruleset")
    try:
        for path in paths:
            _allow_reading(libc, ruleset, path)
        _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "give up new privileges")
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0), "restrict this process")
    finally:
        os.close(ruleset)


def is_available() -> bool:
    """Say whether this kernel can."""
    return sys.platform == "linux" and _version(ctypes.CDLL(None, use_errno=True)) >= 1


def _version(libc: ctypes.CDLL) -> int:
    version: int = libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    return version


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)  # noqa: PTH112 - the fewest imports here
        rule = struct.pack("<Qi", rights, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0), f"allow reading {path}")
    finally:
        os.close(descriptor)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock could not {what}: {os.strerror(number)}")
    return result
