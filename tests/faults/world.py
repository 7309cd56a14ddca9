"""A run of spanledger over a disk that fails: receiver, sealer, a job, an import, started again after every stop.

The run is a fixed list of steps. Each step is tried until it is done, as the programs outside would: a sender sends
again what was not acknowledged, the sealer is opened afresh after an error, a killed program is started again. After
every stop the promise is checked before anything is sent again:

    acknowledged      every one of its spans is in the ledger exactly once
    not acknowledged  at most once

and at the end the ledger must say what it says after an undisturbed run (`settled`). A part that writes through the
same seam joins by a step of its own in `STEPS`.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from genai_prices.data import providers
from genai_prices.types import ModelPrice

from ledger.filesystem import LocalFilesystem
from ledger.layout import DataDirectory
from pricing.book import PriceBook
from receiver.config import ReceiverConfig, SealerConfig
from receiver.errors import ReceiveError
from receiver.importing.errors import ImportInterruptedError
from receiver.importing.importing import import_files
from receiver.sealer.compaction.compactor import Compactor
from receiver.sealer.jobs.job import JobKind
from receiver.sealer.jobs.queue import JobQueue
from receiver.sealer.jobs.work import Worker
from tests.faults.disk import Disk, Survives
from tests.importing.written import messages
from tests.otlp import SpanText, call, request
from tests.pipeline import BOOK, Pipeline

# Small, so that files end within the run: some hold one frame, some two.
JOURNAL_FILE_BYTES: Final = 900
TRIES_MAX: Final = 60
_HISTORY: Final = 'recorded_time, "commit", revision, reason, entry_type'

REQUESTS: Final[dict[str, tuple[SpanText, ...]]] = {
    "two calls": (
        call(trace=0x11, span=0x12, parent=0x13, attributes={"customer.id": "acme"}),
        call(trace=0x15, span=0x16),
    ),
    "no calls": (SpanText(trace=0x17, span=0x18, scope="http"), SpanText(trace=0x17, span=0x19, scope="db")),
    "what is learned later": (
        call(trace=0x11, span=0x13, attributes={"gen_ai.response.id": "resp_1"}),
        call(trace=0x21, span=0x22, tokens=(-1, 1)),
        SpanText(trace=0x15, span=0x1A, scope="http", attributes={"customer.id": "globex"}),
    ),
    "another call": (call(trace=0x31, span=0x32, attributes={"gen_ai.response.id": "resp_2"}),),
    "the same call elsewhere": (call(trace=0x33, span=0x34, attributes={"gen_ai.response.id": "resp_2"}),),
    "imported": (call(trace=0x51, span=0x52, model="no-such-model"), SpanText(trace=0x51, span=0x53)),
    "what is learned after": (
        call(trace=0x15, span=0x17, parent=0x16, tokens=(100, 10), attributes={"gen_ai.response.id": "resp_9"}),
        call(trace=0x61, span=0x62),
    ),
    "last": (call(trace=0x41, span=0x42, tokens=(7, 7)), call(trace=0x11, span=0x14, parent=0x12)),
}


def dearer_book() -> PriceBook:
    """Today's prices, but for one model's."""
    changed = [
        replace(
            one,
            models=[
                replace(model, prices=ModelPrice(input_mtok=Decimal(5), output_mtok=Decimal(5)))
                if model.id == "gpt-4o"
                else model
                for model in one.models
            ],
        )
        for one in providers
    ]
    return PriceBook(changed, snapshot="dearer")


DEARER: Final = dearer_book()


class PromiseBrokenError(AssertionError):
    """A span was lost or doubled."""


class World:
    """One run. `run` goes through the steps; `settled` says what the ledger holds."""

    def __init__(self, folder: Path, *, survives: tuple[Survives, ...] = (Survives.EVERYTHING,), seed: int = 0) -> None:
        self.data = DataDirectory(folder)
        folder.mkdir()
        self.disk = Disk(folder)
        self.stops = 0
        self._chance = random.Random(seed)
        self._survives = survives  # at the first stop, the second …; the last one of them at all that follow
        self._aside = folder.with_name(f"{folder.name}-index")
        self._exported = folder.with_name(f"{folder.name}-exported")
        self._acknowledged: set[str] = set()
        self._tried: set[str] = set()
        self._book = BOOK
        self._pipeline: Pipeline | None = None
        self._is_to_be_checked = False

    def run(self) -> None:
        """Go through the steps, each until it is done."""
        for step in STEPS:
            self._until_done(lambda step=step: step(self))  # type: ignore[misc]
        self._until_done(self._check)

    # ------------------------------------------------------------ steps
    def send(self, name: str) -> None:
        """Send one of the requests, and note whether it was acknowledged."""
        self._tried.add(name)
        self.pipeline.send(*REQUESTS[name])
        self._acknowledged.add(name)
        self._let_the_journal_finish()

    def seal(self) -> None:
        """Seal until there is nothing new."""
        self.pipeline.seal()

    def restart_receiver(self) -> None:
        """Stop everything in order and start it again."""
        self.pipeline.close()
        self._pipeline = None
        assert self.pipeline

    def reprice(self) -> None:
        """Have a job move every price, as the command does while no sealer runs."""
        if self._book is not DEARER:
            self._book = DEARER
            self._drop_pipeline()
        queue = JobQueue(self.data.jobs, self.pipeline.filesystem)
        queue.ask(JobKind.REPRICE)
        worker = Worker(self.pipeline.sealer, queue)
        while worker.work():
            pass

    def compact(self) -> None:
        """Merge all that can be merged, and let the old files go at once."""
        pipeline = self.pipeline
        compactor = Compactor(pipeline.sealer, self.data, filesystem=pipeline.filesystem, grace=timedelta(0))
        while compactor.merge_now() is not None:
            pass
        while pipeline.sealer.state.retired:
            compactor.work(may_replace=False)

    def checkpoint(self) -> None:
        """Fold the manifest's lines but for the last three."""
        self.pipeline.sealer._manifest.checkpoint(lines_kept=3)

    def import_file(self) -> None:
        """Import one of the requests from a file, as the command does while no sealer runs."""
        self._tried.add("imported")
        self.pipeline.restart_sealer()
        self._exported.write_bytes(messages(request(*REQUESTS["imported"])))
        import_files(
            [self._exported],
            ReceiverConfig(data=self.data),
            SealerConfig(data=self.data),
            filesystem=self.pipeline.filesystem,
        )
        self._acknowledged.add("imported")

    # ------------------------------------------------------------ living through it
    @property
    def pipeline(self) -> Pipeline:
        """Receiver and sealer, started when first needed."""
        if self._pipeline is None:
            self._pipeline = Pipeline(self.data.root, filesystem=LocalFilesystem(self.disk), book=self._book)
            self._pipeline.journal._file_bytes_max = JOURNAL_FILE_BYTES
        return self._pipeline

    def _until_done(self, step: Callable[[], None]) -> None:
        for _ in range(TRIES_MAX):
            try:
                if self._is_to_be_checked:
                    self._check()
                    self._is_to_be_checked = False
                step()
                if not self.disk.is_dead:
                    return
                # What died may have been of no use to the step, such as the end of a journal file.
                self._stop()
            except (OSError, ReceiveError, ImportInterruptedError):
                if self.disk.is_dead:
                    self._stop()
                elif self._pipeline is not None:
                    self._pipeline.restart_sealer()
        raise AssertionError(f"not done after {TRIES_MAX} tries")

    def _stop(self) -> None:
        """The machine or the process stops, and everything is started again."""
        self.stops += 1
        shutil.rmtree(self._aside, ignore_errors=True)
        if self.data.index.is_dir():
            shutil.copytree(self.data.index, self._aside)
        self._drop_pipeline()
        self._restore_index()
        self.disk.restart(self._survives[min(self.stops, len(self._survives)) - 1], self._chance)
        self._is_to_be_checked = True

    def _drop_pipeline(self) -> None:
        if self._pipeline is not None:
            with contextlib.suppress(OSError):
                self._pipeline.journal.close()
            with contextlib.suppress(OSError):
                self._pipeline.restart_sealer()
            self._pipeline = None

    def _restore_index(self) -> None:
        """The index was not closed in good order, or is gone: it is derived."""
        shutil.rmtree(self.data.index, ignore_errors=True)
        if self._aside.is_dir() and self._chance.random() < 0.8:
            shutil.copytree(self._aside, self.data.index)

    def _let_the_journal_finish(self) -> None:
        """Wait until the journal's thread has ended the file if it was full: the calls have one order then."""
        journal = self.pipeline.journal
        while journal._file is not None and journal._file_bytes >= JOURNAL_FILE_BYTES:
            time.sleep(0.0002)

    # ------------------------------------------------------------ looking at it
    def _check(self) -> None:
        self.pipeline.seal()
        self.pipeline.audit()
        rows = self.pipeline.rows(
            "SELECT trace_id, span_id FROM calls UNION ALL SELECT trace_id, span_id FROM set_aside"
        )
        found = [(row["trace_id"], row["span_id"]) for row in rows]
        for name, spans in REQUESTS.items():
            for span in spans:
                if "gen_ai.operation.name" not in span.attributes:
                    continue
                times = found.count((f"{span.trace:032x}", f"{span.span:016x}"))
                if times > 1 or (name in self._acknowledged and not times) or (name not in self._tried and times):
                    raise PromiseBrokenError(
                        f"span {span.span:x} of {name!r} is in the ledger {times} times; "
                        f"acknowledged: {name in self._acknowledged}"
                    )

    def settled(self) -> dict[str, Any]:
        """Return what must be the same however the run went."""
        kept = ("usage", "nested", "aggregate", "quarantined")
        audit = self.pipeline.audit()
        return {
            "calls": self.pipeline.rows(f"SELECT * EXCLUDE ({_HISTORY}) FROM calls ORDER BY source_id"),
            "costs_daily": self.pipeline.rows("SELECT * FROM costs_daily ORDER BY ALL"),
            "counts": {name: audit.get(name, 0) for name in kept},
        }

    def close(self) -> None:
        """Stop everything and remove it."""
        self._drop_pipeline()
        shutil.rmtree(self.data.root)
        shutil.rmtree(self._aside, ignore_errors=True)
        self._exported.unlink(missing_ok=True)


Step = Callable[[World], None]


def sending(name: str) -> Step:
    """Return the step that sends a request."""
    return lambda world: world.send(name)


# Receive, seal, learn something later, receive the same again, rotate, restart, correct by a job, import, compact. What
# is added stands at the end, so that cases keep their numbers.
STEPS: Final[tuple[Step, ...]] = (
    sending("two calls"),
    sending("no calls"),
    World.seal,
    sending("what is learned later"),
    sending("two calls"),
    World.seal,
    World.restart_receiver,
    sending("another call"),
    World.seal,
    World.reprice,
    sending("the same call elsewhere"),
    sending("what is learned later"),
    World.seal,
    sending("last"),
    World.restart_receiver,
    World.seal,
    World.seal,
    World.import_file,
    World.compact,
    World.checkpoint,
    sending("what is learned after"),
    sending("two calls"),
    World.seal,
    World.restart_receiver,
    World.compact,
)
