"""A sealer to measure: the real one, at the installed prices, on the real disk."""

from __future__ import annotations

from ledger.filesystem import LocalFilesystem
from ledger.layout import DataDirectory
from pricing.book import PriceBook
from receiver.config import SealerConfig
from receiver.sealer.seal import Sealer


def open_sealer(data: DataDirectory) -> Sealer:
    """Open the ledger of a data directory, as a sealer without settings does."""
    return Sealer(
        data, attribution=SealerConfig(data).attribution, book=PriceBook.bundled(), filesystem=LocalFilesystem()
    )
