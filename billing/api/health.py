"""/healthz, /readyz and /metrics: of this program, and of receiver and sealer by what they say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from billing.api.problems import problem
from billing.api.state import Shared
from ledger.layout import DataDirectory
from ledger.lock import is_locked
from ledger.manifest import RECEIVED
from ledger.schema import SpanClass
from ledger.status import Status, read_status


@dataclass(frozen=True, slots=True)
class _Part:
    """Another program on this data directory."""

    name: str
    status: Status | None
    """None: it has never run here."""
    lives: bool

    @property
    def trouble(self) -> str:
        """Why it does not do its work; empty where it does, never ran here, or was stopped in good order."""
        if self.status is None or self.status.stopped:
            return ""
        if not self.lives:
            return f"{self.name}: it died"
        return "" if self.status.ready else f"{self.name}: {self.status.reason}"


def _lives(lock: Path) -> bool:
    try:
        return is_locked(lock)
    except PermissionError:  # another user's: whether it is held cannot be asked
        return True


def _parts(data: DataDirectory) -> tuple[_Part, _Part]:
    return (
        _Part("receiver", read_status(data.receiver_status), _lives(data.receiver_lock)),
        _Part("sealer", read_status(data.sealer_status), _lives(data.writer_lock)),
    )


router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives."""
    # Not in a thread of the pool: it must answer also when slow questions hold all of them.
    return {"status": "ok"}


@router.get("/readyz", response_model=None)
def readyz(state: Shared) -> dict[str, str | int] | Response:
    """The ledger can be read, spans are taken and sealed; otherwise a problem document says why not."""
    commit = state.warehouse.as_of().commit
    troubles = [trouble for part in _parts(state.config.data) if (trouble := part.trouble)]
    if troubles:
        return problem(503, "not-ready", "; ".join(troubles))
    return {"status": "ready", "commit": commit}


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
    for part in _parts(state.config.data):
        if part.status is None:
            continue
        ready = Gauge(f"spanledger_{part.name}_ready", f"1 when the {part.name} does its work.", registry=registry)
        ready.set(not part.trouble)
        for name, value in part.status.figures.items():
            Gauge(f"spanledger_{part.name}_{name}", f"As the {part.name} says.", registry=registry).set(value)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
