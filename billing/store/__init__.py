"""The store: what billing itself must remember. SQLAlchemy over SQLite or PostgreSQL, its schema made by Alembic.

Owns: the tables and their exact types (`tables`, `columns`), connections and transactions (`database`), the requests
that were answered (`requests`). Does not own: what a customer, plan or invoice means.

Invariants:
* What belongs together is written in one transaction: a crash at any moment leaves all of it or nothing.
* Amounts are decimal text: neither SQLite's numbers nor a driver's may lose a digit.
* A transaction that writes holds the store's one write lock (SQLite) or the row that orders it (PostgreSQL).
"""
