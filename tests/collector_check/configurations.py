"""Configurations as people write them, in our own words: a safe one, and what is laid over it or stands instead.

A case is YAML and the findings it must have. What is laid over SAFE is merged as the Collector merges --config.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SAFE: Final = """
receivers:
  otlp:
    protocols: {grpc: {endpoint: "127.0.0.1:14317", max_recv_msg_size_mib: 32}}
processors:
  batch:
exporters:
  debug:
  otlp_grpc/spanledger:
    endpoint: 127.0.0.1:4317
    tls: {insecure: true}
    retry_on_failure: {max_elapsed_time: 0}
    sending_queue:
      storage: file_storage/q
      block_on_overflow: true
      sizer: bytes
      queue_size: 1073741824
      batch: {min_size: 1048576, max_size: 41943040}
extensions:
  file_storage/q: {directory: /var/lib/otelcol/q, create_directory: true, fsync: true}
service:
  extensions: [file_storage/q]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc/spanledger]}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is laid over SAFE (or stands alone), and its findings as `severity rule` at a path."""

    name: str
    yaml: str
    found: tuple[tuple[str, str, str], ...]
    alone: bool = False
    is_built: bool = True
    """Whether the tests' Collector has every component in it."""


def _over(name: str, yaml: str, *found: tuple[str, str, str], is_built: bool = True) -> Case:
    return Case(name, yaml, found, is_built=is_built)


def _processor(name: str, settings: str) -> str:
    return f"""
processors:
  {name}: {settings}
service: {{pipelines: {{traces: {{processors: [{name}]}}}}}}
"""


_FIRST: Final = "service.pipelines.traces.processors[0]"
_EXPORTER: Final = "exporters.otlp_grpc/spanledger"
_QUEUE: Final = f"{_EXPORTER}.sending_queue"

