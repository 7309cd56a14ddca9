"""The quick way says what the long way says: of any spans, in any company, to the last byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.schema import EntryType, Table
from receiver import wire
from receiver.attribution import DEFAULT_LABEL_ATTRIBUTES, members, spellings
from receiver.dialects import conventions, openinference
from receiver.journal_reader import Frame
from receiver.sealer.candidate import Candidate, interpret
from receiver.sealer.columns.attributes import AttributeReader
from receiver.sealer.columns.calls import PlainCalls
from receiver.sealer.columns.quick import Batch, QuickWay
from receiver.sealer.columns.spans import content_hashes, evidence_maps, read_spans
from receiver.sealer.decode import DecodedSpan, Decoder
from receiver.sealer.differences import NewRow
from receiver.sealer.found import find
from receiver.sealer.index import Index
from receiver.sealer.outcome import single_outcome
from receiver.sealer.rows import Labels, Stamp, new_rows
from tests.dialects.attributes import ATTRIBUTES, CALLS
from tests.dialects.attributes import SCOPES as ALL_SCOPES
from tests.otlp import OPENAI_SCOPE, SpanText, any_value, call, encode
from tests.pipeline import ATTRIBUTION, BOOK

LABELS = Labels(DEFAULT_LABEL_ATTRIBUTES)
STAMP = Stamp(commit=7, recorded_us=1_800_000_000_000_000)
KEYS = (*ATTRIBUTION.customer_attributes, *ATTRIBUTION.label_attributes)


def decoder() -> Decoder:
    """As the sealer makes it."""
    return Decoder(evidence_keys=spellings(KEYS), evidence_members=members(KEYS))


def scoped(spans: Sequence[tuple[str, bytes]], *, ingest_scope: str = "") -> Frame:
    """Return a frame of encoded spans, each under a scope of this name."""
    message = wire.ExportRequest()
    resource_spans = message.resource_spans.add()
    resource_spans.resource.append(bytes.fromhex("0a160a0c736572766963652e6e616d6512060a0473686f70"))
    for scope, raw in spans:
        scope_spans = resource_spans.scope_spans.add()
        name = scope.encode()
        scope_spans.scope.append(bytes([0x0A, len(name)]) + name)
        scope_spans.spans.append(raw)
    return Frame("f", 0, 0, 1, ingest_scope, len(spans), len(spans), message.SerializeToString())


def long_way(frame: Frame, rows: Sequence[int]) -> tuple[list[Candidate], pa.Table]:
    """Return candidates and priced rows of some spans, object by object."""
    spans = list(decoder().spans(frame.payload))
    candidates = []
    for row in rows:
        candidate = interpret(spans[row], ingest_scope=frame.ingest_scope, attribution=ATTRIBUTION)
        assert isinstance(candidate, Candidate)
        candidates.append(candidate)
    planned = [
        NewRow(Table.USAGE, one, single_outcome(one.fact), 0, EntryType.USAGE, None, one.source_id)
        for one in candidates
    ]
    return candidates, new_rows(planned, table=Table.USAGE, stamp=STAMP, labels=LABELS, book=BOOK)


def new_quick_way() -> QuickWay:
    """Return a quick way that has read nothing yet."""
    return QuickWay(decoder(), attribution=ATTRIBUTION, labels=LABELS, book=BOOK)


@pytest.fixture
def quick() -> QuickWay:
    """A quick way that has read nothing yet."""
    return new_quick_way()


@pytest.fixture(scope="module")
def empty_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index that knows nothing."""
    return Index(tmp_path_factory.mktemp("index") / "index")


def plain_calls(quick: QuickWay, frame: Frame, index: Index) -> PlainCalls | None:
    """Return what goes the quick way."""
    batch = quick.read([frame])
    plain, company = quick.plain_calls(batch, taken=frozenset(), ids=frozenset(), index=index)
    if company is not None:
        for one in company.candidates():
            assert quick.as_decoded(one, company).source_id == one.source_id
    return plain


