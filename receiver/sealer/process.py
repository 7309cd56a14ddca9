"""The sealer as a process: one cycle about every second, opened afresh after any error.

A stop (SIGTERM, SIGINT) seals what the journal still holds, then ends.
"""

from __future__ import annotations

import gc
import threading
from typing import Final

import structlog

from ledger.errors import SpanledgerError
from ledger.filesystem import Filesystem, LocalFilesystem
from pricing.book import PriceBook
from receiver.config import SealerConfig
from receiver.prices import STALE_AFTER_DAYS, CurrentBook, age_days
from receiver.sealer.seal import Sealer, SealResult
from receiver.stopping import stop_on_signals

_log = structlog.get_logger("sealer")
_RETRY_S_MIN: Final = 1.0
_RETRY_S_MAX: Final = 30.0


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
    prices = CurrentBook(config.data, authority=config.authority)
    files = filesystem or LocalFilesystem()
    retry_s = _RETRY_S_MIN
    while True:
        try:
            with _open(config, prices, files) as sealer:
                _seal_until(stopping, sealer, config, prices)
                _log.info("stopped", commit=sealer.state.commit)
                return
        except SpanledgerError:
            raise
        except Exception as error:  # noqa: BLE001 - any of them ends the same way: close, wait, open afresh
            # A disk that is full or failing may recover; whatever was half done, opening afresh repairs it.
            _log.error("sealing failed, opening afresh", retry_s=retry_s, kind=type(error).__name__, error=str(error))
        if stopping.wait(retry_s):
            return
        retry_s = min(retry_s * 2, _RETRY_S_MAX)


def _open(config: SealerConfig, prices: CurrentBook, filesystem: Filesystem) -> Sealer:
    book = prices.get()
    sealer = Sealer(
        config.data,
        attribution=config.attribution,
        book=book,
        filesystem=filesystem,
        count_source=config.count_source,
        progress=lambda done, of: _log.info("rebuilding index", commit=done, of=of) if done % 100 == 0 else None,
    )
    _log.info(
        "sealing",
        ledger=str(config.data.ledger),
        commit=sealer.state.commit,
        prices=book.snapshot,
        own_prices=len(book.own.prices),
        swept=len(sealer.swept),
    )
    _warn_of_age(book)
    return sealer


def _warn_of_age(book: PriceBook) -> None:
    days = age_days(book)
    if days is None or days > STALE_AFTER_DAYS:
        _log.warning(
            "price data is old: newer models are unknown and changed prices wrong",
            prices=book.snapshot,
            newest_price_days_ago=days,
            todo="upgrade the package genai-prices, or `spanledger prices update`",
        )


def _seal_until(stopping: threading.Event, sealer: Sealer, config: SealerConfig, prices: CurrentBook) -> None:
    while True:
        was_stopping = stopping.is_set()
        if (book := prices.get()) is not sealer.book:
            sealer.use_prices(book)
            _log.info("prices changed", prices=book.snapshot, own_prices=len(book.own.prices))
            _warn_of_age(book)
        result = sealer.seal()
        if result is not None:
            _report(result)
            if result.has_more:
                continue
        if was_stopping and result is None:
            return
        stopping.wait(config.interval_s)


def _report(result: SealResult) -> None:
    _log.info("committed", commit=result.commit, spans=result.spans, calls=result.calls)
    for damage in result.damage:
        _log.error(
            "journal damage skipped; the file is kept",
            file=damage.file,
            start=damage.start,
            end=damage.end,
            todo="if the disk was full or failing then, senders were told to send this again; else look at the disk",
        )
