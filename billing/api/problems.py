"""Problem documents (RFC 9457): every error of the API, mapped in one place.

https://www.rfc-editor.org/rfc/rfc9457 — `type` is a stable name, `title` its words, `detail` what was wrong here,
`hint` what to do. Nothing unexpected shows its inside; it is logged, and the answer says so.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from billing.errors import (
    ChangedMeanwhileError,
    DamagedStoreError,
    ExistsAlreadyError,
    GapsError,
    IdempotencyConflictError,
    InvalidPeriodError,
    InvalidValueError,
    LedgerBusyError,
    LedgerMismatchError,
    MissingRateError,
    NotBillableError,
    OverlappingPeriodError,
    PlanGapError,
    RequestError,
    StoreUnavailableError,
    UnknownCustomerError,
    UnknownDimensionError,
    UnknownInvoiceError,
    UnknownLineError,
    UnknownPlanError,
    WrongStateError,
)
from billing.warehouse.sandbox import SqlBusyError, SqlFailedError, SqlMemoryError, SqlRefusedError, SqlTimeoutError
from ledger.errors import LedgerMissingError, SpanledgerError

_log = structlog.get_logger("billing")
_RETRY_AFTER_S: Final = "2"  # a commit is due every second, and a query's turn comes as soon
_SEE_DOCS: Final = "/docs says what it takes."
_SHOWN_CHARS: Final = 100
MEDIA_TYPE: Final = "application/problem+json"

# Error → (status, type). The first that fits counts.
_STATUSES: Final[tuple[tuple[type[SpanledgerError], HTTPStatus, str], ...]] = (
    (UnknownDimensionError, HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-dimension"),
    (InvalidPeriodError, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-period"),
    (UnknownCustomerError, HTTPStatus.NOT_FOUND, "unknown-customer"),
    (UnknownInvoiceError, HTTPStatus.NOT_FOUND, "unknown-invoice"),
    (InvalidValueError, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-value"),
    (UnknownPlanError, HTTPStatus.NOT_FOUND, "unknown-plan"),
    (UnknownLineError, HTTPStatus.NOT_FOUND, "unknown-line"),
    (IdempotencyConflictError, HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-conflict"),
    (ExistsAlreadyError, HTTPStatus.CONFLICT, "exists-already"),
    (ChangedMeanwhileError, HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile"),
    (PlanGapError, HTTPStatus.CONFLICT, "plan-gap"),
    (MissingRateError, HTTPStatus.CONFLICT, "missing-rate"),
    (OverlappingPeriodError, HTTPStatus.CONFLICT, "overlapping-period"),
    (GapsError, HTTPStatus.CONFLICT, "gaps"),
    (WrongStateError, HTTPStatus.CONFLICT, "wrong-state"),
    (NotBillableError, HTTPStatus.CONFLICT, "not-billable"),
    (LedgerBusyError, HTTPStatus.SERVICE_UNAVAILABLE, "ledger-busy"),
    (LedgerMismatchError, HTTPStatus.CONFLICT, "ledger-mismatch"),
    (DamagedStoreError, HTTPStatus.INTERNAL_SERVER_ERROR, "damaged-store"),
    (StoreUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    (SqlRefusedError, HTTPStatus.FORBIDDEN, "sql-refused"),
    # Not 408 or 504: clients repeat those by themselves, and the same query would take as long again.
    (SqlTimeoutError, HTTPStatus.BAD_REQUEST, "sql-timeout"),
    (SqlBusyError, HTTPStatus.SERVICE_UNAVAILABLE, "sql-busy"),
    (SqlMemoryError, HTTPStatus.BAD_REQUEST, "sql-memory"),
    (SqlFailedError, HTTPStatus.BAD_REQUEST, "sql-failed"),
    (RequestError, HTTPStatus.BAD_REQUEST, "bad-request"),
    (LedgerMissingError, HTTPStatus.SERVICE_UNAVAILABLE, "no-ledger-yet"),
    (SpanledgerError, HTTPStatus.INTERNAL_SERVER_ERROR, "failed"),
)  # fmt: skip


def install(app: FastAPI) -> None:
    """Make every error of this app a problem document."""
    app.add_exception_handler(SpanledgerError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, kind: str, detail: str, **more: Any) -> JSONResponse:
    """Return one problem document."""
    body = {
        "type": f"urn:spanledger:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **{name: value for name, value in more.items() if value},
    }
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SpanledgerError)
    status, kind = next((status, kind) for one, status, kind in _STATUSES if isinstance(error, one))
    listed = [asdict(one) for one in error.problems] if isinstance(error, InvalidValueError) else []
    answer = problem(status, kind, error.message, hint=error.hint, errors=listed)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["retry-after"] = _RETRY_AFTER_S
    return answer


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(one) for one in error.errors()]
    detail = "; ".join(f"{one['field']}: {one['what']}" for one in faults)
    return problem(422, "invalid-request", detail, hint=_SEE_DOCS, errors=faults)


def _fault(error: dict[str, Any]) -> dict[str, str]:
    field = ".".join(str(part) for part in error["loc"])
    found = ascii(error.get("input"))[:_SHOWN_CHARS]
    return {"field": field, "value": found, "what": error["msg"], "remedy": _SEE_DOCS}


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = "body-too-large" if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else "http"
    answer = problem(error.status_code, kind, str(error.detail), hint="/docs lists what there is.")
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        # Of several routes of one path the framework names only the first one's methods.
        answer.headers["allow"] = ", ".join(methods)
    return answer


def _methods(request: Request) -> list[str]:
    """Return every method that the API documents for the path of a request; none for one that it does not document."""
    path, documented = request.url.path, request.app.openapi()["paths"]
    fits = [template for template in documented if compile_path(template)[0].match(path)]
    # A path without parameters comes before those of whose parameters it could be one.
    template = path if path in fits else next(iter(fits), None)
    return [] if template is None else [method.upper() for method in documented[template]]


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", path=request.url.path, kind=type(error).__name__, error=str(error))
    return problem(500, "unexpected", "Something failed here that should not have; it was logged.")
