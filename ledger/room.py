"""Room: how much space the disk has left, and below what no more is taken.

Two limits, so that a full disk is never met: the receiver stops taking spans while the sealer can still write, and
sealing gives space back, since a ledger's row is a fraction of its journal frame. Must not: write.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 2**20
GIB: Final = 2**30
# The receiver's reserve is 1 % of the disk, as other programs on it need some, but at least 256 MiB: what a busy
# receiver writes between two looks at the disk, and the ledger's next commits. On a huge disk 1 % is needlessly much.
RESERVE_BYTES_MIN: Final = 256 * MIB
RESERVE_BYTES_MAX: Final = 10 * GIB
# On a disk so small that 256 MiB would be a large part of it, a part of it.
RESERVE_SHARE_MAX: Final = 0.1
# The sealer goes on until a quarter of that is left: its segments, RocksDB's files and the manifest's next copy.
SEALER_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Room:
    """The space of one disk, in bytes."""

    total_bytes: int
    free_bytes: int
    """For programs without privileges."""

    @property
    def reserve_bytes(self) -> int:
        """Below so much free space the receiver refuses."""
        wanted = min(max(self.total_bytes // 100, RESERVE_BYTES_MIN), RESERVE_BYTES_MAX)
        return min(wanted, int(self.total_bytes * RESERVE_SHARE_MAX))

    @property
    def sealer_reserve_bytes(self) -> int:
        """Below so much free space the sealer waits."""
        return int(self.reserve_bytes * SEALER_SHARE)


def room_at(path: Path) -> Room:
    """Look at the disk that holds `path`.

    Raises:
        OSError: there is no such path, or the disk does not answer.
    """
    found = os.statvfs(path)
    return Room(total_bytes=found.f_blocks * found.f_frsize, free_bytes=found.f_bavail * found.f_frsize)


def as_mib(size_bytes: int) -> str:
    """Return a size as people read it."""
    return f"{size_bytes / MIB:,.0f} MiB"
