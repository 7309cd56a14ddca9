"""What can go wrong while receiving, grouped by what the sender must do.

ReceiveError
├── PermanentError       sending the same bytes again cannot help; the sender may drop them
│   └── MalformedRequestError   the bytes are no OTLP trace request
└── RetryableError       the fault is ours or passing: keep the data and send it again
├── JournalWriteError       the disk refused (full, failing)
├── JournalClosedError      the receiver is stopping
├── OverloadedError         too much is in flight
├── DiskLowError            the disk is nearly full
└── BacklogError            the sealer does not keep up
"""

from __future__ import annotations


class ReceiveError(Exception):
    """A request that was not accepted."""


class PermanentError(ReceiveError):
    """Sending the same bytes again cannot help."""


class MalformedRequestError(PermanentError):
    """The bytes are no OTLP trace request."""


class RetryableError(ReceiveError):
    """The sender must keep the data and send it again.

    `retry_after_s` is how long it should wait first.
    """

    retry_after_s: float = 1.0


class JournalWriteError(RetryableError):
    """The journal could not be made durable."""

    retry_after_s = 5.0


class JournalClosedError(RetryableError):
    """The receiver is stopping; another will take over."""


class OverloadedError(RetryableError):
    """More bytes are in flight than the receiver holds in memory."""


class DiskLowError(RetryableError):
    """The disk is nearly full: somebody must make room."""

    retry_after_s = 15.0


class BacklogError(RetryableError):
    """The journal holds as much as it may: the sealer is slow, or not running."""

    retry_after_s = 10.0
