"""Changes of prices: a price file added, newer public data taken. Checked first, then kept as a version; nothing else.

Must not: ask, print, or reach the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import SpanledgerError
from ledger.versions import Version, Versions
from pricing.book import PriceBook
from pricing.data import Difference, PriceDataError, differences, read_price_data
from pricing.own.checking import Checked, FileText, check_files
from pricing.own.fields import Problem
from receiver.prices import ACCEPTED, ALL, DATA, DATA_NAME, NEW, OWN, PACKAGE, own_files

_SHOWN_MAX: Final = 20


class PriceFileError(SpanledgerError):
    """A price file has problems; each is in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = [f"  {problem}" for problem in problems[:_SHOWN_MAX]]
        more = [f"  … and {len(problems) - _SHOWN_MAX} more"] if len(problems) > _SHOWN_MAX else []
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"nothing was added: {count}", *shown, *more]))
        self.problems = tuple(problems)


class PriceUpdateError(SpanledgerError):
    """Newer price data cannot be taken."""


@dataclass(frozen=True, slots=True)
class Update:
    """What newer public data would change."""

    text: str
    difference: Difference
    left_out: tuple[str, ...]
    """Models that this program cannot price, with the reason."""


def check(versions: Versions, files: Iterable[FileText]) -> Checked:
    """Check files as they would hold beside those in force; a file takes the place of one of its name."""
    given = {one.file: one for one in files}
    others = [one for one in own_files(versions) if one.file not in given]
    return check_files([*others, *given.values()])


def add_own(versions: Versions, files: Sequence[FileText]) -> list[Version]:
    """Keep price files as new versions; those whose text is in force already are not kept again.

    Raises:
        PriceFileError: they do not hold together; nothing was added.
        VersionNameError, LedgerInUseError: as `Versions.add` says.
    """
    _must_hold(versions, files)
    # Two that are added at once, each right beside what was there, may be wrong together: one after the other.
    with versions.held():
        _must_hold(versions, files)
        return _add_own(versions, files)


def _must_hold(versions: Versions, files: Sequence[FileText]) -> None:
    checked = check(versions, files)
    if checked.problems:
        raise PriceFileError(checked.problems)


def _add_own(versions: Versions, files: Sequence[FileText]) -> list[Version]:
    before = {one.file: one.text for one in own_files(versions)}
    return [versions.add(kind=OWN, name=one.file, text=one.text) for one in files if before.get(one.file) != one.text]


def compare_data(book: PriceBook, text: str, *, origin: str) -> Update:
    """Compare newer public data with what is in force.

    Raises:
        PriceUpdateError: it is not the price library's data.
    """
    try:
        newer = read_price_data(text)
    except PriceDataError as wrong:
        raise PriceUpdateError(
            f"{origin} is not price data: {wrong}.",
            hint="Expected genai-prices' data, version 2: a JSON list of providers with models.",
        ) from wrong
    return Update(text, differences(book.providers, newer.providers), newer.left_out)


def take_data(versions: Versions, update: Update, *, with_changes: bool) -> Version:
    """Keep newer public data as a version: all of it, or only the models that were not known."""
    accepted = ALL if with_changes else NEW
    return versions.add(kind=DATA, name=DATA_NAME, text=update.text, details={ACCEPTED: accepted})


def take_package_data(versions: Versions) -> Version:
    """Let the installed package's data hold again."""
    return versions.add(kind=DATA, name=DATA_NAME, text="", details={ACCEPTED: PACKAGE})
