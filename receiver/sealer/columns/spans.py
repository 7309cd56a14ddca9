"""The spans of a batch as columns: fields, attributes by key, content hashes, evidence.

Rows are the batch's spans in the order they came. A span is `plain` when every column says of it what `decode` would;
all others are left to `decode`, by their bytes.

Must not: say what a span means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pyarrow as pa

from receiver import wire
from receiver.journal_reader import Frame
from receiver.sealer.columns.attributes import BROKEN, CONTENT, AttributeReader, DistinctAttributes, slices
from receiver.sealer.columns.fields import Integers, Mask, SpanFields, read_fields
from receiver.sealer.decode import CONTENT_HASH_VERSION, EVIDENCE_CHARS_MAX, DecodedSpan, Decoder, UndecodableSpan

# More distinct keys than this in one batch, and spans with the rarest go the long way: the table of attributes by key
# is rows × keys.
_KEYS_MAX: Final = 256
ABSENT: Final = -1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where spans came from: what they do not say themselves. Encoded, as it came."""

    ingest_scope: str
    resource: bytes
    scope: bytes


@dataclass(frozen=True, slots=True)
class SpanColumns:
    """A batch's spans."""

    raw: Sequence[bytes]
    origins: list[Origin]
    origin: Integers
    """Place in `origins`."""
    fields: SpanFields
    plain: Mask
    distinct: DistinctAttributes
    row: Integers
    """Of each attribute, content left out: whose it is."""
    code: Integers
    """Of each attribute: place in `distinct`."""
    begin: Integers
    """Of each span: where its attributes begin in `row` and `code`; one more for the end of all."""
    by_key: dict[str, Integers]
    """Key → for each span the place of its attribute in `distinct`, ABSENT where it has none.

    In the order in which a span's attributes sort by their bytes.
    """

    def decoded(self, row: int, decoder: Decoder) -> DecodedSpan | UndecodableSpan:
        """Return one span as an object."""
        origin = self.origins[self.origin[row]]
        return decoder.span(self.raw[row], resource=origin.resource, scope=origin.scope)

    def keys_of_kinds(self, row: int, kinds: Sequence[int]) -> frozenset[str]:
        """Return the keys of one span's attributes of these kinds."""
        codes = self.code[self.begin[row] : self.begin[row + 1]]
        chosen = self.distinct.key[codes[np.isin(self.distinct.kind[codes], kinds)]]
        return frozenset(self.distinct.keys[one].name for one in chosen.tolist())


def read_spans(frames: Sequence[Frame], attributes: AttributeReader) -> SpanColumns:
    """Lay out the spans of these frames."""
    raw: list[bytes] = []
    origins: dict[Origin, int] = {}
    origin: list[Integers] = []
    for frame in frames:
        if not frame.payload:
            continue
        for resource_spans in wire.ExportRequest.FromString(frame.payload).resource_spans:
            resource = wire.whole(resource_spans.resource)
            for scope_spans in resource_spans.scope_spans:
                one = Origin(frame.ingest_scope, resource, wire.whole(scope_spans.scope))
                raw += scope_spans.spans
                origin.append(np.full(len(scope_spans.spans), origins.setdefault(one, len(origins)), np.int64))
    return _columns(raw, list(origins), np.concatenate([np.empty(0, np.int64), *origin]), attributes)


def _columns(raw: list[bytes], origins: list[Origin], origin: Integers, attributes: AttributeReader) -> SpanColumns:
    fields = read_fields(raw)
    distinct, codes = attributes.read(fields.data, fields.attributes)
    row = fields.attributes.row
    plain = fields.plain & (fields.dropped_attributes == 0)
    plain[row[distinct.kind[codes] == BROKEN]] = False
    kept = plain[row] & (distinct.kind[codes] != CONTENT)
    row, codes = row[kept], codes[kept]
    by_key = _by_key(row, codes, distinct, plain)
    begin = np.zeros(len(raw) + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=len(raw)), out=begin[1:])
    return SpanColumns(raw, origins, origin, fields, plain, distinct, row, codes, begin, by_key)


