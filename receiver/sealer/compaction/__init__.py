"""Compaction: many small segments become few large sorted ones, in the background; no answer changes.

    choosing    which segments to merge next: a pure rule over the ledger's state
    merging     their rows, sorted, range by range of ids, in bounded memory; evidence that is too old is left out
    process     the merge as a process of its own, with a low priority: sealing must not wait for it
    compactor   what the sealer does between its commits: start a merge, list its outcome, let retired files go

The sealer stays the one writer of the manifest: a merge only makes files, and they count once a line lists them in the
place of those they were made from. A retired file stays on disk for a day, for queries under way and for sessions that
have not read `views.sql` again.
"""