def assert_as_the_long_way(quick: QuickWay, frame: Frame, index: Index) -> int:
    """Compare every plain call with the long way; return how many there were."""
    plain = plain_calls(quick, frame, index)
    if plain is None:
        return 0
    candidates, expected = long_way(frame, plain.calls.rows.tolist())
    assert plain.facts() == [one.fact for one in candidates]
    table = plain.table(stamp=STAMP, book=BOOK)
    for name in expected.column_names:
        assert table.column(name).to_pylist() == expected.column(name).to_pylist(), name
    return len(plain)


def usage_keys() -> list[str]:
    """Return every attribute that a dialect reads a count from."""
    keys: list[str] = []
    for table in (conventions.USAGE_KEYS, openinference.USAGE_KEYS):
        keys += [*table.input, *table.output, *table.total, *table.cache_read, *table.cache_write]
        keys += [key for _, aliases in table.details for key in aliases]
    return keys


COUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 5, 10, 100, 1023, 1024, 1025, 5000]),
    st.sampled_from([127, 128, 16383, 16384, 2**28 - 1, 2**28, 10**10, 10**10 + 1, 2**62, -1]),
    st.sampled_from(["12", "", "many", 1.0, 1.5, float("nan"), True, [1], "7.0"]),
)
NAMES: dict[str, list[Any]] = {
    "gen_ai.operation.name": ["chat", "embeddings", "invoke_agent", "", 3],
    "gen_ai.provider.name": ["openai", "anthropic", "aws.bedrock", "x", None],
    "gen_ai.system": ["openai", "Cohere", "gcp.vertex_ai"],
    "gen_ai.request.model": ["gpt-4o", "claude-sonnet-4-5", "", "no-such-model"],
    "gen_ai.response.model": ["gpt-4o-2024-08-06", "claude-sonnet-4-5-20250929", "o3-mini"],
    "gen_ai.response.id": ["chatcmpl-1", "chatcmpl-2", "", 7, "x" * 140, "ü"],
    "gen_ai.is_streaming": [True, False, "true"],
    "gen_ai.conversation.id": ["c1", "c2"],
    "llm.request.type": ["chat", "completion"],
    "openinference.span.kind": ["LLM", "CHAIN", "EMBEDDING"],
    "llm.model_name": ["gpt-4o", "o3-mini-2025-01-31"],
    "llm.provider": ["openai", "azure"],
    "llm.cost.total": [0.25, "0.5", 1, "no"],
    "server.address": ["api.openai.com", "x.openai.azure.com", "openrouter.ai"],
    "openai.response.service_tier": ["default", "flex", "priority"],
    "user.id": ["u1", "u2", 5],
    "customer.id": ["acme", "globex", "", 42, True, " padded "],
    "baggage.tenant_id": ["acme", "initech"],
    "metadata": ['{"customer_id": "acme", "team": "blue"}', '{"team": "red"}', "{broken", "plain"],
    "tenant.id": ["t1"],
    "team": ["blue", 7, True],
    "error.type": ["Timeout"],
    "http.route": ["/a", "/b"],
    "gen_ai.input.messages": ["hello"],
    "events": ["x"],
    "gen_ai.response.finish_reasons": [["stop"], "stop"],
    "traceloop.span.kind": ["workflow", "tool"],
}
SCOPES = [
    OPENAI_SCOPE,
    "opentelemetry.instrumentation.openai.v1",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.bedrock",
    "opentelemetry.instrumentation.vertexai",
    "opentelemetry.instrumentation.cohere",
    "openinference.instrumentation.openai",
    "openinference.instrumentation.claude_agent_sdk",
    "somebody.else",
    "",
]


@st.composite
def attributes(draw: st.DrawFn) -> dict[str, Any]:
    """Any attributes that dialects look at, with any values; mostly those of a call."""
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found |= call().attributes
    for key in draw(st.lists(st.sampled_from(sorted(NAMES)), max_size=8)):
        value = draw(st.sampled_from(NAMES[key]))
        if value is not None:
            found[key] = value
    for key in draw(st.lists(st.sampled_from(usage_keys()), max_size=6)):
        found[key] = draw(COUNTS)
    return found


