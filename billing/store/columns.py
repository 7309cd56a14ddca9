"""Column types that lose nothing, on SQLite as on PostgreSQL: decimals and moments as text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal as text: SQLite has no exact number type of its own."""

    impl = String(128)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write all digits."""
        del dialect
        return None if value is None else format(value, "f")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Read all digits."""
        del dialect
        return None if value is None else Decimal(value)


class UtcTime(TypeDecorator[datetime]):
    """A moment as RFC 3339 text, UTC, which sorts as it reads."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write in UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Read as an aware moment."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)
