"""/v1/invoices: drafts, finalising, voids, credit notes, and the calls behind a line."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response, status

from billing.api.calls_out import call_out, place_of
from billing.api.invoice_forms import (
    Calls,
    CreditRequest,
    DraftChange,
    FinaliseRequest,
    InvoiceOut,
    InvoiceRequest,
    Invoices,
    VoidRequest,
    invoice_out,
    period_of,
)
from billing.api.once import Key, Once, json_response
from billing.api.state import Shared, State
from billing.errors import ChangedMeanwhileError
from billing.invoices import kept as books
from billing.invoices.calls import calls_of
from billing.invoices.document import Document
from billing.invoices.drafting import Wanted, customer_of, draft
from billing.invoices.finalising import finalise
from billing.invoices.kept import Kept
from billing.invoices.undoing import credit, void
from billing.periods import parse_period
from billing.rendering.kept import pdf_of
from billing.rendering.table import render_csv

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])
InvoiceId = Annotated[str, "The invoice's id, or its number once it has one."]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The ETag of the draft that was looked at; another: 412.")
]

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/pdf": _BINARY}}}
_CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.post("", status_code=status.HTTP_201_CREATED, response_model=InvoiceOut)
def create(state: Shared, body: InvoiceRequest, idempotency_key: Key = None) -> Response:
    """Draft an invoice: what a customer owes for a period, as the ledger knows it now."""
    once = Once(state.database, idempotency_key, body.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    known = once.before()
    if known is not None and known.body is None and known.invoice_id is not None:
        return show(state, known.invoice_id)  # answered by an older version, which kept only which invoice it was
    if known is None:
        with state.database.reading() as session:
            period = period_of(body.period, zone=customer_of(session, body.customer).zone)
        wanted = Wanted(books.new_id(), body.customer, period, body.notes)
        made = draft(state.parts, wanted)
    return once.do(
        lambda session: invoice_out(
            books.new_draft(session, wanted.customer, period, notes=wanted.notes, invoice_id=wanted.invoice_id),
            made.document,
        )
    )


@router.get("")
def index(
    state: Shared,
    customer: Annotated[str | None, Query(description="Only this customer's.")] = None,
    state_: Annotated[
        str | None, Query(alias="state", pattern="^(draft|finalised|voided|credited)$", description="Only these.")
    ] = None,
    kind: Annotated[str | None, Query(pattern="^(invoice|credit_note)$", description="Only these.")] = None,
    from_: Annotated[str | None, Query(alias="from", description="Periods that end after it: 2026-10 …")] = None,
    to: Annotated[str | None, Query(description="Periods that begin before it.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Invoices:
    """List invoices and credit notes, newest first, without their documents."""
    with state.database.reading() as session:
        found = books.listed(
            session,
            customer=customer,
            state=state_,
            kind=kind,
            within=parse_period(from_, to),
            limit=limit + 1,
            before=cursor,
        )
    page = found[:limit]
    return Invoices(
        invoices=[invoice_out(one, whole=False) for one in page], next=page[-1].id if len(found) > limit else None
    )


@router.get("/{invoice_id}/pdf", response_class=Response, responses=_PDF)
def pdf(state: Shared, invoice_id: InvoiceId) -> Response:
    """Render it as PDF/A-3b. Once finalised it is always the same bytes; a draft is marked as one."""
    found = _get(state, invoice_id)
    document, etag = _now(state, found)
    headers = {"Content-Disposition": f'inline; filename="{document.number or found.id}.pdf"', "ETag": f'"{etag}"'}
    return Response(pdf_of(state.parts, found, document), media_type="application/pdf", headers=headers)


@router.get("/{invoice_id}/csv", response_class=Response, responses=_CSV)
def lines_as_csv(state: Shared, invoice_id: InvoiceId) -> Response:
    """Give its lines as CSV; the sum of `amount` is its net."""
    found = _get(state, invoice_id)
    document, _ = _now(state, found)
    headers = {"Content-Disposition": f'attachment; filename="{document.number or found.id}.csv"'}
    return Response(render_csv(document), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/{invoice_id}", response_model=InvoiceOut)
def show(state: Shared, invoice_id: InvoiceId) -> Response:
    """Show one. A draft follows the ledger: it is computed now, and its ETag is of what it says."""
    found = _get(state, invoice_id)
    document, etag = _now(state, found)
    answer = json_response(invoice_out(found, document).model_dump_json(by_alias=True), HTTPStatus.OK)
    answer.headers["ETag"] = f'"{etag}"'
    return answer


@router.patch("/{invoice_id}", response_model=InvoiceOut)
def change(state: Shared, invoice_id: InvoiceId, body: DraftChange, if_match: IfMatch = None) -> Response:
    """Change a draft's notes; If-Match refuses it where the draft says something else than what was looked at."""
    found = _get(state, invoice_id)
    if found.state is books.State.DRAFT:
        _require(_now(state, found)[1], if_match)
    with state.database.writing() as session:
        books.change_notes(session, found.id, body.notes)
    return show(state, found.id)


