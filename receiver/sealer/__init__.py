"""The sealer: the ledger's one writer. Journal frames in, committed entries out, in a process of its own.

Owns, in the order data takes: decoding spans (`decode`), what one span says (`candidate`), what is known of spans and
traces (`facts`, kept in `index`), which spans are calls and who pays (`outcome`, pure), the difference to what the
ledger says (`differences`), its rows (`rows`), the same for plain calls without an object a span (`columns`), and the
cycle that commits them (`seal`, run by `process`).

Does not own: what attributes mean (`receiver.dialects`), prices (`pricing`), the on-disk contract (`ledger`).

Invariants:
* The outcome is computed over all that is known of the traces touched; only differences are written.
* The same frames, sealed again after a crash, give the same net state.
* The index is derived: it may be deleted at any time and is rebuilt from the ledger.
"""
