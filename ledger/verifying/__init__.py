"""Verifying: what of a ledger is whole, by its own digests. Reads only, with or without a sealer running.

findings    what was found: where, what, and what to do
lines       the manifest, line by line, past damage; single flipped bits put right
segments    each listed file: there, its size, digest and rows; what no line lists
"""
