"""The tables. What is searched or must be unique has a column; the rest is one JSON document a row.

    customers        who is billed; `customer_aliases` the ids in spans that mean them, `plan_assignments` their plans
    plans            plan versions; never changed
    exchange_rates   the user's own, dated; never changed
    grants           prepaid credits; `grant_uses` what each finalised invoice took of them
    series           the last number of each series
    invoices         drafts, finalised invoices and credit notes; `invoice_lines` the amounts of finalised ones
    requests         answers by Idempotency-Key

Invariants: a row of `plans`, `exchange_rates`, `grants`, `invoice_lines` is never changed. Of a finalised invoice only
`state`, `voided_time` and `void_reason` change; `document` and `digest` never do.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from billing.store.columns import ExactDecimal, UtcTime

ID_CHARS_MAX = 256


class Base(DeclarativeBase):
    """The tables of the store."""


class CustomerRow(Base):
    """A registered customer; `revision` rises with whatever may change what they owe."""

    __tablename__ = "customers"
    id: Mapped[str] = mapped_column(String(ID_CHARS_MAX), primary_key=True)
    revision: Mapped[int]
    created_time: Mapped[datetime] = mapped_column(UtcTime)
    archived_time: Mapped[datetime | None] = mapped_column(UtcTime)
    details: Mapped[str] = mapped_column(Text)


class AliasRow(Base):
    """An id in spans that means a customer, from one moment of call time to another."""

    __tablename__ = "customer_aliases"
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(String(ID_CHARS_MAX), index=True)
    valid_from: Mapped[datetime | None] = mapped_column(UtcTime)
    valid_to: Mapped[datetime | None] = mapped_column(UtcTime)


class PlanRow(Base):
    """A version of a plan."""

    __tablename__ = "plans"
    id: Mapped[str] = mapped_column(String(ID_CHARS_MAX), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    in_force_from: Mapped[str] = mapped_column(String(10))
    content: Mapped[str] = mapped_column(Text)
    created_time: Mapped[datetime] = mapped_column(UtcTime)


class ExchangeRateRow(Base):
    """One unit of `base` is `rate` units of `quote`, from a day on."""

    __tablename__ = "exchange_rates"
    base: Mapped[str] = mapped_column(String(3), primary_key=True)
    quote: Mapped[str] = mapped_column(String(3), primary_key=True)
    in_force_from: Mapped[str] = mapped_column(String(10), primary_key=True)
    rate: Mapped[Decimal] = mapped_column(ExactDecimal)


class GrantRow(Base):
    """Credit that a customer paid for in advance."""

    __tablename__ = "grants"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    amount: Mapped[Decimal] = mapped_column(ExactDecimal)
    currency: Mapped[str] = mapped_column(String(3))
    valid_from: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime | None] = mapped_column(UtcTime)
    reason: Mapped[str] = mapped_column(Text)
    created_time: Mapped[datetime] = mapped_column(UtcTime)


class SeriesRow(Base):
    """A series of numbers without gaps. Whoever finalises holds its row."""

    __tablename__ = "series"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    last_number: Mapped[int]
    last_time: Mapped[datetime | None] = mapped_column(UtcTime)


class InvoiceRow(Base):
    """A draft, a finalised invoice or a credit note."""

    __tablename__ = "invoices"
    __table_args__ = (UniqueConstraint("series", "sequence", name="uq_invoices_number"),)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), index=True)
    customer: Mapped[str] = mapped_column(String(ID_CHARS_MAX), index=True)
    period_start: Mapped[datetime] = mapped_column(UtcTime, index=True)
    period_end: Mapped[datetime] = mapped_column(UtcTime)
    created_time: Mapped[datetime] = mapped_column(UtcTime, index=True)
    notes: Mapped[str] = mapped_column(Text)
    series: Mapped[str | None] = mapped_column(String(32))
    sequence: Mapped[int | None]
    finalised_time: Mapped[datetime | None] = mapped_column(UtcTime)
    document: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(64))
    currency: Mapped[str | None] = mapped_column(String(3))
    original_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    voided_time: Mapped[datetime | None] = mapped_column(UtcTime)
    void_reason: Mapped[str | None] = mapped_column(Text)


class LineRow(Base):
    """What a finalised invoice asks for, by the period it is for. `key` names what is billed within that period."""

    __tablename__ = "invoice_lines"
    __table_args__ = (Index("ix_invoice_lines_subject", "subject_id"),)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(40))
    key: Mapped[str | None] = mapped_column(Text)
    calls: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(ExactDecimal)


class GrantUseRow(Base):
    """What a finalised invoice took of a grant."""

    __tablename__ = "grant_uses"
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    amount: Mapped[Decimal] = mapped_column(ExactDecimal)


class RenderingRow(Base):
    """The bytes of a finalised invoice as they were sent; `shown` is finalised or voided."""

    __tablename__ = "renderings"
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    format: Mapped[str] = mapped_column(String(20), primary_key=True)
    shown: Mapped[str] = mapped_column(String(20), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    created_time: Mapped[datetime] = mapped_column(UtcTime)


class RequestRow(Base):
    """A request that was answered, by its Idempotency-Key."""

    __tablename__ = "requests"
    key: Mapped[str] = mapped_column(String(ID_CHARS_MAX), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[str | None] = mapped_column(Text)
    invoice_id: Mapped[str | None] = mapped_column(String(40))
    created_time: Mapped[datetime] = mapped_column(UtcTime)
