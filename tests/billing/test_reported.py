"""A claim is not a fact: costs that spans carry beside our own, in the warehouse, over REST, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from billing.api import create_app
from billing.config import BillingConfig
from billing.errors import UnknownDimensionError
from billing.warehouse.reported import compare_reported, worst_reported
from billing.warehouse.warehouse import Warehouse
from ledger.vocabulary import BillingMode
from receiver import dialects
from receiver.dialects.reading import Reading, SpanView
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline
from tests.pricing.calls import own_book
from tests.test_command_line import spanledger


def claiming(cost: object, *, tokens: tuple[int, int] = (100, 10), model: str = "gpt-4o", **more: Any) -> SpanText:
    """A call of an emitter that reports costs. (100, 10) cost $0.00035 by the price list."""
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": model,
        "llm.token_count.prompt": tokens[0],
        "llm.token_count.completion": tokens[1],
        "customer.id": "acme",
        **({} if cost is None else {"llm.cost.total": cost}),
        **more.pop("attributes", {}),
    }
    return SpanText(scope="openinference.instrumentation.openai", attributes=attributes, **more)


@dataclass(slots=True)
class Claims:
    """A ledger of claims."""

    pipeline: Pipeline
    warehouse: Warehouse
    worst: SpanText = field(default_factory=lambda: claiming(0.5))


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[Claims]:
    """Claims that are right, nearly right, far too high, free, without our own cost; and a call that claims nothing."""
    with Pipeline(tmp_path) as pipeline:
        made = Claims(pipeline, Warehouse(pipeline.data))
        pipeline.take(
            claiming(0.00035),
            claiming(0.000351),
            claiming("0", attributes={"customer.id": "globex"}),
            made.worst,
            claiming(0.7, model="no-such-model"),
            claiming(None),
            call(attributes={"customer.id": "acme"}),
        )
        yield made
        made.warehouse.close()


def test_only_calls_with_both_costs_are_compared(claims: Claims) -> None:
    """Sums are over the same calls on both sides; a hundredth is the line; claims without our cost stand beside."""
    known, unknown = compare_reported(claims.warehouse)
    assert known == {
        "reported_source": "llm.cost.total",
        "provider": "openai",
        "model": "gpt-4o",
        "calls": 4,
        "calls_apart": 2,
        "cost": Decimal("0.0014"),
        "reported_cost": Decimal("0.500701"),
        "difference": Decimal("0.499301"),
        "share": Decimal("356.6436"),
        "calls_without_cost": 0,
        "reported_without_cost": None,
    }
    assert (unknown["model"], unknown["calls"], unknown["cost"], unknown["share"]) == ("no-such-model", 0, None, None)
    assert (unknown["calls_without_cost"], unknown["reported_without_cost"]) == (1, Decimal("0.7"))


def test_grouped_by_anything_and_by_nothing(claims: Claims) -> None:
    """Costs' own dimensions hold here too; a name that is none is said."""
    by_customer = {row["customer"]: row["calls"] for row in compare_reported(claims.warehouse, by=["customer"])}
    assert by_customer == {"acme": 3, "globex": 1}
    (everything,) = compare_reported(claims.warehouse, by=[])
    assert (everything["calls"], everything["calls_without_cost"]) == (4, 1)
    (globex,) = compare_reported(claims.warehouse, where={"customer": "globex"})
    assert globex["difference"] == Decimal("-0.00035")
    with pytest.raises(UnknownDimensionError):
        compare_reported(claims.warehouse, by=["modle"])


def test_the_calls_furthest_apart(claims: Claims) -> None:
    """Single calls, the largest difference first, either way; a claim that is exact is none of them."""
    calls = worst_reported(claims.warehouse, count=10)
    assert [row["difference"] for row in calls] == [Decimal("0.49965"), Decimal("-0.00035"), Decimal("0.000001")]
    assert calls[0]["trace_id"] == f"{claims.worst.trace:032x}"
    assert worst_reported(claims.warehouse, count=1) == calls[:1]


