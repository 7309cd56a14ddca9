"""The queue: jobs as files in a folder, asked for by commands, carried out by whoever holds the ledger.

Ids sort in the order of asking. Files are written whole through the filesystem seam, so a reader never sees half a job.
Must not: know what a job does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ledger.errors import LedgerDamagedError, SpanledgerError
from ledger.filesystem import PRIVATE_FILE_MODE, Filesystem
from receiver.sealer.jobs.job import Job, JobKind, JobProgress

_JOB_SUFFIX: Final = ".json"
_PROGRESS_SUFFIX: Final = ".progress.json"
_Kind = TypeVar("_Kind", Job, JobProgress)


class UnknownJobError(SpanledgerError):
    """No job of that id was ever asked for."""


@dataclass(frozen=True, slots=True)
class JobQueue:
    """The jobs of one data directory."""

    folder: Path
    filesystem: Filesystem

    def ask(
        self,
        kind: JobKind,
        *,
        start_us: int | None = None,
        end_us: int | None = None,
        dry_run: bool = False,
        only_unpriced: bool = False,
        because: str = "",
    ) -> Job:
        """Put a job at the end of the queue."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        job = Job(
            id=f"{moment}-{kind.value}-{secrets.token_hex(4)}",
            kind=kind,
            start_us=start_us,
            end_us=end_us,
            dry_run=dry_run,
            only_unpriced=only_unpriced,
            because=because,
        )
        self.filesystem.make_folder(self.folder)
        self._write(self.folder / f"{job.id}{_JOB_SUFFIX}", job)
        return job

    def jobs(self) -> list[Job]:
        """Return every job, oldest first."""
        names = sorted(path.name for path in self.folder.glob(f"*{_JOB_SUFFIX}") if _is_job(path.name))
        return [self.job(name.removesuffix(_JOB_SUFFIX)) for name in names]

    def job(self, job_id: str) -> Job:
        """Return what was asked.

        Raises:
            UnknownJobError: nothing was asked under that id.
        """
        path = self.folder / f"{job_id}{_JOB_SUFFIX}"
        if "/" in job_id or not path.is_file():
            raise UnknownJobError(f"there is no job {job_id} in {self.folder}.", hint="`spanledger jobs` lists them.")
        return _read(path, Job)

    def progress(self, job: Job) -> JobProgress:
        """Return how far a job is."""
        path = self.folder / f"{job.id}{_PROGRESS_SUFFIX}"
        return _read(path, JobProgress) if path.exists() else JobProgress()

    def save(self, job: Job, progress: JobProgress) -> None:
        """Record how far a job is."""
        self._write(self.folder / f"{job.id}{_PROGRESS_SUFFIX}", progress)

    def next(self) -> tuple[Job, JobProgress] | None:
        """Return the oldest job that is not finished; None when there is none."""
        for job in self.jobs():
            progress = self.progress(job)
            if not progress.is_final:
                return job, progress
        return None

    def _write(self, path: Path, value: Job | JobProgress) -> None:
        self.filesystem.write_durably(path, msgspec.json.encode(value), mode=PRIVATE_FILE_MODE)


def _is_job(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(_PROGRESS_SUFFIX)


def _read(path: Path, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as unreadable:
        raise LedgerDamagedError(
            f"job file {path} cannot be read ({unreadable}).", hint="Move it away and ask for the job again."
        ) from unreadable
