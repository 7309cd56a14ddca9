"""Dimensions: what costs can be grouped by, and the SQL behind each name. A closed list, but for labels."""

from __future__ import annotations

import re
from typing import Final

from billing.errors import UnknownDimensionError, did_you_mean

_MODEL: Final = "coalesce(response_model, request_model)"
DIMENSIONS: Final = {
    "day": "(start_time AT TIME ZONE 'UTC')::DATE",
    "month": "strftime(start_time AT TIME ZONE 'UTC', '%Y-%m')",
    "customer": "customer_id",
    "customer_source": "customer_source",
    "provider": "provider",
    "model": _MODEL,
    "operation": "operation",
    "user": "user_id",
    "session": "session_id",
    "service": "service_name",
    "environment": "environment",
    "agent": "agent_name",
    "region": "region",
    "service_tier": "service_tier",
    "price_status": "price_status",
    "scope": "scope_name",
    "dialect": "dialect",
    "reported_source": "reported_cost_source",
}
_LABEL: Final = re.compile(r"label\.([A-Za-z0-9_.\-/]{1,128})")


def dimension_sql(name: str) -> str:
    """Return the SQL expression of a dimension.

    Raises:
        UnknownDimensionError: there is none of that name; the nearest is named.
    """
    if name in DIMENSIONS:
        return DIMENSIONS[name]
    label = _LABEL.fullmatch(name)
    if label is not None:
        return f"labels['{label[1]}']"
    raise UnknownDimensionError(
        f"costs cannot be grouped by {name!r}.", hint=did_you_mean(name, [*DIMENSIONS, "label.<key>"])
    )
