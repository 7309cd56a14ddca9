"""A job's summary: what corrections come to, by reason and by customer, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from receiver.sealer.jobs.job import Change, Job, JobProgress

CHANGE_COLUMNS: Final = (
    "by", "value", "calls", "cost_before", "cost_after", "difference", "unpriced_before", "unpriced_after",
)  # fmt: skip
JOB_COLUMNS: Final = ("id", "kind", "state", "dry_run", "done", "of", "rows_changed", "first_commit", "error")


def summary_rows(progress: JobProgress) -> list[dict[str, Any]]:
    """Return one row per reason, then one per customer, the largest difference first."""
    return [*_rows("reason", progress.by_reason), *_rows("customer", progress.by_customer)]


def job_row(job: Job, progress: JobProgress) -> dict[str, Any]:
    """Return one line about a job."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "state": progress.state.value,
        "dry_run": job.dry_run,
        "done": progress.done,
        "of": progress.of,
        "rows_changed": progress.rows_changed,
        "first_commit": progress.commits[0] if progress.commits else None,
        "error": progress.error or None,
    }


def _rows(group: str, changes: Mapping[str, Change]) -> list[dict[str, Any]]:
    rows = [_row(group, value, change) for value, change in changes.items()]
    return sorted(rows, key=lambda row: (-abs(row["difference"]), -row["calls"], row["value"] or ""))


def _row(group: str, value: str, change: Change) -> dict[str, Any]:
    before, after = Decimal(change.before), Decimal(change.after)
    return {
        "by": group,
        "value": value or None,
        "calls": change.calls,
        "cost_before": before,
        "cost_after": after,
        "difference": after - before,
        "unpriced_before": change.unpriced_before,
        "unpriced_after": change.unpriced_after,
    }
