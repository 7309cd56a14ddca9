"""Alembic's entry: runs the migrations on the URL it is given. Called by `billing.invoices.store` only."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

from billing.invoices.store import Base

url = context.config.get_main_option("sqlalchemy.url")
assert url is not None
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
