"""Asking: how a command gets a job done, whether or not a sealer is running.

With one running, it finds the job in the queue within a second; this side only watches. With none, this side takes the
ledger's lock and carries the job out by the same code. Should a sealer start or stop meanwhile, the other way is tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ledger.errors import LedgerInUseError, LedgerMissingError, SpanledgerError
from ledger.filesystem import Filesystem
from receiver.config import SealerConfig
from receiver.sealer.jobs.job import Job, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue
from receiver.sealer.jobs.work import Worker
from receiver.sealer.process import open_sealer

_POLL_S: Final = 0.2


def require_ledger(config: SealerConfig) -> None:
    """Make sure that there is something to correct, before a job is asked for that would wait for it.

    Raises:
        LedgerMissingError: nothing has been sealed yet.
    """
    if not config.data.manifest.exists():
        raise LedgerMissingError(
            f"there is no ledger at {config.data.ledger} yet.",
            hint="Start `spanledger up` with this data_dir, or correct the path.",
        )


def carry_out(
    job: Job,
    config: SealerConfig,
    *,
    filesystem: Filesystem,
    progress: Callable[[JobProgress], None] = lambda _progress: None,
) -> JobProgress:
    """Return when the job has ended; `progress` is told how far it is."""
    queue = JobQueue(config.data.jobs, filesystem)
    while not (state := queue.progress(job)).is_final:
        progress(state)
        try:
            queue.next()  # raises what would keep the job from ever being taken up
            _carry_out_here(job, config, filesystem=filesystem, queue=queue, progress=progress)
        except LedgerInUseError:
            time.sleep(_POLL_S)
        except SpanledgerError as failed:
            # Whoever asked is told; left in the queue, it would be carried out unseen once a sealer starts.
            if (state := queue.progress(job)).state == JobState.ASKED:
                state.state, state.error = JobState.FAILED, str(failed)
                queue.save(job, state)
            raise
    progress(state)
    return state


def _carry_out_here(
    job: Job,
    config: SealerConfig,
    *,
    filesystem: Filesystem,
    queue: JobQueue,
    progress: Callable[[JobProgress], None],
) -> None:
    with open_sealer(config, filesystem) as sealer:
        worker = Worker(sealer, queue)
        while not queue.progress(job).is_final and worker.work():
            progress(queue.progress(job))
