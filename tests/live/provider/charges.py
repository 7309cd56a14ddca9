"""What the provider charges for, and what that costs: the truth that the ledger is held against.

Must not: look at a span, or at anything that spanledger made. The cost is genai-prices' on the usage block as it was
answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from genai_prices import calc_price, extract_usage
from genai_prices.types import AbstractUsage

from tests.live.scenarios import Scenario

_PICO: Final = Decimal("1e-12")
# Where usage blocks count what the provider's own tools did: Anthropic's searches, what Google's found.
_OF_TOOLS: Final = frozenset({"server_tool_use", "toolUsePromptTokenCount"})
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Charge:
    """One call that the provider charges for, by the usage block that it answered with."""

    scenario: Scenario
    provider: str
    """genai-prices' id of it."""
    flavor: str
    """Which of the provider's APIs: genai-prices reads their usage blocks differently."""
    model: str
    response_id: str | None
    usage: Mapping[str, Any]
    """The usage block, under the name it has in the body."""
    tier: str | None = None
    told: bool = True
    """Whether the application was shown the usage block."""

    @property
    def metered(self) -> AbstractUsage:
        """Return the usage as genai-prices reads it."""
        body = {"model": self.model, "modelVersion": self.model, **self.usage}
        return extract_usage(body, provider_id=self.provider, api_flavor=self.flavor).usage

    @property
    def cost(self) -> Decimal:
        """Return what it costs in USD, to the 12th decimal; now, since prices have dates."""
        context = {"service_tier": self.tier} if self.tier else None
        price = calc_price(self.metered, self.model, provider_id=self.provider, price_context=context)
        return price.total_price.quantize(_PICO, context=_EXACT)

    @property
    def at_standard_tier(self) -> Charge:
        """Return the same call as if no tier had been asked for."""
        return replace(self, tier=None)

    @property
    def without_tools(self) -> Charge:
        """Return the same call as if the provider's own tools had been free."""
        return replace(self, usage={name: _without_tools(block) for name, block in self.usage.items()})

    @property
    def with_tools_as_thoughts(self) -> Charge:
        """Return the same call as if what Google's own tools read had been thought: the total is the same."""
        (name, block), *_ = self.usage.items()
        thoughts = block.get("thoughtsTokenCount", 0) + block.get("toolUsePromptTokenCount", 0)
        return replace(self.without_tools, usage={name: {**_without_tools(block), "thoughtsTokenCount": thoughts}})


def _without_tools(block: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: count for name, count in block.items() if name not in _OF_TOOLS}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP: one JSON document, or the events of a stream."""

    status: int
    body: Mapping[str, Any] | None = None
    events: Sequence[bytes] = ()
    charge: Charge | None = None
    """None where nothing is charged."""


def json_events(documents: Sequence[Mapping[str, Any]], *, named: bool) -> Iterator[bytes]:
    """Write documents as server-sent events; `named` ones tell their type in a line of its own."""
    for document in documents:
        name = f"event: {document['type']}\n" if named else ""
        yield f"{name}data: {json.dumps(document)}\n\n".encode()
