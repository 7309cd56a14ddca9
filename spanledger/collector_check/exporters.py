"""An exporter to spanledger: its protocol, its connection, its retries. Verdicts only; the queue is apart."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from spanledger.collector_check.document import Document, Unknown, kind_of
from spanledger.collector_check.findings import Severity, Verdict
from spanledger.collector_check.queues import judge_queue

GRPC: Final = frozenset({"otlp", "otlpgrpc"})
_TAKEN: Final = frozenset({"none", "gzip"})
_LOOPBACK: Final = frozenset({"localhost", "ip6-localhost"})
_ZEROS: Final = frozenset({"0", "0s", "0m", "0h", "0ms"})


def judge_exporter(document: Document, name: str, *, early: bool, received_bytes: int) -> Iterator[Verdict]:
    """Give what an exporter loses.

    `early` says that a processor before it has answered the sender already; `received_bytes` is the largest request
    that comes to it, 0 where that is not known.
    """
    settings = document.mapping("exporters", name)
    kind = kind_of(name)
    if kind == "loadbalancing":
        yield from _judge_balancing(settings)
        return
    if kind not in GRPC:
        why = "does not speak OTLP/gRPC, which is all that spanledger takes"
        yield Verdict("wrong-protocol", Severity.LOSES, why)
        return
    yield from _judge_connection(settings)
    yield from _judge_retries(settings)
    yield from judge_queue(document, settings, early=early, received_bytes=received_bytes)


def _judge_balancing(settings: Mapping[str, Any]) -> Iterator[Verdict]:
    resolver = settings.get("resolver")
    static = resolver.get("static") if isinstance(resolver, Mapping) else None
    hosts = static.get("hostnames") if isinstance(static, Mapping) else None
    if isinstance(hosts, list) and len(hosts) == 1:
        why = "balances over one host, with a queue of its own making; a plain otlp_grpc exporter can be made safe"
        yield Verdict("split-route", Severity.MAY_LOSE, why, ("resolver",))
        return
    why = "gives each instance only a share of the spans: no ledger has all calls, nor all spans of a trace"
    yield Verdict("split-route", Severity.LOSES, why, ("resolver",))


def _judge_connection(settings: Mapping[str, Any]) -> Iterator[Verdict]:
    compression = settings.get("compression")
    if not isinstance(compression, Unknown) and str(compression or "none") not in _TAKEN:
        why = f"compresses with {compression}, which spanledger answers with UNIMPLEMENTED: the batch is dropped"
        yield Verdict("compression", Severity.LOSES, why, ("compression",))
    tls = settings.get("tls")
    if not isinstance(tls, Mapping) or _stays_here(str(settings.get("endpoint") or "")):
        return
    for switch, what in (("insecure", "is not encrypted"), ("insecure_skip_verify", "does not check who answers")):
        if tls.get(switch) is True:
            why = f"{what} on a way that may leave this host; spans hold prompts and customers"
            yield Verdict("plain-text", Severity.NOTE, why, ("tls", switch))


def _judge_retries(settings: Mapping[str, Any]) -> Iterator[Verdict]:
    retries = settings.get("retry_on_failure")
    retries = retries if isinstance(retries, Mapping) else {}
    if retries.get("enabled") is False:
        why = "drops a batch when the first attempt fails, as every attempt does while spanledger restarts"
        yield Verdict("retry-off", Severity.LOSES, why, ("retry_on_failure", "enabled"))
    limit = retries.get("max_elapsed_time", "300s")
    at = ("retry_on_failure", "max_elapsed_time")
    if isinstance(limit, Unknown):
        yield Verdict("retry-ends", Severity.MAY_LOSE, f"gives up after {limit}, which is not known here", at)
    elif str(limit) not in _ZEROS:
        default = "" if "max_elapsed_time" in retries else " (the default)"
        yield Verdict("retry-ends", Severity.LOSES, f"drops a batch after {limit} of retries{default}", at)


def _stays_here(endpoint: str) -> bool:
    if endpoint.startswith("unix:"):
        return True
    host = endpoint.rpartition("//")[2].rpartition(":")[0].strip("[]")
    try:
        return host in _LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
