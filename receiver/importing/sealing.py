"""Room in the journal, and its end: by the sealer that runs, or by ourselves while none does.

The ledger has one writer. With a sealer running, an import only waits for it; with none, it takes the ledger's lock for
as long as it takes to seal what is there, and gives it back, so that a sealer can start at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ledger.errors import LedgerInUseError
from ledger.filesystem import Filesystem
from receiver.config import SealerConfig
from receiver.journal import FILE_SUFFIX
from receiver.journal_reader import journal_files
from receiver.sealer.process import open_sealer

# What may wait in the journal: two of its files. A sealer has it behind it within seconds.
PENDING_BYTES_MAX: Final = 256 * 2**20
_POLL_S: Final = 0.2


class Sealing:
    """What an import knows of the way from the journal to the ledger."""

    def __init__(
        self,
        config: SealerConfig,
        *,
        filesystem: Filesystem,
        pending_bytes_max: int = PENDING_BYTES_MAX,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._filesystem = filesystem
        self._pending_bytes_max = pending_bytes_max
        self._waiting = waiting

    def make_room(self) -> None:
        """Return when the journal may take more."""
        while self._pending_bytes() > self._pending_bytes_max:
            self._seal_or_wait()

    def finish(self) -> None:
        """Return when every journal file that is ended by now is in the ledger: ours, and what a dead import left."""
        ended = [file.path for file in journal_files(self._config.data.journal) if file.is_finished]
        while any(path.exists() for path in ended):
            self._seal_or_wait()

    def _pending_bytes(self) -> int:
        pending = 0
        for path in self._config.data.journal.glob(f"*{FILE_SUFFIX}"):
            try:
                pending += path.stat().st_size
            except FileNotFoundError:
                continue  # sealed and deleted meanwhile
        return pending

    def _seal_or_wait(self) -> None:
        self._waiting()
        try:
            with open_sealer(self._config, self._filesystem) as sealer:
                while sealer.seal() is not None:
                    self._waiting()
        except LedgerInUseError:
            time.sleep(_POLL_S)