@st.composite
def encoded_spans(draw: st.DrawFn) -> list[tuple[str, bytes]]:
    """Spans of a few scopes and shapes, their figures varied; some of them with damaged bytes."""
    spans: list[tuple[str, bytes]] = []
    for _ in range(draw(st.integers(1, 4))):
        scope, shape = draw(st.sampled_from(SCOPES)), draw(attributes())
        for _ in range(draw(st.integers(1, 6))):
            varied = {
                key: draw(COUNTS) if key in usage_keys() and draw(st.booleans()) else value
                for key, value in shape.items()
            }
            text = SpanText(
                parent=draw(st.sampled_from([None, 5])),
                status=draw(st.sampled_from([0, 0, 2])),
                start_ns=draw(st.sampled_from([1_790_856_000 * 10**9, 1_790_856_000 * 10**9 + 1, 0, 2**63])),
                attributes=varied,
                dropped_attributes=draw(st.sampled_from([0, 0, 0, 2])),
                duration_ns=draw(st.sampled_from([1, 10**9])),
                scope=scope,
            )
            raw = encode(text).SerializeToString()
            if draw(st.integers(0, 9)) == 0:
                raw = draw(damaged(raw))
            spans.append((scope, raw))
    return spans


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """The bytes with some changed, cut off, doubled or put in."""
    at = draw(st.integers(0, len(raw)))
    piece = draw(st.binary(max_size=4))
    return draw(
        st.sampled_from(
            [raw[:at], raw[:at] + piece + raw[at:], raw[:at] + piece + raw[at + len(piece) :], raw + raw[-at:], piece]
        )
    )


@settings(max_examples=250)
@given(st.lists(encoded_spans(), min_size=1, max_size=3))
def test_any_spans(empty_index: Index, batches: list[list[tuple[str, bytes]]]) -> None:
    """Whatever goes the quick way has the facts and the row that the long way gives, batch after batch."""
    quick = new_quick_way()
    for spans in batches:
        assert_as_the_long_way(quick, scoped(spans), empty_index)


@settings(max_examples=250)
@given(encoded_spans())
def test_any_bytes_as_columns(spans: list[tuple[str, bytes]]) -> None:
    """Every span called plain has the fields, the hash and the evidence that decoding gives, call or not."""
    reader = decoder()
    frame = scoped(spans)
    columns = read_spans([frame], AttributeReader(reader))
    decoded = list(reader.spans(frame.payload))
    rows = np.flatnonzero(columns.plain)
    evidence = evidence_maps(columns, rows).to_pylist()
    for place, (row, content_hash) in enumerate(zip(rows.tolist(), content_hashes(columns, rows), strict=True)):
        span = decoded[row]
        assert isinstance(span, DecodedSpan)
        assert not span.flags
        assert content_hash == span.content_hash
        assert columns.fields.trace_id[row].tobytes() == span.trace_id
        assert (columns.fields.start_ns[row], columns.fields.end_ns[row]) == (span.start_ns, span.end_ns)
        assert (columns.fields.kind[row], columns.fields.status_code[row]) == (span.kind, span.status_code)
        assert dict(evidence[place] or ()) == span.evidence
        assert {key for key, column in columns.by_key.items() if column[row] >= 0} == span.attributes.keys()


