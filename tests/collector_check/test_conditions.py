"""Conditions of filters, decided for a span of which some things are known."""

from __future__ import annotations

import pytest

from spanledger.collector_check.ottl import Sample, holds

SPAN = Sample("a span", ("gen_ai.system", "customer.id"), "chat", "my.scope")
OPEN = Sample("any such span", ("gen_ai.system",), None, None, open=True)
KEYS = r'Concat(Keys(span.attributes), "\n")'


@pytest.mark.parametrize(
    ("condition", "closed", "opened"),
    [
        ("true", True, True),
        ("not true", False, False),
        ('attributes["gen_ai.system"] == nil', False, False),
        ('attributes["gen_ai.system"] != nil', True, True),
        ('attributes["http.route"] == nil', True, None),
        ('span.attributes["http.route"] == "/health"', False, None),
        ('attributes["deployment"] != "prod"', True, None),
        ('attributes["gen_ai.system"] == "openai"', None, None),
        ('name == "chat"', True, None),
        ('span.name != "chat"', False, None),
        ('IsMatch(name, "^(GET|POST) ")', False, None),
        ('IsMatch(attributes["url.path"], "/health.*")', False, None),
        (f'IsMatch({KEYS}, "(?m)^gen_ai[.]")', True, True),
        (f'IsMatch({KEYS}, "(?m)^llm[.]")', False, None),
        (f'not IsMatch({KEYS}, "(?m)^gen_ai[.]") and kind == SPAN_KIND_SERVER', False, False),
        ('kind == SPAN_KIND_SERVER or attributes["gen_ai.system"] != nil', True, True),
        ('not (kind == SPAN_KIND_SERVER or attributes["gen_ai.system"] != nil)', False, False),
        ("kind == SPAN_KIND_SERVER and status.code != STATUS_CODE_ERROR", None, None),
        ('resource.attributes["service.name"] == "x"', None, None),
        ('ContainsValue(Keys(attributes), "customer.id")', True, None),
        ("IsRootSpan()", None, None),
        ('scope.name == "my.scope"', True, None),
        ("1 > 2", False, False),
        ('"a" > 2', False, False),
        ('IsMatch(name, "(unclosed")', None, None),
        ("end_time_unix_nano - start_time_unix_nano < 100", None, None),
        ("and and", None, None),
        ("(true", None, None),
        ("true true", None, None),
        ("ü", None, None),
        ("", None, None),
    ],
)
def test_condition(condition: str, closed: bool | None, opened: bool | None) -> None:  # noqa: FBT001 - a table
    """True or False where the span decides it, None where something else does, or where it is not understood."""
    assert holds(condition, SPAN) is closed
    assert holds(condition, OPEN) is opened


def test_attributes_of_a_resource() -> None:
    """In the context of a resource, attributes are the resource's, and nothing is known of them."""
    assert holds('attributes["gen_ai.system"] == nil', SPAN, context="resource") is None
