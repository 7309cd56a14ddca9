"""Every finding there is: its name, the worst it can be, what it is about and where that is known from.

docs/check-collector.md shows this table. Sources are of Collector core and contrib v0.161.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spanledger.collector_check.findings import Severity

LOSES, MAY_LOSE, NOTE = Severity.LOSES, Severity.MAY_LOSE, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Rule:
    """What a finding of one name is about."""

    name: str
    worst: Severity
    about: str
    source: str


_QUEUE: Final = "exporter/exporterhelper README"
_OTTL: Final = "processor/transformprocessor README, pkg/ottl/ottlfuncs"

RULES: Final = (
    Rule("no-exporter", LOSES, "no exporter sends to spanledger", "service README"),
    Rule("exporter-assumed", NOTE, "which exporter was taken for spanledger's, and why", "receiver: OTLP/gRPC on 4317"),
    Rule("exporter-unused", LOSES, "an exporter to spanledger that no traces pipeline leads to", "service README"),
    Rule("wrong-protocol", LOSES, "an exporter to spanledger that does not speak OTLP/gRPC", "receiver: gRPC only"),
    Rule("unreached-receiver", MAY_LOSE, "a receiver of spans from which none come to spanledger", "service README"),
    Rule("undefined-component", NOTE, "a name that stands in no file given", "service README"),
    Rule("sampler", LOSES, "probabilistic_sampler, tail_sampling: calls that nobody is billed for", "their READMEs"),
    Rule("filter", LOSES, "a filter that drops spans of calls, or of who pays", "processor/filterprocessor README"),
    Rule("attributes-removed", LOSES, "transform, attributes, redaction … take away what is read", _OTTL),
    Rule("early-answer", LOSES, "batch, groupbytrace …: acknowledged from memory, errors lost", "their READMEs"),
    Rule("memory-limiter", MAY_LOSE, "refuses spans while memory is short", "processor/memorylimiterprocessor README"),
    Rule("unknown-component", MAY_LOSE, "a processor or connector that this program does not know", "–"),
    Rule(
        "split-route", LOSES, "routing, failover, roundrobin, loadbalancing: only a share of the spans", "their READMEs"
    ),
    Rule("queue-off", MAY_LOSE, "no queue, or wait_for_result: senders wait, and give up", _QUEUE),
    Rule("queue-in-memory", LOSES, "a queue without storage dies with the process", _QUEUE),
    Rule("storage-missing", LOSES, "storage that no extension gives: the Collector does not start", _QUEUE),
    Rule("queue-conflict", LOSES, "wait_for_result with storage: the Collector does not start", _QUEUE),
    Rule("no-fsync", LOSES, "file_storage without fsync loses what it holds with the power", "filestorage README"),
    Rule("storage-recreate", MAY_LOSE, "recreate: a damaged queue is begun anew, empty", "filestorage README"),
    Rule("storage-volatile", LOSES, "the queue's folder does not outlive a restart", "filestorage README"),
    Rule("storage-unknown", MAY_LOSE, "a storage whose durability is not known here", "extension/storage"),
    Rule("overflow", LOSES, "a full queue refuses at once (block_on_overflow is off)", _QUEUE),
    Rule("retry-off", LOSES, "retry_on_failure is off: the first failed attempt drops a batch", _QUEUE),
    Rule("retry-ends", LOSES, "max_elapsed_time is not 0: an outage longer than that drops batches", _QUEUE),
    Rule("too-large", LOSES, "requests above spanledger's 64 MiB are refused, and dropped", "receiver: 64 MiB"),
    Rule("size-unknown", MAY_LOSE, "a batch limit that is no number of bytes", _QUEUE),
    Rule("batch-too-small", MAY_LOSE, "a batch limit below what one request may bring", _QUEUE),
    Rule("queue-too-small", MAY_LOSE, "a queue smaller than one request", _QUEUE),
    Rule("receiver-limit", MAY_LOSE, "requests above the receiver's limit are refused for good", "config/configgrpc"),
    Rule("lossy-receiver", LOSES, "a receiver that takes from its source before the spans are safe", "its README"),
    Rule("compression", LOSES, "a compression that spanledger does not take", "grpcio: gzip and deflate"),
    Rule("plain-text", NOTE, "TLS is off, or unchecked, on a way that leaves the host", "config/configtls README"),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}


def rules_table() -> str:
    """Return the rules as a Markdown table."""
    lines = [f"| `{rule.name}` | {rule.worst} | {rule.about} | {rule.source} |" for rule in RULES]
    return "\n".join(["| finding | at worst | what | known from |", "| --- | --- | --- | --- |", *lines])
