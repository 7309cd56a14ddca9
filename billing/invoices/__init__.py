"""Invoices: draft → finalised → voided | credited. A finalised invoice never changes, byte for byte.

Owns: what one says (`document`); what was agreed and used for a period (`agreed`, `measured`); drafting, corrections in
it (`drafting`, `correcting`, `composing`); finalising (`finalising`, `guard`); void and credit notes (`undoing`); how
they are kept (`kept`); the calls behind a line (`calls`). Does not own: rating, plans, customers, how an invoice is
shown.

Invariants:
* A draft is a function of (customer, period, as-of commit, terms) and of what was invoiced before.
* Of a period, the sum of everything invoiced is what a first invoice would ask, at the commit of the last one.
* Numbers of a series have no gap and rise with time. What is unpriced, unrated or unattributed is named.
"""
