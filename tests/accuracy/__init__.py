"""Accuracy: recorded calls through the real receiver and sealer, and the ledger against what the providers said.

`python -m tests.accuracy` prints, per instrumentation, how many calls have all of the provider's own figures, how many
say that they lack facts and why, how many are wrong; and the same of their cost, against the price library on the
provider's raw usage block.

    truth       what a provider's usage block says and costs, worked out without any of the product's code
    replay      the corpus as OTLP, through `spanledger receive` and `seal`; the ledger read through views.sql
    charged     calls of which the seller said what it took: the share that the ledger meets is shown beside
    stacked     one call told by three instrumentations at once, in one trace
    verdict     one call against its truth
    tally       verdicts counted
    report      the tally as tables

Must not: know single recordings, or use the product's own readings and prices as the truth.
"""
