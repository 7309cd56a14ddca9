"""The sending queue of an exporter to spanledger, its storage and its batches. Settings in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from spanledger.collector_check.document import Document, Unknown, kind_of
from spanledger.collector_check.findings import Severity, Verdict

REQUEST_BYTES_MAX: Final = 64 * 2**20  # what spanledger takes; the receiver answers larger ones for good
_BATCH_BYTES_MAX: Final = REQUEST_BYTES_MAX - 2**20  # the Collector's count is of spans; the request around them adds
_VOLATILE: Final = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run")  # noqa: S108 - names, not uses
_QUEUE: Final = "sending_queue"


def judge_queue(
    document: Document, settings: Mapping[str, Any], *, early: bool, received_bytes: int
) -> Iterator[Verdict]:
    """Give what the queue of an exporter loses; `received_bytes` is the largest request that comes to it."""
    queue = settings.get(_QUEUE)
    queue = queue if isinstance(queue, Mapping) else {}
    storage, waits = queue.get("storage"), queue.get("wait_for_result") is True
    if queue.get("enabled") is False:
        why = "has no queue: senders wait while spanledger is away, and lose what they give up"
        yield Verdict("queue-off", _worse(early), why, (_QUEUE, "enabled"))
        return
    if waits and storage:
        why = "waits for results with a storage, which the Collector refuses to start with"
        yield Verdict("queue-conflict", Severity.LOSES, why, (_QUEUE, "wait_for_result"))
    elif waits:
        why = "keeps senders waiting for spanledger's answer; those that give up lose their spans"
        yield Verdict("queue-off", _worse(early), why, (_QUEUE, "wait_for_result"))
    elif storage is None:
        why = "acknowledges spans that are in memory only; a restart or a crash loses them"
        yield Verdict("queue-in-memory", Severity.LOSES, why, (_QUEUE, "storage"))
    blocks = queue.get("block_on_overflow")
    if isinstance(blocks, Unknown):
        why = f"may refuse spans at once when it is full: {blocks} is not known here"
        yield Verdict("overflow", Severity.MAY_LOSE, why, (_QUEUE, "block_on_overflow"))
    elif blocks is not True:
        lost = "and the processor before it drops them" if early else "and senders that give up lose them"
        why = f"refuses spans at once when it is full, {lost}"
        yield Verdict("overflow", _worse(early), why, (_QUEUE, "block_on_overflow"))
    yield from _judge_sizes(queue, received_bytes)
    if isinstance(storage, Unknown):
        why = f"keeps its queue in {storage}, which is not known here"
        yield Verdict("storage-unknown", Severity.MAY_LOSE, why, (_QUEUE, "storage"))
    elif isinstance(storage, str):
        yield from _judge_storage(document, storage)


def splits_requests(settings: Mapping[str, Any]) -> bool:
    """Return whether an exporter cuts what is too large into batches of a number of bytes that is known here."""
    queue = settings.get(_QUEUE)
    batch = queue.get("batch") if isinstance(queue, Mapping) else None
    if not isinstance(queue, Mapping) or not isinstance(batch, Mapping) or batch.get("enabled") is False:
        return False
    largest = batch.get("max_size")
    return _in_bytes(queue, batch) and isinstance(largest, int) and largest > 0


def _worse(early: bool) -> Severity:  # noqa: FBT001 - one fact decides
    return Severity.LOSES if early else Severity.MAY_LOSE


def _judge_sizes(queue: Mapping[str, Any], received_bytes: int) -> Iterator[Verdict]:
    size = queue.get("queue_size")
    if queue.get("sizer") == "bytes" and isinstance(size, int) and size < REQUEST_BYTES_MAX:
        why = f"holds {size:,} bytes: a larger request never fits, and waits or is refused for ever"
        yield Verdict("queue-too-small", Severity.MAY_LOSE, why, (_QUEUE, "queue_size"))
    batch = queue.get("batch")
    if not isinstance(batch, Mapping) or batch.get("enabled") is False:
        return
    largest = batch.get("max_size", 0)
    at = (_QUEUE, "batch", "max_size")
    if not _in_bytes(queue, batch):
        why = "limits batches by spans, which can be of any size; above 64 MiB spanledger refuses, and they are dropped"
        yield Verdict("size-unknown", Severity.MAY_LOSE, why, (_QUEUE, "batch", "sizer"))
    elif isinstance(largest, Unknown) or not isinstance(largest, int) or largest == 0:
        why = "sets no largest batch that is known here; above 64 MiB spanledger refuses, and it is dropped"
        yield Verdict("size-unknown", Severity.MAY_LOSE, why, at)
    elif largest > _BATCH_BYTES_MAX:
        why = f"makes batches of up to {largest:,} bytes; above 64 MiB spanledger refuses, and they are dropped"
        yield Verdict("too-large", Severity.LOSES, why, at)
    elif largest < received_bytes:
        why = f"cuts batches at {largest:,} bytes and drops a span larger than that, with the rest of its batch"
        yield Verdict("batch-too-small", Severity.MAY_LOSE, why, at)


def _in_bytes(queue: Mapping[str, Any], batch: Mapping[str, Any]) -> bool:
    """Return whether batches are counted in bytes; the queue's sizer counts where the batch has none."""
    sizer: Any = batch.get("sizer", queue.get("sizer"))
    return bool(sizer == "bytes")


def _judge_storage(document: Document, storage: str) -> Iterator[Verdict]:
    here = (_QUEUE, "storage")
    if storage not in document.mapping("extensions"):
        why = f"names the storage {storage}, which no extension here gives: the Collector does not start without it"
        yield Verdict("storage-missing", Severity.LOSES, why, here)
        return
    if storage not in document.names("service", "extensions"):
        why = f"names the storage {storage}, which service.extensions does not start: nor does the Collector"
        yield Verdict("storage-missing", Severity.LOSES, why, here)
    settings = document.mapping("extensions", storage)
    if kind_of(storage) != "filestorage":
        why = f"keeps its queue in {storage}, of which this program does not know whether it survives"
        yield Verdict("storage-unknown", Severity.MAY_LOSE, why, here)
        return
    at = ("extensions", storage)
    fsync = settings.get("fsync")
    if isinstance(fsync, Unknown):
        why = f"may acknowledge spans that are in the page cache only: {fsync} is not known here"
        yield Verdict("no-fsync", Severity.MAY_LOSE, why, (*at, "fsync"))
    elif fsync is not True:
        why = "acknowledges spans that are in the page cache only; a power cut or a dead kernel loses them"
        yield Verdict("no-fsync", Severity.LOSES, why, (*at, "fsync"))
    if settings.get("recreate") is True:
        why = "begins an empty queue where the old one is damaged, instead of saying so"
        yield Verdict("storage-recreate", Severity.MAY_LOSE, why, (*at, "recreate"))
    directory = str(settings.get("directory") or "")
    if any(directory == one or directory.startswith(f"{one}/") for one in _VOLATILE):
        why = f"keeps its queue in {directory}, which is emptied by a restart of the machine or container"
        yield Verdict("storage-volatile", Severity.LOSES, why, (*at, "directory"))
