"""Prices and deployments of the user's own: read from text, checked as a whole, looked up by call. Pure.

    patterns     names with `*`
    entries      what an entry says: for which calls, from when to when, at which rates or as which model
    reading      text (TOML, CSV) into entries, all problems at once
    overlaps     entries that could both hold for one call, neither narrower: an error that names both
    book         which entries hold for a call, and the rate card they make of the public one

Does not own: where the text is kept, when it came into force (`ledger.versions`), public prices (`pricing.book`).
"""
