"""Plans: what a customer is asked for their calls. Versioned and dated; written as TOML or JSON.

Owns: what a plan says (`plan`), its patterns (`patterns`), reading and checking one (`reading`, `fields`), where
versions are kept (`shelf`), the user's exchange rates (`exchange`), all of it at one look (`catalogue`). Does not own:
the arithmetic, which is `billing.rating`'s.

Invariants: a version never changes; a plan is checked as a whole, and all its problems are reported at once; money is
never a float.
"""
