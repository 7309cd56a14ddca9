"""Jobs: what was learned later, carried to entries that the ledger already has. Work asked of its one writer.

A job is a file in `<data>/jobs/`; the sealer takes it up between two seals and carries it out slice by slice, each
slice one commit of reversals and restatements. With no sealer running, the command that asked does it, by the same
code.

    reprice       the prices of now (data, own prices, deployments) on calls of a period
    reread        the dialects of now on the evidence of a period's spans
    reattribute   the attribution rules of now on a period's spans

Owns: `job` (what is asked, and how far it is), `queue` (the folder), `slices` (which rows stand), one module per kind
(what it changes, pure but for the index), `summary` (before and after) and `work` (a slice at a time).

Invariants:
* Repeating a slice writes nothing: a job compares with what stands, so dying anywhere and starting again is harmless.
* Nothing but a job moves a reading, a price or an attribution of content that the ledger already has.
* A dry run does everything but commit.
"""
