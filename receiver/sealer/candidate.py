"""What one span says, by itself: a call, an aggregate, a quarantined span, who pays, or nothing of interest.

Decides nothing that depends on other spans (that is `outcome`) or on what the ledger holds (that is `differences`).
A span that claims to be a model call but cannot be believed is quarantined with its reason; its neighbours go on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from ledger.schema import Flag, UsageStatus
from pricing.tiers import standard_tier
from receiver import dialects
from receiver.attribution import Attribution, customer_of
from receiver.dialects.reading import Reading, SpanKind, SpanView, UnreadableSpanError
from receiver.dialects.sellers import UNKNOWN_HOST_FLAG
from receiver.sealer.decode import DecodedSpan, UndecodableSpan
from receiver.sealer.facts import CACHE_HIT_WEIGHT, REPORTED_WEIGHT, FactKind, SpanFact, TraceFact, emitter_number
from receiver.sealer.named_payer import named_payer, says

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_NO_TRACE_ID: Final = bytes(_TRACE_ID_BYTES)
_NO_SPAN_ID: Final = bytes(_SPAN_ID_BYTES)
# No model call was traced before OpenTelemetry existed, and none is made after this century; between the two a clock
# may be wrong, but a time is a time.
START_NS_MIN: Final = 1_420_070_400 * 10**9  # 2015-01-01
START_NS_MAX: Final = 4_102_444_800 * 10**9  # 2100-01-01

# Anything that could be read says more than what could not.
QUARANTINED_WEIGHT: Final = -1
# Flags of facts that another span of the same call may know.
_UNSAID: Final = frozenset({
    Flag.CACHE_READ_UNSAID, Flag.CACHE_WRITE_UNSAID, Flag.CACHE_TTL_UNSAID, Flag.PROFILE_UNSAID, UNKNOWN_HOST_FLAG,
})  # fmt: skip
_STATUS_WEIGHT: Final = {UsageStatus.REPORTED: REPORTED_WEIGHT, UsageStatus.PARTIAL: 1_000, UsageStatus.ABSENT: 0}


class Candidate(msgspec.Struct):
    """A span that the ledger keeps."""

    ingest_scope: str
    source_id: bytes
    """Trace and span id, 24 bytes; for a span without valid ids a digest of its bytes."""
    fact: SpanFact
    span: DecodedSpan | UndecodableSpan
    reading: Reading | None
    """None when quarantined."""
    reason: str | None = None
    detail: str | None = None
    rule_labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Labels that the user's own rules give."""

    @property
    def has_ids(self) -> bool:
        """Whether the span's own ids are valid."""
        span = self.span
        return isinstance(span, DecodedSpan) and self.source_id == span.trace_id + span.span_id


@dataclass(slots=True)
class PayerSpan:
    """A span that is no call but says who pays for its trace."""

    ingest_scope: str
    trace_id: bytes
    fact: TraceFact


def interpret(
    span: DecodedSpan | UndecodableSpan, *, ingest_scope: str, attribution: Attribution
) -> Candidate | PayerSpan | None:
    """Say what the span is; None when it is nothing that the ledger keeps."""
    if isinstance(span, UndecodableSpan):
        return _quarantined(span, "undecodable", span.detail, ingest_scope)
    try:
        return _interpret(span, ingest_scope, attribution)
    except UnreadableSpanError as unreadable:
        return _quarantined(span, unreadable.reason, unreadable.detail, ingest_scope)
    except Exception as fault:  # noqa: BLE001 - a fault of ours in one span must not stop all others
        return _quarantined(span, "reader_failed", f"{type(fault).__name__}: {fault}", ingest_scope)


def _interpret(span: DecodedSpan, ingest_scope: str, attribution: Attribution) -> Candidate | PayerSpan | None:
    view = SpanView(
        span.name,
        span.kind,
        span.scope.name,
        span.scope.version,
        span.attributes,
        span.resource.attributes,
        span.status_code,
    )
    reading = dialects.read(view)
    if reading is None:
        return _payer(span, ingest_scope, attribution)
    doubt = why_unusable(span, reading)
    if doubt is not None:
        return _quarantined(span, *doubt, ingest_scope)
    return _candidate(span, reading, ingest_scope, attribution)


