"""Verifying a whole data directory, and repairing what can be repaired without losing anything.

Checking only reads, so it may run beside a receiver and a sealer. Repairing takes the ledger's lock. It puts a manifest
line right in which one bit has flipped (its digest proves it), takes whole segments from a backup, renders views.sql
anew and deletes a damaged index, which the next start rebuilds. Whatever is replaced is kept beside it first. Anything
else it refuses; the report says what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from ledger.errors import LedgerDamagedError, LedgerMissingError, SpanledgerError
from ledger.filesystem import Filesystem
from ledger.history import chain_breaks
from ledger.layout import DataDirectory
from ledger.lock import ProcessLock, is_locked
from ledger.manifest import RECEIVED, TORN_SUFFIX, LedgerState, read_state
from ledger.schema import SpanClass, Table
from ledger.segment import Segment
from ledger.verifying import lines as manifest_lines
from ledger.verifying.findings import Finding, Part, Report
from ledger.verifying.segments import calls_in, check_segment, check_unlisted, is_whole, unlisted
from ledger.views import commit_of_views, render_views
from receiver.journal_reader import Damage, Frame, journal_files, read_frames
from receiver.sealer.index import IndexReader, delete_index

_SLICE_BYTES: Final = 64 * 2**20
_ROWS_SAMPLED: Final = 50_000
_NEWEST_SEGMENTS_SAMPLED: Final = 20
Progress = Callable[[str, int, int], None]


def verify(data: DataDirectory, *, progress: Progress = lambda _what, _done, _of: None) -> Report:
    """Check journal, manifest, segments, counts, views and index.

    Raises:
        LedgerMissingError: there is nothing to check.
    """
    if not data.manifest.exists() and not data.journal.exists():
        raise LedgerMissingError(f"there is no ledger at {data.ledger}.", hint="Correct the path (--data-dir).")
    report = Report()
    _check_journal(data, report)
    if data.manifest.exists():
        state = _check_manifest(data, report)
        _check_segments(data, state, report, progress)
        if state is not None:
            _check_views(data, state, report)
            _check_index(data, state, report)
    elif data.ledger.exists() and any(data.ledger.rglob("*.parquet")):
        todo = "Restore ledger/manifest.jsonl from a backup; the segments are untouched."
        report.findings.append(
            Finding(Part.MANIFEST, str(data.manifest), "", "is missing, and there are segments", todo)
        )
    return report


# ---------------------------------------------------------------- checks
def _check_manifest(data: DataDirectory, report: Report) -> LedgerState | None:
    found = manifest_lines.scan(data.manifest)
    for one in found.damaged:
        place = f"line {one.number}, bytes {one.start} to {one.end}"
        if one.is_tail and is_locked(data.writer_lock):
            what, todo = "is being written, or torn", "Check again; if it stays, stop the sealer and `verify --repair`."
            report.findings.append(Finding(Part.MANIFEST, str(data.manifest), place, what, todo, is_damage=False))
            continue
        what = "the last line is torn or damaged" if one.is_tail else "a line is damaged"
        todo = "`spanledger verify --repair` puts it right if one bit flipped; else restore the manifest from a backup."
        report.findings.append(Finding(Part.MANIFEST, str(data.manifest), place, what, todo))
    for line, why in manifest_lines.breaks(found.lines) if not found.damaged else ():
        place = f"line {line.number}, offset {line.start}"
        todo = "Restore the manifest from a backup; do not edit it."
        report.findings.append(Finding(Part.MANIFEST, str(data.manifest), place, why, todo))
    for line in found.lines:
        for path, why in chain_breaks(line.says.get("history", ()), line.says.get("chain", ""), ledger=data.ledger):
            todo = (
                "Restore this one file from a backup. Calls and costs do not depend on it; checking old invoices does."
            )
            report.findings.append(Finding(Part.MANIFEST, str(path), "", why, todo))
    try:
        state = read_state(data.manifest)
    except LedgerDamagedError as damaged:
        if not report.findings:
            report.findings.append(Finding(Part.MANIFEST, str(data.manifest), "", damaged.message, damaged.hint))
        return None
    report.commit = state.commit
    if not state.adds_up:
        what = f"{state.count(RECEIVED)} spans received, and the classes do not add up to it"
        report.findings.append(
            Finding(Part.COUNTS, str(data.manifest), "", what, "Report it: this is a fault of ours.")
        )
    return state


def _check_segments(data: DataDirectory, state: LedgerState | None, report: Report, progress: Progress) -> None:
    segments = manifest_lines.scan(data.manifest).live_segments() if state is None else state.segments
    whole: list[Segment] = []
    for number, segment in enumerate(segments, start=1):
        finding = check_segment(segment, ledger=data.ledger)
        if finding is not None and not _is_listed_still(data, segment, state):
            continue  # compacted and removed while we looked
        report.segments += 1
        report.rows += segment.rows
        if finding is None:
            whole.append(segment)
            report.segments_whole += 1
            report.rows_whole += segment.rows
        else:
            report.findings.append(finding)
        progress("segments", number, len(segments))
    positions = {} if state is None else dict(state.positions)
    if not is_locked(data.writer_lock):
        retired = () if state is None else state.retired
        for path in unlisted(data, [*(segment.path for segment in segments), *retired]):
            report.findings.append(check_unlisted(path, data, positions))
    if state is not None and len(whole) == len(state.segments):
        calls = calls_in(whole, ledger=data.ledger)
        if calls != state.count(SpanClass.USAGE):
            what = f"the manifest counts {state.count(SpanClass.USAGE)} calls, the segments hold {calls}"
            todo = "Report it with this line: no file is damaged, so it is a fault of ours."
            report.findings.append(Finding(Part.COUNTS, str(data.manifest), "", what, todo))


def _is_listed_still(data: DataDirectory, segment: Segment, state: LedgerState | None) -> bool:
    if state is None or not is_locked(data.writer_lock):
        return True
    try:
        return segment in read_state(data.manifest).segments
    except SpanledgerError:
        return True


def _check_views(data: DataDirectory, state: LedgerState, report: Report) -> None:
    try:
        text = data.views.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if text == render_views(state, ledger=data.ledger) or is_locked(data.writer_lock):
        return
    stated = commit_of_views(text)
    if stated is not None and stated > state.commit:
        what = f"is of commit {stated}, and the manifest ends with {state.commit}: a line of it was lost"
        todo = "`spanledger verify --repair` brings it back if it can; else restore the manifest from a backup."
        report.findings.append(Finding(Part.VIEWS, str(data.views), "", what, todo))
        return
    what = f"does not say what commit {state.commit} of the manifest says"
    todo = "`spanledger verify --repair`, or the next start of the sealer, renders it anew."
    report.findings.append(Finding(Part.VIEWS, str(data.views), "", what, todo))


def _check_journal(data: DataDirectory, report: Report) -> None:
    for file in journal_files(data.journal):
        position = 0
        while found := list(read_frames(file, position=position, bytes_max=_SLICE_BYTES)):
            for one in found:
                if isinstance(one, Damage):
                    what = "no frames; those before and behind are sealed"
                    todo = "If the disk was full or power failed, senders have sent these again; else look at the disk."
                    place = f"bytes {one.start} to {one.end}"
                    report.findings.append(Finding(Part.JOURNAL, str(file.path), place, what, todo))
            report.journal_frames += sum(isinstance(one, Frame) for one in found)
            position = found[-1].end
    for path in sorted(data.journal.glob("*.damaged")):
        what = "was sealed but for damaged bytes in it, and kept"
        todo = "Look at the disk; delete it once you have seen it."
        report.findings.append(Finding(Part.JOURNAL, str(path), "", what, todo, is_damage=False))


def _check_index(data: DataDirectory, state: LedgerState, report: Report, *, is_quiet: bool | None = None) -> None:
    """Read every record; compare with the newest segments. `is_quiet`: nobody writes (None: find out)."""
    is_quiet = not is_locked(data.writer_lock) if is_quiet is None else is_quiet
    todo = "`spanledger verify --repair` deletes it; the next start of the sealer builds it anew from the ledger."
    if not data.index.exists():
        report.findings.append(Finding(Part.INDEX, str(data.index), "", "is not there", todo, is_damage=False))
        return
    try:
        reader = IndexReader(data.index)
        try:
            meta = reader.meta
            report.index_records = reader.count_all()
            missing = 0
            for segment in state.of_table(Table.USAGE)[-_NEWEST_SEGMENTS_SAMPLED:]:
                if meta is not None and meta.applied >= state.commit and is_whole(data.ledger / segment.path, segment):
                    rows = (
                        pq.read_table(
                            data.ledger / segment.path, columns=["ingest_scope", "source_id"], partitioning=None
                        )
                        .slice(0, _ROWS_SAMPLED)
                        .to_pydict()
                    )
                    missing += reader.missing(rows["ingest_scope"], rows["source_id"])
        finally:
            reader.close()
    except Exception as damaged:  # noqa: BLE001 - RocksDB raises bare exceptions
        report.findings.append(Finding(Part.INDEX, str(data.index), "", f"cannot be read: {damaged}", todo))
        return
    if not is_quiet:
        return
    if meta is None or meta.ledger_id != state.ledger_id or meta.applied > state.commit:
        found = "nothing" if meta is None else f"commit {meta.applied} of ledger {meta.ledger_id}"
        what = f"has applied {found}; the ledger is {state.ledger_id}, commit {state.commit}"
        report.findings.append(Finding(Part.INDEX, str(data.index), "", what, todo, is_damage=False))
    elif missing:
        what = f"does not know {missing} spans of the newest segments"
        report.findings.append(Finding(Part.INDEX, str(data.index), "", what, todo))


# ---------------------------------------------------------------- repairs
def repair(data: DataDirectory, *, filesystem: Filesystem, backup: Path | None = None) -> list[str]:
    """Repair what loses nothing; return what was done, in sentences.

    Raises:
        LedgerInUseError: a sealer is running.
    """
    with ProcessLock(data.writer_lock, what="the ledger in"):
        done = _repair_manifest(data, filesystem)
        try:
            state = read_state(data.manifest)
        except SpanledgerError:
            return done
        stated = commit_of_views(data.views.read_text(errors="replace")) if data.views.exists() else None
        if stated is not None and stated > state.commit:
            return done  # a line was lost; views.sql and index are what tells of it
        if backup is not None:
            done += _take_from(backup, data, state, filesystem)
        text = render_views(state, ledger=data.ledger)
        if not data.views.exists() or data.views.read_bytes() != text.encode():
            filesystem.write_durably(data.views, text.encode())
            done.append(f"rendered {data.views} anew, of commit {state.commit}")
        report = Report()
        _check_index(data, state, report, is_quiet=True)
        if report.findings and data.index.exists():
            delete_index(data.index)
            done.append(f"deleted the index {data.index}; the next start of the sealer builds it anew")
    return done


def _repair_manifest(data: DataDirectory, filesystem: Filesystem) -> list[str]:
    path, torn = data.manifest, data.manifest.with_name(f"{data.manifest.name}{TORN_SUFFIX}")
    found = manifest_lines.scan(path)
    candidate = found.data
    if torn.exists() and not found.damaged:
        # A start has cut it off already; it is put back only if it follows, line by line.
        back = manifest_lines.with_one_bit_back(torn.read_bytes())
        candidate += b"" if back is None else back + b"\n"
    elif found.damaged:
        mended = manifest_lines.mended(found)
        candidate = found.data if mended is None else mended
    whole = manifest_lines.scan_bytes(candidate)
    if candidate == found.data or whole.damaged or any(manifest_lines.breaks(whole.lines)):
        return []
    aside = path.with_name(f"{path.name}.before-{hashlib.blake2b(found.data, digest_size=4).hexdigest()}")
    filesystem.write_durably(aside, found.data)
    filesystem.write_durably(path, candidate)
    return [f"put {path} right: one bit of a line had flipped, its digest proves it; as it was: {aside.name}"]


def _take_from(backup: Path, data: DataDirectory, state: LedgerState, filesystem: Filesystem) -> list[str]:
    done = []
    for segment in state.segments:
        source, target = backup / "ledger" / segment.path, data.ledger / segment.path
        if is_whole(target, segment) or not is_whole(source, segment):
            continue
        if target.exists():
            filesystem.write_durably(target.with_name(f"{target.name}.before"), target.read_bytes())
        filesystem.make_folder(target.parent)
        filesystem.write_durably(target, source.read_bytes())
        done.append(f"took {target} from the backup: its digest is the one the manifest lists")
    return done
