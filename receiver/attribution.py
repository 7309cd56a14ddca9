"""Attribution: which attributes say who pays. Pure; whose trace it is and what is known of it is the sealer's.

Attributes that name the paying customer are looked for on the span, then its resource, then on the other spans of its
trace. A customer is never made up: what names nobody is unattributed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from receiver.attribution_rules import AttributionRules
from receiver.dialects.reading import AttributeValue

# In order of preference.
DEFAULT_CUSTOMER_ATTRIBUTES: Final = (
    "customer.id",
    "customer_id",
    "tenant.id",
    "tenant_id",
    "app.customer.id",
    "app.tenant.id",
    "user.customer_id",
    "traceloop.association.properties.customer_id",
    "traceloop.association.properties.tenant_id",
)
DEFAULT_LABEL_ATTRIBUTES: Final = ("team", "project", "cost_center", "feature")
_CUSTOMER_CHARS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which attributes say who pays, and which become labels, in order of preference."""

    customer_attributes: tuple[str, ...] = DEFAULT_CUSTOMER_ATTRIBUTES
    label_attributes: tuple[str, ...] = DEFAULT_LABEL_ATTRIBUTES
    rules: AttributionRules = field(default_factory=AttributionRules)
    """The user's own rules; they win over what spans say."""


def customer_of(
    attributes: Mapping[str, AttributeValue], customer_attributes: Sequence[str]
) -> tuple[str, int, str] | None:
    """Return the first customer named: (value, rank of its key, key)."""
    for rank, key in enumerate(customer_attributes):
        value = attributes.get(key)
        if value is not None and not isinstance(value, list | dict | bytes | bool):
            text = str(value).strip()
            if text:
                return text[:_CUSTOMER_CHARS_MAX], rank, key
    return None
