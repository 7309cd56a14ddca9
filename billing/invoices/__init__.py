"""Invoices: a function of (customer, period, as-of commit), kept in a store.

Owns: what a draft says (`document`), how it is computed from the ledger (`drafting`), where it is kept (`store`, with
Alembic migrations). Does not own: the ledger, prices, how an invoice is shown. There are drafts only so far.

Invariants: a line's amount is the ledger's sum, rounded once to the currency's minor unit; a total is the sum of its
lines; what is unpriced or unattributed is named, never silently left out.
"""
