"""Customers as the ledger has seen them: whom the ids in calls mean, and when."""

from __future__ import annotations

from billing.customers.seen import customers_with_calls, unregistered
from billing.periods import parse_month
from tests.billing.shop import Shop, used


def test_an_id_that_changes_hands_means_both(shop: Shop) -> None:
    """In the month of the change both had calls by it; in the next one only the second. Nobody else's id is itself."""
    shop.customer("acme", aliases=[{"id": "key-1", "to": "2026-10-15"}])
    shop.customer("globex", aliases=[{"id": "key-1", "from": "2026-10-15"}])
    shop.take(used("key-1", "2026-10-03"), used("key-1", "2026-11-03"), used("initech", "2026-10-09"))
    warehouse, database = shop.parts.warehouse, shop.database
    assert customers_with_calls(warehouse, database, parse_month("2026-10")) == {"acme", "globex", "initech"}
    assert customers_with_calls(warehouse, database, parse_month("2026-11")) == {"globex"}
    assert [row["id"] for row in unregistered(warehouse, database)] == ["initech"]
