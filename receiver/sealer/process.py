"""The sealer as a process: one cycle about every second, opened afresh after any error.

A stop (SIGTERM, SIGINT) seals what the journal still holds, then ends.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

import structlog

from ledger.errors import SpanledgerError
from ledger.filesystem import Filesystem, LocalFilesystem
from ledger.layout import DataDirectory
from ledger.room import as_mib, room_at
from ledger.status import Status, write_status
from pricing.book import PriceBook
from receiver.attribution_rules import AttributionRulesError
from receiver.config import SealerConfig
from receiver.prices import STALE_AFTER_DAYS, CurrentBook, age_days
from receiver.sealer.compaction.compactor import Compactor
from receiver.sealer.index import delete_index, says_damage
from receiver.sealer.jobs.healing import ask_to_heal
from receiver.sealer.jobs.queue import JobQueue
from receiver.sealer.jobs.work import Worker
from receiver.sealer.rules_file import RulesFile
from receiver.sealer.seal import Sealer, SealResult
from receiver.stopping import stop_on_signals

_log = structlog.get_logger("sealer")
_RETRY_S_MIN: Final = 1.0
_RETRY_S_MAX: Final = 30.0
_PROGRESS_EVERY_S: Final = 5.0
_FULL_BATCHES_PER_SLICE: Final = 10


def run_sealer(
    config: SealerConfig,
    *,
    filesystem: Filesystem | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Seal until told to stop.

    Raises:
        SpanledgerError: the ledger cannot be opened; going on would make it worse.
    """
    stopping = stop or stop_on_signals()
    # Batches make millions of objects and no circles: the collector would only walk them again and again.
    gc.disable()
    inputs = Inputs(CurrentBook(config.data, authority=config.authority), RulesFile(config.rules_file))
    files = filesystem or LocalFilesystem()
    retry_s = _RETRY_S_MIN
    while True:
        try:
            with open_sealer(config, files, inputs) as sealer:
                _log_opened(sealer)
                retry_s = _RETRY_S_MIN
                compactor = Compactor(sealer, config.data, filesystem=files, evidence_days=config.evidence_days)
                with contextlib.closing(compactor):
                    is_over = _seal_until(
                        stopping, sealer, config, inputs, JobQueue(config.data.jobs, files), compactor=compactor
                    )
                if is_over:
                    _log.info("stopped", commit=sealer.state.commit)
                    write_status(config.data.sealer_status, Status(ready=False, reason="stopped", stopped=True))
                    return
            _log.info("attribution rules changed: opening with the new ones")
            continue
        except SpanledgerError:
            raise
        except Exception as error:  # noqa: BLE001 - any of them ends the same way: close, wait, open afresh
            # A disk that is full or failing may recover; whatever was half done, opening afresh repairs it.
            _log.error("sealing failed, opening afresh", retry_s=retry_s, kind=type(error).__name__, error=str(error))
            write_status(config.data.sealer_status, Status(ready=False, reason=f"sealing failed: {error}"))
            if says_damage(error):
                # It would fail at the same block for ever; it is derived, and built anew from the ledger.
                _log.error("the index is damaged: deleting it, to be built anew", folder=str(config.data.index))
                delete_index(config.data.index)
        if stopping.wait(retry_s):
            return
        retry_s = min(retry_s * 2, _RETRY_S_MAX)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What of the user's own decides about entries, and may change under a running sealer."""

    prices: CurrentBook
    rules: RulesFile


def open_sealer(config: SealerConfig, filesystem: Filesystem, inputs: Inputs | None = None) -> Sealer:
    """Open the ledger for writing, with the rules and prices of now.

    Raises:
        LedgerInUseError: another process writes it.
        AttributionRulesError: the rules file is not usable.
    """
    if inputs is None:
        inputs = Inputs(CurrentBook(config.data, authority=config.authority), RulesFile(config.rules_file))
    return Sealer(
        config.data,
        attribution=replace(config.attribution, rules=inputs.rules.in_force()),
        book=inputs.prices.get(),
        filesystem=filesystem,
        count_source=config.count_source,
        progress=_IndexProgress(),
    )


