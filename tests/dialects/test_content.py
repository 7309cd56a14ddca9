"""Message content: nothing that stood under the corpus's content keys survives stripping, and nothing else is lost."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver.dialects import CONTENT_KEYS, CONTENT_PREFIXES, EVIDENCE_PREFIXES, SIDE_CHANNELS
from receiver.strip import strip, strip_to_evidence
from tests.corpus.recorded import INSTRUMENTATIONS, recordings
from tests.otlp import SpanText, encode

_SECRET = "what the user said"


def _keys(span: bytes) -> set[str]:
    return {attribute.key for attribute in Span.FromString(span).attributes}


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_no_content_key_of_the_corpus_survives(instrumentation: str) -> None:
    """With content put back under every key it stood under, stripping leaves exactly the other attributes."""
    for recording in recordings(instrumentation):
        for span in recording.spans:
            whole = encode(SpanText(attributes=span.attributes | dict.fromkeys(span.removed, _SECRET)))
            stripped = strip(whole.SerializeToString())
            assert _SECRET.encode() not in stripped
            assert _keys(stripped) == set(span.attributes)


@pytest.mark.parametrize("key", [*CONTENT_KEYS, *(prefix.rstrip(".") + ".0.content" for prefix in CONTENT_PREFIXES)])
def test_every_listed_key_is_stripped(key: str) -> None:
    """Each key of the lists, and a key under each prefix, goes; the figure beside it stays."""
    whole = encode(SpanText(attributes={key: _SECRET, "gen_ai.usage.input_tokens": 5})).SerializeToString()
    assert _keys(strip(whole)) == {"gen_ai.usage.input_tokens"}
    assert _SECRET.encode() not in strip_to_evidence(whole)


def test_no_key_is_both_content_and_side_channel() -> None:
    """What carries a provider's usage is not message content."""
    assert not set(SIDE_CHANNELS).intersection(CONTENT_KEYS)
    assert not any(key.startswith(CONTENT_PREFIXES) for key in SIDE_CHANNELS)


def test_usage_names_are_evidence() -> None:
    """Quarantine keeps what figures stood under."""
    assert "gen_ai.usage.input_tokens".startswith(EVIDENCE_PREFIXES)
    assert "llm.token_count.prompt".startswith(EVIDENCE_PREFIXES)
