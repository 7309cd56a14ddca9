"""views.sql as read: its text, the state of the ledger it shows, and the files it reads.

One read gives all three, so that they are of the same commit; the manifest may already be one further. Must not: know
DuckDB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger.errors import LedgerDamagedError, LedgerMissingError
from ledger.layout import DataDirectory

_HEADER: Final = re.compile(r"-- spanledger ledger (?P<ledger_id>\w+), commit (?P<commit>\d+) of ")
_FILE: Final = re.compile(r"^ {4}'((?:[^']|'')*\.parquet)',?$", re.MULTILINE)

_MADE: Final = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\b")


@dataclass(frozen=True, slots=True)
class ViewsFile:
    """The ledger's views as of one commit."""

    text: str
    """All of it, as a stock DuckDB reads it."""
    parts: tuple[tuple[str, str], ...]
    """The same in its order: each view's name and statement; the name is empty for what is no view."""
    ledger_id: str
    commit: int
    files: tuple[str, ...]


def read_views(data: DataDirectory) -> ViewsFile:
    """Read the newest views.sql.

    Raises:
        LedgerMissingError: nothing has been sealed yet.
        LedgerDamagedError: it does not begin as views.sql begins.
    """
    try:
        text = data.views.read_text()
    except FileNotFoundError as missing:
        raise missing_ledger(data) from missing
    header = _HEADER.match(text)
    if header is None:
        raise LedgerDamagedError(
            f"{data.views} does not say which commit it is of.", hint="Restart the sealer, which writes it anew."
        )
    files = tuple(dict.fromkeys(path.replace("''", "'") for path in _FILE.findall(text)))
    return ViewsFile(
        text=text, parts=_parts(text), ledger_id=header["ledger_id"], commit=int(header["commit"]), files=files
    )


def _parts(text: str) -> tuple[tuple[str, str], ...]:
    statements = text.split("\n\n")
    names = (_MADE.match(statement) for statement in statements)
    return tuple((made[1] if made else "", statement) for made, statement in zip(names, statements, strict=True))


def missing_ledger(data: DataDirectory) -> LedgerMissingError:
    """Return the error that says there is no ledger yet, and what to do."""
    return LedgerMissingError(
        f"there is no ledger at {data.ledger} yet.",
        hint="Start `spanledger up` with this data_dir, or correct the path.",
    )
