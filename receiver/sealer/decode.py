"""From a frame's bytes to spans with plain Python values.

Attributes repeat: the same model, provider, operation and customer stand on span after span, byte for byte. So an
encoded attribute is decoded once and remembered; what is remembered is bounded, and forgotten whole when full.

Must not: interpret an attribute, or refuse a span for a single bad value. Text that is not UTF-8 is read with
replacement characters; an attribute that cannot be decoded at all is left out and named in `flags`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from receiver import wire
from receiver.attribution import only_members
from receiver.dialects import ENCLOSING, EVIDENCE_KEYS, EVIDENCE_PREFIXES, SIDE_CHANNELS
from receiver.dialects.reading import AttributeValue
from receiver.strip import VALUE_BYTES_MAX, is_figure, kept_of, strip_to_evidence, unreadable_figure

# A token count, a model name, an id: 200,000 of them stay well under 100 MB.
REMEMBERED_MAX: Final = 200_000
# All that reading may have seen: longer values are content, but for side channels.
EVIDENCE_CHARS_MAX: Final = VALUE_BYTES_MAX
# A usage block is evidence only as a whole; these carry one, and nothing else by now.
_CARRIERS: Final = frozenset({*SIDE_CHANNELS, *ENCLOSING})
_USAGE_CHARS_MAX: Final = 16_384
CONTENT_HASH_VERSION: Final = 1
BAD_ATTRIBUTE_FLAG: Final = "attribute_undecodable"
REPEATED_ATTRIBUTE_FLAG: Final = "attribute_repeated"
# What decoding, not reading, says of a span.
DECODING_FLAGS: Final = frozenset({BAD_ATTRIBUTE_FLAG, REPEATED_ATTRIBUTE_FLAG})


class Attribute(NamedTuple):
    """One decoded attribute."""

    key: str
    value: AttributeValue
    canonical: bytes
    """Its encoding as this program would write it, for the content hash."""
    evidence: str | None
    """The value as evidence keeps it; None when the allow-list does not have the key."""


@dataclass(frozen=True, slots=True)
class ResourceView:
    """Who sent the spans."""

    attributes: dict[str, AttributeValue]
    evidence: dict[str, str]


@dataclass(frozen=True, slots=True)
class ScopeView:
    """The library that made the spans."""

    name: str
    version: str


class DecodedSpan(msgspec.Struct):
    """A span's own facts. Ids are as sent: they may have any length."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status_code: int
    attributes: dict[str, AttributeValue]
    evidence: dict[str, str]
    dropped_attributes: int
    content_hash: bytes
    flags: tuple[str, ...]
    resource: ResourceView
    scope: ScopeView
    raw: bytes


@dataclass(frozen=True, slots=True)
class UndecodableSpan:
    """Bytes that are no span."""

    raw: bytes
    detail: str