def why_unusable(span: DecodedSpan, reading: Reading) -> tuple[str, str] | None:
    """Say why a span that can be read cannot be believed, as (reason, detail); None when nothing speaks against it."""
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE_ID:
        return "invalid_trace_id", f"trace id {span.trace_id.hex() or '(empty)'}; expected 16 bytes, not all zero"
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN_ID:
        return "invalid_span_id", f"span id {span.span_id.hex() or '(empty)'}; expected 8 bytes, not all zero"
    if not START_NS_MIN <= span.start_ns < START_NS_MAX:
        return "start_time_out_of_range", f"start {span.start_ns} ns; expected a time between 2015 and 2100"
    if span.dropped_attributes and reading.kind == SpanKind.CALL:
        missing = "model" if not (reading.response_model or reading.request_model) else None
        if missing is None and reading.usage_status == UsageStatus.ABSENT and span.status_code != 2:
            missing = "usage"
        if missing:
            return (
                "attributes_dropped",
                f"the SDK dropped {span.dropped_attributes} attributes and the {missing} is missing; "
                "raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            )
    return None


def weight(
    *,
    usage_status: str | None,
    units_known: int,
    has_response_id: bool,
    has_response_model: bool,
    usage_flags: Collection[str],
    service_tier: str | None,
) -> int:
    """Return how much a content says: the first part of the order among contents of one call.

    Who knows that a cache answered knows what nobody else does: that the call cost nothing. Then counts whether the
    figures are whole, whether nothing that moves the price is flagged as unsaid, and whether a service tier other than
    the standard one is named; only then how many figures there are, of which many may be 0. Computed from permanent
    columns alone, so that an index rebuilt from the ledger gives the same.
    """
    status = _STATUS_WEIGHT.get(UsageStatus(usage_status), 0) if usage_status else 0
    return (
        (Flag.LOCAL_CACHE_HIT in usage_flags) * CACHE_HIT_WEIGHT
        + status
        + _UNSAID.isdisjoint(usage_flags) * 500
        + bool(standard_tier(service_tier)) * 250
        + min(units_known, 24) * 10
        + has_response_id * 2
        + has_response_model
    )


def _candidate(span: DecodedSpan, reading: Reading, ingest_scope: str, attribution: Attribution) -> Candidate:
    usage = reading.usage
    customer_id, customer_source = named_payer(
        span.attributes, span.resource.attributes, attribution.customer_attributes
    )
    is_cache_hit = Flag.LOCAL_CACHE_HIT in reading.usage_flags
    labels: Mapping[str, str] = {}
    if attribution.rules.rules:
        everything = says(reading, span.attributes, span.resource.attributes, scope_name=span.scope.name)
        ruling = attribution.rules.ruling(everything, span.start_ns // 1000)
        labels = ruling.labels
        if ruling.customer is not None:
            customer_id, customer_source = ruling.customer, "rule"
    fact = SpanFact(
        span_id=span.span_id,
        parent_span_id=_parent(span),
        content_hash=span.content_hash,
        kind=FactKind.CALL if reading.kind == SpanKind.CALL else FactKind.AGGREGATE,
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        model=reading.response_model or reading.request_model,
        response_id=reading.response_id,
        weight=weight(
            usage_status=reading.usage_status,
            units_known=len(usage),
            has_response_id=reading.response_id is not None,
            has_response_model=reading.response_model is not None,
            usage_flags=reading.usage_flags,
            service_tier=reading.service_tier,
        ),
        end_us=span.end_ns // 1000,
        customer_id=customer_id,
        customer_source=customer_source,
        provider=reading.provider,
        is_gateway=Flag.GATEWAY in reading.usage_flags,
        is_cache_hit=is_cache_hit,
        duration_us=span.end_ns // 1000 - span.start_ns // 1000,
        emitter=emitter_number(span.scope.name, reading.usage_flags),
    )
    return Candidate(ingest_scope, span.trace_id + span.span_id, fact, span, reading, rule_labels=labels)


def _payer(span: DecodedSpan, ingest_scope: str, attribution: Attribution) -> PayerSpan | None:
    if len(span.trace_id) != _TRACE_ID_BYTES or len(span.span_id) != _SPAN_ID_BYTES:
        return None
    own = customer_of(span.attributes, attribution.customer_attributes)
    if own is None:
        return None
    value, rank, key = own
    return PayerSpan(
        ingest_scope, span.trace_id, TraceFact(span.span_id, _parent(span), value=value, rank=rank, key=key)
    )


def _quarantined(span: DecodedSpan | UndecodableSpan, reason: str, detail: str, ingest_scope: str) -> Candidate:
    if isinstance(span, DecodedSpan):
        content_hash, parent, end_us = span.content_hash, _parent(span), span.end_ns // 1000
    else:
        content_hash, parent, end_us = blake2b(span.raw, digest_size=16).digest(), b"", 0
    source_id = _valid_source_id(span) or blake2b(content_hash, digest_size=24, person=b"quarantine").digest()
    fact = SpanFact(
        span_id=source_id[_TRACE_ID_BYTES:],
        parent_span_id=parent,
        content_hash=content_hash,
        kind=FactKind.QUARANTINED,
        weight=QUARANTINED_WEIGHT,
        end_us=end_us,
    )
    return Candidate(ingest_scope, source_id, fact, span, None, reason=reason, detail=detail)


def _parent(span: DecodedSpan) -> bytes:
    parent = span.parent_span_id
    return parent if _valid_id(parent, _SPAN_ID_BYTES) else b""


def _valid_source_id(span: DecodedSpan | UndecodableSpan) -> bytes | None:
    if not isinstance(span, DecodedSpan):
        return None
    if _valid_id(span.trace_id, _TRACE_ID_BYTES) and _valid_id(span.span_id, _SPAN_ID_BYTES):
        return span.trace_id + span.span_id
    return None


def _valid_id(value: bytes, size_bytes: int) -> bool:
    return len(value) == size_bytes and any(value)
