"""What the tests of the shipped configurations need: the real Collector, and somebody who takes its spans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collector import (
    require_collector,
)
from tests.collector_config.stand_in import LedgerStandIn


@pytest.fixture(scope="module", autouse=True)
def _collector_is_here() -> None:
    require_collector()


@pytest.fixture
def ledger() -> Iterator[LedgerStandIn]:
    """Start a stand-in for spanledger that takes everything."""
    with LedgerStandIn() as stand_in:
        yield stand_in
