"""Renderings as kept: what was sent is stored with the invoice, and given again to the byte by any later program.

The first look at a finalised invoice makes its PDF and keeps it; every later one gets that. A void has one of its own,
which says so; the one before is kept too. Drafts are rendered anew at each look.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import DamagedStoreError
from billing.invoices.document import Document
from billing.invoices.drafting import Parts
from billing.invoices.kept import Kept, State, locked
from billing.rendering.pdf import render_pdf
from billing.store.tables import RenderingRow

PDF: Final = "pdf"
_PLAIN: Final = "finalised"


def pdf_of(parts: Parts, invoice: Kept, document: Document) -> bytes:
    """Return an invoice's PDF: of a draft what it says now, of any other always the same bytes.

    Raises:
        InvalidValueError: the seller's logo cannot be used.
        DamagedStoreError: what the store has kept is not what was kept.
    """
    logo = _logo(parts.seller_file, document)
    if invoice.state is State.DRAFT:
        return render_pdf(document, state=invoice.state.value, logo=logo)
    shown = State.VOIDED.value if invoice.state is State.VOIDED else _PLAIN
    with parts.database.reading() as session:
        found = _found(session, invoice.id, shown)
    if found is not None:
        return found
    content = render_pdf(document, state=shown, logo=logo)
    with parts.database.writing() as session:
        locked(session, invoice.id)  # of two who look first, one keeps
        found = _found(session, invoice.id, shown)
        if found is None:
            session.add(
                RenderingRow(
                    invoice_id=invoice.id,
                    format=PDF,
                    shown=shown,
                    content=content,
                    digest=hashlib.sha256(content).hexdigest(),
                    created_time=datetime.now(UTC),
                )
            )
        return found or content


def _found(session: Session, invoice_id: str, shown: str) -> bytes | None:
    row = session.scalar(
        select(RenderingRow).where(
            RenderingRow.invoice_id == invoice_id, RenderingRow.format == PDF, RenderingRow.shown == shown
        )
    )
    if row is None:
        return None
    if hashlib.sha256(row.content).hexdigest() != row.digest:
        raise DamagedStoreError(
            f"the PDF kept of invoice {invoice_id} is damaged: it does not fit its digest.",
            hint="Restore the invoices' database from a backup; the invoice itself is in `spanledger invoice show`.",
        )
    return row.content


def _logo(seller_file: Path | None, document: Document) -> Path | None:
    if seller_file is None or document.seller.logo is None:
        return None
    return seller_file.parent / document.seller.logo
