"""Requests that were answered: the same Idempotency-Key with the same request gives what it gave first.

The answer is kept in the transaction that does what was asked, so a crash leaves both or neither. Errors are not kept:
a request that failed may be sent again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from billing.errors import IdempotencyConflictError
from billing.store.tables import RequestRow


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered with; of answers older than this form only the invoice is known."""

    status: int
    body: str | None
    invoice_id: str | None


def answered(session: Session, key: str, request: object) -> Answered | None:
    """Return what this key gave before, if anything.

    Raises:
        IdempotencyConflictError: the key was used for another request.
    """
    known = session.get(RequestRow, key)
    if known is None:
        return None
    if known.request_digest != request_digest(request):
        raise IdempotencyConflictError(
            f"Idempotency-Key {key!r} was used for another request.", hint="Use a new key for a new request."
        )
    return Answered(status=known.status, body=known.answer, invoice_id=known.invoice_id)


def keep_answer(session: Session, key: str, request: object, *, status: int, body: str) -> None:
    """Keep an answer, in the transaction of what it tells."""
    session.add(
        RequestRow(
            key=key, request_digest=request_digest(request), status=status, answer=body, created_time=datetime.now(UTC)
        )
    )


def request_digest(request: object) -> str:
    """Return the digest of a request's content."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
