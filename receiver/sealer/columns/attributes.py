"""The distinct attributes of a batch, each read once, most of them without a call of their own.

Attributes repeat byte for byte, so the batch's are encoded to numbers first, and what is found out of a number holds
for every span that has it. Short texts and counts in their canonical encoding, nearly all there are, are read as
columns; the rest one by one through `decode`, which remembers them. An attribute that `decode` would write otherwise
than it came, or cannot read, makes its spans not plain.

Must not: interpret a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from receiver.dialects import ENCLOSING
from receiver.sealer.columns.fields import Integers, Mask, Octets, Pieces
from receiver.sealer.decode import Decoder
from receiver.strip import is_content, is_figure, kept_of

# Kinds of distinct attributes.
CONTENT, COUNT, TEXT, OTHER, BROKEN = 0, 1, 2, 3, 4
# Larger counts are left to the long way, which may refuse them. Sums of a few stay far below 2⁶³.
_COUNT_BYTES_MAX: Final = 4
_LENGTH_BYTES_MAX: Final = 5
COUNT_MAX: Final = 2 ** (7 * _COUNT_BYTES_MAX) - 1
# A plain attribute: tag, length, key; then tag, length, value; the value's own tag, and a text's length, text.
_KEY_TAG, _VALUE_TAG, _TEXT_TAG, _COUNT_TAG = 0x0A, 0x12, 0x0A, 0x18
_PADDING: Final = bytes(16)
# Instrumentations have hundreds of keys; a stream that makes up names is forgotten whole.
_KEYS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute's name, and what the tables say of it."""

    encoded: bytes
    name: str
    is_readable: bool
    """Whether it is UTF-8. Two names that are not may become one when they are read."""
    is_content: bool
    is_evidence: bool
    is_read_alone: bool
    """Whether only a part of a value may be kept: such values are read one by one."""


@dataclass(frozen=True, slots=True)
class DistinctAttributes:
    """What a batch's attributes are, by number."""

    encoded: pa.Array
    """Their bytes, as they came; canonical unless broken."""
    kind: npt.NDArray[np.int8]
    key: Integers
    """Place in `keys`."""
    keys: list[Key]
    count: Integers
    """The value of a COUNT."""
    text: pa.Array
    """The value of a TEXT; others are null."""
    evidence: pa.Array
    """The value as evidence keeps it; null where the allow-list does not have the key."""


class AttributeReader:
    """Reads distinct attributes; remembers what is said of keys."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._keys: dict[bytes, Key] = {}

    def read(self, data: Octets, pieces: Pieces) -> tuple[DistinctAttributes, Integers]:
        """Return the distinct attributes among pieces of the data, and which of them each piece is."""
        encoded = slices(data, pieces.start, pieces.size).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return self._distinct(encoded.dictionary), codes

    def _distinct(self, encoded: pa.Array) -> DistinctAttributes:
        form = _Form(encoded)
        names = slices(form.data, form.key_start, form.key_size).dictionary_encode()
        key = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        keys = [self._key(name) for name in names.dictionary.to_pylist()]
        kind = np.full(len(encoded), OTHER, np.int8)
        is_read_alone = _of_keys([one.is_read_alone for one in keys], key)
        kind[form.is_count & ~is_read_alone] = COUNT
        kind[form.is_text & ~is_read_alone] = TEXT
        kind[_of_keys([one.is_content for one in keys], key)] = CONTENT
        kind[_of_keys([not one.is_readable for one in keys], key) | ~form.is_named] = BROKEN
        is_evidence = _of_keys([one.is_evidence for one in keys], key)
        text = _valid_texts(form, kind)
        evidence = np.full(len(encoded), None, np.object_)
        for place in np.flatnonzero(kind == OTHER).tolist():
            kind[place], evidence[place] = self._read_one(encoded[place].as_py())
        return DistinctAttributes(
            encoded=encoded,
            kind=kind,
            key=key,
            keys=keys,
            count=form.count,
            text=text,
            evidence=_evidence(kind, is_evidence, form.count, text, evidence),
        )

    def _read_one(self, encoded: bytes) -> tuple[int, str | None]:
        """Read one attribute the long way: its kind, and its evidence."""
        if kept_of(encoded) is None and not is_figure(encoded):
            return CONTENT, None
        attribute = self._decoder.attribute(encoded)
        if attribute is None or attribute.canonical != encoded:
            return BROKEN, None
        return OTHER, attribute.evidence

    def _key(self, encoded: bytes) -> Key:
        known = self._keys.get(encoded)
        if known is None:
            if len(self._keys) > _KEYS_MAX:
                self._keys.clear()
            name = encoded.decode("utf-8", "replace")
            # A key alone, as an attribute without a value, is content only if its name says so.
            bare = bytes([_KEY_TAG, len(encoded)]) + encoded
            is_left_out = is_content(bare) and name not in ENCLOSING and not is_figure(bare)
            is_evidence = self._decoder.is_evidence(name)
            has_parts = name in ENCLOSING or (not is_evidence and self._decoder.keeps_members(name))
            known = self._keys[encoded] = Key(
                encoded,
                name,
                is_readable=name.encode() == encoded,
                is_content=is_left_out,
                is_evidence=is_evidence,
                is_read_alone=has_parts or (is_content(bare) and not is_left_out),
            )
        return known


class _Form:
    """How encoded attributes are built: where the key stands, and whether the value is a plain count or text."""

    def __init__(self, encoded: pa.Array) -> None:
        _, offsets, values = encoded.buffers()
        bounds = np.frombuffer(offsets, np.int32)[encoded.offset : encoded.offset + len(encoded) + 1].astype(np.int64)
        start, end = bounds[:-1], bounds[1:]
        data: Octets = np.frombuffer(b"".join((memoryview(values) if values else b"", _PADDING)), np.uint8)
        size = end - start
        key_size = data[start + 1].astype(np.int64)
        named = (size >= 2) & (data[start] == _KEY_TAG) & (key_size < 0x80) & (key_size <= size - 2)
        key_size = np.where(named, key_size, 0)
        value = start + 2 + key_size
        # A second key behind the first would be the one that counts.
        named &= (value == end) | _is_only_a_value(data, value, end)
        key_size = np.where(named, key_size, 0)
        value = start + 2 + key_size
        inner = value + 4
        sized = named & (size < 0x80) & (data[value] == _VALUE_TAG) & (data[value + 1] == end - value - 2)
        self.data = data
        self.is_named = named
        self.start, self.end = start, end
        self.key_start, self.key_size = np.where(named, start + 2, start), key_size
        self.text_start = inner
        self.is_text = sized & (data[value + 2] == _TEXT_TAG) & (data[value + 3] == end - inner) & (inner < end)
        self.count, is_count = _varints(data, value + 3, end)
        self.is_count = sized & (data[value + 2] == _COUNT_TAG) & is_count


def _is_only_a_value(data: Octets, start: Integers, end: Integers) -> Mask:
    """Say where a value's tag and length stand, and the length reaches to the end."""
    good: Mask = (start + 1 < end) & (data[np.minimum(start, len(data) - 1)] == _VALUE_TAG)
    size, at, open_ = np.zeros(len(start), np.int64), start + 1, good.copy()
    for number in range(_LENGTH_BYTES_MAX):
        open_ &= at < end
        octet = data[np.where(open_, at, 0)].astype(np.int64)
        size |= np.where(open_, (octet & 0x7F) << (7 * number), 0)
        at = at + open_
        open_ &= octet >= 0x80
    good &= ~open_ & (at + size == end)
    return good


