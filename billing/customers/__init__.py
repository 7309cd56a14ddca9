"""Customers: who is billed, by which ids in spans they are meant, and by which plan. Archived, never deleted.

Owns: what is known of one (`customer`), reading and checking it (`reading`), the book of them (`book`), their prepaid
credits (`grants`). Does not own: plans, invoices, what a span says.

Invariants: at any moment of call time an id means one customer at most; a customer's own id means them unless it is
another's alias then; `revision` rises with every change.
"""
