"""Requests on a pipe between parent and child: a length of four bytes, big-endian, then the request.

Plain file descriptors, so that a write to a full pipe waits in the kernel, without the interpreter lock.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Final

_LENGTH: Final = struct.Struct("!I")


def write_frame(descriptor: int, request: bytes) -> None:
    """Write one request; waits while the pipe is full.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    _write_all(descriptor, _LENGTH.pack(len(request)))
    _write_all(descriptor, request)


def read_frame(source: BinaryIO) -> bytes | None:
    """Read one request; None at the end, also when the end comes within a frame."""
    header = source.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    request = source.read(length)
    return request if len(request) == length else None


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
