"""Hostile values: whatever a span says, it is quarantined or flagged, its neighbours are counted, the audit adds up.

Everything goes the whole way: splitter, journal, sealer, Parquet, DuckDB. Figures are `test_hostile_figures`'s; single
reasons for quarantine are `test_bad_input`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver.dialects import ENCLOSING, SIDE_CHANNELS
from tests.otlp import NS, START_NS, SpanText, call, encode, key_values, request
from tests.pipeline import Pipeline
from tests.sealer.hostile import (
    IN,
    NEIGHBOUR_COST,
    amounts_of_others,
    assert_neighbours_count,
    neighbour,
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


# ---------------------------------------------------------------- side channels

# Who writes which side channel; a channel on any other span is read by nobody.
WRITERS: Mapping[str, str] = {
    "gen_ai.usage.raw": "logfire.openai",
    "ai.response.providerMetadata": "ai",
    "gcp.vertex.agent.llm_response": "gcp.vertex.agent",
    "metadata.usage_object": "litellm",
    "langfuse.observation.usage_details": "langfuse-sdk",
    "gen_ai.usage.input_token_details": "langsmith",
    "gen_ai.usage.output_token_details": "langsmith",
    "gen_ai.completion": "langsmith",
    "langfuse.observation.cost_details": "langfuse-sdk",
    "mlflow.chat.tokenUsage": "mlflow",
    "mlflow.llm.cost": "mlflow",
    "response_data": "logfire.openai",
}
BOMBS: Mapping[str, Any] = {
    "100,000 lists deep": "[" * 100_000,
    "50,000 objects deep": '{"usage":' * 50_000 + "1" + "}" * 50_000,
    "900 objects deep": '{"usage":' * 900 + "{}" + "}" * 900,
    "10 MB": json.dumps({"input_tokens": 100, "output_tokens": 10, "pad": "x" * 10_000_000}),
    "a million keys": json.dumps({f"k{number}": number for number in range(100_000)}),
    "not JSON": '{"input_tokens": 100,',
    "NaN": '{"input_tokens": NaN, "output_tokens": Infinity}',
    "exponents": '{"input_tokens": 1e400, "output_tokens": 1e2}',
    "5,000 digits": '{"input_tokens": ' + "9" * 5000 + "}",
    "negative": '{"input_tokens": -100, "output_tokens": -10}',
    "booleans": '{"input_tokens": true, "output_tokens": false}',
    "words": '{"input_tokens": "lots", "output_tokens": "few"}',
    "lists": '{"input_tokens": [100], "output_tokens": [10]}',
    "lone surrogates": '{"input_tokens": 100, "output_tokens": 10, "service_tier": "\\ud800", "\\udfff": 1}',
    "null bytes": '{"input_tokens": 100, "output_tokens": 10, "service_tier": "\\u0000"}',
    "a scalar": "7",
    "null": "null",
    "code": "__import__('pathlib').Path('{spy}').touch()",
    "code in a dict": "{{'input_tokens': __import__('pathlib').Path('{spy}').touch()}}",
    "a power": "{'input_tokens': 10**10**10}",
    "a long sum": "{'input_tokens': " + "1+" * 4000 + "1}",
    "many signs": "{'input_tokens': " + "-" * 8000 + "1}",
    "brackets": "{'a': " + "(" * 3000 + ")" * 3000 + "}",
    "an f-string": "{f'{1}': 1}",
    "bytes": b"\xff\xfe{'input_tokens': 1}",
    "a number": 7,
    "a list": [{"input_tokens": 1}],
    "an empty list": [],
}


@pytest.mark.parametrize("channel", [*SIDE_CHANNELS, *ENCLOSING])
def test_no_side_channel_is_a_bomb(pipeline: Pipeline, channel: str, tmp_path: Path) -> None:
    """Beside garbage in a side channel the span's own figures hold, or it has no cost; nothing runs, nothing stops."""
    spy = tmp_path / "spy"
    bombs = [value.replace("{spy}", str(spy)) if isinstance(value, str) else value for value in BOMBS.values()]
    scope = WRITERS[channel]
    for bomb in bombs:
        pipeline.send(neighbour(), call(scope=scope, scope_version="1.0.0", attributes={channel: bomb}), neighbour())
    pipeline.seal()
    audit = pipeline.audit()
    assert audit["received"] == 3 * len(BOMBS)
    assert not spy.exists()
    assert {row["cost"] for row in amounts_of_others(pipeline)} <= {NEIGHBOUR_COST}
    assert_neighbours_count(pipeline, 2 * len(BOMBS))
    faults = pipeline.rows("SELECT detail FROM set_aside WHERE reason = 'reader_failed'")
    assert faults == [], "a reader has to expect anything"


