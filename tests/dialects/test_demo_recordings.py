"""The demo's recordings: real, varied, without message content, and each provider response in one trace only."""

from __future__ import annotations

from collections import Counter

from opentelemetry.trace import SpanKind as OtelSpanKind
from opentelemetry.trace import StatusCode

from ledger.vocabulary import UsageStatus
from pricing.book import PriceBook
from receiver.dialects import CONTENT_KEYS, CONTENT_PREFIXES, read
from receiver.dialects.reading import Reading, SpanKind, SpanView
from spanledger.demo.recorded import RecordedSpan, load

_VALUE_CHARACTERS_MAX = 500


def reading(span: RecordedSpan) -> Reading | None:
    """Read a recorded span."""
    kind, status = OtelSpanKind[span.kind].value + 1, StatusCode[span.status].value
    return read(SpanView(span.name, kind, span.scope, span.scope_version, span.attributes, {}, status))


def test_the_demo_shows_what_happens_in_applications() -> None:
    """Calls and aggregates, cached and failed calls, embeddings, three instrumentations, a model without a price."""
    readings = [found for trace in load() for span in trace.spans if (found := reading(span))]
    calls = [found for found in readings if found.kind == SpanKind.CALL]
    book = PriceBook.bundled()
    assert 250 <= len(readings) <= 350
    assert len(calls) < len(readings)
    assert any(found.usage.get("cache_read_tokens") for found in calls)
    assert any(found.usage.get("cache_write_tokens") for found in calls)
    assert any(found.operation == "embeddings" for found in calls)
    assert any(found.error_type for found in calls)
    assert {found.dialect for found in calls} >= {"otel_genai", "openinference", "openllmetry"}
    unknown = [found for found in calls if book.listing(found.provider, found.response_model) is None]
    used = {found.response_model for found in unknown if found.usage_status == UsageStatus.REPORTED}
    assert used - {None} == {"facebook/opt-125m"}


def test_no_provider_response_is_in_two_traces() -> None:
    """A response that two traces tell of would be charged twice."""
    traces = [{span.attributes.get("gen_ai.response.id") for span in trace.spans} - {None} for trace in load()]
    counts = Counter(response_id for ids in traces for response_id in ids)
    assert [response_id for response_id, count in counts.items() if count > 1] == []


def test_parents_come_before_their_children() -> None:
    """A replay opens spans in order."""
    for trace in load():
        assert all(span.parent is None or span.parent < place for place, span in enumerate(trace.spans))


def test_the_recordings_hold_no_message_content() -> None:
    """Neither under a key of content nor in a long value."""
    for trace in load():
        for span in trace.spans:
            for key, value in span.attributes.items():
                assert key not in CONTENT_KEYS
                assert not key.startswith(CONTENT_PREFIXES)
                assert len(str(value)) <= _VALUE_CHARACTERS_MAX
