"""The cycle: journal frames in, one commit out. This module is the order of the steps, and nothing else.

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
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa

from ledger.filesystem import Filesystem
from ledger.layout import DataDirectory
from ledger.lock import ProcessLock, remove_stale_lock
from ledger.manifest import RECEIVED, Commit, LedgerState, ManifestWriter
from ledger.schema import CountSource, EntryType, SpanClass, Table
from ledger.segment import Segment, read_segment, write_segment
from ledger.views import render_views
from pricing.book import PriceBook
from receiver import dialects
from receiver.attribution import Attribution, members, spellings
from receiver.journal import FILE_SUFFIX, LOCK_SUFFIX
from receiver.journal_reader import Damage, Frame, JournalFile, journal_files, read_frames
from receiver.prices import versions_of
from receiver.sealer.columns.calls import CallInColumns, PlainCalls
from receiver.sealer.columns.quick import QuickWay
from receiver.sealer.decode import Decoder
from receiver.sealer.differences import NewRow, Plan, plan
from receiver.sealer.facts import SpanState
from receiver.sealer.found import Found, InColumns, find
from receiver.sealer.index import Index, IndexChanges
from receiver.sealer.recovery import open_index, sweep
from receiver.sealer.rows import Labels, Stamp, new_rows, old_rows, payer_rows

# One commit's worth: large enough for good Parquet, small enough to be queryable within about two seconds and to stay
# in warm memory (measured: 10,000 spans seal a quarter quicker a span than 50,000).
BATCH_BYTES_MAX: Final = 8 * 2**20
BATCH_SPANS_MAX: Final = 10_000
DAMAGED_SUFFIX: Final = ".damaged"


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


@dataclass(slots=True)
class _Batch:
    """Frames read for one commit."""

    frames: list[Frame] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    is_full: bool = False


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
        self._book = book
        self._filesystem = filesystem
        self._clock = clock
        self._decoder = Decoder(
            evidence_keys=spellings((*attribution.customer_attributes, *attribution.label_attributes)).union(
                attribution.rules.attributes
            ),
            evidence_members=members((*attribution.customer_attributes, *attribution.label_attributes)),
        )
        self._labels = Labels(attribution.label_attributes)
        self._quick = QuickWay(self._decoder, attribution=attribution, labels=self._labels, book=book)
        filesystem.make_folder(data.ledger)
        self._lock = ProcessLock(data.writer_lock, what="the ledger in")
        try:
            self._manifest = ManifestWriter.open(data.manifest, filesystem=filesystem)
            self.swept = sweep(data, self.state, filesystem=filesystem)
            self._index = open_index(data, self.state, progress=progress)
        except BaseException:
            self._lock.release()
            raise
        self._write_views()

    @property
    def book(self) -> PriceBook:
        """The prices that new entries get."""
        return self._book

    def use_prices(self, book: PriceBook) -> None:
        """Price what is new by another book from now on; what is in the ledger keeps its price."""
        self._book = book

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
        batch = self._read(files)
        if not batch.positions:
            self._delete_consumed(files)
            return None
        for name in batch.positions:
            self._filesystem.sync_file(self._data.journal / name)
        planned, found, counts = self._plan(batch)
        commit = self._commit(planned, counts, batch=batch, forgotten=self._forgotten(files), plain=found.in_columns)
        self._delete_consumed(files)
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
        return self._tables(planned, InColumns(), self.state.commit + 1)[0]

    def rewrite(self, planned: Plan) -> int:
        """Commit what a job changes in the ledger; return the commit's number. Nothing of the journal is consumed."""
        assert not planned.new_rows, "a job has no new spans"
        counts = Counter({one.value: planned.counts[one] for one in SpanClass})
        assert not sum(counts.values()), "a job moves spans from one class to another"
        return self._commit(planned, counts, batch=_Batch(), forgotten=(), plain=InColumns())

    def segment_rows(self, segment: Segment) -> pa.Table:
        """Return the rows of a live segment."""
        return read_segment(segment, ledger=self._data.ledger)

    def close(self) -> None:
        """Give manifest, index and lock back."""
        self._manifest.close()
        # After a write error RocksDB raises on close too; it is derived, and is opened afresh or rebuilt.
        with contextlib.suppress(Exception):
            self._index.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ 1: frames

    def _read(self, files: list[JournalFile]) -> _Batch:
        batch = _Batch()
        spans = size_bytes = 0
        for file in files:
            start = self.state.positions.get(file.name, 0)
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

    # ------------------------------------------------------------ 2: plan and rows

    def _plan(self, batch: _Batch) -> tuple[Plan, Found, Counter[str]]:
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
        batch: _Batch,
        forgotten: tuple[str, ...],
        plain: InColumns,
    ) -> int:
        """Steps 2 to 5: segments, the manifest line, the index, the views."""
        number = self.state.commit + 1
        segments, changes = self._write_segments(planned, plain, batch, number)
        commit = self._manifest.append(
            Commit(
                positions=batch.positions,
                forgotten=forgotten,
                segments=tuple(segments),
                counts=counts,
                versions=self._new_versions(),
            )
        )
        assert commit == number
        self._index.apply(changes, ledger_id=self.state.ledger_id, commit=commit)
        self._write_views()
        return commit

    def _write_segments(
        self, result: Plan, plain: InColumns, batch: _Batch, number: int
    ) -> tuple[list[Segment], IndexChanges]:
        ranges = {name: (batch.starts[name], end) for name, end in batch.positions.items()}
        tables, changes = self._tables(result, plain, number)
        segments = [
            write_segment(
                rows,
                table=table,
                commit=number,
                journal=ranges,
                ledger=self._data.ledger,
                filesystem=self._filesystem,
            )
            for table, rows in tables.items()
        ]
        return segments, changes

    def _tables(self, result: Plan, plain: InColumns, number: int) -> tuple[dict[Table, pa.Table], IndexChanges]:
        """Build the rows of each table that has any, and what the index must learn of where they stand."""
        stamp = Stamp(commit=number, recorded_us=int(self._clock() * 1_000_000))
        places: dict[int, int] = {}
        tables: dict[Table, pa.Table] = {}
        first_alone = 0
        for table in (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE):
            parts = self._rows(result, table, stamp, places, plain.company)
            if plain.alone is not None and table == Table.USAGE:
                first_alone = sum(part.num_rows for part in parts)
                parts.append(plain.alone.table(stamp=stamp, book=self._book))
            if parts:
                tables[table] = pa.concat_tables(parts)
        if result.payers:
            tables[Table.TRACE_FACTS] = payer_rows(result.payers, stamp=stamp)
        changes = _index_changes(result, number, places)
        if plain.alone is not None:
            plain.alone.put(changes, commit=number, first_row=first_alone)
        return tables, changes

    def _rows(
        self, result: Plan, table: Table, stamp: Stamp, places: dict[int, int], company: PlainCalls | None
    ) -> list[pa.Table]:
        """Build one table's rows; note in `places` where each planned row (by identity) will stand."""
        new = [row for row in result.new_rows if row.table == table and not _is_first_bill(row)]
        old = [row for row in result.old_rows if row.table == table]
        first = [row for row in result.new_rows if row.table == table and _is_first_bill(row)]
        places.update({id(row): position for position, row in enumerate([*new, *old, *first])})
        parts = []
        if new:
            for row in new:
                if isinstance(row.candidate, CallInColumns):
                    assert company is not None, "a call in columns without columns"
                    row.candidate = self._quick.as_decoded(row.candidate, company)
            parts.append(new_rows(new, table=table, stamp=stamp, labels=self._labels, book=self._book))
        if old:
            parts.append(old_rows(old, table=table, stamp=stamp, read=self._read_back, book=self._book))
        if first:
            assert company is not None, "a call in columns without columns"
            parts.append(_billed_from_columns(company, first).table(stamp=stamp, book=self._book))
        return parts

    def _read_back(self, table: Table, commit: int) -> pa.Table:
        prefix = f"{commit:012d}-"
        for segment in self.state.of_table(table):
            if segment.path.rpartition("/")[2].startswith(prefix):
                return read_segment(segment, ledger=self._data.ledger)
        raise AssertionError(f"the index names a row of commit {commit} in {table}, which the manifest does not list")

    # ------------------------------------------------------------ 3 to 6

    def _new_versions(self) -> dict[str, str]:
        versions = {
            **versions_of(self._book),
            "dialects": dialects.VERSION,
            "attribution_rules": self._attribution.rules.version,
            "count_source": self._count_source.value,
        }
        return {name: value for name, value in versions.items() if self.state.versions.get(name, "") != value}

    def _forgotten(self, files: list[JournalFile]) -> tuple[str, ...]:
        """Positions of files that are gone, once the folder's removals are durable."""
        there = {file.name for file in files}
        gone = tuple(sorted(name for name in self.state.positions if name not in there))
        if gone:
            self._filesystem.sync_folder(self._data.journal)
        return gone

    def _write_views(self) -> None:
        text = render_views(self.state, ledger=self._data.ledger)
        self._filesystem.write_durably(self._data.views, text.encode())

    def _delete_consumed(self, files: list[JournalFile]) -> None:
        for file in files:
            position = self.state.positions.get(file.name)
            if not file.is_finished or position is None:
                continue
            try:
                size_bytes = file.path.stat().st_size
            except FileNotFoundError:
                continue
            if position >= size_bytes:
                self._remove(file)
        for lock in self._data.journal.glob(f"*{LOCK_SUFFIX}"):
            if not any(self._data.journal.glob(f"{lock.stem}-*{FILE_SUFFIX}")):
                remove_stale_lock(lock)

    def _remove(self, file: JournalFile) -> None:
        """Delete a consumed file; one with damage in it is kept under another name, for who must look at it."""
        found = read_frames(file, position=0, bytes_max=file.path.stat().st_size + 1)
        if any(isinstance(one, Damage) for one in found):
            self._filesystem.rename(file.path, file.path.with_name(file.name + DAMAGED_SUFFIX))
        else:
            self._filesystem.remove(file.path)