def test_every_side_channel_has_a_writer() -> None:
    """A side channel that is added must be attacked here too."""
    assert set(WRITERS) >= {*SIDE_CHANNELS, *ENCLOSING}


# ---------------------------------------------------------------- texts, keys, ids, times


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b",
        "\ufeff",
        "\u202e",
        "x" * 100_000,
        "'; DROP VIEW calls; --",
        "\ud7ff\U0010ffff",
        "%s%n{0}",
        "../../",
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_any_text_anywhere(pipeline: Pipeline, text: str) -> None:
    """Texts of any content and length, in every place that takes one, cost no neighbour its cost."""
    names = ("response.model", "request.model", "provider.name", "response.id", "conversation.id", "agent.name")
    spans = [call(attributes={f"gen_ai.{name}": text}) for name in names]
    spans += [
        call(name=text),
        call(scope=text or "s", scope_version=text),
        call(resource={"service.name": text, text[:200]: text}),
        call(attributes={"user.id": text, "team": text, "error.type": text, text[:200]: text}),
    ]
    pipeline.take(neighbour(), *spans, neighbour())
    audit = pipeline.audit()
    assert audit["usage"] + audit.get("quarantined", 0) == len(spans) + 2
    assert_neighbours_count(pipeline, 2)


def test_broken_utf8_in_every_text(pipeline: Pipeline) -> None:
    """Bytes that are no UTF-8, in keys, values, names, scope and resource, are read with replacements."""
    mark = "QQQQ"
    names = ("response.model", "response.id", "provider.name", "agent.name")
    spans = [call(attributes={f"gen_ai.{name}": mark}) for name in names]
    spans.append(call(name=mark, scope=mark, resource={mark: mark}, attributes={mark: mark, "user.id": mark}))
    pipeline.send_bytes(request(*spans).replace(mark.encode(), b"\xff\xfe\xc0\x80"))
    pipeline.take(neighbour())
    assert pipeline.audit()["usage"] == len(spans) + 1
    assert_neighbours_count(pipeline, 1)


def test_a_key_that_stands_twice_has_its_last_value_and_says_so(pipeline: Pipeline) -> None:
    """A span that says one figure twice, differently, is read as its SDK meant it (the last holds) and flagged."""
    message = ExportTraceServiceRequest.FromString(request(call(tokens=(100, 10))))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.extend(key_values({IN: 1000}))
    pipeline.send_bytes(message.SerializeToString())
    pipeline.take(neighbour())
    (row,) = pipeline.rows(
        "SELECT input_tokens, list_contains(usage_flags, 'attribute_repeated') AS said FROM calls "
        "WHERE customer_id IS NULL"
    )
    assert row == {"input_tokens": 1000, "said": True}
    assert_neighbours_count(pipeline, 1)


def test_a_key_that_stands_twice_with_one_value_is_nothing(pipeline: Pipeline) -> None:
    """The same said twice is said once."""
    message = ExportTraceServiceRequest.FromString(request(call()))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.extend(key_values({IN: 100}))
    pipeline.send_bytes(message.SerializeToString())
    pipeline.seal()
    assert pipeline.rows("SELECT list_contains(usage_flags, 'attribute_repeated') AS said, cost FROM calls") == [
        {"said": False, "cost": NEIGHBOUR_COST}
    ]


