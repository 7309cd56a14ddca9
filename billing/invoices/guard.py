"""The guard: nothing is finalised while the ledger is being changed, or if it is not the one that was billed from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from billing.errors import LedgerBusyError, LedgerMismatchError
from billing.invoices.document import AsOfSaid, Document
from billing.warehouse import billed
from billing.warehouse.open_jobs import OpenJob
from billing.warehouse.warehouse import Warehouse


def require_no_jobs(jobs: Iterable[OpenJob], documents: Sequence[Document]) -> None:
    """Refuse while a job may change what these documents are about.

    `jobs` are those open before the figures were read and those open after: one that ended in between was half done.

    Raises:
        LedgerBusyError: there is one.
    """
    for job in jobs:
        for document in documents:
            if job.touches(document.period.start, document.period.end):
                raise LedgerBusyError(
                    f"job {job.id} may change calls of {document.period.start:%Y-%m-%d} to "
                    f"{document.period.end:%Y-%m-%d}.",
                    hint="Finalise when it is done: `spanledger jobs` shows how far it is.",
                )


def require_same_ledger(warehouse: Warehouse, billed_from: Iterable[AsOfSaid]) -> None:
    """Refuse a ledger that does not have the commits that were billed from: it was restored, and filled otherwise.

    Raises:
        LedgerMismatchError: one of them is not there.
    """
    for said in sorted(set(billed_from), key=lambda one: -one.commit):
        ledger_id, digest = billed.digest_of(warehouse, said.commit)
        if (ledger_id, digest) != (said.ledger_id, said.digest):
            raise LedgerMismatchError(
                f"an invoice was made as of commit {said.commit} of ledger {said.ledger_id}, which this ledger "
                f"({ledger_id}) does not have in that form.",
                hint="Was one of them restored from a backup? Restore the ledger and the invoices' store of one time.",
            )
        return  # commits are chained: the newest one stands for those before
