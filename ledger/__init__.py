"""The ledger: the on-disk contract between those who count calls and those who bill them.

Owns: the columns (`schema`), money (`money`), Parquet segments (`segment`), the manifest that alone says what is in
the ledger (`manifest`), the SQL views over it (`views`), the writer's lock (`lock`) and the Filesystem seam that all
durable writes pass through (`filesystem`).

Does not own: what a span means, what a call costs, SQL engines, networks, the web. It imports none of them.

Invariants:
* The manifest line is the commit. A file that no line lists does not exist for any reader.
* Nothing listed is ever rewritten; what is learned later is a reversal and a restatement.
* A sum over `entries` is right for any grouping.
* `start_time` is when the call happened; `recorded_time` is when the ledger learned it and only informs;
  "as of" is a commit number, never a time.
"""
