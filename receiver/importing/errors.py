"""What stops an import. Damage in a file does not: it is reported, and the rest counted."""

from __future__ import annotations

from ledger.errors import SpanledgerError, WrongUseError


class UnreadableFileError(WrongUseError):
    """A file that was asked for is not there, or may not be read; nothing was imported."""


class ImportInterruptedError(SpanledgerError):
    """The journal could not be written; what was imported stays, and the same command goes on from there."""
