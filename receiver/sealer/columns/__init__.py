"""The quick way of sealing: the spans of a batch as columns instead of objects.

Most spans are plain: their fields stand in the usual order, their attributes repeat, they are alone in their trace and
never seen before. Those are read, hashed, priced and laid out column by column. All others (and every span of which
anything is doubtful) are left to the long way, object by object: `decode`, `candidate`, `differences`, `rows`.

Owns, in the order data takes: the fields of spans by offset (`fields`), their distinct attributes (`attributes`),
both together with hashes and evidence (`spans`), what a dialect asks of a span (`noted`), how all spans answer that
(`answers`), readings worked out once for all that answer alike (`templates`), rows that stand for others
(`prototypes`), who pays (`payers`), calls as facts and rows (`calls`), and the way through all of it (`quick`).

Invariant: what the quick way says of a span is what the long way says, to the last byte of the ledger. It may leave
any span to the long way; it may never decide differently.
"""
