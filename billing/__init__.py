"""Billing: what the ledger costs whom. Reads the ledger; never writes it.

Owns: the warehouse (`warehouse/`, the only door to DuckDB), SQL from strangers behind its gate, periods (`periods`),
invoices and their store (`invoices/`), REST and pages (`api/`).

Does not own: what a span means, what a call costs, how the ledger is written. It imports no grpc.

Meanings of time: a period is half-open, [from, to), of call time (`start_time`), UTC. What the ledger knew is a commit
number, never a time. An invoice is a function of (customer, period, as-of commit).
"""
