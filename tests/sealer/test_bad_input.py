"""Bad input: every span ends in a class, with its reason, and its neighbours are counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver import dialects, wire
from receiver.dialects.reading import Reading, SpanView
from tests.otlp import START_NS, SpanText, call, encode, request
from tests.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def quarantined(pipeline: Pipeline) -> list[dict[str, Any]]:
    """What was set aside as unreadable."""
    return pipeline.rows("SELECT reason, detail, trace_id FROM set_aside WHERE span_class = 'quarantined'")


def with_ids(trace_id: bytes, span_id: bytes) -> bytes:
    """A request of one call with these raw ids."""
    message = ExportTraceServiceRequest.FromString(request(call()))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.trace_id, span.span_id = trace_id, span_id
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "count_negative"),
        (-5.0, "count_negative"),
        (2**62, "count_absurd"),
        ("a lot", "count_of_wrong_type"),
        (True, "count_of_wrong_type"),
        ([1, 2], "count_of_wrong_type"),
        ({"a": 1}, "count_of_wrong_type"),
        (b"\x01", "count_of_wrong_type"),
        (1.5, "count_not_whole"),
        (float("nan"), "count_not_whole"),
        (float("inf"), "count_not_whole"),
    ],
)
def test_count_that_cannot_be_believed_is_quarantined(pipeline: Pipeline, value: Any, reason: str) -> None:
    """A figure that is no count is never billed, and the span beside it is."""
    pipeline.take(call(), call(tokens=(value, 1)), call())
    assert [row["reason"] for row in quarantined(pipeline)] == [reason]
    assert pipeline.audit() == {"commit": 1, "received": 3, "usage": 2, "quarantined": 1, "calls_in_ledger": 2}


@pytest.mark.parametrize("value", ["100", 100.0, "100.0"])
def test_count_as_text_or_float_is_a_count(pipeline: Pipeline, value: Any) -> None:
    """Emitters that write numbers as text are read."""
    pipeline.take(call(tokens=(value, 10)))
    assert pipeline.value("SELECT input_tokens FROM calls") == 100


@pytest.mark.parametrize(
    ("trace_id", "span_id", "reason"),
    [
        (b"", b"12345678", "invalid_trace_id"),
        (b"short", b"12345678", "invalid_trace_id"),
        (bytes(16), b"12345678", "invalid_trace_id"),
        (b"1" * 16, b"", "invalid_span_id"),
        (b"1" * 16, b"much too long", "invalid_span_id"),
        (b"1" * 16, bytes(8), "invalid_span_id"),
    ],
)
def test_invalid_ids_are_quarantined_once(pipeline: Pipeline, trace_id: bytes, span_id: bytes, reason: str) -> None:
    """A span without valid ids cannot be counted once by them; it is kept aside, once however often it comes."""
    body = with_ids(trace_id, span_id)
    for _ in range(2):
        pipeline.send_bytes(body)
        pipeline.take(call())
    assert [(row["reason"], row["trace_id"]) for row in quarantined(pipeline)] == [(reason, None)]
    audit = pipeline.audit()
    assert (audit["quarantined"], audit["duplicate"], audit["usage"]) == (1, 1, 2)


@pytest.mark.parametrize("start_ns", [0, 1, 2**63, 2**64 - 1])
def test_start_time_out_of_range_is_quarantined(pipeline: Pipeline, start_ns: int) -> None:
    """Without a time there is no price and no invoice period."""
    pipeline.take(call(start_ns=start_ns, duration_ns=0), call())
    assert [row["reason"] for row in quarantined(pipeline)] == ["start_time_out_of_range"]
    assert pipeline.audit()["usage"] == 1


def test_span_without_end_is_a_call(pipeline: Pipeline) -> None:
    """An unknown end is null, not 1970."""
    message = ExportTraceServiceRequest.FromString(request(call()))
    message.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 0
    pipeline.send_bytes(message.SerializeToString())
    pipeline.seal()
    assert pipeline.rows("SELECT end_time FROM calls") == [{"end_time": None}]


def test_span_that_is_no_span_is_quarantined_and_its_neighbours_count(pipeline: Pipeline) -> None:
    """Damage inside one span of a request stays inside it."""
    message = wire.ExportRequest.FromString(request(call(), call()))
    spans = message.resource_spans[0].scope_spans[0].spans
    spans.append(b"\x0a\xffgen_ai. nonsense")
    spans.append(encode(call()).SerializeToString()[:-3])
    pipeline.send_bytes(message.SerializeToString())
    pipeline.seal()
    assert {row["reason"] for row in quarantined(pipeline)} == {"undecodable"}
    audit = pipeline.audit()
    assert (audit["received"], audit["usage"], audit["quarantined"]) == (4, 2, 2)


def test_large_span_that_is_no_span_is_quarantined_too(pipeline: Pipeline) -> None:
    """Stripping large spans does not lose one that cannot be read."""
    message = wire.ExportRequest.FromString(request(call()))
    message.resource_spans[0].scope_spans[0].spans.append(b"\x0a\xff\xff\x7fgen_ai." + b"x" * 10_000)
    pipeline.send_bytes(message.SerializeToString())
    pipeline.seal()
    assert [row["reason"] for row in quarantined(pipeline)] == ["undecodable"]
    assert pipeline.audit()["usage"] == 1


def test_fault_of_a_dialect_costs_one_span(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in reading one span quarantines that span; the ledger goes on."""
    read = dialects.read

    def faulty(span: SpanView) -> Reading | None:
        if span.name == "the one":
            raise ZeroDivisionError
        return read(span)

    monkeypatch.setattr(dialects, "read", faulty)
    pipeline.take(call(), call(name="the one"), call())
    assert [row["reason"] for row in quarantined(pipeline)] == ["reader_failed"]
    assert pipeline.audit()["usage"] == 2


