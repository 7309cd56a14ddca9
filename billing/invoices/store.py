"""The store of invoices: SQLAlchemy over SQLite or PostgreSQL, its schema made by Alembic. Amounts are exact text.

Opening brings the schema up to date. A draft is written whole or not at all. The same Idempotency-Key with the same
request gives the invoice that it gave first; with another request it is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Dialect, ForeignKey, String, Text, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from billing.errors import IdempotencyConflictError, UnknownInvoiceError
from billing.invoices.document import Invoice, InvoiceLine, Unattributed, UnpricedUsage
from billing.periods import Period
from billing.warehouse.warehouse import AsOf

_MIGRATIONS: Final = Path(__file__).with_name("migrations")


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal as text: SQLite has no exact number type of its own."""

    impl = String(64)
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


class Base(DeclarativeBase):
    """The tables of the store."""


class InvoiceRow(Base):
    """An invoice's head."""

    __tablename__ = "invoices"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    customer: Mapped[str] = mapped_column(String(256), index=True)
    period_start: Mapped[datetime] = mapped_column(UtcTime)
    period_end: Mapped[datetime] = mapped_column(UtcTime)
    ledger_id: Mapped[str] = mapped_column(String(64))
    as_of_commit: Mapped[int]
    as_of_digest: Mapped[str] = mapped_column(String(64))
    created_time: Mapped[datetime] = mapped_column(UtcTime, index=True)
    unpriced: Mapped[str] = mapped_column(Text)
    unattributed_calls: Mapped[int]
    unattributed_of_calls: Mapped[int]
    unattributed_cost: Mapped[Decimal] = mapped_column(ExactDecimal)
    lines: Mapped[list[LineRow]] = relationship(order_by="LineRow.position", cascade="all, delete-orphan")


class LineRow(Base):
    """A line of an invoice."""

    __tablename__ = "invoice_lines"
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str | None] = mapped_column(String(256))
    model: Mapped[str | None] = mapped_column(String(512))
    calls: Mapped[int]
    quantities: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(ExactDecimal)
    exact_cost: Mapped[Decimal] = mapped_column(ExactDecimal)
    currency: Mapped[str] = mapped_column(String(3))