@router.delete("/{invoice_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete(state: Shared, invoice_id: InvoiceId) -> Response:
    """Throw a draft away. What is finalised is never deleted."""
    with state.database.writing() as session:
        books.delete_draft(session, books.get(session, invoice_id).id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/{invoice_id}/finalise", response_model=InvoiceOut)
def finalise_(
    state: Shared,
    invoice_id: InvoiceId,
    body: FinaliseRequest,
    if_match: IfMatch = None,
    idempotency_key: Key = None,
) -> Response:
    """Finalise a draft: number, content and as-of commit are fixed for ever. Again, it gives the same invoice."""
    once = Once(state.database, idempotency_key, {"finalise": invoice_id, **body.model_dump(mode="json")})
    known = once.before()
    if known is not None:
        return json_response(known.body or "{}", HTTPStatus(known.status))
    result = finalise(
        state.parts,
        _get(state, invoice_id).id,
        accept_gaps=body.accept_gaps,
        etag=_tag(if_match),
        then=once.keeping(invoice_out, status=HTTPStatus.OK),
    )
    return json_response(invoice_out(result).model_dump_json(by_alias=True), HTTPStatus.OK)


@router.post("/{invoice_id}/void", response_model=InvoiceOut)
def void_(state: Shared, invoice_id: InvoiceId, body: VoidRequest, idempotency_key: Key = None) -> Response:
    """Void an invoice: its number stays used, its period is open again."""
    once = Once(state.database, idempotency_key, {"void": invoice_id, **body.model_dump(mode="json")})
    known = once.before()
    if known is not None:
        return json_response(known.body or "{}", HTTPStatus(known.status))
    result = void(state.database, invoice_id, reason=body.reason, then=once.keeping(invoice_out, status=HTTPStatus.OK))
    return json_response(invoice_out(result).model_dump_json(by_alias=True), HTTPStatus.OK)


@router.post("/{invoice_id}/credit-notes", status_code=status.HTTP_201_CREATED, response_model=InvoiceOut)
def credit_(state: Shared, invoice_id: InvoiceId, body: CreditRequest, idempotency_key: Key = None) -> Response:
    """Make a credit note: a document of its own that gives back lines of an invoice, or parts of them."""
    once = Once(state.database, idempotency_key, {"credit": invoice_id, **body.model_dump(mode="json")})
    known = once.before()
    if known is not None:
        return json_response(known.body or "{}", HTTPStatus(known.status))
    amounts = None if body.lines is None else {one.line: one.amount for one in body.lines}
    result = credit(
        state.database,
        invoice_id,
        reason=body.reason,
        amounts=amounts,
        then=once.keeping(invoice_out, status=HTTPStatus.CREATED),
    )
    return json_response(invoice_out(result).model_dump_json(by_alias=True), HTTPStatus.CREATED)


@router.get("/{invoice_id}/credit-notes")
def credit_notes(state: Shared, invoice_id: InvoiceId) -> Invoices:
    """List an invoice's credit notes, oldest first."""
    with state.database.reading() as session:
        found = books.credit_notes(session, books.get(session, invoice_id).id)
    return Invoices(invoices=[invoice_out(one) for one in found], next=None)


@router.get("/{invoice_id}/lines/{number}/calls")
def calls(
    state: Shared,
    invoice_id: InvoiceId,
    number: int,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Calls:
    """List the ledger's entries behind a line, by call time: each with its trace, price version and arithmetic."""
    offset = place_of(cursor)
    document, _ = _now(state, _get(state, invoice_id))
    found = calls_of(state.warehouse, state.database, document, number, limit=limit + 1, offset=offset)
    return Calls(
        calls=[call_out(one) for one in found[:limit]], next=str(offset + limit) if len(found) > limit else None
    )


def _get(state: State, invoice_id: str) -> Kept:
    with state.database.reading() as session:
        return books.get(session, invoice_id)


def _now(state: State, found: Kept) -> tuple[Document, str]:
    """Return what an invoice says now, and the tag of that."""
    if found.content is not None:
        return found.document, str(found.digest)[:32]
    made = draft(state.parts, Wanted(found.id, found.customer, found.period, found.notes))
    return made.document, made.etag


def _require(etag: str, if_match: str | None) -> None:
    wanted = _tag(if_match)
    if wanted is not None and wanted != etag:
        raise ChangedMeanwhileError(
            "the draft says something else than what was looked at.", hint="Look at it again: GET gives its new ETag."
        )


def _tag(if_match: str | None) -> str | None:
    return None if if_match is None or if_match.strip() == "*" else if_match.strip().removeprefix("W/").strip('"')
