"""Stripping: message content out, everything that cost or attribution may need kept. Idempotent.

Out go: attributes that carry message content (the dialects' tables), values larger than 2 KiB unless they are a side
channel that carries a provider's usage block, events, links and the status message. Kept, bit for bit: ids, times,
names, the status code and all other attributes. Whatever enters the ledger or its quarantine has been stripped. A
figure too long to be one is not left out, as if it had never been said: a text that is no number takes its place.

Must not: decode values, or know what an attribute means beyond the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from receiver import wire
from receiver.dialects import CONTENT_KEYS, CONTENT_PREFIXES, EVIDENCE_PREFIXES, FIGURE_PREFIXES, SIDE_CHANNELS

# Spans above this surely carry message content; they are stripped before they reach the disk.
LARGE_SPAN_BYTES: Final = 4096
# Longer than any id, model name or usage block; content hides in anything longer.
VALUE_BYTES_MAX: Final = 2048

_CONTENT_KEYS: Final = frozenset(key.encode() for key in CONTENT_KEYS)
_CONTENT_PREFIXES: Final = tuple(prefix.encode() for prefix in CONTENT_PREFIXES)
_EVIDENCE_PREFIXES: Final = tuple(prefix.encode() for prefix in EVIDENCE_PREFIXES)
_FIGURE_PREFIXES: Final = tuple(prefix.encode() for prefix in FIGURE_PREFIXES)
_SIDE_CHANNELS: Final = frozenset(key.encode() for key in SIDE_CHANNELS)


def strip(span: bytes) -> bytes:
    """Return the span without message content.

    Bytes that are no span become empty: nothing of them can be told apart from content.
    """
    return _stripped(span, lambda attribute: not is_content(attribute))


def strip_to_evidence(span: bytes) -> bytes:
    """Return the span with no more attributes than evidence may keep: the form in which quarantine holds it."""
    return _stripped(
        span,
        lambda attribute: attribute_key(attribute).startswith(_EVIDENCE_PREFIXES) and not is_content(attribute),
    )


def _stripped(span: bytes, keep: Callable[[bytes], bool]) -> bytes:
    try:
        message = wire.Span.FromString(span)
    except DecodeError:
        return b""
    kept = list(_slim(message.attributes, keep))
    del message.attributes[:]
    message.attributes.extend(kept)
    message.ClearField("events")
    message.ClearField("links")
    message.DiscardUnknownFields()
    message.status.ClearField("message")
    return message.SerializeToString()  # type: ignore[no-any-return]


def _slim(attributes: Iterable[bytes], keep: Callable[[bytes], bool]) -> Iterator[bytes]:
    for attribute in attributes:
        if keep(attribute):
            yield attribute
        elif is_figure(attribute):
            yield unreadable_figure(attribute)


def strip_large_spans(request: bytes, *, above_bytes: int = LARGE_SPAN_BYTES) -> bytes:
    """Return the request with each of its spans above this size stripped."""
    if len(request) <= above_bytes:
        return request
    message = wire.ExportRequest.FromString(request)
    changed = False
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            changed = _strip_large(scope_spans.spans, above_bytes) or changed
    return message.SerializeToString() if changed else request


def _strip_large(spans: Any, above_bytes: int) -> bool:
    """Strip in place; say whether there was anything to strip."""
    sizes = [len(span) for span in spans]
    if not sizes or max(sizes) <= above_bytes:
        return False
    # What is no span stays as it is: the sealer says so, and quarantine keeps nothing of its bytes.
    slim = [strip(span) or span if len(span) > above_bytes else span for span in spans]
    del spans[:]
    spans.extend(slim)
    return True


def is_content(attribute: bytes) -> bool:
    """Say whether an encoded KeyValue carries message content, or may because it is so large."""
    key = attribute_key(attribute)
    if key in _CONTENT_KEYS or key.startswith(_CONTENT_PREFIXES):
        return True
    return len(attribute) > VALUE_BYTES_MAX and key not in _SIDE_CHANNELS


def is_figure(attribute: bytes) -> bool:
    """Say whether an encoded KeyValue stands where a figure has to be."""
    return attribute_key(attribute).startswith(_FIGURE_PREFIXES)


def unreadable_figure(attribute: bytes) -> bytes:
    """Return an encoded KeyValue of the same key that no reader takes for a number."""
    value = wire.AnyValue(string_value=b"(longer than a number)")
    return wire.KeyValue(key=attribute_key(attribute), value=value).SerializeToString()  # type: ignore[no-any-return]


def attribute_key(attribute: bytes) -> bytes:
    """Return the key of an encoded KeyValue; empty when there is none."""
    # Field 1, length-delimited, shorter than 128 bytes: how every encoder writes it.
    if attribute[:1] == b"\x0a" and len(attribute) > 1 and attribute[1] < 0x80:
        return attribute[2 : 2 + attribute[1]]
    try:
        return bytes(wire.KeyValue.FromString(attribute).key)
    except DecodeError:
        return b""
