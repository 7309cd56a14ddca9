"""Who pays, by a span's own attributes: one configured name, found wherever instrumentations put it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver import dialects
from receiver.attribution import (
    DEFAULT_CUSTOMER_ATTRIBUTES,
    DEFAULT_LABEL_ATTRIBUTES,
    Attribution,
    customer_of,
    labels_of,
    marks,
)
from receiver.split import Splitter
from tests.otlp import SpanText, call, request
from tests.pipeline import Pipeline


@pytest.mark.parametrize(
    "attributes",
    [
        {"customer_id": "acme"},
        {"baggage.customer_id": "acme"},
        {"metadata.customer_id": "acme"},
        {"traceloop.association.properties.customer_id": "acme"},
        {"ai.telemetry.metadata.customer_id": "acme"},
        {"ai.settings.context.customer_id": "acme"},
        {"langfuse.trace.metadata.customer_id": "acme"},
        {"langsmith.metadata.customer_id": "acme"},
        {"metadata": json.dumps({"customer_id": "acme"})},
        {"metadata": {"customer_id": "acme"}},
        {"langfuse.trace.metadata": json.dumps({"plan": "pro", "customer_id": "acme"})},
        {"metadata.requester_metadata": str({"customer_id": "acme", "trace": None})},
    ],
    ids=str,
)
def test_one_name_is_found_under_every_carrier(attributes: dict[str, Any]) -> None:
    """As it is, behind a prefix, or as a member of a JSON text: the configured name is one."""
    assert customer_of(attributes, ["customer_id"]) == ("acme", 0, "customer_id")


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("metadata.customer_id", {"metadata": json.dumps({"customer_id": "acme"})}),
        ("shop.context.payer.id", {"shop.context": json.dumps({"payer": {"id": "acme"}})}),
        ("shop.context.payer.id", {"shop": {"context": {"payer": {"id": "acme"}}}}),
        ("payer.id", {"metadata": json.dumps({"payer": {"id": "acme"}})}),
        ("payer.id", {"metadata": json.dumps({"payer.id": "acme"})}),
    ],
)
def test_name_with_dots_is_a_path_too(name: str, attributes: dict[str, Any]) -> None:
    """Where an attribute of a path's beginning is a JSON text or a map, the rest names its member."""
    assert customer_of(attributes, [name]) == ("acme", 0, name)


def test_preferred_name_wins_wherever_it_stands() -> None:
    """The order of the setting decides, not where a name was found; within one name, the plainest place."""
    attributes = {"second": "b", "metadata": json.dumps({"first": "a", "second": "c"})}
    assert customer_of(attributes, ["first", "second"]) == ("a", 0, "first")
    assert customer_of(attributes, ["second", "first"]) == ("b", 0, "second")


@pytest.mark.parametrize("value", ["", "  ", True, ["acme"], {"id": "acme"}, b"acme", "{broken", "[1]"])
def test_what_is_no_name_names_nobody(value: Any) -> None:
    """Empty texts, lists, maps, truths and broken JSON are no customers; other names are looked at."""
    assert customer_of({"metadata": value, "customer_id": "acme"}, ["metadata.customer_id", "customer_id"]) == (
        "acme",
        1,
        "customer_id",
    )
    if not isinstance(value, str) or not value.strip():
        assert customer_of({"customer_id": value}, ["customer_id"]) is None


@pytest.mark.parametrize(
    "name", ["user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "langfuse.user.id", "organization.id"]
)
def test_users_and_sessions_are_no_customers(name: str) -> None:
    """Who used it and in which conversation say nothing of who pays; the vendor's organisation is one's own."""
    assert customer_of({name: "someone"}, DEFAULT_CUSTOMER_ATTRIBUTES) is None


@pytest.mark.parametrize(
    "name", ["metadata.user_api_key_team_id", "litellm.team.id", "tenantId", "app.tenant.id", "baggage.tenant.id"]
)
def test_usual_names_of_tenants_and_teams_are_known(name: str) -> None:
    """A gateway's team pays where nobody better is named."""
    assert customer_of({name: "acme"}, DEFAULT_CUSTOMER_ATTRIBUTES) is not None
    assert customer_of({name: "team", "customer.id": "acme"}, DEFAULT_CUSTOMER_ATTRIBUTES) == ("acme", 0, "customer.id")


def test_labels_are_found_alike() -> None:
    """Labels keep their configured name, wherever they stood; a truth is one."""
    attributes = {"baggage.team": "search", "metadata": json.dumps({"feature": "chat", "project": 7, "beta": True})}
    assert labels_of(attributes, (*DEFAULT_LABEL_ATTRIBUTES, "beta")) == {
        "team": "search",
        "project": "7",
        "feature": "chat",
        "beta": "true",
    }


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("customer_id", {"customer_id": "acme"}),
        ("customer_id", {"baggage.customer_id": "acme"}),
        ("customer_id", {"metadata": json.dumps({"customer_id": "acme"})}),
        ("metadata.payer", {"metadata": json.dumps({"payer": "acme"})}),
        ("shop.payer", {"shop": json.dumps({"payer": "acme"})}),
    ],
)
def test_span_that_only_says_who_pays_is_kept(name: str, attributes: dict[str, Any]) -> None:
    """A web request that is no call, and names a customer in any of these ways, passes the split."""
    splitter = Splitter(span_marks=[*dialects.MARKERS, *marks([name])], scope_marks=dialects.SCOPE_MARKERS)
    assert customer_of(attributes, [name]) is not None
    assert splitter.split(request(SpanText(scope="http", attributes=attributes))).kept == 1
    assert splitter.split(request(SpanText(scope="http", attributes={"http.route": "/"}))).kept == 0


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger whose customers and teams stand in JSON."""
    attribution = Attribution(("metadata.payer", "customer.id"), ("team",))
    with Pipeline(tmp_path, attribution=attribution) as made:
        yield made


def test_json_on_span_resource_and_root_pays_in_the_ledger(pipeline: Pipeline) -> None:
    """Span first, then resource, then any span of the trace: all of them through journal and Parquet."""
    said = {"metadata": json.dumps({"payer": "acme", "team": "search"})}
    pipeline.take(
        call(trace=1, attributes=said),
        call(trace=2, resource={"service.name": "shop", "metadata": json.dumps({"payer": "globex"})}),
        call(trace=3, span=31, parent=32),
        call(trace=4),
    )
    pipeline.take(SpanText(trace=3, span=32, scope="http", attributes={"metadata": json.dumps({"payer": "initech"})}))
    rows = pipeline.rows("SELECT customer_id, customer_source, labels['team'] AS team FROM calls ORDER BY trace_id")
    assert [tuple(row.values()) for row in rows] == [
        ("acme", "span", "search"),
        ("globex", "resource", None),
        ("initech", "trace", None),
        (None, None, None),
    ]


def test_users_and_sessions_are_kept_under_their_usual_names(pipeline: Pipeline) -> None:
    """Who asked and in which conversation stand in columns of their own; the application's own word comes first."""
    pipeline.take(
        call(trace=1, attributes={"enduser.id": "u1", "thread_id": "t1"}),
        call(trace=2, attributes={"gen_ai.request.user": "u2", "conversation.id": "c2"}),
        call(trace=3, attributes={"user.id": "u3", "llm.user": "x", "session.id": "s3", "conversation.id": "x"}),
    )
    rows = pipeline.rows("SELECT user_id, session_id, customer_id FROM calls ORDER BY trace_id")
    assert [tuple(row.values()) for row in rows] == [("u1", "t1", None), ("u2", "c2", None), ("u3", "s3", None)]
