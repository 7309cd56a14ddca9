"""A window that moves forward over the bytes of a file, decompressed where the file is compressed.

Offsets are those of the decompressed bytes: what tools such as `zstd -d` or `gunzip` give. Every byte that has left the
window is in `digest`, so that two windows can be compared.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import pyarrow as pa

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_READ_BYTES: Final = 2**20
_DIGEST_BYTES: Final = 16


class Window:
    """The bytes of one file from some offset on. A context manager."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.compression, self._source = _opened(self._file)
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._bytes = bytearray()
        self._at_end = False
        self.offset = 0
        """Of the window's first byte."""
        self.fault = ""
        """Why decompressing ended before the end; empty when it did not."""

    @property
    def digest(self) -> str:
        """The digest of all bytes before `offset`."""
        return self._digest.hexdigest()

    @property
    def compressed_offset(self) -> int:
        """How far the file itself has been read, for who shows progress."""
        return self._file.tell()

    def peek(self, size_bytes: int) -> memoryview:
        """Return the next bytes without moving: as many as asked for, unless the file ends before."""
        while len(self._bytes) < size_bytes and not self._at_end:
            self._read()
        # The copy is of what was asked for alone; a view of the window would hinder its growing.
        return memoryview(bytes(self._bytes[:size_bytes]))

    def find(self, byte: bytes, *, within_bytes: int) -> int:
        """Return how far away a byte is; -1 when it is not within so many bytes, or in none that is left."""
        searched = 0
        while True:
            place = self._bytes.find(byte, searched)
            if place >= 0:
                return place
            searched = len(self._bytes)
            if self._at_end or searched >= within_bytes:
                return -1
            self._read()

    def skip(self, size_bytes: int) -> None:
        """Move forward, at most to the end."""
        while size_bytes:
            if not self._bytes:
                if self._at_end:
                    return
                self._read()
                continue
            part = self._bytes[:size_bytes]
            self._digest.update(part)
            self.offset += len(part)
            size_bytes -= len(part)
            del self._bytes[: len(part)]

    def _read(self) -> None:
        try:
            part = self._source.read(_READ_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error, OSError, pa.ArrowException) as broken:
            if not self.compression:
                raise
            self.fault, part = str(broken), b""
        self._bytes += part
        self._at_end = not part

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _opened(file: BinaryIO) -> tuple[str, Any]:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(GZIP_MAGIC):
        return "gzip", gzip.GzipFile(fileobj=file)
    if magic == ZSTD_MAGIC:
        return "zstd", pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return "", file


def decompressed(message: bytes, *, bytes_max: int) -> bytes:
    """Return one zstd-compressed message.

    Raises:
        ValueError: it is damaged, or larger than it may be.
    """
    try:
        with pa.CompressedInputStream(pa.BufferReader(message), "zstd") as stream:
            data: bytes = stream.read(bytes_max + 1)
    except (OSError, pa.ArrowException) as broken:
        raise ValueError(str(broken)) from broken
    if len(data) > bytes_max:
        raise ValueError(f"more than {bytes_max} bytes when decompressed")
    return data
