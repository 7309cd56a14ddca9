"""Receivers on the way to spanledger: what they refuse for good, or take before it is safe. Verdicts only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from spanledger.collector_check.document import Document, kind_of
from spanledger.collector_check.findings import Severity, Verdict
from spanledger.collector_check.queues import REQUEST_BYTES_MAX

_MIB: Final = 2**20
_GRPC_DEFAULT_MIB: Final = 4  # grpc's own; configgrpc sets none
_DATAGRAMS: Final = ("thrift_compact", "thrift_binary")


def judge_receiver(document: Document, name: str, *, is_split: bool) -> Iterator[Verdict]:
    """Give what a receiver loses; `is_split` says that exporters cut what is too large for spanledger."""
    settings = document.mapping("receivers", name)
    protocols = settings.get("protocols")
    protocols = protocols if isinstance(protocols, Mapping) else {}
    match kind_of(name):
        case "otlp" if "grpc" in protocols:
            yield from _judge_grpc(protocols["grpc"], is_split=is_split)
            yield from _judge_http(protocols.get("http"), is_split=is_split)
        case "otlp":
            yield from _judge_http(protocols.get("http"), is_split=is_split)
        case "jaeger":
            for protocol in _DATAGRAMS:
                if protocol in protocols:
                    why = "takes spans as datagrams, which nobody acknowledges"
                    yield Verdict("lossy-receiver", Severity.LOSES, why, ("protocols", protocol))
        case "kafka":
            marking = settings.get("message_marking")
            if not (isinstance(marking, Mapping) and marking.get("after") is True):
                why = "marks messages as read before they are passed on; what is refused then is not read again"
                yield Verdict("lossy-receiver", Severity.LOSES, why, ("message_marking", "after"))


def received_bytes(document: Document, name: str) -> int:
    """Return the largest request that a receiver is set to take; 0 where nothing is set, or nothing known."""
    grpc = document.at("receivers", name, "protocols", "grpc", "max_recv_msg_size_mib")
    http = document.at("receivers", name, "protocols", "http", "max_request_body_size")
    return max(grpc * _MIB if isinstance(grpc, int) else 0, http if isinstance(http, int) else 0)


def _judge_grpc(grpc: Any, *, is_split: bool) -> Iterator[Verdict]:
    limit = grpc.get("max_recv_msg_size_mib") if isinstance(grpc, Mapping) else None
    at = ("protocols", "grpc", "max_recv_msg_size_mib")
    if limit is None or (isinstance(limit, int) and limit <= _GRPC_DEFAULT_MIB):
        why = "refuses requests above 4 MiB with an answer that makes senders drop them; prompts are long"
        yield Verdict("receiver-limit", Severity.MAY_LOSE, why, at)
    elif isinstance(limit, int) and limit * _MIB >= REQUEST_BYTES_MAX and not is_split:
        why = f"takes requests of up to {limit} MiB, of which spanledger refuses those above 64 MiB"
        yield Verdict("too-large", Severity.LOSES, why, at)


def _judge_http(http: Any, *, is_split: bool) -> Iterator[Verdict]:
    limit = http.get("max_request_body_size") if isinstance(http, Mapping) else None
    if isinstance(limit, int) and limit >= REQUEST_BYTES_MAX and not is_split:
        why = f"takes requests of up to {limit:,} bytes, of which spanledger refuses those above 64 MiB"
        yield Verdict("too-large", Severity.LOSES, why, ("protocols", "http", "max_request_body_size"))