@settings(max_examples=250)
@given(
    basics=CALLS,
    attributes=ATTRIBUTES,
    scope=st.sampled_from(ALL_SCOPES),
    counts=st.lists(st.lists(st.integers(0, 3000), min_size=4, max_size=4), min_size=1, max_size=6),
    texts=st.lists(st.sampled_from(["a", "b", "chatcmpl-1", "gpt-4o"]), min_size=6, max_size=6),
)
def test_any_family(
    empty_index: Index,
    basics: dict[str, Any],
    attributes: dict[str, Any],
    scope: str,
    counts: list[list[int]],
    texts: list[str],
) -> None:
    """Spans of any family that differ in their figures and ids are read alike the quick way and the long way."""
    shape = {key: value for key, value in (basics | attributes).items() if is_sendable(value)}
    spans = []
    for figures, text in zip(counts, texts, strict=False):
        numbers = itertools.cycle(figures)
        varied = {key: next(numbers) if type(value) is int else value for key, value in shape.items()}
        if "gen_ai.response.id" in varied:
            varied["gen_ai.response.id"] = text
        spans.append((scope, encode(SpanText(attributes=varied, status=figures[0] % 3)).SerializeToString()))
    assert_as_the_long_way(new_quick_way(), scoped(spans), empty_index)


def is_sendable(value: Any) -> bool:
    """Say whether OTLP has a place for it."""
    try:
        any_value(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return value is not None


def test_plain_calls_go_the_quick_way(quick: QuickWay, empty_index: Index) -> None:
    """Ordinary calls are not left to the long way: a hundred of one shape, of any figures, are a hundred."""
    spans = [
        (OPENAI_SCOPE, encode(call(tokens=(number * 7, number), attributes={"gen_ai.response.id": f"r{number}"})))
        for number in range(1, 101)
    ]
    frame = scoped([(scope, span.SerializeToString()) for scope, span in spans])
    assert assert_as_the_long_way(quick, frame, empty_index) == 100


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.cache_read.input_tokens": 40},
        {"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.total_tokens": 150},
        {"customer.id": "acme", "team": "blue"},
        {"gen_ai.response.finish_reasons": ["stop"], "gen_ai.request.temperature": 0.5},
    ],
)
@pytest.mark.parametrize("scope", SCOPES)
def test_calls_of_every_emitter(quick: QuickWay, empty_index: Index, scope: str, attributes: dict[str, Any]) -> None:
    """Cached tokens, totals, customers: read alike for every emitter."""
    spans = [
        (scope, encode(call(tokens=(tokens, 10), attributes=attributes)).SerializeToString())
        for tokens in (100, 30, 0, 2000)
    ]
    assert_as_the_long_way(quick, scoped(spans), empty_index)


def test_spans_of_one_trace_are_in_company(quick: QuickWay, empty_index: Index) -> None:
    """A call is alone, or it is weighed beside those of its trace."""
    spans = [call(trace=900, span=1), call(trace=900, span=2), call(trace=901, span=1)]
    frame = scoped([(OPENAI_SCOPE, encode(span).SerializeToString()) for span in spans])
    plain, company = quick.plain_calls(quick.read([frame]), taken=frozenset(), ids=frozenset(), index=empty_index)
    assert plain is not None
    assert plain.calls.rows.tolist() == [2]
    assert company is not None
    assert company.calls.rows.tolist() == [0, 1]


class FaultyQuickWay(QuickWay):
    """A quick way with a fault of ours in it."""

    def read(self, frames: Sequence[Frame]) -> Batch:
        """Fail at any frame."""
        raise ZeroDivisionError(f"{len(frames)} frames")


def test_a_fault_in_the_quick_way_costs_its_speed_alone(empty_index: Index) -> None:
    """The spans are found the long way, and the fault is said."""
    frame = scoped([(OPENAI_SCOPE, encode(call()).SerializeToString()) for _ in range(3)])
    quick = FaultyQuickWay(decoder(), attribution=ATTRIBUTION, labels=LABELS, book=BOOK)
    found = find([frame], quick=quick, decoder=decoder(), attribution=ATTRIBUTION, index=empty_index)
    assert found.fault == "ZeroDivisionError: 1 frames"
    assert [one.fact for one in found.candidates] == [one.fact for one in long_way(frame, [0, 1, 2])[0]]
    assert (found.in_columns.alone, found.in_columns.company) == (None, None)
