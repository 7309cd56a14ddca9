"""Which spans a receiver keeps for the ledger, by its settings: for the server, and for what is imported."""

from __future__ import annotations

from collections.abc import Sequence

from receiver import dialects
from receiver.attribution import marks
from receiver.split import Splitter


def splitter_for(customer_attributes: Sequence[str]) -> Splitter:
    """Return the splitter of a receiver with these customer attributes."""
    return Splitter(span_marks=[*dialects.MARKERS, *marks(customer_attributes)], scope_marks=dialects.SCOPE_MARKERS)
