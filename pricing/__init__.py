"""Pricing: what a call costs. Pure: no network, no SQL, no web, no files but the price library's own data.

Owns: the mapping of units (`units`), the price book over genai-prices' dated data (`book`), per-unit rates compiled
from it (`rates`), and their application to columns of calls (`apply`).

Does not own: which span is a call, who pays, invoices. The price in force is the one at the call's start time; an
unknown model or unit gives no amount and a status, never 0.
"""
