"""Pricing: what a call costs. Pure: no network, no SQL, no web, no files but the price library's own data.

Owns: the mapping of units (`units`), whose list a call is on (`sellers`), when a price holds (`validity`), the price
book over genai-prices' dated data (`book`), per-unit rates compiled from it (`rates`), what each unit of a call is
charged (`charges`), and columns of calls turned into columns of money (`apply`).

Does not own: which span is a call, who pays, invoices. The price in force is the one at the call's start time; an
unknown model or unit gives no amount and a status, never 0.
"""
