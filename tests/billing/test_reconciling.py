"""Reconciling: everything invoiced and everything open is the ledger, through late calls, voids, credits and moves."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from billing.invoices.reconciled import Reconciliation
from billing.invoices.reconciling import reconcile
from billing.invoices.undoing import credit, void
from billing.store.database import Database
from tests.billing.shop import NOW, Shop, used
from tests.test_command_line import spanledger


def amounts(found: Reconciliation, customer: str = "acme") -> list[tuple[Decimal, ...]]:
    """Invoiced, corrected, owed and now of each invoice of a customer."""
    (side,) = (one for one in found.customers if one.customer == customer)
    return [(one.invoiced, one.corrected, one.owed, one.now) for one in side.invoices]


def figures(*values: str) -> tuple[Decimal, ...]:
    """Return amounts."""
    return tuple(map(Decimal, values))


def test_what_is_learned_late_moves_from_owed_to_corrected(shop: Shop) -> None:
    """A late call is owed until the next invoice asks for it; at every step the two sides agree."""
    shop.take(used("acme", "2026-10-03"), used(None, "2026-10-03"), used("globex", "2026-10-04"))
    assert reconcile(shop.parts).differences == ()
    shop.bill(accept_gaps=True)
    shop.take(used("acme", "2026-10-05", span=9), used("acme", "2026-11-02", span=7))
    found = reconcile(shop.parts)
    assert (found.differences, amounts(found)) == ((), [figures("2.50", "0", "2.50", "5.00")])
    (acme,) = (one for one in found.customers if one.customer == "acme")
    assert (acme.not_invoiced.calls, acme.ledger.calls, found.unattributed.calls, found.ledger.calls) == (1, 3, 1, 5)
    shop.bill(period="2026-11", accept_gaps=True)
    found = reconcile(shop.parts)
    assert found.differences == ()
    assert amounts(found) == [figures("2.50", "2.50", "0", "5.00"), figures("2.50", "0", "0", "2.50")]


def test_voids_and_credit_notes_reconcile(shop: Shop) -> None:
    """What is voided is open again; what is credited is shown beside, and not asked for again."""
    shop.take(used("acme", "2026-10-03"), used("acme", "2026-11-03", span=2))
    first, second = shop.bill(), shop.bill(period="2026-11")
    void(shop.database, second.id, reason="wrong")
    credit(shop.database, first.id, reason="a gift", amounts={1: Decimal("1.00")}, now=NOW)
    found = reconcile(shop.parts)
    assert (found.differences, amounts(found)) == ((), [figures("2.50", "0", "0", "2.50")])
    (acme,) = found.customers
    assert (acme.invoices[0].credited, acme.not_invoiced.calls) == (Decimal("-1.00"), 1)


def test_an_id_that_changes_hands_moves_between_customers(shop: Shop) -> None:
    """One loses what the other owes: both sides of both agree."""
    shop.customer("acme")
    shop.customer("initech")
    shop.take(used("acme", "2026-10-03"), used("old-name", "2026-10-04", span=2))
    shop.bill()
    shop.change("acme", {"aliases": [{"id": "old-name"}]})
    found = reconcile(shop.parts)
    assert (found.differences, amounts(found)) == ((), [figures("2.50", "0", "2.50", "5.00")])
    assert [one.customer for one in found.customers] == ["acme", "initech"]


def test_a_store_that_was_tampered_with_is_found(shop: Shop) -> None:
    """A line's amount, or a document's, that is not what was finalised, is named with customer and invoice."""
    shop.take(used("acme", "2026-10-03"))
    made = shop.bill()
    with shop.database.writing() as session:
        session.execute(text("UPDATE invoice_lines SET amount = '1.25'"))
    found = reconcile(shop.parts)
    assert {(one.customer, one.about, one.expected, one.found) for one in found.differences} == {
        ("acme", made.number, "2.50", "1.25")
    }
    with shop.database.writing() as session:
        session.execute(text("UPDATE invoice_lines SET amount = '2.50'"))
        session.execute(text("UPDATE invoices SET document = replace(document, '2.50', '9.50')"))
    assert any(one.what == "its document's digest" for one in reconcile(shop.parts).differences)


def test_the_command_says_whether_all_agrees(tmp_path: Path) -> None:
    """Exit code 0 and one line while it does; 1, and each figure, once it does not; a misspelt customer is an error."""
    data = tmp_path / "data"
    store = Database(f"sqlite:///{data / 'billing.db'}")
    shop = Shop(data, store)
    shop.take(used("acme", "2026-10-03"))
    shop.bill()
    shop.close()
    good = spanledger("reconcile", "--data-dir", str(data), "--format", "json")
    assert (good.returncode, json.loads(good.stdout)["agrees"]) == (0, True)
    assert ("INV-000001" in (said := spanledger("reconcile", "--data-dir", str(data))).stdout, said.returncode) == (
        True,
        0,
    )
    stranger = spanledger("reconcile", "--data-dir", str(data), "--customer", "acne")
    assert (stranger.returncode, "acme" in stranger.stderr) == (1, True)
    with store.writing() as session:
        session.execute(text("UPDATE invoice_lines SET amount = '1.25'"))
    store.close()
    bad = spanledger("reconcile", "--data-dir", str(data))
    assert bad.returncode == 1
    assert "acme: INV-000001" in bad.stderr
    assert "expected 2.50, found 1.25" in bad.stderr
