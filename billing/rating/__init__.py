"""Rating: from what was used to what is asked for. Pure: no I/O, no clock, no float.

Owns: usage as rating sees it (`usage`), the terms of a period (`terms`), lines (`lines`), each kind of charge
(`charging`), and the whole (`rate`). Does not own: where usage and plans come from, tax, credits, corrections.

Invariants:
* `rate(terms, usage)` is a function: the same arguments give the same lines, to the last digit.
* A line's amount is its exact value rounded half-even to the currency's minor unit, once. Sums add rounded lines.
* A line's key names what is billed within its period, and stays the same when usage is learned later: a correction is
  the difference of two ratings, key by key.
* Of what was used, each unit of each call goes to one charge at most; what goes to none is named.
"""
