"""The prices in force: the installed data or what the user has put in its place, and the user's own.

Versions in `<data>/prices/` are of two kinds, and the newest of each name is in force:

    own    a price file of the user's own, by its file name; an empty one withdraws what it said
    data   newer public price data: `accepted` says whether all of it holds, or only the models that were not known
           (`new`), or that the installed package's data holds again (`package`)

What a commit was priced by is recorded in the manifest (`versions_of`). Must not: price.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from genai_prices.types import Provider

from ledger.errors import LedgerDamagedError
from ledger.filesystem import Filesystem, LocalFilesystem
from ledger.layout import DataDirectory
from ledger.versions import Content, Version, Versions
from pricing.authority import CostAuthority
from pricing.book import PriceBook
from pricing.data import newest_price, read_price_data, with_new_models
from pricing.own.book import OwnBook
from pricing.own.checking import FileText, check_files

OWN: Final = "own"
DATA: Final = "data"
DATA_NAME: Final = "genai-prices"
ACCEPTED: Final = "accepted"
ALL, NEW, PACKAGE = "all", "new", "package"

# Price data is released about weekly; what no price has been added to for so long has probably been forgotten.
STALE_AFTER_DAYS: Final = 45


def price_versions(data: DataDirectory, *, filesystem: Filesystem | None = None) -> Versions:
    """Return the versions of prices in a data directory."""
    return Versions(data.prices, filesystem=filesystem or LocalFilesystem())


def load_book(data: DataDirectory, *, authority: CostAuthority | None = None) -> PriceBook:
    """Return the book of all that is in force now.

    Raises:
        LedgerDamagedError: a version is damaged, or no longer makes sense.
    """
    versions = price_versions(data)
    bundled = PriceBook.bundled()
    providers, snapshot = _public(versions, bundled)
    own = _own(versions)
    return PriceBook(providers, snapshot=snapshot, own=own, authority=authority)


class CurrentBook:
    """The book of what is in force, read again once something has been added."""

    def __init__(self, data: DataDirectory, *, authority: CostAuthority) -> None:
        self._data = data
        self._authority = authority
        self._versions = price_versions(data)
        self._read: tuple[Version, ...] = ()
        self._book: PriceBook | None = None

    def get(self) -> PriceBook:
        """Return the book.

        Raises:
            LedgerDamagedError: a version is damaged, or no longer makes sense.
        """
        now = in_force(self._versions)
        if self._book is None or now != self._read:
            self._book = load_book(self._data, authority=self._authority)
            self._read = now
        return self._book


def own_files(versions: Versions) -> list[FileText]:
    """Return the own price files in force."""
    return [FileText(one.name, versions.read(one).text, one.short) for one in versions.in_force(OWN)]


def versions_of(book: PriceBook) -> dict[str, str]:
    """Return what a commit records of the prices that it went by."""
    places = [one.place for one in book.own.prices] + [one.place for one in book.own.deployments]
    own = ",".join(sorted({f"{place.file}@{place.version}" for place in places}))
    return {"prices": book.snapshot, "own_prices": own, "cost_authority": str(book.authority)}


def in_force(versions: Versions) -> tuple[Version, ...]:
    """Return what `load_book` reads, to see whether anything has changed since."""
    return (*versions.in_force(OWN), *(one for one in versions.all() if one.kind == DATA))


def age_days(book: PriceBook, *, today: date | None = None) -> int | None:
    """Return how many days ago the newest price of the public data began; None where none is dated."""
    day = today or datetime.now(UTC).date()
    newest = newest_price(book.providers, until=day)
    return None if newest is None else (day - newest).days


def _public(versions: Versions, bundled: PriceBook) -> tuple[Sequence[Provider], str]:
    """Go through the versions of public data, oldest first: each holds whole, or adds its new models."""
    providers, snapshot = bundled.providers, bundled.snapshot
    steps = [(one, versions.read(one)) for one in versions.all() if one.kind == DATA]
    for version, content in steps[_last_whole(steps) :]:
        accepted = content.details.get(ACCEPTED)
        if accepted == PACKAGE:
            providers, snapshot = bundled.providers, bundled.snapshot
            continue
        try:
            newer = read_price_data(content.text).providers
        except ValueError as wrong:
            raise LedgerDamagedError(
                f"{version.path} was price data when it was added, and is not any more: {wrong}.",
                hint="Use the spanledger that added it, or `spanledger prices update --from package`.",
            ) from wrong
        name = f"genai-prices data {version.short}"
        if accepted == ALL:
            providers, snapshot = tuple(newer), name
        else:
            providers, snapshot = tuple(with_new_models(providers, newer)), f"{snapshot} + new models of {name}"
    return providers, snapshot


def _last_whole(steps: Sequence[tuple[Version, Content]]) -> int:
    places = [place for place, (_, content) in enumerate(steps) if content.details.get(ACCEPTED) != NEW]
    return places[-1] if places else 0


def _own(versions: Versions) -> OwnBook:
    checked = check_files(own_files(versions))
    if checked.problems:
        raise LedgerDamagedError(
            f"own prices that were taken do not hold together any more: {'; '.join(map(str, checked.problems))}.",
            hint="Add a mended file with `spanledger prices add`.",
        )
    return checked.book