def _by_key(row: Integers, code: Integers, distinct: DistinctAttributes, plain: Mask) -> dict[str, Integers]:
    """Spread attributes over columns by key; spans with a key twice, or a rare one too many, are not plain."""
    key = distinct.key[code]
    uses = np.bincount(key, minlength=len(distinct.keys))
    common = [one for one in np.argsort(-uses, kind="stable")[:_KEYS_MAX].tolist() if uses[one]]
    # Keys of a span differ, so its attributes sort by length and name of the key, as their bytes begin.
    common.sort(key=lambda one: (len(distinct.keys[one].encoded), distinct.keys[one].encoded))
    place = np.full(len(distinct.keys), ABSENT, np.int64)
    place[common] = np.arange(len(common))
    plain[row[place[key] == ABSENT]] = False
    table = np.full((len(common) + 1, len(plain)), ABSENT, np.int64)
    # The last line takes what has no column.
    table[place[key], row] = code
    plain &= (table[:-1] != ABSENT).sum(axis=0) == np.bincount(row, minlength=len(plain))
    return {distinct.keys[one].name: table[number] for number, one in enumerate(common)}


def content_hashes(spans: SpanColumns, rows: Integers) -> list[bytes]:
    """Return the content hashes of plain spans, as `decode` computes them."""
    texts, bounds = _canonical_texts(spans, rows)
    fields = spans.fields
    return [
        blake2b(
            b"%d|%d|%d|%d|%d|%b%b"
            % (CONTENT_HASH_VERSION, len(ids) - 24, start_ns, end_ns, status_code, ids, texts[begin:end]),
            digest_size=16,
        ).digest()
        for ids, start_ns, end_ns, status_code, begin, end in zip(
            _ids(fields, rows),
            fields.start_ns[rows].tolist(),
            fields.end_ns[rows].tolist(),
            fields.status_code[rows].tolist(),
            bounds,
            bounds[1:],
            strict=False,
        )
    ]


def _canonical_texts(spans: SpanColumns, rows: Integers) -> tuple[bytes, list[int]]:
    """Return the attributes of each span, in the order of their bytes, as one text and where each span's begins."""
    by_row = (
        np.array([column[rows] for column in spans.by_key.values()], np.int64).reshape(len(spans.by_key), len(rows)).T
    )
    is_there = by_row != ABSENT
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(is_there.sum(axis=1), out=starts[1:])
    _, offsets, values = spans.distinct.encoded.take(pa.array(by_row[is_there])).buffers()
    bounds: list[int] = np.frombuffer(offsets, np.int32)[starts].tolist()
    return values.to_pybytes() if values is not None else b"", bounds


def evidence_maps(spans: SpanColumns, rows: Integers) -> Any:
    """Return the evidence of plain spans as an Arrow map; null where there is none."""
    distinct = spans.distinct
    begin, end = spans.begin[rows], spans.begin[rows + 1]
    code = spans.code[stretches(begin, end - begin)]
    has_evidence = np.asarray(distinct.evidence.is_valid())[code]
    sizes = np.bincount(np.repeat(np.arange(len(rows)), end - begin)[has_evidence], minlength=len(rows))
    code = code[has_evidence]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    names = pa.array([key.name for key in distinct.keys], pa.string())
    made = pa.MapArray.from_arrays(
        pa.array(offsets),
        names.take(pa.array(distinct.key[code])),
        distinct.evidence.take(pa.array(code)),
        mask=pa.array(sizes == 0),
    )
    return made.cast(pa.map_(pa.string(), pa.string()))


def span_names(spans: SpanColumns, rows: Integers) -> Any:
    """Return the names of plain spans as evidence keeps them; null where there is none."""
    name = spans.fields.name
    named = np.flatnonzero(name.size > 0)
    encoded = slices(spans.fields.data, name.start[named], name.size[named]).dictionary_encode()
    names = [one.decode("utf-8", "replace")[:EVIDENCE_CHARS_MAX] for one in encoded.dictionary.to_pylist()]
    place = np.full(len(spans.raw), len(names), np.int64)
    place[named] = encoded.indices
    return pa.array([*names, None], pa.string()).take(pa.array(place[rows]))


def stretches(begin: Integers, sizes: Integers) -> Integers:
    """Return the places of stretches of these sizes, one after the other."""
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(begin, sizes) + within


def _ids(fields: SpanFields, rows: Integers) -> list[bytes]:
    """Return trace, span and parent id of each span, as one."""
    joined = np.concatenate([fields.trace_id[rows], fields.span_id[rows], fields.parent_span_id[rows]], axis=1)
    text = joined.tobytes()
    sizes = np.where(fields.has_parent[rows], 32, 24).tolist()
    return [text[32 * number : 32 * number + size] for number, size in enumerate(sizes)]