class Decoder:
    """Decodes payloads of frames. Not thread-safe; one per sealer."""

    def __init__(
        self,
        *,
        evidence_keys: frozenset[str] = frozenset(),
        evidence_members: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self._evidence_keys = evidence_keys.union(EVIDENCE_KEYS)
        self._evidence_members = evidence_members
        self._attributes: dict[bytes, Attribute | None] = {}
        self._resources: dict[bytes, ResourceView] = {}
        self._scopes: dict[bytes, ScopeView] = {}

    def spans(self, payload: bytes) -> Iterator[DecodedSpan | UndecodableSpan]:
        """Yield the spans of an ExportTraceServiceRequest in order."""
        if not payload:
            return
        self.forget_when_full()
        for resource_spans in wire.ExportRequest.FromString(payload).resource_spans:
            resource = self._resource(wire.whole(resource_spans.resource))
            for scope_spans in resource_spans.scope_spans:
                scope = self._scope(wire.whole(scope_spans.scope))
                for raw in scope_spans.spans:
                    yield self._span(raw, resource=resource, scope=scope)

    def span(self, raw: bytes, *, resource: bytes, scope: bytes) -> DecodedSpan | UndecodableSpan:
        """Decode one span of an encoded resource and scope; both may be empty, where they are kept elsewhere."""
        return self._span(raw, resource=self._resource(resource), scope=self._scope(scope))

    def attribute(self, encoded: bytes) -> Attribute | None:
        """Decode one attribute; None for content and for what cannot be decoded."""
        return self._attributes.get(encoded) or self._attribute(encoded)[0]

    def resource(self, encoded: bytes) -> ResourceView:
        """Decode a resource."""
        return self._resource(encoded)

    def is_evidence(self, key: str) -> bool:
        """Say whether evidence keeps the attributes of this name."""
        return key.startswith(EVIDENCE_PREFIXES) or key in self._evidence_keys

    def keeps_members(self, key: str) -> bool:
        """Say whether evidence keeps some members of the attributes of this name, where they are JSON texts."""
        return key in self._evidence_members

    def forget_when_full(self) -> None:
        """Forget what is remembered once it is more than it may be."""
        for memory in (self._attributes, self._resources, self._scopes):
            if len(memory) > REMEMBERED_MAX:
                memory.clear()

    def _span(self, raw: bytes, *, resource: ResourceView, scope: ScopeView) -> DecodedSpan | UndecodableSpan:
        try:
            span = wire.Span.FromString(raw)
        except DecodeError as malformed:
            return UndecodableSpan(raw=raw, detail=str(malformed))
        encoded = span.attributes
        remembered: list[Any] = [self._attributes.get(one) for one in encoded]
        found: list[Attribute] = remembered
        flags: tuple[str, ...] = ()
        if None in remembered:
            found, flags = self._complete(remembered, encoded)
        attributes = {one[0]: one[1] for one in found}
        if len(attributes) < len(found):
            flags += _repeated(found, attributes)
        evidence = {one[0]: one[3] for one in found if one[3] is not None}
        canonical = [one[2] for one in found]
        status_code = span.status.code
        decoded = DecodedSpan(
            span.trace_id, span.span_id, span.parent_span_id, span.name.decode("utf-8", "replace"), span.kind,
            span.start_time_unix_nano, span.end_time_unix_nano, status_code, attributes, evidence,
            span.dropped_attributes_count, b"", flags, resource, scope, raw,
        )  # fmt: skip
        decoded.content_hash = _content_hash(decoded, canonical)
        return decoded

    def _complete(
        self, found: Sequence[Attribute | None], encoded: Sequence[bytes]
    ) -> tuple[list[Attribute], tuple[str, ...]]:
        """Decode what is not remembered yet; leave out content and what cannot be decoded."""
        complete: list[Attribute] = []
        flags: tuple[str, ...] = ()
        for known, one in zip(found, encoded, strict=True):
            attribute = known
            if attribute is None:
                attribute, is_bad = self._attribute(one)
                if is_bad:
                    flags = (BAD_ATTRIBUTE_FLAG,)
            if attribute is not None:
                complete.append(attribute)
        return complete, flags

    def _attribute(self, sent: bytes) -> tuple[Attribute | None, bool]:
        """Decode and remember one attribute; None for content. The flag says it could not be decoded."""
        encoded = kept_of(sent)
        if encoded is None:
            # Content is mostly unique: remembering it would only fill the memory.
            return self._attribute(unreadable_figure(sent)) if is_figure(sent) else (None, False)
        plain = _plain_text(encoded)
        if plain is not None:
            key, value = plain
            attribute = Attribute(key, value, encoded, self._evidence(key, value))
        else:
            try:
                message = wire.KeyValue.FromString(encoded)
            except DecodeError:
                return None, True
            message.DiscardUnknownFields()
            key = message.key.decode("utf-8", "replace")
            decoded = _value(message.value)
            attribute = Attribute(key, decoded, message.SerializeToString(), self._evidence(key, decoded))
        if len(encoded) <= VALUE_BYTES_MAX:
            self._attributes[encoded] = attribute
        return attribute, False

    def _evidence(self, key: str, value: AttributeValue) -> str | None:
        if not self.is_evidence(key):
            wanted = self._evidence_members.get(key)
            return None if wanted is None else only_members(value, wanted)
        return _text(value)[: _USAGE_CHARS_MAX if key in _CARRIERS else EVIDENCE_CHARS_MAX]

    def _resource(self, encoded: bytes) -> ResourceView:
        known = self._resources.get(encoded)
        if known is None:
            pairs = [self._attribute(one)[0] for one in _decode_or_empty(wire.Resource, encoded).attributes]
            attributes = {pair.key: pair.value for pair in pairs if pair is not None}
            known = ResourceView(
                attributes=attributes,
                evidence={key: _text(value)[:EVIDENCE_CHARS_MAX] for key, value in attributes.items()},
            )
            self._resources[encoded] = known
        return known

    def _scope(self, encoded: bytes) -> ScopeView:
        known = self._scopes.get(encoded)
        if known is None:
            scope = _decode_or_empty(wire.Scope, encoded)
            known = ScopeView(
                name=scope.name.decode("utf-8", "replace"), version=scope.version.decode("utf-8", "replace")
            )
            self._scopes[encoded] = known
        return known


def stripped(span: DecodedSpan | UndecodableSpan) -> bytes:
    """Return the span's bytes as quarantine keeps them."""
    return strip_to_evidence(span.raw)


def _repeated(found: Sequence[Attribute], attributes: Mapping[str, AttributeValue]) -> tuple[str, ...]:
    """Say whether anything that evidence keeps stands on the span twice, with two values.

    OTLP forbids it; an SDK that only appends writes what was set later last, and a later setting replaces an earlier.
    """
    disagree = any(one.evidence is not None and attributes[one.key] != one.value for one in found)
    return (REPEATED_ATTRIBUTE_FLAG,) if disagree else ()


def _decode_or_empty(kind: Any, encoded: bytes) -> Any:
    try:
        return kind.FromString(encoded)
    except DecodeError:
        return kind()


def _content_hash(span: DecodedSpan, canonical: list[bytes]) -> bytes:
    canonical.sort()
    digest = blake2b(digest_size=16)
    digest.update(
        b"%d|%d|%d|%d|%d|"
        % (CONTENT_HASH_VERSION, len(span.parent_span_id), span.start_ns, span.end_ns, span.status_code)
    )
    digest.update(span.trace_id + span.span_id + span.parent_span_id)
    digest.update(b"".join(canonical))
    return digest.digest()


def _plain_text(encoded: bytes) -> tuple[str, str] | None:
    """Read the commonest attribute, a short text in its canonical encoding, without the protobuf library.

    Tag and length of the key, the key, tag and length of the value, then tag and length of its text, the text: all
    lengths below 128, and nothing else. Anything that does not fit is None, and goes the long way.
    """
    end = len(encoded)
    if end < 6 or encoded[0] != 0x0A or encoded[1] >= 0x80:
        return None
    value = 2 + encoded[1]
    if value + 4 > end or encoded[value] != 0x12 or encoded[value + 1] >= 0x80 or encoded[value + 2] != 0x0A:
        return None
    text = value + 4
    if value + 2 + encoded[value + 1] != end or text + encoded[value + 3] != end:
        return None
    return encoded[2:value].decode("utf-8", "replace"), encoded[text:].decode("utf-8", "replace")


def _value(value: Any) -> AttributeValue:
    """Turn an AnyValue into Python's types; one without a member is the empty string, as the SDKs write it."""
    fields = value.ListFields()
    if not fields or fields[-1][0].name == "string_value_strindex":
        return ""
    descriptor, content = fields[-1]
    if descriptor.name == "string_value":
        return str(content, "utf-8", "replace")
    if descriptor.name == "array_value":
        return [_value(one) for one in content.values]
    if descriptor.name == "kvlist_value":
        return {one.key.decode("utf-8", "replace"): _value(one.value) for one in content.values}
    return content  # type: ignore[no-any-return]


def _text(value: AttributeValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