def _varints(data: Octets, start: Integers, end: Integers) -> tuple[Integers, Mask]:
    """Read varints that fill their place and are as short as can be; say which are."""
    size = end - start
    good = (size >= 1) & (size <= _COUNT_BYTES_MAX)
    value = np.zeros(len(start), np.int64)
    for number in range(_COUNT_BYTES_MAX):
        inside = good & (number < size)
        octet = data[np.where(inside, start + number, 0)].astype(np.int64)
        is_last = number == size - 1
        good &= ~inside | ((octet < 0x80) == is_last)
        # A last octet of nothing is a longer way to write a smaller number.
        good &= ~(inside & is_last & (octet == 0) & (size > 1))
        value |= np.where(inside, (octet & 0x7F) << (7 * number), 0)
    return value, good


def slices(data: Octets, start: Integers, size: Integers) -> Any:
    """Return pieces of the data that do not overlap and stand in order, as an Arrow array."""
    bounds = np.empty(2 * len(start) + 1, np.int32)
    bounds[0:-1:2] = start
    bounds[1::2] = start + size
    bounds[-1] = bounds[-2] if len(start) else 0
    # Pieces and the gaps between them; the pieces are taken.
    both = pa.Array.from_buffers(pa.binary(), 2 * len(start), [None, pa.py_buffer(bounds), pa.py_buffer(data)])
    return both.take(pa.array(np.arange(0, 2 * len(start), 2)))


def _valid_texts(form: _Form, kind: npt.NDArray[np.int8]) -> Any:
    """Return the texts; what is not UTF-8 becomes OTHER, to be read the long way."""
    places = np.flatnonzero(kind == TEXT)
    raw = slices(form.data, form.text_start[places], form.end[places] - form.text_start[places])
    try:
        texts = raw.cast(pa.string())
    except pa.ArrowInvalid:
        readable = np.array([_is_utf8(one) for one in raw.to_pylist()], np.bool_)
        kind[places[~readable]] = OTHER
        places = places[readable]
        texts = raw.filter(pa.array(readable)).cast(pa.string())
    return _scattered(texts, places, len(kind))


def _evidence(
    kind: npt.NDArray[np.int8], is_evidence: Mask, count: Integers, text: Any, others: npt.NDArray[np.object_]
) -> Any:
    """Put together the evidence of counts, texts and others."""
    counts = np.flatnonzero((kind == COUNT) & is_evidence)
    texts = np.flatnonzero((kind == TEXT) & is_evidence)
    rest = np.flatnonzero(kind == OTHER)
    parts = pa.concat_arrays(
        [
            pa.array(count[counts]).cast(pa.string()),
            text.take(pa.array(texts)),
            pa.array(others[rest].tolist(), pa.string()),
        ]
    )
    return _scattered(parts, np.concatenate([counts, texts, rest]), len(kind))


def _scattered(values: Any, places: Integers, count: int) -> Any:
    """Return an array with the values at these places and null at all others."""
    source = np.zeros(count, np.int64)
    source[places] = np.arange(len(places))
    absent = np.ones(count, np.bool_)
    absent[places] = False
    return values.take(pa.array(source, mask=absent))


def _of_keys(flags: list[bool], key: Integers) -> Mask:
    """Return for each attribute what is true of its key."""
    return np.array(flags, np.bool_)[key]


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
