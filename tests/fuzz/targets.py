"""What is fuzzed: from any bytes to an assertion. Each target is a function of bytes that returns, or fails.

    wire      a request: split, decode, strip; held against the official protobuf classes
    spans     bytes as a span between two calls: both are billed to the last digit, and all three are read alike the
              quick way and the long way
    dialects  attributes of any names and values: a reading that the ledger can hold and price, none, or a refusal
    journal   a finished file of whole frames with damage between them: every whole frame comes back as it was written
    manifest  a manifest with damage in it: refused, or what it said up to a commit; never anything else

The first bytes say what is built around the rest, so that a fuzzer that learns from coverage reaches what lies behind
checksums and digests. Must not: take time, keep state that changes an answer, or touch files but below `folder()`.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ledger.errors import LedgerDamagedError, LedgerMissingError
from ledger.filesystem import LocalFilesystem
from ledger.manifest import Commit, LedgerState, ManifestWriter, read_state
from ledger.schema import PriceStatus, Table
from ledger.segment import Segment
from receiver.dialects.reading import Reading, SpanKind, SpanView, UnreadableSpanError
from receiver.journal import KIND_REQUEST, MAGIC, encode_frame
from receiver.journal_reader import Frame, JournalFile, read_frames
from receiver.sealer.columns.quick import QuickWay
from receiver.sealer.columns.templates import LONG_WAY
from receiver.sealer.decode import DecodedSpan, Decoder
from receiver.sealer.index import Index
from receiver.sealer.money import price_new
from tests.dialects.attributes import KEYS, SCOPES
from tests.dialects.test_any_attributes import assert_fits, read_or_refuse
from tests.fuzz import odd_wire
from tests.fuzz.agreement import assert_agreement
from tests.otlp import OPENAI_SCOPE, call, encode
from tests.pipeline import BOOK
from tests.sealer.test_columns import assert_as_the_long_way, long_way, new_quick_way, scoped

# 100 tokens in at 2.50 and 10 out at 10 dollars a million: https://openai.com/api/pricing
COST: Final = Decimal("0.00035")
_VALUES: Final[tuple[Any, ...]] = (
    0, 1, 100, -1, 2**31, 10**10, 2**63 - 1, 0.5, 1e300, float("nan"), "12", "1e3", "", "chat", "LLM", "embeddings",
    "openai", "anthropic", "gpt-4o", "claude-sonnet-4-5", "batch", "priority", True, False, [1], {"a": 1}, b"\xff",
    '{"input_tokens": 5, "output_tokens": 3}', '{"usage": {"prompt_tokens": 5}}', "[" * 500, "{", "null",
)  # fmt: skip


_BASICS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10,
    },
    {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.token_count.prompt": 100},
    {
        "gen_ai.system": "anthropic", "gen_ai.operation.name": "chat", "gen_ai.response.model": "claude-sonnet-4-5",
        "gen_ai.usage.cache_read.input_tokens": 7, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 3,
    },
)  # fmt: skip


@functools.cache
def folder() -> Path:
    """A folder for the files that some targets read."""
    return Path(tempfile.mkdtemp(prefix="spanledger-fuzz-"))


@functools.cache
def empty_index() -> Index:
    """An index that knows nothing."""
    return Index(folder() / "index")


# ---------------------------------------------------------------- wire
def wire(data: bytes) -> None:
    """Any bytes; and a valid request in an odd encoding, as it is or with the rest written over it."""
    way, rest = data[:1], data[9:]
    if not way or way[0] < 64:
        assert_agreement(data[1:])
        return
    random = Random(data[1:9])
    encoded = odd_wire.encode(odd_wire.request(random), random)
    if way[0] >= 128:
        encoded = overwritten(encoded, rest, random)
    assert_agreement(encoded)


def overwritten(whole: bytes, noise: bytes, random: Random) -> bytes:
    """Return bytes with noise in one place: over what was there, between it, or for the rest of it."""
    at = random.randint(0, len(whole))
    return random.choice((whole[:at] + noise + whole[at + len(noise) :], whole[:at] + noise + whole[at:], whole[:at]))


# ---------------------------------------------------------------- spans
def spans(data: bytes) -> None:
    """A span of any bytes between two calls takes nothing from them, and is read one way."""
    way, random, rest = data[:1], Random(data[1:5]), data[5:]
    scope = random.choice(SCOPES)
    raw = rest if not way or way[0] < 128 else overwritten(_some_call(random), rest, random)
    first, last = _neighbour(1), _neighbour(2)
    frame = scoped([(OPENAI_SCOPE, first), (scope, raw), (OPENAI_SCOPE, last)])
    found = list(Decoder().spans(frame.payload))
    assert [found[0].raw, found[2].raw] == [first, last]
    batch = _quick_way().read([frame])
    plain = np.flatnonzero(batch.prototype != LONG_WAY).tolist()
    assert {0, 2}.issubset(plain)
    if plain == [0, 1, 2] or not random.randint(0, 49):
        # Laying out rows both ways takes long: where the span between is a plain call too, and now and then.
        assert_as_the_long_way(_quick_way(), frame, empty_index())
        _, rows = long_way(frame, [0, 2])
        assert rows.column("cost").to_pylist() == [COST, COST]


@functools.cache
def _quick_way() -> QuickWay:
    return new_quick_way()


@functools.cache
def _neighbour(number: int) -> bytes:
    return encode(call(trace=number, span=number)).SerializeToString()


def _some_call(random: Random) -> bytes:
    attributes = {random.choice(KEYS): random.choice(_VALUES) for _ in range(random.randint(0, 4))}
    span: Span = encode(call(trace=3, span=random.randint(1, 9), attributes=attributes))
    return span.SerializeToString()


# ---------------------------------------------------------------- dialects
def dialects(data: bytes) -> None:
    """Two bytes choose a name, one a value; what is left is a text that some values take."""
    scope, kind, status = (data[place] if len(data) > place else 0 for place in range(3))
    attributes: dict[str, Any] = dict(_BASICS[kind >> 6])
    text = data[3 + data[3] * 3 :].decode("utf-8", "replace")[:3000] if len(data) > 3 else ""
    for place in range(4, min(len(data), 4 + 3 * 24) - 2, 3):
        key = KEYS[int.from_bytes(data[place : place + 2], "little") % len(KEYS)]
        chosen = data[place + 2]
        attributes[key] = text if chosen >= 224 else chosen if chosen >= 128 else _VALUES[chosen % len(_VALUES)]
    view = SpanView("chat", kind % 6, SCOPES[scope % len(SCOPES)], "1.0", attributes, {}, status % 3)
    reading = read_or_refuse(view)
    if isinstance(reading, UnreadableSpanError):
        assert reading.reason.isidentifier()
    elif reading is not None:
        assert_fits(reading)
        if reading.kind is SpanKind.CALL:
            assert_priced(reading)


@functools.cache
def _plain_span() -> DecodedSpan:
    (span,) = Decoder().spans(scoped([(OPENAI_SCOPE, _neighbour(1))]).payload)
    assert isinstance(span, DecodedSpan)
    return span


def assert_priced(reading: Reading) -> None:
    """A price is the sum of its parts, of no figure too little; what has no price has no cost."""
    money = {name: column.to_pylist()[0] for name, column in price_new([reading], [_plain_span()], book=BOOK).items()}
    cost, parts = money["cost"], [money[name] for name in ("input_cost", "output_cost", "other_cost")]
    if money["price_status"] == PriceStatus.PRICED:
        assert cost is not None
        assert cost >= 0
        if all(part is not None for part in parts):
            assert cost == sum(parts), money
    elif cost is not None:
        raise AssertionError(f"a cost without a price: {money}")


# ---------------------------------------------------------------- journal
def journal(data: bytes) -> None:
    """Whole frames with damage before, between and behind them: each comes back as it was written, and nothing else."""
    random = Random(data[:4])
    pieces = data[4:].split(b"|")
    content, whole = bytearray(), []
    for piece in pieces:
        way = random.randint(0, 5)
        frame = encode_frame(kind=KIND_REQUEST, received=3, kept=1, payload=piece, ingest_scope=b"t" * (way % 2))
        if way < 3:
            whole.append((len(content), piece))
            content += frame
        elif way == 3:
            content += overwritten(frame, piece, random)
        else:
            content += random.choice((piece, MAGIC + piece, frame[: random.randint(0, len(frame))], bytes(len(piece))))
    path = folder() / "00000000000000aa-00000001.journal"
    path.write_bytes(content)
    found = _read_in_slices(JournalFile(path, is_finished=True), random.choice((1, 64, 1 << 20)))
    frames = {(one.start, one.payload) for one in found if isinstance(one, Frame)}
    # A torn frame whose payload ends in the magic is completed by the next one's, byte for byte: then that one is lost.
    # No file of ours has a frame behind a torn one.
    lost = [start for start, payload in whole if (start, payload) not in frames]
    assert all(any(one.start < start < one.end for one in found if isinstance(one, Frame)) for start in lost), (
        "a whole frame was lost"
    )
    ends = [0, *(one.end for one in found)]
    assert [one.start for one in found] == ends[:-1], "a gap, or bytes read twice"
    assert ends[-1] == len(content)
    for one in found:
        if isinstance(one, Frame):
            again = encode_frame(
                kind=one.kind, received=one.received, kept=one.kept, payload=one.payload,
                ingest_scope=one.ingest_scope.encode(),
            )  # fmt: skip
            assert content[one.start : one.end] == again, "a frame that nobody wrote"


def _read_in_slices(file: JournalFile, bytes_max: int) -> list[Any]:
    """Read the file as the sealer does: from where the last slice ended."""
    found: list[Any] = []
    position = 0
    while slice_ := list(read_frames(file, position=position, bytes_max=bytes_max)):
        found += slice_
        position = slice_[-1].end
    return found


# ---------------------------------------------------------------- manifest
@functools.cache
def _manifest() -> tuple[bytes, list[tuple[int, str]]]:
    """A manifest of a few commits, and for each line the commit and digest it ends with."""
    path = folder() / "whole" / "manifest.jsonl"
    writer = ManifestWriter.open(path, filesystem=LocalFilesystem())
    ends = [(0, writer.state.digest)]
    for number in range(1, 5):
        segment = Segment(table=Table.USAGE, path=f"usage/recent/{number}.parquet", rows=2, size_bytes=9, digest="00")
        writer.append(
            Commit(positions={"a-1.journal": number}, counts={"received": 2, "usage": 2}, segments=(segment,))
        )
        ends.append((number, writer.state.digest))
    writer.close()
    return path.read_bytes(), ends


def manifest(data: bytes) -> None:
    """Overwritten, cut, lines moved about: refused in words, or the state as of one of its commits."""
    random, noise = Random(data[:4]), data[4:]
    whole, ends = _manifest()
    way = random.randint(0, 3)
    if way == 0:
        damaged = noise
    elif way == 1:
        lines = whole.splitlines(keepends=True)
        damaged = b"".join(lines[octet % len(lines)] for octet in noise)
    else:
        damaged = overwritten(whole, noise, random)
    path = folder() / "manifest.jsonl"
    path.write_bytes(damaged)
    state = _state_or_refusal(path)
    if state is not None:
        assert (state.commit, state.digest) in ends
        assert state.count("received") == state.count("usage") == 2 * state.commit
        assert len(state.segments) == state.commit


def _state_or_refusal(path: Path) -> LedgerState | None:
    try:
        return read_state(path)
    except (LedgerDamagedError, LedgerMissingError):
        return None


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "wire": wire,
    "spans": spans,
    "dialects": dialects,
    "journal": journal,
    "manifest": manifest,
}