def _is_first_bill(row: NewRow) -> bool:
    """Say whether a row is a usage entry of a call in columns, as its prototype is."""
    return (
        isinstance(row.candidate, CallInColumns)
        and row.entry_type == EntryType.USAGE
        and row.revision == 0
        and row.reason is None
    )


def _billed_from_columns(company: PlainCalls, rows: Sequence[NewRow]) -> PlainCalls:
    places = [row.candidate.place for row in rows if isinstance(row.candidate, CallInColumns)]
    payers = [(row.outcome.customer_id, row.outcome.customer_source) for row in rows]
    return company.chosen(np.array(places, np.int64), payers)


def _index_changes(result: Plan, number: int, places: dict[int, int]) -> IndexChanges:
    changes = IndexChanges()
    for change in result.changes:
        row = change.row
        changes.put_state(
            change.trace,
            SpanState(
                change.fact,
                change.outcome.span_class,
                row.revision,
                change.outcome.customer_id,
                change.outcome.customer_source,
                number,
                places[id(row)],
                row.table.value,
                change.was_billed,
                row.reason if row.table == Table.SET_ASIDE else None,
            ),
        )
    for trace, span_id, content_hash in result.losers:
        changes.put_loser(trace, span_id=span_id, content_hash=content_hash)
    for trace, fact in result.payers:
        changes.put_payer(trace, fact)
    for response, seen in result.responses:
        changes.put_response(response, seen)
    return changes
