"""Any span tree, any order, any split over requests, any repetition: the same ledger, and the one that the rules say.

`SPANLEDGER_TEST_EXAMPLES` says how many examples each property is tried on; a long run takes some thousands.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import duckdb
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.schema import CountSource
from receiver.sealer.compaction.compactor import Compactor
from tests.naive import CONFLICT, PRICES, PROXY_MARK, UNIQUE_IDS, UNKNOWN_SCOPE, naive_ledger
from tests.otlp import LANGCHAIN_SCOPE, OPENAI_SCOPE, START_NS, SpanText
from tests.pipeline import Pipeline

EXAMPLES: Final = int(os.environ.get("SPANLEDGER_TEST_EXAMPLES", "8"))
MS: Final = 1_000_000
# What may differ between two histories of the same spans: when and in which commit a row was written, and why.
HISTORY: Final = 'recorded_time, "commit", revision, reason, entry_type'
KINDS: Final = ("chat", "chat", "chat", "invoke_agent", None)
RESPONSE_IDS: Final = (None, None, "r1", *UNIQUE_IDS)
GATEWAY: Final = "litellm"
SCOPES: Final = (OPENAI_SCOPE, OPENAI_SCOPE, LANGCHAIN_SCOPE, GATEWAY, UNKNOWN_SCOPE)
CUSTOMERS: Final = (None, None, None, "acme", "globex")
tried = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # A failure is shown as it was found: shrinking one of these takes minutes.
    phases=[phase for phase in Phase if phase not in {Phase.shrink, Phase.explain}],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def span_text(
    trace: int, span: int, parent: int | None, kind: str | None, tokens: Any, response_id: str | None,
    customer: str | None, model: str, scope: str, start: int, duration: int,
) -> SpanText:  # fmt: skip
    """A span of the kinds that the naive model knows."""
    attributes: dict[str, Any] = {"customer.id": customer}
    if kind is not None:
        attributes |= {
            "gen_ai.operation.name": kind,
            "gen_ai.provider.name": "openai",
            "gen_ai.response.model": model,
            "gen_ai.response.id": response_id,
            "gen_ai.usage.input_tokens": tokens and tokens[0],
            "gen_ai.usage.output_tokens": tokens and tokens[1],
            PROXY_MARK: "88dc28d0" if scope == GATEWAY else None,
        }
    return SpanText(
        trace=trace,
        span=trace * 100 + span,
        parent=None if parent is None else trace * 100 + parent,
        name="litellm_request" if scope == GATEWAY and kind else "span",
        scope="http" if kind is None else scope,
        start_ns=START_NS + start * MS,
        duration_ns=duration,
        attributes={key: value for key, value in attributes.items() if value is not None},
    )


def trees(*, tokens: st.SearchStrategy[Any], spans_max: int) -> st.SearchStrategy[list[SpanText]]:
    """Spans of a few traces, their parents anywhere: known, unknown, in a circle."""
    return st.lists(
        st.builds(
            span_text,
            trace=st.integers(1, 6),
            span=st.integers(1, 6),
            parent=st.none() | st.integers(1, 7),
            kind=st.sampled_from(KINDS),
            tokens=tokens,
            response_id=st.sampled_from(RESPONSE_IDS),
            customer=st.sampled_from(CUSTOMERS),
            model=st.sampled_from(list(PRICES)),
            scope=st.sampled_from(SCOPES),
            start=st.integers(0, 3),
            duration=st.integers(1, 10**6).map(lambda one: one * MS),
        ),
        min_size=1,
        max_size=spans_max,
    )


TOKENS: Final = st.sampled_from([None, (5, 5), (5, 5), (9, 9), (9, 5), (-1, 1)])


_STATE: Final = {
    "calls": f"SELECT * EXCLUDE ({HISTORY}) FROM calls",
    "costs_daily": "SELECT * FROM costs_daily",
    "set_aside": "SELECT source_id, span_class, reason FROM set_aside",
    "unexplained": "SELECT source_id FROM unexplained",
    "possible_duplicates": "SELECT source_id, outer_span_id, why FROM possible_duplicates",
    "counts": 'SELECT "usage", nested, aggregate, quarantined FROM audit WHERE adds_up AND ledger_agrees',
}


def net_state(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Everything about the ledger that must not depend on how the spans came."""
    with duckdb.connect() as connection:
        connection.execute(pipeline.data.views.read_text())
        return {name: connection.execute(f"{query} ORDER BY ALL").fetchall() for name, query in _STATE.items()}


