"""Drafts: invoices, their lines, and the requests that made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("customer", sa.String(256), nullable=False, index=True),
        sa.Column("period_start", sa.String(40), nullable=False),
        sa.Column("period_end", sa.String(40), nullable=False),
        sa.Column("ledger_id", sa.String(64), nullable=False),
        sa.Column("as_of_commit", sa.Integer, nullable=False),
        sa.Column("as_of_digest", sa.String(64), nullable=False),
        sa.Column("created_time", sa.String(40), nullable=False, index=True),
        sa.Column("unpriced", sa.Text, nullable=False),
        sa.Column("unattributed_calls", sa.Integer, nullable=False),
        sa.Column("unattributed_of_calls", sa.Integer, nullable=False),
        sa.Column("unattributed_cost", sa.String(64), nullable=False),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.String(40), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("provider", sa.String(256)),
        sa.Column("model", sa.String(512)),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("quantities", sa.Text, nullable=False),
        sa.Column("amount", sa.String(64), nullable=False),
        sa.Column("exact_cost", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(256), primary_key=True),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("invoice_id", sa.String(40), sa.ForeignKey("invoices.id"), nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("idempotency_keys", "invoice_lines", "invoices"):
        op.drop_table(table)
