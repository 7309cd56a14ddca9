"""The scenarios: what an application asks for, one word each. Plain values, so that any Python can name one.

An application names the scenario in what it sends ("scenario=cached"), which is how the provider knows what to answer.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Scenario(StrEnum):
    """What is asked for, and so what must come out. Their order is that of the matrix's columns."""

    PLAIN = "plain"
    STREAM = "stream"
    """Streamed; the provider says the usage at the end, as it does when it is asked to."""
    STREAM_HELPER = "stream_helper"
    """Streamed by the SDK's own helper instead of a flag."""
    STREAM_NO_USAGE = "stream_no_usage"
    """Streamed, and OpenAI was not asked for the usage: it does not say it, and charges all the same."""
    CACHED = "cached"
    """Most of the prompt was read from the provider's cache, and some was written to it."""
    CACHED_1H = "cached_1h"
    """Written to the cache for an hour, at another price than for five minutes."""
    TOOLS = "tools"
    """The model calls a tool and is asked again with the answer: two calls."""
    THINKING = "thinking"
    SEARCH = "search"
    """The provider ran a tool of its own: a web search, charged by itself, or its results, charged as tokens."""
    TIER = "tier"
    """Answered on the flex tier, at half the price."""
    ERROR = "error"
    """Refused with 429; nothing is charged."""
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    """OpenAI's Responses API."""
    RESPONSES_STREAM = "responses_stream"
    LOCAL = "local"
    """The same API at an address of one's own: nobody's price list holds."""


_MARK: Final = re.compile(rb"scenario=([a-z_0-9]+)")


def prompt(scenario: Scenario) -> str:
    """Return what an application says to the model."""
    return f"Name a river. (scenario={scenario})"


def scenario_of(request_body: bytes) -> Scenario:
    """Return which scenario a request is part of.

    Raises:
        LookupError: the request names none.
    """
    found = _MARK.search(request_body)
    if found is None:
        raise LookupError(f"No scenario is named in {request_body[:500]!r}; put `scenario=NAME` into the prompt.")
    return Scenario(found[1].decode())