CASES: Final = (
    _over(
        "a tenth of the traces",
        _processor("probabilistic_sampler", "{sampling_percentage: 10}"),
        ("loses", "sampler", _FIRST),
    ),
    _over(
        "a share from the environment",
        _processor("probabilistic_sampler", '{sampling_percentage: "${env:SHARE}"}'),
        ("may lose", "sampler", _FIRST),
        is_built=False,
    ),
    _over(
        "errors and slow traces only",
        _processor(
            "tail_sampling",
            "{policies: [{name: e, type: status_code, status_code: {status_codes: [ERROR]}},"
            " {name: s, type: latency, latency: {threshold_ms: 900}}]}",
        ),
        ("loses", "sampler", _FIRST),
    ),
    _over(
        "tail sampling that keeps all",
        _processor("tail_sampling", "{policies: [{name: all, type: always_sample}]}"),
        ("loses", "early-answer", _FIRST),
    ),
    _over("the batch processor of every tutorial", _processor("batch", "{}"), ("loses", "early-answer", _FIRST)),
    _over("traces gathered first", _processor("groupbytrace", "{}"), ("loses", "early-answer", _FIRST), is_built=False),
    _over(
        "a memory limiter",
        _processor("memory_limiter", "{check_interval: 1s, limit_mib: 512}"),
        ("may lose", "memory-limiter", _FIRST),
    ),
    _over(
        "OpenTelemetry's own names only",
        _processor("filter", """{traces: {span: ['attributes["gen_ai.operation.name"] == nil']}}"""),
        ("loses", "filter", _FIRST),
    ),
    _over(
        "one service left out",
        _processor("filter", """{traces: {span: ['resource.attributes["service.name"] == "search"']}}"""),
        ("may lose", "filter", _FIRST),
    ),
    _over(
        "health checks left out",
        _processor(
            "filter/health", """{error_mode: ignore, traces: {span: ['attributes["url.path"] == "/health"']}}"""
        ),
        ("note", "filter", _FIRST),
    ),
    _over(
        "token counts deleted",
        _processor("transform", """{trace_statements: ['delete_matching_keys(span.attributes, "^gen_ai[.]usage")']}"""),
        ("loses", "attributes-removed", _FIRST),
    ),
    _over(
        "only HTTP keys kept",
        _processor(
            "transform",
            """{trace_statements: [{context: span, statements: ['keep_keys(attributes, ["http.route"])']}]}""",
        ),
        ("loses", "attributes-removed", _FIRST),
    ),
    _over(
        "the customer deleted from some",
        _processor(
            "transform",
            """{trace_statements: ['delete_key(span.attributes, "customer.id") where span.name == "x"']}""",
        ),
        ("may lose", "attributes-removed", _FIRST),
    ),
    _over(
        "at most 20 attributes",
        _processor("transform", """{trace_statements: ['limit(span.attributes, 20, ["http.route"])']}"""),
        ("may lose", "attributes-removed", _FIRST),
    ),
    _over(
        "the tenant hashed",
        _processor("attributes", "{actions: [{key: tenant.id, action: hash}]}"),
        ("loses", "attributes-removed", _FIRST),
        is_built=False,
    ),
    _over(
        "everything redacted that is not listed",
        _processor("redaction", "{allow_all_keys: false, allowed_keys: [http.route]}"),
        ("loses", "attributes-removed", _FIRST),
        is_built=False,
    ),
    _over(
        "a processor of somebody's own",
        _processor("acmedropper", "{}"),
        ("may lose", "unknown-component", _FIRST),
        is_built=False,
    ),
    _over(
        "no queue",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {enabled: false}}}",
        ("may lose", "queue-off", f"{_QUEUE}.enabled"),
    ),
    _over(
        "a queue in memory",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {storage: null}}}",
        ("loses", "queue-in-memory", f"{_QUEUE}.storage"),
    ),
    _over(
        "a storage that is not started",
        "service: {extensions: []}",
        ("loses", "storage-missing", f"{_QUEUE}.storage"),
    ),
    _over(
        "a storage that nobody defines",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {storage: file_storage/none}}}",
        ("loses", "storage-missing", f"{_QUEUE}.storage"),
    ),
    _over(
        "a storage without fsync",
        "extensions: {file_storage/q: {fsync: false}}",
        ("loses", "no-fsync", "extensions.file_storage/q.fsync"),
    ),
    _over(
        "a storage that begins anew",
        "extensions: {file_storage/q: {recreate: true}}",
        ("may lose", "storage-recreate", "extensions.file_storage/q.recreate"),
    ),
    _over(
        "a storage in memory",
        "extensions: {file_storage/q: {directory: /dev/shm/q}}",
        ("loses", "storage-volatile", "extensions.file_storage/q.directory"),
    ),
    _over(
        "overflow that rejects",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {block_on_overflow: false}}}",
        ("may lose", "overflow", f"{_QUEUE}.block_on_overflow"),
    ),
    _over(
        "overflow that rejects behind a batch processor",
        _processor("batch", "{}") + "exporters: {otlp_grpc/spanledger: {sending_queue: {block_on_overflow: false}}}",
        ("loses", "early-answer", _FIRST),
        ("loses", "overflow", f"{_QUEUE}.block_on_overflow"),
    ),
    _over(
        "results waited for, with a storage",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {wait_for_result: true}}}",
        ("loses", "queue-conflict", f"{_QUEUE}.wait_for_result"),
    ),
    _over(
        "no retries",
        "exporters: {otlp_grpc/spanledger: {retry_on_failure: {enabled: false}}}",
        ("loses", "retry-off", f"{_EXPORTER}.retry_on_failure.enabled"),
    ),
    _over(
        "retries for ten minutes",
        "exporters: {otlp_grpc/spanledger: {retry_on_failure: {max_elapsed_time: 10m}}}",
        ("loses", "retry-ends", f"{_EXPORTER}.retry_on_failure.max_elapsed_time"),
    ),
    _over(
        "batches of 100 MB",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: {max_size: 100000000}}}}",
        ("loses", "too-large", f"{_QUEUE}.batch.max_size"),
    ),
    _over(
        "batches without a limit",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: {max_size: 0}}}}",
        ("may lose", "size-unknown", f"{_QUEUE}.batch.max_size"),
    ),
    _over(
        "batches counted in spans",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: {sizer: items, min_size: 10, max_size: 10000}}}}",
        ("may lose", "size-unknown", f"{_QUEUE}.batch.sizer"),
    ),
    _over(
        "a queue of a megabyte",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {queue_size: 1048576}}}",
        ("may lose", "queue-too-small", f"{_QUEUE}.queue_size"),
    ),
    _over(
        "batches smaller than a request",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: {max_size: 4000000}}}}",
        ("may lose", "batch-too-small", f"{_QUEUE}.batch.max_size"),
    ),
    _over(
        "what only the Collector's machine knows",
        "exporters: {otlp_grpc/spanledger: {sending_queue: {block_on_overflow: '${env:A}', storage: '${env:B}'},"
        " retry_on_failure: {max_elapsed_time: '${env:C}'}}}",
        ("may lose", "overflow", f"{_QUEUE}.block_on_overflow"),
        ("may lose", "storage-unknown", f"{_QUEUE}.storage"),
        ("may lose", "retry-ends", f"{_EXPORTER}.retry_on_failure.max_elapsed_time"),
        is_built=False,
    ),
    _over(
        "bodies of 100 MB over HTTP, and no batches",
        "receivers: {otlp: {protocols: {http: {max_request_body_size: 100000000}}}}\n"
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: null}}}",
        ("loses", "too-large", "receivers.otlp.protocols.http.max_request_body_size"),
    ),
    _over(
        "chats only, by the span's name",
        _processor("filter", """{traces: {span: ['not IsMatch(name, ".*[cC]hat.*")']}}"""),
        ("loses", "filter", _FIRST),
    ),
    _over(
        "snappy",
        "exporters: {otlp_grpc/spanledger: {compression: snappy}}",
        ("loses", "compression", f"{_EXPORTER}.compression"),
    ),
    _over(
        "plain text to another host",
        "exporters: {otlp_grpc/spanledger: {endpoint: 'ledger.internal:4317'}}",
        ("note", "plain-text", f"{_EXPORTER}.tls.insecure"),
    ),
    _over(
        "a receiver with the default limit",
        "receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 0}}}}",
        ("may lose", "receiver-limit", "receivers.otlp.protocols.grpc.max_recv_msg_size_mib"),
    ),
    _over(
        "a receiver that takes more than spanledger does, and no batches",
        "receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 128}}}}\n"
        "exporters: {otlp_grpc/spanledger: {sending_queue: {batch: null}}}",
        ("loses", "too-large", "receivers.otlp.protocols.grpc.max_recv_msg_size_mib"),
    ),
    _over(
        "a receiver that takes more than a batch holds",
        "receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 128}}}}",
        ("may lose", "batch-too-small", f"{_QUEUE}.batch.max_size"),
    ),
    _over(
        "a topic read ahead",
        "receivers: {kafka: {topic: spans}}\nservice: {pipelines: {traces: {receivers: [kafka]}}}",
        ("loses", "lossy-receiver", "receivers.kafka.message_marking.after"),
        is_built=False,
    ),
    _over(
        "a second receiver that leads elsewhere",
        "receivers: {otlp/apps: {protocols: {grpc: {max_recv_msg_size_mib: 32}}}}\n"
        "service: {pipelines: {traces/apps: {receivers: [otlp/apps], exporters: [debug]}}}",
        ("may lose", "unreached-receiver", "receivers.otlp/apps"),
    ),
    _over(
        "an exporter in no pipeline",
        "service: {pipelines: {traces: {exporters: [debug]}}}",
        ("loses", "exporter-unused", _EXPORTER),
    ),
    _over(
        "a sampler two pipelines upstream",
        "connectors: {forward/a: {}, forward/b: {}}\n"
        "processors: {probabilistic_sampler: {sampling_percentage: 5}}\n"
        "service: {pipelines: {traces/in: {receivers: [otlp], processors: [probabilistic_sampler],"
        " exporters: [debug, forward/a]}, traces/mid: {receivers: [forward/a], exporters: [forward/b]},"
        " traces: {receivers: [forward/b]}}}",
        ("loses", "sampler", "service.pipelines.traces/in.processors[0]"),
    ),
    _over(
        "spans shared out between pipelines",
        "connectors: {roundrobin: {}}\n"
        "service: {pipelines: {traces/in: {receivers: [otlp], exporters: [roundrobin]},"
        " traces/b: {receivers: [roundrobin], exporters: [debug]}, traces: {receivers: [roundrobin]}}}",
        ("loses", "split-route", "service.pipelines.traces.receivers[0]"),
        is_built=False,
    ),
    _over(
        "a sampled pipeline beside an unsampled one",
        "processors: {probabilistic_sampler: {sampling_percentage: 5}}\n"
        "service: {pipelines: {traces/sampled: {receivers: [otlp], processors: [probabilistic_sampler],"
        " exporters: [otlp_grpc/spanledger]}}}",
        ("note", "sampler", "service.pipelines.traces/sampled.processors[0]"),
    ),
    Case(
        "the quick start of a tutorial, sent to two places",
        """
receivers: {otlp: {protocols: {grpc: , http: }}}
processors:
  batch:
  memory_limiter: {check_interval: 1s, limit_percentage: 75}
exporters:
  otlp: {endpoint: "tempo:4317", tls: {insecure: true}}
  otlp/costs: {endpoint: "spanledger.billing.svc:4317", tls: {insecure: true}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp, otlp/costs]}
""",
        (
            ("loses", "early-answer", "service.pipelines.traces.processors[1]"),
            ("loses", "retry-ends", "exporters.otlp/costs.retry_on_failure.max_elapsed_time"),
            ("loses", "queue-in-memory", "exporters.otlp/costs.sending_queue.storage"),
            ("loses", "overflow", "exporters.otlp/costs.sending_queue.block_on_overflow"),
            ("may lose", "memory-limiter", "service.pipelines.traces.processors[0]"),
            ("may lose", "receiver-limit", "receivers.otlp.protocols.grpc.max_recv_msg_size_mib"),
            ("note", "plain-text", "exporters.otlp/costs.tls.insecure"),
        ),
        alone=True,
    ),
    Case(
        "nothing that sends here",
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {debug: }\n"
        "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}",
        (("loses", "no-exporter", "exporters"),),
        alone=True,
    ),
    Case(
        "OTLP over HTTP",
        SAFE.replace("otlp_grpc/spanledger", "otlp_http/spanledger").replace(
            "endpoint: 127.0.0.1:4317", "endpoint: http://127.0.0.1:4318"
        ),
        (("loses", "wrong-protocol", "exporters.otlp_http/spanledger"),),
        alone=True,
        is_built=False,
    ),
    Case(
        "two ledgers behind a load balancer",
        "receivers: {otlp: {protocols: {http: }}}\n"
        "exporters: {loadbalancing: {resolver: {static: {hostnames: ['spanledger-0:4317', 'spanledger-1:4317']}}}}\n"
        "service: {pipelines: {traces: {receivers: [otlp], exporters: [loadbalancing]}}}",
        (("loses", "split-route", "exporters.loadbalancing.resolver"),),
        alone=True,
        is_built=False,
    ),
)
