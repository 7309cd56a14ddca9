"""What was sent: the rendered bytes of finalised invoices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; invoices of before are rendered when they are looked at."""
    op.create_table(
        "renderings",
        sa.Column("invoice_id", sa.String(40), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("format", sa.String(20), primary_key=True),
        sa.Column("shown", sa.String(20), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_time", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    """Refuse: what was sent must not be forgotten."""
    raise NotImplementedError("an older schema cannot hold what was sent; restore the backup made before upgrading")
