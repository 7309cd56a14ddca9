"""One call seen in several traces, by the application and by a gateway: counted once, the copies set aside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ledger.schema import EVIDENCE_COLUMNS, CountSource, Table
from receiver.attribution import Attribution
from receiver.sealer.candidate import Candidate, interpret
from receiver.sealer.decode import Decoder
from receiver.sealer.differences import plan
from receiver.sealer.index import Index
from receiver.sealer.names import model_key, same_model, seller_key
from receiver.sealer.response_ids import is_unique
from tests.otlp import SpanText, call, request
from tests.pipeline import Pipeline

UNIQUE = "chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs"
PRICE = Decimal("0.00035")  # of 100 and 10 tokens


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def application(
    trace: int, *, response_id: str = UNIQUE, attributes: dict[str, Any] | None = None, **more: Any
) -> SpanText:
    """The call as the application's own instrumentation saw it."""
    return call(trace=trace, span=trace, attributes={"gen_ai.response.id": response_id, **(attributes or {})}, **more)


def gateway(trace: int, **more: Any) -> SpanText:
    """The call as a gateway saw it pass."""
    seen_by_a_proxy = {"metadata.user_api_key_hash": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05"}
    attributes = {**seen_by_a_proxy, **more.pop("attributes", {})}
    return application(trace, scope="litellm", name="litellm_request", attributes=attributes, **more)


def standing(pipeline: Pipeline) -> list[int]:
    """The traces whose call is counted."""
    return [int(row["trace_id"], 16) for row in pipeline.rows("SELECT trace_id FROM calls ORDER BY trace_id")]


def copies(pipeline: Pipeline) -> list[int]:
    """The traces whose call is set aside as a copy."""
    rows = pipeline.rows("SELECT trace_id FROM set_aside WHERE reason = 'duplicate_call' ORDER BY trace_id")
    return [int(row["trace_id"], 16) for row in rows]


def test_call_in_two_traces_is_counted_once(pipeline: Pipeline) -> None:
    """One response, seen in two traces in one request: one call, one copy, of class duplicate."""
    pipeline.take(application(1), application(2))
    assert len(standing(pipeline)) == len(copies(pipeline)) == 1
    assert pipeline.audit() == {"commit": 1, "received": 2, "usage": 1, "duplicate": 1, "calls_in_ledger": 1}


def test_copy_that_comes_later_adds_nothing(pipeline: Pipeline) -> None:
    """The sum of entries is one call's at every commit, whichever side comes first, over a restart."""
    pipeline.take(gateway(2))
    assert pipeline.value("SELECT sum(cost) FROM entries") == PRICE
    pipeline.restart_sealer()
    pipeline.take(application(1))
    assert pipeline.value("SELECT sum(cost) FROM entries") == PRICE
    assert pipeline.audit()["duplicate"] == 1


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize(("count_source", "stays"), [(CountSource.APPLICATION, 1), (CountSource.GATEWAY, 2)])
def test_setting_says_which_one_stays(
    tmp_path: Path, order: tuple[int, int], count_source: CountSource, stays: int
) -> None:
    """count_source decides, whichever came first; the other is taken back by a correction."""
    sent = {1: application(1), 2: gateway(2)}
    with Pipeline(tmp_path, count_source=count_source) as pipeline:
        for trace in order:
            pipeline.take(sent[trace])
        assert standing(pipeline) == [stays]
        assert copies(pipeline) == [3 - stays]
        assert pipeline.value("SELECT sum(cost) FROM entries") == PRICE


def test_side_that_knows_the_figures_stays(pipeline: Pipeline) -> None:
    """A stream whose usage only the gateway saw is priced by the gateway's span, whatever count_source says."""
    pipeline.take(application(1, tokens=(None, None)))
    pipeline.take(gateway(2))
    assert standing(pipeline) == [2]


def test_sides_may_name_model_and_seller_differently(pipeline: Pipeline) -> None:
    """The OpenAI SDK names the API's shape and an alias; the gateway knows the seller and the snapshot."""
    pipeline.take(application(1, model="gpt-4o"))
    pipeline.take(gateway(2, model="azure/gpt-4o-2024-08-06", attributes={"gen_ai.provider.name": "azure.ai.openai"}))
    assert standing(pipeline) == [1]


def test_side_that_knows_the_seller_stays(pipeline: Pipeline) -> None:
    """An application that only knows its gateway's address gives way to the gateway, which knows who sold the call."""
    pipeline.take(application(1, attributes={"server.address": "litellm.corp.example"}))
    pipeline.take(gateway(2, attributes={"gen_ai.provider.name": "openai"}))
    assert (standing(pipeline), copies(pipeline)) == ([2], [1])
    assert pipeline.value("SELECT sum(cost) FROM entries") == PRICE


@pytest.mark.parametrize(
    "other",
    [
        application(2, tokens=(100, 11)),
        application(2, model="gpt-4o-mini"),
        application(2, attributes={"gen_ai.provider.name": "groq"}),
    ],
    ids=["figures", "model", "seller"],
)
def test_contradiction_keeps_both(pipeline: Pipeline, other: SpanText) -> None:
    """One id with other figures, another model or two sellers is no single call."""
    pipeline.take(application(1, attributes={"gen_ai.provider.name": "azure.ai.openai"}))
    pipeline.take(other)
    assert standing(pipeline) == [1, 2]


def test_contradiction_that_comes_later_undoes_the_merge(pipeline: Pipeline) -> None:
    """A copy is counted again as soon as its id proves to be used for another call too."""
    pipeline.take(application(1))
    pipeline.take(application(2))
    assert len(copies(pipeline)) == 1
    pipeline.take(application(3, tokens=(7, 7)))
    assert (standing(pipeline), copies(pipeline)) == ([1, 2, 3], [])
    assert pipeline.value("SELECT count(*) FROM entries WHERE reason = 'recounted'") > 0


def test_constant_id_links_no_more_than_four_traces(pipeline: Pipeline) -> None:
    """The fifth trace proves an id constant: each call counts, and so does every later one."""
    for trace in range(1, 5):
        pipeline.take(application(trace))
    assert len(standing(pipeline)) == 1
    for trace in range(5, 8):
        pipeline.take(application(trace))
        assert standing(pipeline) == list(range(1, trace + 1))
    assert pipeline.value("SELECT sum(cost) FROM entries") == 7 * PRICE


def test_id_of_no_unique_shape_never_links(pipeline: Pipeline) -> None:
    """Ollama's `chatcmpl-123` repeats after a thousand calls: equal figures do not make two calls one."""
    pipeline.take(application(1, response_id="chatcmpl-123"), application(2, response_id="chatcmpl-123"))
    assert standing(pipeline) == [1, 2]


def test_nested_span_lends_its_id_to_the_call_that_stands(pipeline: Pipeline) -> None:
    """A framework's span says more but has no id; the SDK's span below it has. The gateway's copy is still found."""
    framework = call(trace=1, span=10, attributes={"gen_ai.usage.cache_read.input_tokens": 40})
    pipeline.take(gateway(2))
    pipeline.take(framework, call(trace=1, span=11, parent=10, attributes={"gen_ai.response.id": UNIQUE}))
    assert standing(pipeline) == [1]
    assert pipeline.rows("SELECT reason FROM set_aside ORDER BY reason") == [
        {"reason": "duplicate_call"},
        {"reason": "equal_figures"},
    ]


def test_two_calls_of_one_id_in_one_trace_link_nothing(pipeline: Pipeline) -> None:
    """A trace that contradicts itself about an id says nothing of it to others."""
    pipeline.take(application(1))
    pipeline.take(
        call(trace=2, span=20, attributes={"gen_ai.response.id": UNIQUE}),
        call(trace=2, span=21, tokens=(5, 5), attributes={"gen_ai.response.id": UNIQUE}),
    )
    assert standing(pipeline) == [1, 2, 2]


def test_copy_lends_its_customer(pipeline: Pipeline) -> None:
    """Only the gateway knows who pays: the application's call, which counts, takes the customer over."""
    pipeline.take(application(1))
    pipeline.take(gateway(2, attributes={"customer.id": "acme"}))
    assert pipeline.rows("SELECT trace_id, customer_id, customer_source FROM calls") == [
        {"trace_id": f"{1:032x}", "customer_id": "acme", "customer_source": "copy"}
    ]


def test_copies_that_name_two_customers_lend_none(pipeline: Pipeline) -> None:
    """Several values are nobody, never a guess."""
    pipeline.take(application(1))
    pipeline.take(gateway(2, attributes={"customer.id": "acme"}), gateway(3, attributes={"customer.id": "globex"}))
    assert pipeline.rows("SELECT customer_id FROM calls") == [{"customer_id": None}]


def test_answer_from_a_cache_is_no_copy(pipeline: Pipeline) -> None:
    """A gateway's cache repeats id and figures of the call that filled it; the first was charged, the hit was not."""
    pipeline.take(gateway(1))
    pipeline.take(gateway(2, attributes={"litellm.cache_hit": True}))
    assert standing(pipeline) == [1, 2]


def test_tenants_never_meet(tmp_path: Path) -> None:
    """The same response id under another ingest scope is another call."""
    decoder, attribution = Decoder(), Attribution()
    found = [
        interpret(span, ingest_scope=scope, attribution=attribution)
        for scope, text in (("", application(1)), ("tenant-b", application(2)), ("tenant-b", application(3)))
        for span in decoder.spans(request(text))
    ]
    index = Index(tmp_path / "index")
    try:
        planned = plan(
            [one for one in found if isinstance(one, Candidate)], [], index, count_source=CountSource.APPLICATION
        )
    finally:
        index.close()
    counted = [row.candidate.ingest_scope for row in planned.new_rows if row.table == Table.USAGE]
    assert sorted(counted) == ["", "tenant-b"]


def test_rebuilt_index_knows_the_same_of_response_ids(pipeline: Pipeline) -> None:
    """Losers of conflicts, copies, dead ids and borrowed customers: all of it comes back from the ledger alone."""
    pipeline.take(application(1), gateway(2, attributes={"customer.id": "acme"}))
    pipeline.take(application(3, response_id=UNIQUE[:-1] + "x"))
    pipeline.take(application(3, response_id=UNIQUE[:-1] + "y", attributes={"gen_ai.usage.reasoning.output_tokens": 1}))
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.response.id": UNIQUE[:-1] + "z"}
    pipeline.take(call(trace=4, span=4, attributes=agent))
    pipeline.take(call(trace=4, span=4, tokens=(9, 9), attributes=agent))
    for trace in range(11, 17):
        pipeline.take(application(trace, response_id=UNIQUE[:-1] + "w"))
        pipeline.take(application(trace + 10, response_id="msg_017MhNmn5nUm4C53tXC7Yh2y"))
    before = sorted(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    assert sorted(pipeline.sealer.index.items()) == before


def test_index_needs_no_evidence(pipeline: Pipeline) -> None:
    """Once retention has dropped what spans said, the index is rebuilt all the same: only permanent columns count."""
    pipeline.take(application(1), gateway(2, attributes={"customer.id": "acme"}), call(tokens=(-1, 1)))
    pipeline.take(call(trace=3, span=31, parent=32), call(trace=3, span=32, attributes={"customer.id": "globex"}))
    before = sorted(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    for path in pipeline.data.ledger.rglob("*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        pq.write_table(rows.drop_columns([name for name in EVIDENCE_COLUMNS if name in rows.column_names]), path)
    assert sorted(pipeline.sealer.index.items()) == before


@pytest.mark.parametrize(
    "response_id",
    [
        "chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs",
        "chatcmpl-da029146-a630-4224-9d12-7d808b031fbc",
        "cmpl-2996bf68f7f142fa817bdd32af678df9",
        "chat-886edcbf80f0488297c1dc110ba9b2ae",
        "resp_689f74f617a88196bda820f624eb11e405b4f253964a8c21",
        "msg_017MhNmn5nUm4C53tXC7Yh2y",
        "msg_bdrk_01N3b1bEN3sbiHjQAKknzJir",
        "25fe6563-3767-4cc0-8ca1-c90bb873b714",
        "gen-1732470571-gDLlF2Wa3xkLzXG0y0CB",
        "b3ca94c3f6a84bb5bb2b64ff0b2d5bc3",
        "jvUgaeXJFbO8mtkPuJ2dsAw",
    ],
)
def test_ids_of_providers_are_unique(response_id: str) -> None:
    """The shapes that recorded responses have."""
    assert is_unique(response_id)


@pytest.mark.parametrize(
    "response_id",
    [
        None, "", "resp_1", "chatcmpl-123", "chatcmpl-mock", "unknown", "chatcmpl-xxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "00000000-0000-0000-0000-000000000000", "msg_00000000000000000000", "my-request-id", "a" * 32,
    ],
)  # fmt: skip
def test_other_ids_are_not(response_id: str | None) -> None:
    """Constants, placeholders and short counters say nothing beyond their trace."""
    assert not is_unique(response_id)


@pytest.mark.parametrize(
    ("one", "other", "relation"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", "same"),
        ("openai/gpt-4o", "gpt-4o", "same"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "same"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", "same"),
        ("claude-3-5-sonnet@20241022", "claude-3-5-sonnet-latest", "same"),
        ("models/gemini-2.0-flash-001", "gemini-2.0-flash", "same"),
        (None, "gpt-4o", "same"),
        ("gpt-4o", "gpt-4o-mini", "other"),
        ("claude-3-5-sonnet", "claude-3-7-sonnet", "other"),
        ("gpt-4", "gpt-4o", "other"),
    ],
)
def test_spellings_of_models(one: str | None, other: str | None, relation: str) -> None:
    """Maker, path, snapshot and version aside, a model has one name."""
    assert same_model(one, other) is same_model(other, one) is (relation == "same")
    assert one is None or (model_key(one) == model_key(other)) is (relation == "same")


def test_names_of_api_shapes_name_no_seller() -> None:
    """`openai` is what an SDK says whoever sells; two doors of one cloud are one seller."""
    assert seller_key("openai") is None
    assert seller_key("azure.ai.openai") == seller_key("azure.ai.inference") == "azure"
    assert seller_key("groq") == "groq"
    assert seller_key("host:litellm.corp.example") is seller_key("self_hosted") is None