@tried
@given(trees(tokens=TOKENS | st.just((5, None)), spans_max=14), st.integers(0, 2**32), st.integers(1, 5))
def test_any_order_split_and_repetition_gives_the_same_ledger(sent: list[SpanText], seed: int, batches: int) -> None:
    """One request in order, or many shuffled with repeats, restarts and lost indexes between: the same net state."""
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        with Pipeline(Path(one)) as straight:
            straight.take(*sent)
            expected = net_state(straight)
        with Pipeline(Path(two)) as scattered:
            repeated = [*sent, *chance.choices(sent, k=len(sent))]
            chance.shuffle(repeated)
            for number in range(batches):
                scattered.take(*repeated[number::batches])
                _disturb(scattered, chance)
            assert net_state(scattered) == expected


def _disturb(pipeline: Pipeline, chance: Random) -> None:
    """Compact and restart now and then; sometimes without the index, which must come back the same."""
    if chance.random() < 0.3:
        compactor = Compactor(pipeline.sealer, pipeline.data, filesystem=pipeline.filesystem, grace=timedelta(0))
        while compactor.merge_now(thoroughly=chance.random() < 0.8) is not None:
            pass
        for _ in range(chance.randrange(3)):
            compactor.work(may_replace=False)
    if chance.random() < 0.3:
        before = sorted(pipeline.sealer.index.items())
        pipeline.restart_sealer()
        if chance.random() < 0.5:
            shutil.rmtree(pipeline.data.index)
        assert sorted(pipeline.sealer.index.items()) == before


@tried
@given(
    # One content for each span, and no two that end together: then the rules alone decide, no hash does.
    trees(tokens=TOKENS, spans_max=14).map(
        lambda spans: list({(one.trace, one.span, 0): one for one in spans}.values())
    ),
    st.integers(1, 4),
    st.sampled_from(list(CountSource)),
)
def test_ledger_is_what_the_rules_say(sent: list[SpanText], batches: int, count_source: CountSource) -> None:
    """Classes, payers and the sum of entries by customer are those of the naive model: price × usage of its calls."""
    ends = Counter(span.start_ns + span.duration_ns for span in sent)
    sent = [span for span in sent if ends[span.start_ns + span.duration_ns] == 1]
    naive = naive_ledger(sent, count_source=count_source.value)
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), count_source=count_source) as pipeline:
        for number in range(batches):
            pipeline.take(*sent[number::batches])
        rows = pipeline.rows("SELECT span_id, coalesce(customer_id, customer_source) AS payer FROM calls")
        calls = {int(row["span_id"], 16): row["payer"] for row in rows}
        sums = {
            row["customer_id"]: row["cost"]
            for row in pipeline.rows("SELECT customer_id, coalesce(sum(cost), 0) AS cost FROM entries GROUP BY 1")
        }
        audit = pipeline.audit()
    assert calls == {span: "conflicting" if one == CONFLICT else one for (_, span), one in naive.calls.items()}
    assert {name: audit.get(name, 0) for name in naive.counts} == naive.counts
    expected: dict[str | None, Decimal] = {}
    for payer, cost in naive.cost_by_customer().items():
        customer = None if payer == CONFLICT else payer
        expected[customer] = expected.get(customer, Decimal(0)) + cost
    assert {one: cost for one, cost in sums.items() if cost} == {one: cost for one, cost in expected.items() if cost}
