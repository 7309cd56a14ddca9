"""Whatever a span carries, it ends in a reading that the ledger can hold, in none, or in a refusal with words."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.vocabulary import BillingMode, UsageStatus
from receiver.dialects import read
from receiver.dialects.reading import Reading, SpanKind, SpanView, UnreadableSpanError
from tests.dialects.attributes import ATTRIBUTES, CALLS, KEYS, SCOPES

_TEXTS = (
    "dialect", "operation", "provider", "request_model", "response_model", "response_id", "service_tier", "region",
    "deployment", "provider_account", "api_key_id", "error_type", "agent_name", "user_id", "session_id",
    "reported_cost_source",
)  # fmt: skip
# What DECIMAL(38,12) holds, with room for sums.
_COST_MAX = 10**20


@given(
    attributes=ATTRIBUTES,
    basics=CALLS,
    scope=st.sampled_from(SCOPES),
    version=st.sampled_from(["", "0.1", "1.3b0", "99", "not a version"]),
    name=st.sampled_from(["chat", "ai.generateText.doGenerate", "litellm_request", "llm_call", "call_llm", ""]),
    kind=st.integers(0, 5),
)
@settings(max_examples=1500, deadline=None)
def test_any_attributes(
    attributes: dict[str, Any], basics: dict[str, Any], scope: str, version: str, name: str, kind: int
) -> None:
    """No reader fails on what an emitter, broken or hostile, may write; what it says fits the ledger's columns."""
    span = SpanView(
        name=name,
        kind=kind,
        scope_name=scope,
        scope_version=version,
        attributes=basics | attributes,
        resource=attributes,
        status_code=kind % 3,
    )
    reading = read_or_refuse(span)
    if isinstance(reading, UnreadableSpanError):
        assert reading.reason.isidentifier()
        assert_text("detail", reading.detail)
    elif reading is not None:
        assert_fits(reading)


def read_or_refuse(span: SpanView) -> Reading | UnreadableSpanError | None:
    """Read a span; a refusal is an answer too."""
    try:
        return read(span)
    except UnreadableSpanError as refused:
        return refused


def assert_fits(reading: Reading) -> None:
    """Every field of the reading can be written to its column."""
    assert isinstance(reading.kind, SpanKind)
    assert reading.usage_status in set(UsageStatus)
    assert reading.billing_mode is None or reading.billing_mode in set(BillingMode)
    for field in _TEXTS:
        assert_text(field, getattr(reading, field))
    for flag in reading.usage_flags:
        assert_text("flag", flag)
    for unit, count in reading.usage.items():
        assert_text("unit", unit)
        assert type(count) is int, (unit, count)
        assert 0 <= count < 2**60, (unit, count)
    cost = reading.reported_cost
    assert cost is None or (cost.is_finite() and 0 <= cost < _COST_MAX)
    if reading.kind is SpanKind.CALL and reading.usage_status is UsageStatus.REPORTED:
        assert reading.usage, "reported, but nothing"


def assert_text(field: str, value: str | None) -> None:
    """Text that UTF-8 can carry: a lone surrogate would stop the sealer at every try."""
    if value is not None:
        assert isinstance(value, str), (field, value)
        value.encode()


def test_there_are_names_to_draw() -> None:
    """The pool has the names that matter, or the property above says nothing."""
    assert {"gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.response.id"} <= set(KEYS)
    assert len(SCOPES) > 10
