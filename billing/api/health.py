"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from billing.api.state import Shared
from ledger.manifest import RECEIVED
from ledger.schema import SpanClass

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives."""
    # Not in a thread of the pool: it must answer also when slow questions hold all of them.
    return {"status": "ok"}


@router.get("/readyz")
def readyz(state: Shared) -> dict[str, str | int]:
    """The ledger can be read; otherwise a problem document says why not."""
    return {"status": "ready", "commit": state.warehouse.as_of().commit}


@router.get("/metrics", response_class=Response)
def metrics(state: Shared) -> Response:
    """The ledger's counts for Prometheus."""
    known = state.warehouse.state()
    registry = CollectorRegistry()
    spans = Gauge("spanledger_spans", "Spans sealed, by the class they ended in.", ["span_class"], registry=registry)
    for one in SpanClass:
        spans.labels(one.value).set(known.count(one.value))
    Gauge("spanledger_spans_received", "Spans received and sealed.", registry=registry).set(known.count(RECEIVED))
    Gauge("spanledger_commit", "The newest commit.", registry=registry).set(known.commit)
    Gauge("spanledger_segments", "Parquet files listed.", registry=registry).set(len(known.segments))
    Gauge("spanledger_adds_up", "1 when received equals the sum of the classes.", registry=registry).set(known.adds_up)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
