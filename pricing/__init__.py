"""Pricing: what a call costs. Pure: no network, no SQL, no web, no files but the price library's own data.

Owns: the mapping of units (`units`), whose list a call is on (`sellers`), service tiers (`tiers`), when a price holds
(`validity`), the price book over dated data (`book`), the user's own prices and deployments (`own`), per-unit rates
compiled from all of them (`rates`), what each unit of a call is charged (`charges`), columns of calls (`calls`) turned
into columns of money (`apply`, `sheet`), what a span leaves unsaid (`unsaid`, `worlds`), reported costs that count
(`authority`), newer price data (`data`), and the same told to a person (`explain`).

Does not own: which span is a call, who pays, invoices; where prices are kept and which are in force. The price in force
is the one at the call's start time; an unknown model or unit gives no amount and a status, never 0.
"""