def test_a_correction_takes_both_costs_back(claims: Claims) -> None:
    """A call that turns out to be told better by another span leaves no claim and no cost behind."""
    before = compare_reported(claims.warehouse)
    outer = claiming(0.9, tokens=(5000, 500))
    claims.pipeline.take(outer)
    assert compare_reported(claims.warehouse)[0]["calls"] == 5
    inner = {"gen_ai.response.id": "chatcmpl-1", "openai.response.service_tier": "default"}
    claims.pipeline.take(
        call(tokens=(5000, 500), model="gpt-4o", trace=outer.trace, parent=outer.span, attributes=inner)
    )
    assert claims.pipeline.value("SELECT count(*) FROM entries WHERE entry_type = 'reversal'") == 1
    assert compare_reported(claims.warehouse) == before


def test_a_claim_on_a_call_paid_by_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was paid for otherwise costs 0, and its claim is compared with the list cost."""
    read = dialects.read

    def by_seat(span: SpanView) -> Reading | None:
        reading = read(span)
        if reading is not None:
            reading.billing_mode = BillingMode.SUBSCRIPTION
        return reading

    monkeypatch.setattr(dialects, "read", by_seat)
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(claiming(0.00035))
        assert pipeline.rows("SELECT cost, list_cost FROM calls") == [{"cost": 0, "list_cost": Decimal("0.00035")}]
        warehouse = Warehouse(pipeline.data)
        (row,) = compare_reported(warehouse)
        warehouse.close()
    assert (row["cost"], row["difference"], row["share"]) == (Decimal("0.00035"), 0, 0)


def test_a_claim_that_is_trusted_is_not_compared_with_itself(tmp_path: Path) -> None:
    """Where a reported cost became the cost, it still stands beside what was computed."""
    with Pipeline(tmp_path, book=own_book("", bands={"llm.cost.total": Decimal("0.5")})) as pipeline:
        pipeline.take(claiming(0.0004))
        assert pipeline.value("SELECT cost FROM calls") == Decimal("0.0004")
        warehouse = Warehouse(pipeline.data)
        (row,) = compare_reported(warehouse)
        warehouse.close()
    assert (row["cost"], row["difference"]) == (Decimal("0.00035"), Decimal("0.00005"))


def test_a_ledger_without_claims(tmp_path: Path) -> None:
    """Nothing claimed means nothing to show."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        warehouse = Warehouse(pipeline.data)
        assert compare_reported(warehouse) == []
        assert worst_reported(warehouse, count=5) == []
        warehouse.close()


def test_over_rest(claims: Claims) -> None:
    """The same figures as strings of decimals, with pages that meet, and described in the OpenAPI document."""
    with TestClient(create_app(BillingConfig(claims.pipeline.data))) as client:
        answer = client.get("/v1/costs/reported", params={"worst": 1}).json()
        assert [row["group"]["model"] for row in answer["rows"]] == ["gpt-4o", "no-such-model"]
        assert answer["rows"][0]["difference"] == "0.499301000000"
        assert answer["rows"][0]["share"] == "356.6436"
        assert [one["difference"] for one in answer["worst"]] == ["0.499650000000"]
        first = client.get("/v1/costs/reported", params={"limit": 1}).json()
        second = client.get("/v1/costs/reported", params={"limit": 1, "cursor": first["next"]}).json()
        assert first["rows"] + second["rows"] == answer["rows"]
        assert second["next"] is None
        document = client.get("/openapi.json").json()["paths"]["/v1/costs/reported"]["get"]
        assert "differ" in document["description"]


def test_on_the_command_line(claims: Claims) -> None:
    """`costs --compare-reported` prints groups, `--worst` calls; JSON keeps every digit."""
    folder = str(claims.pipeline.data.root)
    finished = spanledger("costs", "--compare-reported", "--format", "json", "--data-dir", folder)
    assert [row["difference"] for row in json.loads(finished.stdout)] == ["0.499301000000", None]
    finished = spanledger("costs", "--compare-reported", "--worst", "1", "--format", "csv", "--data-dir", folder)
    head, line = finished.stdout.splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["difference"] == "0.499650000000"
    finished = spanledger("costs", "--compare-reported", "--by", "customer", "--data-dir", folder)
    assert "globex" in finished.stdout
    assert "calls_without_cost" in finished.stdout
    assert spanledger("costs", "--worst", "1", "--data-dir", folder).returncode == 2
