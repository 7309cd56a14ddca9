"""The work: jobs carried out by the ledger's one writer, a segment at a time, between two seals.

A job looks through the segments that were live when it began. What it writes goes to newer segments, which it does not
visit: they were priced and read by the rules of now. Progress is saved after every segment; a job that died goes on
behind the last one saved, and what it had written already it finds unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa
import structlog

from ledger.errors import LedgerDamagedError, SpanledgerError
from ledger.schema import Table
from ledger.segment import Segment
from receiver.sealer.differences import Plan, plan_rewrites
from receiver.sealer.index import TraceKey
from receiver.sealer.jobs.job import Job, JobKind, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue
from receiver.sealer.jobs.reattribute import reattribute
from receiver.sealer.jobs.reprice import reprice
from receiver.sealer.jobs.reread import reread
from receiver.sealer.jobs.slices import StandingRow, slices, standing
from receiver.sealer.jobs.summary import Summary
from receiver.sealer.seal import Sealer
from receiver.sealer.touched import Rewrite

_log = structlog.get_logger("jobs")
# Where a kind of job looks: only calls have prices; anything kept may be read anew or paid for by somebody else.
_TABLES: Final = {
    JobKind.REPRICE: (Table.USAGE, Table.CORRECTIONS),
    JobKind.REREAD: (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE),
    JobKind.REATTRIBUTE: (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE),
}
Rewrites = dict[TraceKey, dict[bytes, Rewrite]]


class JobFaultError(SpanledgerError):
    """A fault of ours in working out what a job changes; the job ends, and the ledger goes on."""


class Worker:
    """Carries out the jobs of a queue, one segment at each call."""

    def __init__(self, sealer: Sealer, queue: JobQueue, *, inputs_changed: Callable[[], bool] = lambda: False) -> None:
        self._sealer = sealer
        self._queue = queue
        # A job that is asked for right after a file was changed means the changed one.
        self._inputs_changed = inputs_changed
        self._run: _Run | None = None
        self._damage = ""

    def work(self) -> bool:
        """Do the next slice; say whether there is more to do.

        A job that fails is recorded as failed, with its reason, and the next one goes on. Errors of the disk are
        raised: whoever holds the ledger closes it and opens it afresh.
        """
        if self._run is None:
            found = self._next()
            if found is None or self._inputs_changed():
                return False
            self._run = _Run(*found, self._sealer)
            _log.info("job begins", job=found[0].id, segments=self._run.progress.of)
        run = self._run
        try:
            is_more = run.step()
        except SpanledgerError as failed:
            run.progress.state, run.progress.error = JobState.FAILED, str(failed)
            is_more = False
            _log.error("job failed", job=run.job.id, error=str(failed))
        self._queue.save(run.job, run.progress)
        if not is_more:
            _log.info("job ended", job=run.job.id, state=run.progress.state.value, changed=run.progress.rows_changed)
            self._run = None
        return True

    @property
    def is_busy(self) -> bool:
        """Whether a job is going through segments, which must not be replaced under it."""
        return self._run is not None

    def _next(self) -> tuple[Job, JobProgress] | None:
        """Return the next job; none while a file of the queue cannot be read, which is said once."""
        try:
            found = self._queue.next()
        except LedgerDamagedError as damaged:
            if str(damaged) != self._damage:
                _log.error("no job is carried out until this is mended; sealing goes on", problem=str(damaged))
            self._damage = str(damaged)
            return None
        self._damage = ""
        return found


class _Run:
    """One job being carried out."""

    def __init__(self, job: Job, progress: JobProgress, sealer: Sealer) -> None:
        self.job = job
        self.progress = progress
        self._sealer = sealer
        self._summary = Summary(progress)
        segments = [one for one in sealer.state.segments if one.table in _TABLES[job.kind]]
        paths = [one.path for one in segments]
        end = paths.index(progress.until) + 1 if progress.until in paths else len(paths)
        begin = paths.index(progress.cursor) + 1 if progress.cursor in paths else 0
        self._left = segments[begin:end]
        progress.state, progress.done, progress.of = JobState.RUNNING, begin, end
        progress.until = paths[end - 1] if end else ""

    def step(self) -> bool:
        """Look through one segment; say whether there is another."""
        if self._left:
            segment = self._left.pop(0)
            for rows in slices(self._sealer.segment_rows(segment)):
                self._look_through(rows, segment)
            self.progress.done += 1
            self.progress.cursor = segment.path
        if not self._left:
            self.progress.state = JobState.DONE
        return bool(self._left)

    def _look_through(self, rows: pa.Table, segment: Segment) -> None:
        stand = standing(rows, table=segment.table, job=self.job, index=self._sealer.index)
        if not stand:
            return
        self.progress.rows_seen += len(stand)
        try:
            planned = self._planned(rows, stand)
        except (OSError, SpanledgerError):
            raise
        except Exception as fault:
            # Nothing was written, and it would be the same at every try: it must not stop what comes after it.
            raise JobFaultError(
                f"a fault in looking through {segment.path}: {type(fault).__name__}: {fault}.",
                hint="Report it with this line; entries that are not corrected stay as they are.",
            ) from fault
        if planned is not None and not self.job.dry_run:
            commit = self._sealer.rewrite(planned)
            self.progress.commits = [*self.progress.commits[:1], commit]

    def _planned(self, rows: pa.Table, stand: list[StandingRow]) -> Plan | None:
        """Plan and sum up what changes in a slice; None when nothing does."""
        rewrites: Rewrites = {}
        for row, rewrite in self._changes(rows, stand):
            if rewrite is None:
                self.progress.rows_without_evidence += 1
            else:
                rewrites.setdefault(row.trace, {})[row.span_id] = rewrite
        if not rewrites:
            return None
        planned = plan_rewrites(rewrites, self._sealer.index, count_source=self._sealer.count_source)
        self._summary.add(self._sealer.preview(planned))
        self.progress.rows_changed += sum(len(spans) for spans in rewrites.values())
        return planned

    def _changes(self, rows: pa.Table, stand: list[StandingRow]) -> Iterator[tuple[StandingRow, Rewrite | None]]:
        if self.job.kind == JobKind.REPRICE:
            return reprice(rows, stand, book=self._sealer.book, only_unpriced=self.job.only_unpriced)
        if self.job.kind == JobKind.REREAD:
            return reread(rows, stand, attribution=self._sealer.attribution)
        return reattribute(rows, stand, attribution=self._sealer.attribution)
