"""The order of an import's steps: records → split → strip → journal → progress, then the sealer.

Records are gathered to a few MiB, written as one frame, and only then does a file's progress move on: an import that
dies anywhere goes on before the first record that may not be durable, and what it writes twice is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.filesystem import Filesystem
from receiver.candidates import splitter_for
from receiver.config import ReceiverConfig, SealerConfig
from receiver.errors import JournalWriteError
from receiver.importing.errors import ImportInterruptedError, UnreadableFileError
from receiver.importing.progress import FileProgress, ImportProgress
from receiver.importing.records import Damage, NoTraces, Record, Traces, form_of, head_of, records_of
from receiver.importing.sealing import PENDING_BYTES_MAX, Sealing
from receiver.importing.window import Window
from receiver.journal import Journal
from receiver.strip import LARGE_SPAN_BYTES, strip_large_spans

# One frame's worth: fewer fdatasyncs than one a record, and still no more than a commit takes.
FRAME_BYTES: Final = 4 * 2**20
FRAME_SPANS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that was left out."""

    file: Path
    where: str
    why: str


@dataclass(slots=True)
class FileReport:
    """What an import came to, for one file."""

    file: Path
    form: str
    begun_at: int
    """Where it went on: 0 for a new file."""
    progress: FileProgress
    """Of this and earlier imports of the same content."""
    spans: int = 0
    """Read by this import."""
    problems: list[Problem] = field(default_factory=list)
    unfinished: str = ""
    """What stands incomplete at the end; empty when nothing does."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is, for who shows it."""

    file: Path
    bytes_done: int
    bytes_of: int


@dataclass(slots=True)
class _Frame:
    """What is gathered for one frame."""

    payload: bytearray = field(default_factory=bytearray)
    received: int = 0
    kept: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.payload) >= FRAME_BYTES or self.kept >= FRAME_SPANS


class Importer:
    """Imports files into one data directory. `journal` is None where nothing is to be written."""

    def __init__(
        self,
        config: ReceiverConfig,
        *,
        progress: ImportProgress,
        journal: Journal | None,
        make_room: Callable[[], None],
        on_step: Callable[[Step], None],
    ) -> None:
        self._splitter = splitter_for(config.customer_attributes)
        self._strip_above_bytes = 0 if config.strip_before_journal else LARGE_SPAN_BYTES
        self._progress = progress
        self._journal = journal
        self._make_room = make_room
        self._on_step = on_step

    def file(self, path: Path) -> FileReport:
        """Import what is new in a file."""
        with _positioned(path, self._progress) as (window, head, report):
            frame, size_bytes = _Frame(), path.stat().st_size
            for record, lines in records_of(window, lines_before=report.progress.lines):
                self._add(record, frame, report)
                report.progress.lines = lines
                if frame.is_full:
                    self._write(frame, window, head, report)
                    frame = _Frame()
                self._on_step(Step(path, window.compressed_offset, size_bytes))
            self._write(frame, window, head, report)
        return report

    def _add(self, record: Record, frame: _Frame, report: FileReport) -> None:
        done = report.progress
        if isinstance(record, Damage) and record.is_unfinished:
            report.unfinished = f"{record.where}: {record.why}"
            return
        done.records += 1
        if isinstance(record, NoTraces):
            done.no_traces += 1
            return
        if isinstance(record, Traces):
            self._add_spans(record, frame, report)
            return
        done.unreadable += 1
        report.problems.append(Problem(report.file, record.where, record.why))

    def _add_spans(self, record: Traces, frame: _Frame, report: FileReport) -> None:
        split = self._splitter.split(record.request)
        # Requests one after the other are their merged request: that is how protobuf's wire format is made.
        frame.payload += strip_large_spans(split.payload, above_bytes=self._strip_above_bytes)
        frame.received += split.received
        frame.kept += split.kept
        report.spans += split.received
        report.progress.spans += split.received
        report.progress.kept += split.kept
        report.progress.unreadable += len(record.problems)
        report.problems += [Problem(report.file, f"{record.where}, {_at(one)}", _why(one)) for one in record.problems]

    def _write(self, frame: _Frame, window: Window, head: str, report: FileReport) -> None:
        report.progress.position, report.progress.digest = window.offset, window.digest
        if self._journal is None:
            return
        self._make_room()
        if frame.received:
            try:
                self._journal.append(received=frame.received, kept=frame.kept, payload=bytes(frame.payload))
            except JournalWriteError as refused:
                raise ImportInterruptedError(
                    f"{report.file}: {refused}", hint="Run the same command again: it goes on from here."
                ) from refused
        self._progress.save(head, report.progress)


def import_files(
    files: Sequence[Path],
    receiver: ReceiverConfig,
    sealer: SealerConfig,
    *,
    filesystem: Filesystem,
    dry_run: bool = False,
    pending_bytes_max: int = PENDING_BYTES_MAX,
    on_step: Callable[[Step], None] = lambda _step: None,
    waiting: Callable[[], None] = lambda: None,
) -> list[FileReport]:
    """Import files; return what each came to once it is all in the ledger.

    Raises:
        UnreadableFileError: one of them cannot be opened; nothing was imported.
        ImportInterruptedError: the journal could not be written.
    """
    for path in files:
        _check_readable(path)
    progress = ImportProgress(receiver.data.jobs / "imports", filesystem=filesystem)
    if dry_run:
        reader = Importer(receiver, progress=progress, journal=None, make_room=lambda: None, on_step=on_step)
        return [reader.file(path) for path in files]
    sealing = Sealing(sealer, filesystem=filesystem, pending_bytes_max=pending_bytes_max, waiting=waiting)
    # A file is deleted only once it is ended: half of what may wait, so that there is always something to make room of.
    journal = Journal(receiver.data.journal, filesystem=filesystem, file_bytes_max=pending_bytes_max // 2)
    try:
        importer = Importer(receiver, progress=progress, journal=journal, make_room=sealing.make_room, on_step=on_step)
        reports = [importer.file(path) for path in files]
    finally:
        journal.close()
    sealing.finish()
    return reports


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as unreadable:
        raise UnreadableFileError(
            f"{path} cannot be read: {unreadable.strerror}.", hint="Nothing was imported; correct the path."
        ) from unreadable


@contextmanager
def _positioned(path: Path, progress: ImportProgress) -> Iterator[tuple[Window, str, FileReport]]:
    """Open a file where its import goes on."""
    with Window(path) as window:
        head, form = head_of(window), form_of(window)
        known = progress.of(head)
        window.skip(known.position)
        if window.digest == known.digest:
            yield window, head, FileReport(path, form, known.position, known)
            return
    with Window(path) as window:
        yield window, head, FileReport(path, form, 0, FileProgress())


def _at(problem: str) -> str:
    return problem.partition(": ")[0]


def _why(problem: str) -> str:
    return problem.partition(": ")[2]
