"""The wire: any valid request, however it is encoded, is read as the official protobuf classes read it."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from receiver import wire
from receiver.sealer.decode import DecodedSpan, Decoder
from receiver.strip import attribute_key, kept_of
from tests.fuzz import odd_wire
from tests.fuzz.agreement import assert_agreement


@given(st.integers(0, 2**64))
@settings(max_examples=600, deadline=None)
def test_any_valid_request(seed: int) -> None:
    """Merged messages, fields twice or in any order, padded numbers, fields nobody knows: all are read alike."""
    random = Random(seed)
    message = odd_wire.request(random)
    encoded = odd_wire.encode(message, random)
    assert odd_wire.same(ExportTraceServiceRequest.FromString(encoded), message), "the encoder itself"
    assert_agreement(encoded)


@given(st.integers(0, 2**64), st.binary(max_size=200), st.integers(0, 500))
@settings(max_examples=600, deadline=None)
def test_any_bytes(seed: int, noise: bytes, place: int) -> None:
    """Bytes that are overwritten anywhere are refused, or read as the official classes read them."""
    random = Random(seed)
    encoded = odd_wire.encode(odd_wire.request(random), random)
    assert_agreement(encoded[:place] + noise + encoded[place + len(noise) :])


def test_second_key_is_the_one_that_counts() -> None:
    """Content is recognised by the key that a reader sees, not by one that stands before it."""
    content = KeyValue(key="gen_ai.input.messages")
    content.value.string_value = "secret"
    attribute = KeyValue(key="gen_ai.x").SerializeToString() + content.SerializeToString()
    assert attribute_key(attribute) == KeyValue.FromString(attribute).key.encode()
    assert kept_of(attribute) is None
    span = b"\x4a" + bytes([len(attribute)]) + attribute
    (decoded,) = Decoder().spans(request_of(span))
    assert isinstance(decoded, DecodedSpan)
    assert not decoded.attributes
    assert_agreement(request_of(span))


def request_of(span: bytes) -> bytes:
    """Return a request of one encoded span."""
    message = wire.ExportRequest()
    message.resource_spans.add().scope_spans.add().spans.append(span)
    encoded: bytes = message.SerializeToString()
    return encoded
