"""The corpus through the real thing: OTLP over gRPC to `spanledger receive`, sealed by `spanledger seal`, read in SQL.

A ledger per instrumentation: what three instrumentations tell of one call would otherwise be one call seen three
times, as it should be. Ids and times are the replay's own and the same in every run: a recording is a trace, a span's
place in it is its id. Everything is sent twice, the second time backwards, as senders that are unsure do: that must
change nothing. Must not: judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from ledger.layout import DataDirectory
from tests.accuracy.truth import call_time
from tests.collector import free_endpoint, wait_until
from tests.corpus.recorded import KINDS, STATUSES, Recording
from tests.otlp import NS, SpanText, request
from tests.programs import Program, export, is_listening

_SPANS_PER_REQUEST: Final = 100
_FIGURES: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "web_searches",
)
_COLUMNS: Final = (
    *_FIGURES,
    "trace_id",
    "span_id",
    "response_id",
    "coalesce(response_model, request_model) AS model",
    "usage_status",
    "usage_flags",
    "price_status",
    "price_reason",
    "service_tier",
    "cost",
    "cost_low",
    "cost_high",
)

# Calls whose money contradicts itself.
_CROOKED: Final = """SELECT trace_id, price_status, cost, cost_low, cost_high FROM calls
WHERE cost <> input_cost + output_cost + other_cost OR cost < 0 OR cost_low > cost_high
    OR (price_status = 'priced') <> (cost IS NOT NULL)"""


class ReplayError(Exception):
    """Say that a program failed, or that the ledger does not add up: no figure after that means anything."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What the ledger says of one span: a call, or why it is none of its own."""

    trace: int
    span: int
    span_class: str
    """`usage` for a call that is billed."""
    reason: str | None
    response_id: str | None
    model: str | None
    figures: dict[str, int]
    """What is known; a figure that is null in the ledger is not here."""
    usage_status: str | None
    usage_flags: tuple[str, ...]
    price_status: str | None
    price_reason: str | None
    service_tier: str | None
    cost: Decimal | None
    cost_low: Decimal | None
    cost_high: Decimal | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A ledger after its replay."""

    rows: tuple[LedgerRow, ...]
    audit: dict[str, int]


def replay(recordings: Sequence[Recording], *, folder: Path) -> Replayed:
    """Send recordings through receiver and sealer into a new ledger under `folder`; return what it says.

    Raises:
        ReplayError: a program failed, or the ledger's counts do not add up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, otlp = DataDirectory(folder / "data"), free_endpoint()
    receive = Program("receive", log=folder / "receive.log", data_dir=str(data.root), otlp_listen=otlp)
    seal = Program("seal", log=folder / "seal.log", data_dir=str(data.root))
    with receive, seal:
        wait_until(lambda: is_listening(otlp), what=f"the receiver listens; its log: {receive.log_text[-2000:]}")
        requests = list(_requests(recordings))
        export(otlp, *requests, *reversed(requests))
        wait_until(data.views.exists, what=f"the sealer has begun; its log: {seal.log_text[-2000:]}")
        # In the data's direction: nothing comes in any more, then all that is there is sealed.
        for program in (receive, seal):
            if program.stop() != 0:
                raise ReplayError(f"a program ended with an error: {program.log_text[-2000:]}")
    return _read(data, spans=sum(len(recording.spans) for recording in recordings))


def _requests(recordings: Iterable[Recording]) -> Iterable[bytes]:
    spans = [span for recording in recordings for span in _spans(recording)]
    for first in range(0, len(spans), _SPANS_PER_REQUEST):
        yield request(*spans[first : first + _SPANS_PER_REQUEST])


def _spans(recording: Recording) -> Iterable[SpanText]:
    start_ns = int(call_time(recording).timestamp()) * NS
    for place, span in enumerate(recording.spans):
        yield SpanText(
            trace=recording.number + 1,
            span=place + 1,
            parent=None if span.parent is None else span.parent + 1,
            name=span.name,
            kind=KINDS[span.kind],
            start_ns=start_ns,
            attributes=span.attributes,
            status=STATUSES[span.status],
            scope=span.scope,
            scope_version=span.scope_version,
            resource={"service.name": "accuracy"},
        )


def _read(data: DataDirectory, *, spans: int) -> Replayed:
    """Read the ledger as anyone does: a stock DuckDB that knows only views.sql."""
    columns = ", ".join(_COLUMNS)
    with duckdb.connect() as connection:
        connection.execute(data.views.read_text())
        cursor = connection.execute(
            f"SELECT {columns}, 'usage' AS span_class, reason FROM calls"
            f" UNION ALL SELECT {columns}, span_class, reason FROM set_aside"
        )
        names = [column[0] for column in cursor.description or ()]
        rows = tuple(_row(dict(zip(names, values, strict=True))) for values in cursor.fetchall())
        cursor = connection.execute("SELECT * FROM audit")
        audit = dict(zip([column[0] for column in cursor.description or ()], cursor.fetchall()[0], strict=True))
        cursor = connection.execute(_CROOKED)
        crooked = cursor.fetchall()
    if not (audit["adds_up"] and audit["ledger_agrees"]) or audit["received"] != 2 * spans:
        raise ReplayError(f"the ledger does not add up: sent {spans} spans twice, audit {audit}")
    if crooked:
        raise ReplayError(f"the parts of a cost are not its whole, or a status contradicts it: {crooked[:5]}")
    return Replayed(rows=rows, audit=audit)


def _row(values: dict[str, Any]) -> LedgerRow:
    return LedgerRow(
        trace=int(values.pop("trace_id"), 16),
        span=int(values.pop("span_id"), 16),
        figures={name: values[name] for name in _FIGURES if values[name] is not None},
        usage_flags=tuple(values.pop("usage_flags") or ()),
        **{name: value for name, value in values.items() if name in LedgerRow.__slots__},
    )