class IdempotencyRow(Base):
    """A request that was answered."""

    __tablename__ = "idempotency_keys"
    key: Mapped[str] = mapped_column(String(256), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"))


class InvoiceStore:
    """Invoices by id. Thread-safe; one for the life of a program."""

    def __init__(self, url: str) -> None:
        if make_url(url).get_backend_name() == "sqlite":
            database = make_url(url).database
            if database:
                Path(database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _make_sqlite_strict)
        _migrate(url)

    def add(self, invoice: Invoice, *, idempotency_key: str | None = None, request: object = None) -> Invoice:
        """Keep a draft; with a key that was used before, return what it gave then.

        Raises:
            IdempotencyConflictError: the key was used for another request.
        """
        try:
            return self._add(invoice, idempotency_key, request)
        except IntegrityError:
            # Another request with the same key was quicker; this draft was rolled back whole.
            known = self.answered(idempotency_key, request) if idempotency_key is not None else None
            if known is None:
                raise
            return known

    def _add(self, invoice: Invoice, idempotency_key: str | None, request: object) -> Invoice:
        with Session(self._engine) as session, session.begin():
            if idempotency_key is not None:
                known = self._answered(session, idempotency_key, request)
                if known is not None:
                    return known
            session.add(_row(invoice))
            if idempotency_key is not None:
                session.flush()  # the key points at the invoice
                session.add(IdempotencyRow(key=idempotency_key, request_digest=_digest(request), invoice_id=invoice.id))
        return invoice

    def answered(self, idempotency_key: str, request: object) -> Invoice | None:
        """Return the invoice that this key gave before, if any.

        Raises:
            IdempotencyConflictError: the key was used for another request.
        """
        with Session(self._engine) as session:
            return self._answered(session, idempotency_key, request)

    def get(self, invoice_id: str) -> Invoice:
        """Return an invoice.

        Raises:
            UnknownInvoiceError: there is none of that id.
        """
        with Session(self._engine) as session:
            row = session.get(InvoiceRow, invoice_id)
            if row is None:
                raise UnknownInvoiceError(
                    f"there is no invoice {invoice_id!r}.", hint="GET /v1/invoices lists those there are."
                )
            return _invoice(row)

    def list(self, *, customer: str | None = None, limit: int, before: str | None = None) -> list[Invoice]:
        """Return invoices, newest first; `before` is the id of the last one seen."""
        with Session(self._engine) as session:
            query = select(InvoiceRow).order_by(InvoiceRow.created_time.desc(), InvoiceRow.id.desc()).limit(limit)
            if customer is not None:
                query = query.where(InvoiceRow.customer == customer)
            if before is not None:
                last = session.get(InvoiceRow, before)
                if last is None:
                    raise UnknownInvoiceError(f"the cursor names no invoice: {before!r}.", hint="Start without it.")
                query = query.where(
                    (InvoiceRow.created_time < last.created_time)
                    | ((InvoiceRow.created_time == last.created_time) & (InvoiceRow.id < last.id))
                )
            return [_invoice(row) for row in session.scalars(query)]

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _answered(self, session: Session, key: str, request: object) -> Invoice | None:
        known = session.get(IdempotencyRow, key)
        if known is None:
            return None
        if known.request_digest != _digest(request):
            raise IdempotencyConflictError(
                f"Idempotency-Key {key!r} was used for another request.", hint="Use a new key for a new request."
            )
        row = session.get(InvoiceRow, known.invoice_id)
        assert row is not None
        return _invoice(row)


def _migrate(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    # A literal % would be read as interpolation by the configuration parser.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def _make_sqlite_strict(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _digest(request: object) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def _row(invoice: Invoice) -> InvoiceRow:
    assert invoice.period.start is not None
    assert invoice.period.end is not None
    return InvoiceRow(
        id=invoice.id,
        state=invoice.state,
        customer=invoice.customer,
        period_start=invoice.period.start,
        period_end=invoice.period.end,
        ledger_id=invoice.as_of.ledger_id,
        as_of_commit=invoice.as_of.commit,
        as_of_digest=invoice.as_of.digest,
        created_time=invoice.created_time,
        unpriced=json.dumps(
            [
                {"provider": one.provider, "model": one.model, "calls": one.calls, "quantities": dict(one.quantities)}
                for one in invoice.unpriced
            ]
        ),
        unattributed_calls=invoice.unattributed.calls,
        unattributed_of_calls=invoice.unattributed.of_calls,
        unattributed_cost=invoice.unattributed.cost,
        lines=[_line_row(line, position) for position, line in enumerate(invoice.lines)],
    )


def _line_row(line: InvoiceLine, position: int) -> LineRow:
    return LineRow(
        position=position,
        provider=line.provider,
        model=line.model,
        calls=line.calls,
        quantities=json.dumps(dict(line.quantities)),
        amount=line.amount,
        exact_cost=line.exact_cost,
        currency=line.currency,
    )


def _invoice(row: InvoiceRow) -> Invoice:
    lines = tuple(
        InvoiceLine(
            provider=line.provider,
            model=line.model,
            calls=line.calls,
            quantities=json.loads(line.quantities),
            amount=line.amount,
            exact_cost=line.exact_cost,
            currency=line.currency,
        )
        for line in row.lines
    )
    totals: dict[str, Decimal] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, Decimal(0)) + line.amount
    unpriced: list[Mapping[str, Any]] = json.loads(row.unpriced)
    return Invoice(
        id=row.id,
        state=row.state,
        customer=row.customer,
        period=Period(row.period_start, row.period_end),
        as_of=AsOf(ledger_id=row.ledger_id, commit=row.as_of_commit, digest=row.as_of_digest),
        created_time=row.created_time,
        lines=lines,
        totals=totals,
        unpriced=tuple(UnpricedUsage(**one) for one in unpriced),
        unattributed=Unattributed(
            calls=row.unattributed_calls, of_calls=row.unattributed_of_calls, cost=row.unattributed_cost
        ),
    )
