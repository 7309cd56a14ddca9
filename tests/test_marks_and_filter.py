"""What the receiver looks for, and what the Collector overlay lets through: the second must hold the first."""

from __future__ import annotations

import re

import pytest

from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES
from receiver.dialects import MARKERS, SCOPE_MARKERS
from tests.collector import COST_ONLY


def patterns(of: str) -> list[re.Pattern[str]]:
    """The regular expressions that the overlay's filter applies to one thing, with its variables' defaults."""
    text = re.sub(r"\$\{env:[A-Z_]+:-([^}]*)\}", r"\1", COST_ONLY.read_text()).replace("$$", "$")
    return [re.compile(found) for found in re.findall(rf'IsMatch\({of}, "([^"]+)"\)', text)]


ATTRIBUTES = patterns(re.escape(r'Concat(Keys(span.attributes), "\n")'))


def passes(key: str) -> bool:
    """Whether a span with this attribute among others is let through."""
    return any(pattern.search(f"http.route\n{key}\nzz") for pattern in ATTRIBUTES)


def test_filter_is_found_in_the_file() -> None:
    """The test reads the real filter, and the filter refuses something."""
    assert len(ATTRIBUTES) >= 3
    assert not passes("http.request.method")


@pytest.mark.parametrize("key", DEFAULT_CUSTOMER_ATTRIBUTES)
def test_every_default_customer_key_passes(key: str) -> None:
    """Whoever pays by default reaches spanledger through the overlay."""
    assert passes(key)


@pytest.mark.parametrize("mark", MARKERS)
def test_every_mark_passes(mark: bytes) -> None:
    """Whatever the byte search looks for reaches spanledger through the overlay."""
    text = mark.decode()
    assert passes(f"{text}x" if text.endswith(".") else text) or passes(f"{text}.x")


@pytest.mark.parametrize("mark", SCOPE_MARKERS)
def test_every_scope_mark_passes(mark: bytes) -> None:
    """Scopes whose spans have bare keys pass by scope or span name, or their spans carry marked keys anyway."""
    text = mark.decode()
    scopes = patterns(re.escape("scope.name"))
    assert any(pattern.search(text) for pattern in scopes) or text.startswith("openinference")
