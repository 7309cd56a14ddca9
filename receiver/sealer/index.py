"""The index: was this span seen, what else is known of its trace, who pays for it. RocksDB; derived; may be deleted.

Keys (the ingest scope prefixes every one, so tenants never meet):

    T <scope> <trace 16>                      that anything is known of a trace; of a trace of one span and nothing else
                                              also what the ledger says of that span (`facts.SpanState`)
    S <scope> <trace 16> <span 8>             what the ledger says of a span, of all other traces
    L <scope> <trace 16> <span 8> <hash 16>   a losing content of a span that is already kept
    P <scope> <trace 16> <span 8>             who pays, as said by a span that is no call (`facts.TraceFact`)
    R <scope> <response id>                   in which traces an id was seen (`links`); at most four, else empty
    M                                         which ledger and which commit this index has applied

Written only after the commit it describes, synced, in one batch with `applied`. Raw mode always: the library's default
mode unpickles what it reads. After any write error the index is closed and opened afresh or rebuilt.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from rocksdict import AccessType, BlockBasedOptions, Options, Rdict, WriteBatch, WriteOptions

from receiver.sealer.facts import SpanState, TraceFact

# 2: response ids, reasons; 3: weights by what moves the price; 4: rows by key, not by place; 5: who wrote a span, and
# how long it took; 6: a trace's only span under the trace's key.
FORMAT: Final = 6
_META_KEY: Final = b"M"
# What was written last stays in memory until it is this much; a processor's cache holds most of it.
_MEMORY_BYTES: Final = 32 * 2**20

_LookUp = Callable[[Sequence[bytes]], Sequence[bytes | None]]

_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(SpanState).decode
_decode_fact = msgspec.msgpack.Decoder(TraceFact).decode


class TraceKey(NamedTuple):
    """A trace within its ingest scope."""

    ingest_scope: str
    trace_id: bytes

    @property
    def prefix(self) -> bytes:
        """The key's bytes after the kind letter."""
        return _scope_prefix(self.ingest_scope) + self.trace_id

    @property
    def key(self) -> bytes:
        """The whole key."""
        return self.beginning(self.ingest_scope) + self.trace_id

    @staticmethod
    def beginning(ingest_scope: str) -> bytes:
        """Return what stands before the trace id in the keys of a scope."""
        return b"T" + _scope_prefix(ingest_scope)


class ResponseKey(NamedTuple):
    """A response id within its ingest scope."""

    ingest_scope: str
    response_id: str

    @property
    def key(self) -> bytes:
        """The whole key."""
        return self.beginning(self.ingest_scope) + self.response_id.encode()

    @staticmethod
    def beginning(ingest_scope: str) -> bytes:
        """Return what stands before the response id in the keys of a scope."""
        return b"R" + _scope_prefix(ingest_scope)


class IndexMeta(msgspec.Struct, frozen=True, array_like=True):
    """Which commits of which ledger the index has applied."""

    format: int
    ledger_id: str
    applied: int


class KnownTrace(NamedTuple):
    """What the index knows of a trace."""

    states: dict[bytes, SpanState]
    facts: dict[bytes, TraceFact]


