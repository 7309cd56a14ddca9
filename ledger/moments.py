"""Moments as the ledger's files write them: RFC 3339, UTC, with microseconds; as text they sort as they follow."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return this moment."""
    return moment(datetime.now(UTC))


def moment(when: datetime) -> str:
    """Return a moment in UTC."""
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")
