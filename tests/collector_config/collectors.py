"""Collectors of the shipped files, and how to send to them."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.collector import (
    COST_ONLY,
    LOSSLESS,
    Collector,
    resolved_config,
)
from tests.collector_config.stand_in import EXPORT

STORAGE_LINE = "yaml:service::extensions: [file_storage/spanledger]"
APPEND_LISTS = "confmap.enableMergeAppendOption"
# A Collector as people have it: samplers that throw everything away in one pipeline, a plain one beside it, and
# extensions of its own.
USER_CONFIG = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:OTLP_ENDPOINT}
processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: 512
  batch:
  probabilistic_sampler:
    sampling_percentage: 0
  tail_sampling:
    decision_wait: 100ms
    policies:
      - name: none
        type: probabilistic
        probabilistic: {sampling_percentage: 0}
exporters:
  debug:
  file/sampled:
    path: ${env:USER_FOLDER}/sampled.jsonl
  file/all:
    path: ${env:USER_FOLDER}/all.jsonl
extensions:
  health_check:
    endpoint: ${env:HEALTH_ENDPOINT}
service:
  extensions: [health_check]
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, probabilistic_sampler, tail_sampling, batch]
      exporters: [file/sampled, debug]
    traces/all:
      receivers: [otlp]
      processors: [batch]
      exporters: [file/all]
"""


def lossless(folder: Path, spanledger: str, *, env: dict[str, str] | None = None) -> Collector:
    """Return the Collector of lossless.yaml, not started yet."""
    return Collector(LOSSLESS, folder=folder, env={"SPANLEDGER_ENDPOINT": spanledger, **(env or {})})


def overlay(folder: Path, spanledger: str, *, by_line: bool = True, env: dict[str, str] | None = None) -> Collector:
    """Return a user's Collector with cost-only.yaml, not started yet."""
    everything = {**overlay_env(folder, spanledger), **(env or {})}
    config = user_config(folder, by_line=by_line)
    if by_line:
        return Collector(config, COST_ONLY, folder=folder, env=everything)
    return Collector(config, COST_ONLY, STORAGE_LINE, folder=folder, env=everything, feature_gates=[APPEND_LISTS])


def overlay_env(folder: Path, spanledger: str) -> dict[str, str]:
    """Return the environment that the user's configuration and the overlay read."""
    return {"SPANLEDGER_ENDPOINT": spanledger, "USER_FOLDER": str(folder)}


def user_config(folder: Path, *, by_line: bool = False) -> Path:
    """Write the user's configuration, with or without the overlay's storage in its list of extensions."""
    path = folder / "user.yaml"
    listed = "[health_check, file_storage/spanledger]" if by_line else "[health_check]"
    path.write_text(USER_CONFIG.replace("[health_check]", listed))
    return path


def resolved(*configs: Path, folder: Path, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the configuration that the Collector would run with."""
    config: dict[str, Any] = json.loads(resolved_config(*configs, folder=folder, env=env))
    return config


def send(collector: Collector, request: ExportTraceServiceRequest, *, timeout_s: float = 60) -> None:
    """Export a request over gRPC and return when it is acknowledged."""
    with grpc.insecure_channel(collector.otlp_endpoint, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        export = channel.unary_unary(
            EXPORT,
            request_serializer=ExportTraceServiceRequest.SerializeToString,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        export(request, timeout=timeout_s)


def send_until_refused(
    collector: Collector, requests: Sequence[ExportTraceServiceRequest]
) -> tuple[list[ExportTraceServiceRequest], grpc.StatusCode | None]:
    """Export until a request is not acknowledged within a second; return those that were, and the code of that one."""
    taken: list[ExportTraceServiceRequest] = []
    for request in requests:
        try:
            send(collector, request, timeout_s=1)
        except grpc.RpcError as error:
            return taken, error.code()
        taken.append(request)
    return taken, None


def send_http(collector: Collector, request: ExportTraceServiceRequest) -> None:
    """Export a request over HTTP and return when it is acknowledged."""
    post = urllib.request.Request(
        f"http://{collector.otlp_http_endpoint}/v1/traces",
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(post, timeout=60) as response:
        assert response.status == 200


def answers(endpoint: str) -> bool:
    """Say whether somebody listens there."""
    host, port = endpoint.split(":")
    with socket.create_connection((host, int(port)), timeout=10):
        return True