class IndexChanges:
    """What one commit changes; collected first, written at once.

    Most calls are the only span of their trace that is ever seen: their state stands under the trace's key, which is
    one record less to write and to look up. Which form a trace takes depends on what is known of it and on nothing
    else, so an index that was built anew is equal to the byte.
    """

    def __init__(self) -> None:
        self._puts: list[tuple[bytes, bytes]] = []
        # The trace's key → the records of its spans and payers, by their keys.
        self._of_traces: dict[bytes, dict[bytes, bytes]] = {}

    def put_state(self, trace: TraceKey, state: SpanState) -> None:
        """Record the newest state of a span."""
        records = self._of_traces.setdefault(trace.key, {})
        records[b"S" + trace.prefix + state.fact.span_id] = _encode(state)

    def put_first_states(self, traces: Sequence[bytes], states: Sequence[SpanState]) -> None:
        """Record spans of which each is all that is known of its trace; `traces` are the keys."""
        self._puts += zip(traces, map(_encode, states), strict=True)

    def put_first_responses(self, seen: Iterable[tuple[bytes, bytes]]) -> None:
        """Record in which trace each response id was seen first: keys, and records as `links` has them."""
        self._puts += seen

    def put_loser(self, trace: TraceKey, *, span_id: bytes, content_hash: bytes) -> None:
        """Record a losing content as kept."""
        self._puts.append((b"L" + trace.prefix + span_id + content_hash, b""))

    def put_payer(self, trace: TraceKey, fact: TraceFact) -> None:
        """Record who pays for a trace."""
        self._of_traces.setdefault(trace.key, {})[b"P" + trace.prefix + fact.span_id] = _encode(fact)

    def put_response(self, response: ResponseKey, seen: bytes) -> None:
        """Record in which traces a response id was seen."""
        self._puts.append((response.key, seen))

    def laid_out(self, look_up: _LookUp) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values to write, beside what `look_up` finds recorded under keys."""
        yield from self._puts
        traces = list(self._of_traces)
        for trace, recorded in zip(traces, look_up(traces), strict=True):
            records = self._of_traces[trace]
            if recorded:
                span_id = _decode_state(recorded).fact.span_id
                records = {b"S" + trace[1:] + span_id: recorded} | records
            if recorded == b"":
                yield from records.items()
            elif len(records) == 1 and next(iter(records)).startswith(b"S"):
                yield trace, next(iter(records.values()))
            else:
                yield from records.items()
                yield trace, b""


class IndexReader:
    """An index as it stands, also while a sealer writes it; for those who check it."""

    def __init__(self, folder: Path) -> None:
        options = Options(raw_mode=True)
        self._db: Any = Rdict(str(folder), options=options, access_type=AccessType.read_only(False))

    @property
    def meta(self) -> IndexMeta | None:
        """Which commits it has applied."""
        value = self._db.get(_META_KEY)
        return None if value is None else msgspec.msgpack.decode(value, type=IndexMeta)

    def count_all(self) -> int:
        """Read every record, so that a damaged block is found; return how many there are."""
        return sum(1 for _ in self._db.items())

    def missing(self, scopes: Sequence[str], source_ids: Sequence[bytes]) -> int:
        """Return how many of these spans it does not know."""
        spans = [
            (TraceKey(scope, source[:16]), source[16:24]) for scope, source in zip(scopes, source_ids, strict=True)
        ]
        return _states(self._db.get, spans).count(None) if spans else 0

    def close(self) -> None:
        """Give the database back."""
        self._db.close()


class Index:
    """The one door to RocksDB."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_keep_log_file_num(2)
        _expect_the_unknown(options)
        self._folder = folder
        # Raw mode takes and gives bytes only; the library's own types allow for its other mode.
        self._db: Any = Rdict(str(folder), options=options)
        self._synced = WriteOptions()
        self._synced.sync = True
        self._unlogged = WriteOptions()
        # A property, of which the library's types know only the setter.
        self._unlogged.disable_wal = True  # type: ignore[method-assign, assignment]

    @property
    def meta(self) -> IndexMeta | None:
        """Which commits it has applied; None when it is new or of another format."""
        value = self._db.get(_META_KEY)
        if value is None:
            return None
        try:
            meta = msgspec.msgpack.decode(value, type=IndexMeta)
        except msgspec.MsgspecError:
            return None
        return meta if meta.format == FORMAT else None

    def known_traces(self, traces: Sequence[TraceKey]) -> list[bool]:
        """Say for each trace whether anything is known of it."""
        return [value is not None for value in self._db.get([b"T" + trace.prefix for trace in traces])]

    def records(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return what is recorded under whole keys; None where nothing is."""
        return self._db.get(keys) if keys else []

    def spans(self, keys: Sequence[tuple[TraceKey, bytes]]) -> list[SpanState | None]:
        """Return the state of each span, by trace and span id; None for those not known."""
        return _states(self.records, keys)

    def payers(self, keys: Sequence[tuple[TraceKey, bytes]]) -> list[TraceFact | None]:
        """Return who pays by each span, by trace and span id; None for those that say nothing."""
        values = self.records([b"P" + trace.prefix + span_id for trace, span_id in keys])
        return [None if value is None else _decode_fact(value) for value in values]

    def trace(self, trace: TraceKey) -> KnownTrace:
        """Return everything known of a trace."""
        head = self._db.get(trace.key)
        if head != b"":
            only = _decode_state(head) if head else None
            return KnownTrace({} if only is None else {only.fact.span_id: only}, {})
        prefix = trace.prefix
        states = {key[-8:]: _decode_state(value) for key, value in self._scan(b"S" + prefix)}
        facts = {key[-8:]: _decode_fact(value) for key, value in self._scan(b"P" + prefix)}
        return KnownTrace(states, facts)

    def state(self, trace: TraceKey, span_id: bytes) -> SpanState | None:
        """Return what the ledger says of one span."""
        (state,) = self.spans([(trace, span_id)])
        return state

    def responses(self, responses: Sequence[ResponseKey]) -> list[bytes | None]:
        """Return in which traces each response id was seen; None for one that never was."""
        return self._db.get([response.key for response in responses]) if responses else []

    def has_loser(self, trace: TraceKey, *, span_id: bytes, content_hash: bytes) -> bool:
        """Say whether this losing content of a span is already kept."""
        return self._db.get(b"L" + trace.prefix + span_id + content_hash) is not None

    def add(self, changes: IndexChanges) -> None:
        """Write changes of an index that is being built; nothing counts, or is durable, before `built`."""
        self._db.write(self._batch(changes), self._unlogged)

    def built(self, *, ledger_id: str, commit: int) -> None:
        """Make durable what was added, and then say up to which commit it goes."""
        self._db.flush(True)
        self.apply(IndexChanges(), ledger_id=ledger_id, commit=commit)

    def apply(self, changes: IndexChanges, *, ledger_id: str, commit: int) -> None:
        """Write a commit's changes and the commit's number, synced, as one."""
        batch = self._batch(changes)
        batch.put(_META_KEY, _encode(IndexMeta(format=FORMAT, ledger_id=ledger_id, applied=commit)))
        self._db.write(batch, self._synced)

    def _batch(self, changes: IndexChanges) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.laid_out(self.records):
            batch.put(key, value)
        return batch

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every key and value in order; for those who compare."""
        yield from self._db.items()

    def close(self) -> None:
        """Give the database back."""
        self._db.close()

    def _scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._db.items(from_key=prefix):
            if not key.startswith(prefix):
                return
            yield key, value


def _states(look_up: _LookUp, keys: Sequence[tuple[TraceKey, bytes]]) -> list[SpanState | None]:
    """Return the state of each span, by trace and span id, in whichever form its trace has."""
    values = look_up([b"S" + trace.prefix + span_id for trace, span_id in keys])
    heads = look_up([trace.key for trace, _ in keys])
    return [
        _only(head, span_id) if value is None else _decode_state(value)
        for (_, span_id), value, head in zip(keys, values, heads, strict=True)
    ]


def _only(head: bytes | None, span_id: bytes) -> SpanState | None:
    """Return the state under a trace's key, if it is this span's."""
    only = _decode_state(head) if head else None
    return only if only is not None and only.fact.span_id == span_id else None


def _scope_prefix(ingest_scope: str) -> bytes:
    scope = ingest_scope.encode()
    return bytes([len(scope)]) + scope


def _expect_the_unknown(options: Options) -> None:
    """Set RocksDB up for what is asked here: mostly keys that are not there, and written right after.

    Bloom filters on files and on what is in memory answer that without a search: 5.3 µs for the three look-ups and
    puts of a new call instead of 9.3, over 600,000 calls.
    """
    options.set_write_buffer_size(_MEMORY_BYTES)
    options.set_memtable_prefix_bloom_ratio(0.05)
    options.set_memtable_whole_key_filtering(True)
    files = BlockBasedOptions()
    files.set_bloom_filter(10, False)  # bits a key: one in a hundred is searched in vain
    options.set_block_based_table_factory(files)


def says_damage(error: Exception) -> bool:
    """Say whether an error is RocksDB's for bytes that fail their checksum; it has no class of its own."""
    return str(error).startswith("Corruption")


def delete_index(folder: Path) -> None:
    """Remove an index altogether; the next start rebuilds it."""
    shutil.rmtree(folder, ignore_errors=True)
