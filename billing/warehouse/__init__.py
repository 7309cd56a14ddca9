"""The only door to DuckDB.

Owns: the views as read (`views_file`, `views_needed`); our own questions (`warehouse`, `dimensions`); strangers' SQL:
what may be asked (`gate`), and a process that could do no more if the gate were passed (`sandbox`, outside it
`sandbox_process`, inside it `sandbox_child`, `landlock`, `sandbox_datasets`).

Does not own: the views' text, which is the ledger's; what a cost means; HTTP.

Invariants:
* Nothing here writes to the ledger, and a stranger's text is neither run nor parsed in a process that could.
* A sum is over `entries`, so corrections are in it.
* Figures and the commit they are said to be of come from one reading of views.sql, never from the newer manifest.
"""
