"""Healing: when prices change, calls that had none are billed at those that have come. The sealer asks for it itself.

Only what has no price moves, so nobody's bill changes for what was billed; that takes `reprice` and a yes. Asked for
once for each state of the prices, however often a sealer starts. Must not: price.
"""

from __future__ import annotations

from ledger.errors import LedgerDamagedError
from receiver.prices import versions_of
from receiver.sealer.jobs.job import Job, JobKind
from receiver.sealer.jobs.queue import JobQueue
from receiver.sealer.seal import Sealer


def ask_to_heal(sealer: Sealer, queue: JobQueue) -> Job | None:
    """Ask for a job if the ledger was last priced by another state of the prices; None when there is nothing to do."""
    now = versions_of(sealer.book)
    activated = {name: sealer.state.versions.get(name, "") for name in now}
    if not sealer.state.segments or activated == now:
        return None
    because = "; ".join(f"{name} {value}" for name, value in sorted(now.items()) if value)
    try:
        asked = queue.jobs()
    except LedgerDamagedError:
        return None  # no job is carried out until that file is gone, and the worker says so; the next start asks again
    if any(job.because == because for job in asked):
        return None
    return queue.ask(JobKind.REPRICE, only_unpriced=True, because=because)
