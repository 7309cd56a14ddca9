"""A batch: the journal's frames read for one commit, and how far into which files that is.

Must not: decode a frame's spans, or delete a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.segment import JournalRanges
from receiver.journal_reader import Damage, Frame, JournalFile, read_frames

# One commit's worth: large enough for good Parquet, small enough to be queryable within about two seconds and to stay
# in warm memory (measured: 10,000 spans seal a quarter quicker a span than 50,000).
BATCH_BYTES_MAX: Final = 8 * 2**20
BATCH_SPANS_MAX: Final = 10_000


@dataclass(slots=True)
class Batch:
    """Frames read for one commit."""

    frames: list[Frame] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    is_full: bool = False

    @property
    def ranges(self) -> JournalRanges:
        """The bytes of each file that the batch covers."""
        return {name: (self.starts[name], end) for name, end in self.positions.items()}


def read_batch(files: Sequence[JournalFile], *, positions: Mapping[str, int]) -> Batch:
    """Read what lies behind the positions, up to one commit's worth."""
    batch = Batch()
    spans = size_bytes = 0
    for file in files:
        start = positions.get(file.name, 0)
        for found in read_frames(file, position=start, bytes_max=BATCH_BYTES_MAX - size_bytes):
            batch.starts.setdefault(file.name, start)
            batch.positions[file.name] = found.end
            if isinstance(found, Damage):
                batch.damage.append(found)
                continue
            batch.frames.append(found)
            spans += found.kept
            size_bytes += found.end - found.start
            if spans >= BATCH_SPANS_MAX or size_bytes >= BATCH_BYTES_MAX:
                batch.is_full = True
                return batch
    return batch