class _IndexProgress:
    """Says every few seconds how far the index is: a large ledger's takes minutes."""

    def __init__(self) -> None:
        self._say_at = time.monotonic() + _PROGRESS_EVERY_S

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._say_at:
            _log.info("bringing the index up to date", done=done, of=of)
            self._say_at = time.monotonic() + _PROGRESS_EVERY_S


def _log_opened(sealer: Sealer) -> None:
    _log.info(
        "sealing",
        ledger_id=sealer.state.ledger_id,
        commit=sealer.state.commit,
        prices=sealer.book.snapshot,
        own_prices=len(sealer.book.own.prices),
        rules=len(sealer.attribution.rules.rules),
        swept=len(sealer.swept),
    )
    _warn_of_age(sealer.book)


@lru_cache(maxsize=1)
def _age_on(book: PriceBook, day: date) -> int | None:
    return age_days(book, today=day)


def _warn_of_age(book: PriceBook) -> None:
    days = age_days(book)
    if days is None or days > STALE_AFTER_DAYS:
        _log.warning(
            "price data is old: newer models are unknown and changed prices wrong",
            prices=book.snapshot,
            newest_price_days_ago=days,
            todo="upgrade the package genai-prices, or `spanledger prices update`",
        )


def _seal_until(
    stopping: threading.Event,
    sealer: Sealer,
    config: SealerConfig,
    inputs: Inputs,
    jobs: JobQueue,
    *,
    compactor: Compactor,
) -> bool:
    """Seal until told to stop; False when the rules file was changed for another usable one."""
    worker = Worker(sealer, jobs, inputs_changed=inputs.rules.has_changed)
    ask_to_heal(sealer, jobs)
    full_batches = 0
    while True:
        was_stopping = stopping.is_set()
        if not was_stopping and _waits_for_room(config.data, sealer):
            stopping.wait(config.interval_s)
            continue
        _take_prices(sealer, inputs, jobs)
        result = sealer.seal()
        if not was_stopping:
            compactor.work(may_replace=not worker.is_busy)
        if result is not None:
            _report(result)
            if result.has_more:
                full_batches += 1
                # New calls come first, but a job under lasting load comes forward too.
                if full_batches % _FULL_BATCHES_PER_SLICE == 0:
                    worker.work()
                continue
        if was_stopping and result is None:
            return True
        if inputs.rules.has_changed() and _is_usable(inputs.rules):
            return False
        # A job's next slice fills the pause.
        if was_stopping or not worker.work():
            stopping.wait(config.interval_s)


def _take_prices(sealer: Sealer, inputs: Inputs, jobs: JobQueue) -> None:
    book = inputs.prices.get()
    if book is sealer.book:
        return
    sealer.use_prices(book)
    _log.info("prices changed", prices=book.snapshot, own_prices=len(book.own.prices))
    ask_to_heal(sealer, jobs)
    _warn_of_age(book)


def _waits_for_room(data: DataDirectory, sealer: Sealer) -> bool:
    """Say whether the disk is so full that a commit might meet its end; the status says it, and how far sealing is."""
    room = room_at(data.ledger)
    is_low = room.free_bytes < room.sealer_reserve_bytes
    reason = f"the disk has {as_mib(room.free_bytes)} left: sealing waits until there is room" if is_low else ""
    figures = {"commit": sealer.state.commit, "segments": len(sealer.state.segments)}
    if (days := _age_on(sealer.book, datetime.now(UTC).date())) is not None:
        figures["price_age_days"] = days
    write_status(data.sealer_status, Status(ready=not is_low, reason=reason, figures=figures))
    return is_low


def _is_usable(rules: RulesFile) -> bool:
    try:
        rules.read()
    except AttributionRulesError as wrong:
        _log.error("the changed attribution rules are not usable; the ones read before hold on", problem=str(wrong))
        return False
    return True


def _report(result: SealResult) -> None:
    _log.info("committed", commit=result.commit, spans=result.spans, calls=result.calls)
    if result.fault is not None:
        _log.error(
            "a fault in reading spans quickly; they were read one by one, nothing is lost",
            fault=result.fault,
            todo="report it with this line",
        )
    for damage in result.damage:
        _log.error(
            "journal damage skipped; the file is kept",
            file=damage.file,
            start=damage.start,
            end=damage.end,
            todo="if the disk was full or failing then, senders were told to send this again; else look at the disk",
        )
