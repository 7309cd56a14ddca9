"""Who a single span says pays, and with which labels: its attributes, its resource, the user's own rules. Pure.

The same words for a span as it comes and for one that the ledger has: a job must find what sealing found. Must not:
look at other spans of the trace (that is `outcome`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from receiver.attribution import customer_of, labels_of
from receiver.attribution_rules import COLUMNS
from receiver.dialects.reading import AttributeValue, Reading

_OF_RESOURCE: Final = {
    "service_name": ("service.name",),
    "environment": ("deployment.environment.name", "deployment.environment"),
}
_OF_READING: Final = (
    "user_id", "session_id", "agent_name", "operation", "provider", "provider_account", "api_key_id", "region",
    "deployment",
)  # fmt: skip

Attributes = Mapping[str, AttributeValue]


def named_payer(
    attributes: Attributes, resource: Attributes, customer_attributes: Sequence[str]
) -> tuple[str | None, str | None]:
    """Return (customer, `span` or `resource`); (None, None) when neither names one."""
    for source, said in (("span", attributes), ("resource", resource)):
        own = customer_of(said, customer_attributes)
        if own is not None:
            return own[0], source
    return None, None


def named_labels(attributes: Attributes, resource: Attributes, keys: Sequence[str]) -> dict[str, str]:
    """Return the labels that the span, else its resource, gives."""
    return {**labels_of(resource, keys), **labels_of(attributes, keys)}


def says(reading: Reading, attributes: Attributes, resource: Attributes, *, scope_name: str) -> dict[str, str]:
    """Return everything that a rule may look at, of a span as it comes."""
    columns: dict[str, Any] = {name: getattr(reading, name) for name in _OF_READING}
    columns["model"] = reading.response_model or reading.request_model
    columns["scope_name"] = scope_name
    for name, keys in _OF_RESOURCE.items():
        columns[name] = next((resource[key] for key in keys if key in resource), None)
    return _together(columns, attributes, resource)


def says_of_row(row: Mapping[str, Any], attributes: Attributes, resource: Attributes) -> dict[str, str]:
    """Return everything that a rule may look at, of a row that the ledger has."""
    columns = {name: row.get(name) for name in COLUMNS}
    columns["model"] = row["response_model"] or row["request_model"]
    return _together(columns, attributes, resource)


def _together(columns: Mapping[str, Any], attributes: Attributes, resource: Attributes) -> dict[str, str]:
    """An attribute wins over a column of its name, and the span's over its resource's."""
    everything = {**columns, **resource, **attributes}
    return {name: _text(value) for name, value in everything.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