def test_invalid_utf8_is_read_with_replacement(pipeline: Pipeline) -> None:
    """One bad byte in a text does not cost a call."""
    body = request(call(attributes={"customer.id": "ACMEXX"}))
    pipeline.send_bytes(body.replace(b"ACMEXX", b"ACME\xff\xfe"))
    pipeline.seal()
    assert pipeline.value("SELECT customer_id FROM calls") == "ACME\ufffd\ufffd"


def test_every_otlp_value_type_is_accepted(pipeline: Pipeline) -> None:
    """Values of every type beside the figures disturb nothing, and evidence keeps them as text."""
    odd = {
        "gen_ai.x.bool": True,
        "gen_ai.x.int": -(2**63),
        "gen_ai.x.float": 1.5,
        "gen_ai.x.bytes": b"\x00\xff",
        "gen_ai.x.list": ["a", 1, [2.5, {"k": b"v"}]],
        "gen_ai.x.map": {"a": {"b": [None]}},
        "gen_ai.x.empty": "",
    }
    pipeline.take(call(attributes=odd))
    kept = pipeline.value("SELECT span_attributes FROM calls")
    assert {"gen_ai.x.bool": "true", "gen_ai.x.bytes": "00ff", "gen_ai.x.float": "1.5"}.items() <= kept.items()


def test_hundred_thousand_attributes_are_one_call(pipeline: Pipeline) -> None:
    """A span of absurd size is stripped of nothing that matters and counted."""
    pipeline.take(call(attributes={f"x.{number}": number for number in range(100_000)}), call())
    assert pipeline.audit()["usage"] == 2
    assert pipeline.value("SELECT max(len(map_keys(span_attributes))) FROM calls") < 20


def test_dropped_attributes_are_not_guessed(pipeline: Pipeline) -> None:
    """A span whose SDK dropped what is needed is set aside with what to do."""
    pipeline.take(call(tokens=(None, None), dropped_attributes=3), call(dropped_attributes=3))
    (row,) = quarantined(pipeline)
    assert row["reason"] == "attributes_dropped"
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in row["detail"]
    assert pipeline.audit()["usage"] == 1


def test_details_above_their_total_have_no_price(pipeline: Pipeline) -> None:
    """More cached than input tokens, from an emitter known to be inclusive, is not billed in silence."""
    pipeline.take(call(tokens=(100, 10), attributes={"gen_ai.usage.cache_read.input_tokens": 500}))
    assert pipeline.rows("SELECT price_status, cost FROM calls") == [{"price_status": "invalid_usage", "cost": None}]


def test_message_content_is_stored_nowhere(pipeline: Pipeline) -> None:
    """Neither segments nor quarantine hold what users or models said, and the journal is gone."""
    secret = "the-secret-sentence"
    content = {
        "gen_ai.input.messages": secret,
        "gen_ai.prompt.0.content": secret,
        "llm.input_messages.0.message.content": secret,
        "input.value": secret,
        "http.request.body": secret,
        "traceloop.entity.output": secret,
    }
    pipeline.take(call(attributes=content), call(tokens=(-1, 1), attributes=content))
    pipeline.journal.close()
    pipeline.seal()
    for table in ("calls", "set_aside"):
        for row in pipeline.rows(f"SELECT * FROM {table}"):
            if table == "set_aside":
                assert b"gen_ai.input" not in row.pop("quarantined_span").encode()
            assert secret not in str(row)
    assert not list(pipeline.data.journal.glob("*.journal"))
    held = pipeline.rows("SELECT quarantined_span FROM set_aside")
    assert secret.encode().hex() not in str(held)


def test_mark_in_a_text_is_not_a_call(pipeline: Pipeline) -> None:
    """A web span that mentions gen_ai. somewhere is no model call."""
    pipeline.take(SpanText(scope="http", attributes={"url.path": "/docs/gen_ai.usage.input_tokens"}))
    assert pipeline.audit() == {"commit": 1, "received": 1, "not_genai": 1}


def test_same_span_of_two_times_is_a_conflict_and_counts_once(pipeline: Pipeline) -> None:
    """Same ids with other content: one is billed by a rule that does not know arrival, both are kept."""
    one, two = call(trace=77, span=78, tokens=(100, 10)), call(trace=77, span=78, tokens=(100, 12))
    pipeline.take(one)
    pipeline.take(two)
    first = pipeline.rows("SELECT output_tokens, cost FROM calls")
    assert pipeline.rows("SELECT span_class, reason FROM set_aside") == [
        {"span_class": "duplicate", "reason": "conflict"}
    ]
    pipeline.take(one)
    pipeline.take(two)
    assert pipeline.rows("SELECT output_tokens, cost FROM calls") == first
    assert START_NS