@pytest.mark.parametrize(
    ("trace_id", "span_id", "parent_id"),
    [
        (b"", b"", b""),
        (bytes(16), bytes(8), bytes(8)),
        (b"t" * 16, b"s" * 8, b"s" * 8),
        (b"t" * 16, b"s" * 8, b"p" * 7),
        (b"t" * 17, b"s" * 8, b""),
        (b"t" * 1000, b"s" * 1000, b"p" * 1000),
    ],
)
def test_ids_of_any_length(pipeline: Pipeline, trace_id: bytes, span_id: bytes, parent_id: bytes) -> None:
    """A span whose ids are none is never billed; one that is its own parent is billed once."""
    message = ExportTraceServiceRequest.FromString(request(call(), neighbour()))
    spans = [span for one in message.resource_spans for scope in one.scope_spans for span in scope.spans]
    spans[0].trace_id, spans[0].span_id, spans[0].parent_span_id = trace_id, span_id, parent_id
    for _ in range(2):
        pipeline.send_bytes(message.SerializeToString())
        pipeline.seal()
    valid = len(trace_id) == 16 and len(span_id) == 8 and any(trace_id) and any(span_id)
    assert len(amounts_of_others(pipeline)) == (1 if valid else 0)
    assert pipeline.audit()["received"] == 4
    assert_neighbours_count(pipeline, 1)


@pytest.mark.parametrize(
    ("start_ns", "end_ns"),
    [
        (0, 0),
        (1, 0),
        (START_NS, 0),
        (START_NS, START_NS - 1),
        (START_NS, 1),
        (START_NS, 2**64 - 1),
        (START_NS, 2**63),
        (2**64 - 1, 2**64 - 1),
        (1_000_000_000 * NS, 1_000_000_001 * NS),
        (4_000_000_000 * NS, 4_000_000_001 * NS),
        (4_102_444_799 * NS, 4_102_444_800 * NS),
    ],
)
def test_times_past_and_future(pipeline: Pipeline, start_ns: int, end_ns: int) -> None:
    """A time that cannot be is quarantined, one that can is kept; an end before its start costs nobody else."""
    span = encode(call())
    span.start_time_unix_nano, span.end_time_unix_nano = start_ns, end_ns
    message = ExportTraceServiceRequest.FromString(request(call(), neighbour()))
    message.resource_spans[0].scope_spans[0].spans[0].CopyFrom(span)
    pipeline.send_bytes(message.SerializeToString())
    pipeline.seal()
    audit = pipeline.audit()
    assert (audit["received"], audit["usage"] + audit.get("quarantined", 0)) == (2, 2)
    assert_neighbours_count(pipeline, 1)


@pytest.mark.parametrize("name", ["customer_id", "team"])
@pytest.mark.parametrize("place", ["span", "resource", "other span"])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (r'"cut \ud83d"', "cut \ufffd"),
        (r'"whole \ud83d\ude00, cut \ud83d"', "whole \U0001f600, cut \ufffd"),
        ("0x" + "f" * 4000, None),
    ],
    ids=["half a pair", "a pair and a half", "too long to be printed"],
)
def test_a_carried_text_that_utf8_cannot_hold_stops_nothing(
    pipeline: Pipeline, said: str, kept: str | None, place: str, name: str
) -> None:
    """Who pays and what labels say is kept as far as it is text; its call and its neighbours are billed."""
    carrier = {"metadata": f'{{"{name}": {said}}}'}
    spans = [call(trace=7, span=1, parent=2, attributes=carrier if place == "span" else {})]
    if place == "resource":
        spans = [call(trace=7, span=1, resource={"service.name": "shop", **carrier})]
    if place == "other span":
        spans.append(SpanText(trace=7, span=2, attributes=carrier))
    pipeline.take(neighbour(), *spans, neighbour())
    assert_neighbours_count(pipeline, 2)
    (row,) = pipeline.rows("SELECT cost, customer_id, labels FROM calls WHERE customer_id IS DISTINCT FROM 'honest'")
    assert row["cost"] == NEIGHBOUR_COST
    if name == "customer_id":
        assert row["customer_id"] == kept
    elif place != "other span":
        assert (row["labels"] or {}).get("team") == kept
