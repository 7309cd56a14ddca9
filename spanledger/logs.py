"""Logs of the programs: lines for people, or JSON. To stderr; never message content.

A line that cannot be written is dropped: a log file on a full disk, or a pipe whose reader has died, must not become a
failure of the work that it tells of.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, Final, TextIO

import structlog


def configure_logs(log_format: str) -> None:
    """Set structlog up for this process."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    exceptions = [structlog.processors.format_exc_info] if log_format == "json" else []
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(unbreakable(sys.stderr)),
        cache_logger_on_first_use=True,
    )


def only_warnings() -> None:
    """Let a command that works on the ledger itself speak through its own output; warnings and errors go to stderr."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(unbreakable(sys.stderr)),
    )


class _Unbreakable:
    """A text file whose failures are nobody's."""

    def __init__(self, file: TextIO) -> None:
        self._file: Final = file

    def write(self, text: str) -> int:
        """Write, if that can be."""
        with contextlib.suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()


def unbreakable(file: TextIO) -> Any:
    """Return `file` as one that never raises."""
    return _Unbreakable(file)
