"""Service tiers: the names that mean the standard price, and the price library's contexts for the others.

Must not: know a price.
"""

from __future__ import annotations

from typing import Final

# The empty name stands for none said.
STANDARD_TIERS: Final = frozenset({"", "auto", "default", "on-demand", "on_demand", "standard", "standard_only"})
# Which request contexts of the library a tier's name stands for, in order of preference.
TIER_CONTEXTS: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "batch": ({"processing": "batch"},),
    "default": ({"service_tier": "default"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
}


def standard_tier(service_tier: str | None) -> str:
    """Return the tier's name in lower case; the empty one for the standard tier in any of its names."""
    tier = (service_tier or "").strip().lower()
    return "" if tier in STANDARD_TIERS else tier
