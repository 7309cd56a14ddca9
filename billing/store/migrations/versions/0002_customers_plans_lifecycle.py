"""Customers, plans, rates and credits; invoices that are finalised. A draft keeps no lines: it follows the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(256)
_TIME = sa.String(40)
_AMOUNT = sa.String(128)


def upgrade() -> None:
    """Make the new tables; carry drafts and answered requests over."""
    _make_books()
    _make_invoices()
    op.execute(
        "INSERT INTO invoices (id, kind, state, customer, period_start, period_end, created_time, notes) "
        "SELECT id, 'invoice', state, customer, period_start, period_end, created_time, '' FROM drafts_before"
    )
    op.execute(
        "INSERT INTO requests (key, request_digest, status, invoice_id, created_time) "
        "SELECT k.key, k.request_digest, 201, k.invoice_id, d.created_time "
        "FROM idempotency_keys k JOIN drafts_before d ON d.id = k.invoice_id"
    )
    for table in ("idempotency_keys", "drafts_before"):
        op.drop_table(table)


def _make_books() -> None:
    op.create_table(
        "customers",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_time", _TIME, nullable=False),
        sa.Column("archived_time", _TIME),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_table(
        "customer_aliases",
        sa.Column("customer_id", _ID, sa.ForeignKey("customers.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("alias", _ID, nullable=False, index=True),
        sa.Column("valid_from", _TIME),
        sa.Column("valid_to", _TIME),
    )
    op.create_table(
        "plans",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("in_force_from", sa.String(10), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_time", _TIME, nullable=False),
    )
    op.create_table(
        "exchange_rates",
        sa.Column("base", sa.String(3), primary_key=True),
        sa.Column("quote", sa.String(3), primary_key=True),
        sa.Column("in_force_from", sa.String(10), primary_key=True),
        sa.Column("rate", _AMOUNT, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("customer_id", _ID, sa.ForeignKey("customers.id"), nullable=False, index=True),
        sa.Column("amount", _AMOUNT, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("expires", _TIME),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_time", _TIME, nullable=False),
    )


def _make_invoices() -> None:
    # A draft's lines are computed anew from the ledger, at each look.
    op.drop_table("invoice_lines")
    op.drop_index("ix_invoices_customer", "invoices")
    op.drop_index("ix_invoices_created_time", "invoices")
    op.rename_table("invoices", "drafts_before")
    op.create_table(
        "series",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.Column("last_time", _TIME),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("customer", _ID, nullable=False, index=True),
        sa.Column("period_start", _TIME, nullable=False, index=True),
        sa.Column("period_end", _TIME, nullable=False),
        sa.Column("created_time", _TIME, nullable=False, index=True),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("series", sa.String(32)),
        sa.Column("sequence", sa.Integer),
        sa.Column("finalised_time", _TIME),
        sa.Column("document", sa.Text),
        sa.Column("digest", sa.String(64)),
        sa.Column("currency", sa.String(3)),
        sa.Column("original_id", sa.String(40), sa.ForeignKey("invoices.id"), index=True),
        sa.Column("voided_time", _TIME),
        sa.Column("void_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_invoices"),
        sa.UniqueConstraint("series", "sequence", name="uq_invoices_number"),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.String(40), sa.ForeignKey("invoices.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("subject_id", sa.String(40), nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("amount", _AMOUNT, nullable=False),
        sa.PrimaryKeyConstraint("invoice_id", "position", name="pk_lines"),
    )
    op.create_index("ix_invoice_lines_subject", "invoice_lines", ["subject_id"])
    op.create_table(
        "grant_uses",
        sa.Column("grant_id", sa.String(40), sa.ForeignKey("grants.id"), primary_key=True),
        sa.Column("invoice_id", sa.String(40), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("amount", _AMOUNT, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("key", _ID, primary_key=True),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("invoice_id", sa.String(40)),
        sa.Column("created_time", _TIME, nullable=False),
    )


def downgrade() -> None:
    """Refuse: finalised invoices have no place in the schema before."""
    raise NotImplementedError(
        "an older schema cannot hold finalised invoices; restore the backup made before upgrading"
    )
