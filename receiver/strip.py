"""Stripping: message content out, everything that cost or attribution may need kept. Idempotent.

Out go: attributes that carry message content (the dialects' tables), values larger than 2 KiB unless they are a side
channel that carries a provider's usage block, events, links and the status message. An attribute that encloses such a
block in content is cut down to the block. Kept, bit for bit: ids, times, names, the status code and all other
attributes. Whatever enters the ledger or its quarantine has been stripped. A
figure too long to be one is not left out, as if it had never been said: a text that is no number takes its place.

Must not: decode other values, or know what an attribute means beyond the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from receiver import wire
from receiver.dialects import (
    CONTENT_KEYS,
    CONTENT_PREFIXES,
    ENCLOSING,
    EVIDENCE_KEYS,
    EVIDENCE_PREFIXES,
    FIGURE_PREFIXES,
    SIDE_CHANNELS,
    usage_within,
)

# Spans above this surely carry message content; they are stripped before they reach the disk.
LARGE_SPAN_BYTES: Final = 4096
# Longer than any id, model name or usage block; content hides in anything longer.
VALUE_BYTES_MAX: Final = 2048
# No provider's usage block comes near.
SIDE_CHANNEL_BYTES_MAX: Final = 65_536

_VALUE_TAG: Final = 0x12  # KeyValue.value: field 2, length-delimited

_CONTENT_KEYS: Final = frozenset(key.encode() for key in CONTENT_KEYS)
_CONTENT_PREFIXES: Final = tuple(prefix.encode() for prefix in CONTENT_PREFIXES)
_ENCLOSING: Final = frozenset(key.encode() for key in ENCLOSING)
_EVIDENCE_KEYS: Final = frozenset(key.encode() for key in EVIDENCE_KEYS)
_EVIDENCE_PREFIXES: Final = tuple(prefix.encode() for prefix in EVIDENCE_PREFIXES)
_FIGURE_PREFIXES: Final = tuple(prefix.encode() for prefix in FIGURE_PREFIXES)
_SIDE_CHANNELS: Final = frozenset(key.encode() for key in SIDE_CHANNELS)


def strip(span: bytes) -> bytes:
    """Return the span without message content.

    Bytes that are no span become empty: nothing of them can be told apart from content.
    """
    return _stripped(span, kept_of)


def strip_to_evidence(span: bytes) -> bytes:
    """Return the span with no more attributes than evidence may keep: the form in which quarantine holds it."""
    return _stripped(span, lambda attribute: kept_of(attribute) if _is_evidence(attribute) else None)


def kept_of(attribute: bytes) -> bytes | None:
    """Return what may be kept of an encoded KeyValue: all of it, the usage that content encloses, or nothing."""
    key = attribute_key(attribute)
    if key in _ENCLOSING:
        return _usage_within(key, attribute)
    return None if is_content(attribute) else attribute


def _usage_within(key: bytes, attribute: bytes) -> bytes | None:
    try:
        text = wire.KeyValue.FromString(attribute).value.string_value
    except DecodeError:
        return None
    found = usage_within(key.decode(), text) if text else None
    if found is None or found == text:
        return found and attribute
    value = wire.AnyValue(string_value=found)
    return wire.KeyValue(key=key, value=value).SerializeToString()  # type: ignore[no-any-return]


def _is_evidence(attribute: bytes) -> bool:
    key = attribute_key(attribute)
    return key in _EVIDENCE_KEYS or key.startswith(_EVIDENCE_PREFIXES)


def _stripped(span: bytes, keep: Callable[[bytes], bytes | None]) -> bytes:
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


def _slim(attributes: Iterable[bytes], keep: Callable[[bytes], bytes | None]) -> Iterator[bytes]:
    for attribute in attributes:
        kept = keep(attribute)
        if kept is not None:
            yield kept
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
    return len(attribute) > (SIDE_CHANNEL_BYTES_MAX if key in _SIDE_CHANNELS else VALUE_BYTES_MAX)


def is_figure(attribute: bytes) -> bool:
    """Say whether an encoded KeyValue stands where a figure has to be."""
    return attribute_key(attribute).startswith(_FIGURE_PREFIXES)


def unreadable_figure(attribute: bytes) -> bytes:
    """Return an encoded KeyValue of the same key that no reader takes for a number."""
    value = wire.AnyValue(string_value=b"(longer than a number)")
    return wire.KeyValue(key=attribute_key(attribute), value=value).SerializeToString()  # type: ignore[no-any-return]


def attribute_key(attribute: bytes) -> bytes:
    """Return the key of an encoded KeyValue; empty when there is none."""
    # Field 1, length-delimited, shorter than 128 bytes, then the value and nothing else: how every encoder writes it.
    if attribute[:1] == b"\x0a" and len(attribute) > 1 and attribute[1] < 0x80:
        end = 2 + attribute[1]
        if _is_only_a_value(attribute, end):
            return attribute[2:end]
    try:
        return bytes(wire.KeyValue.FromString(attribute).key)
    except DecodeError:
        return b""


def _is_only_a_value(attribute: bytes, start: int) -> bool:
    """Say whether a value follows, up to the end: another key behind it would be the one that counts."""
    rest = len(attribute) - start
    if rest < 2:
        return rest == 0
    if attribute[start] != _VALUE_TAG:
        return False
    size = shift = 0
    for read, octet in enumerate(attribute[start + 1 : start + 6], start=2):
        size |= (octet & 0x7F) << shift
        if octet < 0x80:
            return size == rest - read
        shift += 7
    return False
