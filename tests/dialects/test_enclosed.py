"""Usage enclosed in content: the figures survive stripping, the words beside them do not, and twice is as once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver.dialects import ENCLOSING, SIDE_CHANNELS, usage_within
from receiver.dialects.enclosed import ENCLOSING_BYTES_MAX
from receiver.sealer.decode import EVIDENCE_CHARS_MAX, DecodedSpan, Decoder
from receiver.strip import SIDE_CHANNEL_BYTES_MAX, strip, strip_to_evidence
from tests.otlp import SpanText, call, encode, request
from tests.pipeline import Pipeline

_SECRET = "what the user said"
_LONG = _SECRET * 400
_USAGE = {"input_tokens": 5, "output_tokens": 7, "input_token_details": {"cache_read": 3}}
# For each attribute a text as its emitter writes it, and what is to be left of it.
CARRIED: dict[str, tuple[Any, Any]] = {
    "gcp.vertex.agent.llm_response": (
        {
            "content": {"parts": [{"text": _LONG}]},
            "usage_metadata": {"prompt_token_count": 5, "note": _LONG},
            "model_version": "gemini-2.5-flash",
        },
        {"usage_metadata": {"prompt_token_count": 5}, "model_version": "gemini-2.5-flash"},
    ),
    "gen_ai.completion": (
        {"generations": [[{"text": _LONG, "message": {"kwargs": {"content": _LONG, "usage_metadata": _USAGE}}}]]},
        {"usage_metadata": _USAGE},
    ),
    "ai.response.providerMetadata": (
        {"google": {"usageMetadata": {"promptTokenCount": 5}, "groundingMetadata": {"chunks": [_LONG]}}, "x": _LONG},
        {"google": {"usageMetadata": {"promptTokenCount": 5}}},
    ),
    "response_data": ({"message": {"content": _LONG}, "usage": _USAGE}, {"usage": _USAGE}),
}


def attributes_of(span: bytes) -> dict[str, str]:
    """Return the texts of a span's attributes."""
    return {attribute.key: attribute.value.string_value for attribute in Span.FromString(span).attributes}


def test_every_enclosing_attribute_is_tried() -> None:
    """A new one needs its case here, and is neither a plain side channel nor kept whole."""
    assert CARRIED.keys() == ENCLOSING.keys()
    assert not ENCLOSING.keys() & set(SIDE_CHANNELS)


@pytest.mark.parametrize("key", CARRIED)
def test_only_the_usage_survives(key: str) -> None:
    """In the journal, in evidence and in quarantine there are figures and nothing that anybody said."""
    carried, left = CARRIED[key]
    whole = encode(SpanText(attributes={key: json.dumps(carried)})).SerializeToString()
    for stripped in (strip(whole), strip_to_evidence(whole)):
        assert _SECRET.encode() not in stripped
        assert json.loads(attributes_of(stripped)[key]) == left
        assert strip(stripped) == stripped


@pytest.mark.parametrize("key", CARRIED)
def test_stripped_before_or_after_the_journal_is_the_same(key: str) -> None:
    """A span has one content, whether it was large enough to be stripped on arrival or not."""
    text = SpanText(trace=1, span=1, attributes={key: json.dumps(CARRIED[key][0])})
    sent = request(text)
    slim = SpanText(trace=1, span=1, attributes=attributes_of(strip(encode(text).SerializeToString())))
    (whole,), (cut,) = Decoder().spans(sent), Decoder().spans(request(slim))
    assert isinstance(whole, DecodedSpan)
    assert isinstance(cut, DecodedSpan)
    assert (whole.content_hash, whole.evidence) == (cut.content_hash, cut.evidence)


def test_evidence_keeps_a_usage_block_whole() -> None:
    """Other values of that length are content and go whole; half a block would be none."""
    raw = json.dumps({"prompt_tokens": 5, "completion_tokens": 7, "padding": list(range(600))})
    assert len(raw) > EVIDENCE_CHARS_MAX
    (span,) = Decoder().spans(request(SpanText(attributes={"gen_ai.usage.raw": raw, "gen_ai.request.model": raw})))
    assert isinstance(span, DecodedSpan)
    assert span.evidence["gen_ai.usage.raw"] == raw
    assert "gen_ai.request.model" not in span.evidence


def test_a_side_channel_longer_than_any_block_is_content() -> None:
    """What no block is long enough for is not kept."""
    whole = encode(SpanText(attributes={"metadata.usage_object": "x" * (SIDE_CHANNEL_BYTES_MAX + 1)}))
    assert attributes_of(strip(whole.SerializeToString())) == {}


@pytest.mark.parametrize("key", CARRIED)
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"5",
        b"{",
        _SECRET.encode(),
        b"\xff",
        b'{"a":' * 5000,
        b'{"usage": "words"}',
        b'{"usage_metadata": "words"}',
        b'{"google": {"usage": ["words"]}}',
        b"{" + b" " * ENCLOSING_BYTES_MAX + b"}",
    ],
    ids=range(13),
)
def test_what_encloses_no_usage_is_content(key: str, text: bytes) -> None:
    """Nothing of it is kept, short as it may be."""
    assert usage_within(key, text) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["usage_metadata", "usage", "google", "generations", "message", "kwargs"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from(sorted(ENCLOSING)), _JSON)
def test_cutting_down_twice_is_as_once(key: str, value: object) -> None:
    """Whatever the text, what is left is JSON, stays as it is, and has no long words."""
    found = usage_within(key, json.dumps(value).encode())
    if found is not None:
        assert usage_within(key, found) == found
        assert all(len(word) <= 64 for word in words_of(json.loads(found)))


def words_of(value: Any) -> list[str]:
    """Return every text in a value."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [word for one in inner for word in words_of(one)]


@pytest.mark.parametrize("key", CARRIED)
@pytest.mark.parametrize("value", ["carried", "cut", "words", 5, True, ["a"], {"usage": {"input_tokens": 5}}, ""])
def test_sealing_by_columns_and_span_by_span_is_the_same(tmp_path: Path, key: str, value: Any) -> None:
    """Whatever stands under such a key, the calls of a batch have the content and evidence that decoding gives."""
    carried, left = CARRIED[key]
    sent = (
        {"carried": json.dumps(carried), "cut": json.dumps(left)}.get(value, value) if isinstance(value, str) else value
    )
    spans = [call(trace=1, span=number, scope="langsmith", attributes={key: sent}) for number in (1, 2, 3)]
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(*spans)
        rows = pipeline.rows("SELECT content_hash, span_attributes FROM entries UNION ALL BY NAME SELECT content_hash, "
                             "span_attributes FROM set_aside ORDER BY content_hash")  # fmt: skip
    decoded = [span for span in Decoder().spans(request(*spans)) if isinstance(span, DecodedSpan)]
    assert len(rows) == len(decoded)
    assert sorted(row["content_hash"] for row in rows) == sorted(span.content_hash.hex() for span in decoded)
    evidence = {span.content_hash.hex(): span.evidence for span in decoded}
    assert all(dict(row["span_attributes"]) == evidence[row["content_hash"]] for row in rows)
