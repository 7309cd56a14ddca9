"""The cycle: journal frames in, one commit out. This module is the order of the steps, and nothing else.

What the steps do is elsewhere: `batch` reads frames, `found` and `differences` plan, `tables` lays out rows and index
changes, `consuming` deletes what is sealed.

    1  read frames up to a position, and make sure they are durable
    2  spans → candidates → plan → rows → segments (each durable before the next step)
    3  append the manifest line: the commit
    4  apply the changes to the index
    5  replace views.sql
    6  delete journal files that are finished and consumed; a later commit records that

After any error the sealer must be closed and opened afresh: opening repairs what a crash at any step leaves behind.
Sealing the same frames again after a crash gives the same net state.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import pyarrow as pa

from ledger.errors import LedgerInUseError
from ledger.filesystem import Filesystem
from ledger.layout import DataDirectory
from ledger.lock import ProcessLock
from ledger.manifest import RECEIVED, Commit, LedgerState, ManifestWriter
from ledger.schema import CountSource, SpanClass, Table
from ledger.segment import Segment, read_segment, write_segment
from ledger.views import render_views
from pricing.book import PriceBook
from receiver import dialects
from receiver.attribution import Attribution, members, spellings
from receiver.journal_reader import Damage, journal_files
from receiver.prices import versions_of
from receiver.sealer.batch import Batch, read_batch
from receiver.sealer.columns.quick import QuickWay
from receiver.sealer.consuming import JournalFolder
from receiver.sealer.decode import Decoder
from receiver.sealer.differences import Plan, plan
from receiver.sealer.found import Found, InColumns, find
from receiver.sealer.index import Index, IndexChanges
from receiver.sealer.read_back import read_rows
from receiver.sealer.recovery import open_index
from receiver.sealer.row_keys import RowKey
from receiver.sealer.rows import Labels, Stamp
from receiver.sealer.sweeping import sweep
from receiver.sealer.tables import Layout


@dataclass(frozen=True, slots=True)
class SealResult:
    """What one commit did."""

    commit: int
    spans: int
    calls: int
    damage: tuple[Damage, ...]
    has_more: bool
    """Whether the batch was full: there may be more to seal at once."""
    fault: str | None = None
    """What went wrong on the quick way, so that all spans went the long way."""


class Sealer:
    """The ledger's one writer. Opening takes the lock, sweeps, and brings the index up to date."""

    def __init__(
        self,
        data: DataDirectory,
        *,
        attribution: Attribution,
        book: PriceBook,
        filesystem: Filesystem,
        count_source: CountSource = CountSource.APPLICATION,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._data = data
        self._attribution = attribution
        self._count_source = count_source
        self._filesystem = filesystem
        self._clock = clock
        self._decoder = Decoder(
            evidence_keys=spellings((*attribution.customer_attributes, *attribution.label_attributes)).union(
                attribution.rules.attributes
            ),
            evidence_members=members((*attribution.customer_attributes, *attribution.label_attributes)),
        )
        labels = Labels(attribution.label_attributes)
        self._quick = QuickWay(self._decoder, attribution=attribution, labels=labels, book=book)
        self._layout = Layout(labels, book, self._quick, self._read_back)
        self._journal = JournalFolder(data.journal, filesystem)
        filesystem.make_folder(data.ledger)
        self._lock = ProcessLock(data.writer_lock, what="the ledger in")
        # A disk that is full or failing is tried again by this process: what was opened must not stand in its way.
        with contextlib.ExitStack() as opened:
            opened.callback(self._lock.release)
            self._manifest = ManifestWriter.open(data.manifest, filesystem=filesystem)
            opened.callback(self._manifest.close)
            self.swept = sweep(data, self.state, filesystem=filesystem)
            self._index = open_index(data, self.state, progress=progress)
            opened.callback(self._close_index)
            self._write_views()
            opened.pop_all()

    @property
    def book(self) -> PriceBook:
        """The prices that new entries get."""
        return self._layout.book

    def use_prices(self, book: PriceBook) -> None:
        """Price what is new by another book from now on; what is in the ledger keeps its price."""
        self._layout = replace(self._layout, book=book)

    @property
    def count_source(self) -> CountSource:
        """Whose span of a call counts where application and gateway both sent one."""
        return self._count_source

    @property
    def attribution(self) -> Attribution:
        """Who pays, for new entries."""
        return self._attribution

    @property
    def state(self) -> LedgerState:
        """The ledger as of its newest commit."""
        return self._manifest.state

    @property
    def index(self) -> Index:
        """The index, for those who compare."""
        return self._index

    def seal(self) -> SealResult | None:
        """Commit what the journal holds, up to one batch; None when there is nothing new."""
        files = journal_files(self._data.journal)
        batch = read_batch(files, positions=self.state.positions)
        if not batch.positions:
            self._journal.delete_consumed(files, positions=self.state.positions)
            return None
        for name in batch.positions:
            self._filesystem.sync_file(self._data.journal / name)
        planned, found, counts = self._plan(batch)
        forgotten = self._journal.gone(files, positions=self.state.positions)
        commit = self._commit(planned, counts, batch=batch, forgotten=forgotten, plain=found.in_columns)
        self._journal.delete_consumed(files, positions=self.state.positions)
        return SealResult(
            commit=commit,
            spans=counts[RECEIVED],
            calls=counts[SpanClass.USAGE],
            damage=tuple(batch.damage),
            has_more=batch.is_full,
            fault=found.fault,
        )

    def preview(self, planned: Plan) -> dict[Table, pa.Table]:
        """Return the rows that a job's plan comes to, without writing them."""
        return self._layout.tables(planned, InColumns(), stamp=self._stamp())[0]

    def rewrite(self, planned: Plan) -> int:
        """Commit what a job changes in the ledger; return the commit's number. Nothing of the journal is consumed."""
        assert not planned.new_rows, "a job has no new spans"
        counts = Counter({one.value: planned.counts[one] for one in SpanClass})
        assert not sum(counts.values()), "a job moves spans from one class to another"
        return self._commit(planned, counts, batch=Batch(), forgotten=(), plain=InColumns())

    def replace_segments(self, old: Sequence[Segment], new: Sequence[Segment]) -> int:
        """Commit that the rows of some live segments stand in others from now on; return the commit's number."""
        assert sum(one.rows for one in old) == sum(one.rows for one in new), "rows were lost or made by a merge"
        return self.note(Commit(segments=tuple(new), retired=tuple(one.path for one in old)))

    def note(self, commit: Commit) -> int:
        """Commit what says nothing of spans: where rows stand, and what became of old files."""
        number = self._manifest.append(commit)
        self._check_lock()
        self._index.apply(IndexChanges(), ledger_id=self.state.ledger_id, commit=number)
        self._write_views()
        return number

    def checkpoint(self) -> None:
        """Fold the manifest's old lines into one, if there are many."""
        if self._manifest.wants_checkpoint:
            self._manifest.checkpoint()

    def segment_rows(self, segment: Segment) -> pa.Table:
        """Return the rows of a live segment."""
        return read_segment(segment, ledger=self._data.ledger)

    def close(self) -> None:
        """Give manifest, index and lock back."""
        self._manifest.close()
        self._close_index()
        self._lock.release()

    def _check_lock(self) -> None:
        """Go no further if the lock is not respected any more: another writer may have begun before this commit."""
        if not self._lock.is_in_place():
            raise LedgerInUseError(
                f"the lock {self._data.writer_lock} was deleted while this process held it: another may write now.",
                hint="Leave lock files alone. Start the sealer again: nothing is lost.",
            )

    def _close_index(self) -> None:
        # After a write error RocksDB raises on close too; it is derived, and is opened afresh or rebuilt.
        with contextlib.suppress(Exception):
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _plan(self, batch: Batch) -> tuple[Plan, Found, Counter[str]]:
        found = find(
            batch.frames,
            quick=self._quick,
            decoder=self._decoder,
            attribution=self._attribution,
            index=self._index,
        )
        received = sum(frame.received for frame in batch.frames)
        kept = sum(frame.kept for frame in batch.frames)
        alone = found.in_columns.alone
        result = plan(found.candidates, found.payers, self._index, count_source=self._count_source)
        result.counts[SpanClass.USAGE] += len(alone) if alone is not None else 0
        result.counts[SpanClass.NOT_GENAI] += found.nothing + received - kept
        counts: Counter[str] = Counter({one.value: result.counts[one] for one in SpanClass})
        counts[RECEIVED] = received
        return result, found, counts

    def _commit(
        self,
        planned: Plan,
        counts: Counter[str],
        *,
        batch: Batch,
        forgotten: tuple[str, ...],
        plain: InColumns,
    ) -> int:
        """Steps 2 to 5: segments, the manifest line, the index, the views."""
        stamp = self._stamp()
        tables, changes = self._layout.tables(planned, plain, stamp=stamp)
        segments = [
            write_segment(
                rows,
                table=table,
                commit=stamp.commit,
                journal=batch.ranges,
                ledger=self._data.ledger,
                filesystem=self._filesystem,
            )
            for table, rows in tables.items()
        ]
        commit = self._manifest.append(
            Commit(
                positions=batch.positions,
                forgotten=forgotten,
                segments=tuple(segments),
                counts=counts,
                versions=self._new_versions(),
            )
        )
        assert commit == stamp.commit
        self._check_lock()
        self._index.apply(changes, ledger_id=self.state.ledger_id, commit=commit)
        self._write_views()
        return commit

    def _stamp(self) -> Stamp:
        return Stamp(commit=self.state.commit + 1, recorded_us=int(self._clock() * 1_000_000))

    def _read_back(self, table: Table, keys: Sequence[RowKey]) -> pa.Table:
        return read_rows(keys, self.state.of_table(table), ledger=self._data.ledger)

    def _new_versions(self) -> dict[str, str]:
        versions = {
            **versions_of(self.book),
            "dialects": dialects.VERSION,
            "attribution_rules": self._attribution.rules.version,
            "count_source": self._count_source.value,
        }
        return {name: value for name, value in versions.items() if self.state.versions.get(name, "") != value}

    def _write_views(self) -> None:
        text = render_views(self.state, ledger=self._data.ledger)
        self._filesystem.write_durably(self._data.views, text.encode())
