"""Corrected YAML for a finding: a configuration to merge over the one that was checked (lists stand whole in it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from spanledger.collector_check.document import Document
from spanledger.collector_check.findings import Verdict
from spanledger.collector_check.topology import Pipeline

STORAGE: Final = "file_storage/spanledger"
EXPORTER: Final = "otlp_grpc/spanledger"
PIPELINE: Final = "traces/spanledger"
# As in collector-config/lossless.yaml, where each has its reason.
_EXTENSION: Final = {
    "directory": "/var/lib/otelcol/spanledger", "create_directory": True, "directory_permissions": "0700",
    "fsync": True, "timeout": "10s",
}  # fmt: skip
_BATCH: Final = {"sizer": "bytes", "min_size": 1_048_576, "max_size": 41_943_040}
_QUEUE_BYTES: Final = 10_737_418_240
_QUEUE: Final = {
    "enabled": True, "storage": STORAGE, "wait_for_result": False, "block_on_overflow": True, "sizer": "bytes",
    "queue_size": _QUEUE_BYTES, "batch": _BATCH,
}  # fmt: skip
_RETRIES: Final = {"enabled": True, "initial_interval": "1s", "max_interval": "10s", "max_elapsed_time": 0}
_RECEIVED_MIB: Final = 32
# Finding → what the exporter's own settings become.
_OF_EXPORTER: Final[Mapping[str, Mapping[str, Any]]] = {
    "retry-off": {"retry_on_failure": _RETRIES},
    "retry-ends": {"retry_on_failure": {"max_elapsed_time": 0}},
    "overflow": {"sending_queue": {"block_on_overflow": True}},
    "queue-too-small": {"sending_queue": {"queue_size": _QUEUE_BYTES}},
    "too-large": {"sending_queue": {"batch": _BATCH}},
    "size-unknown": {"sending_queue": {"batch": _BATCH}},
    "batch-too-small": {"sending_queue": {"batch": _BATCH}},
    "compression": {"compression": "gzip"},
}
# Finding → what the settings of a file_storage become.
_OF_STORAGE: Final[Mapping[str, Mapping[str, Any]]] = {
    "no-fsync": {"fsync": True},
    "storage-recreate": {"recreate": False},
    "storage-volatile": {"directory": _EXTENSION["directory"]},
}
_NEW_QUEUE: Final = frozenset({"queue-off", "queue-in-memory", "queue-conflict", "storage-missing", "storage-unknown"})


def fix_exporter(document: Document, name: str, verdict: Verdict, pipelines: Sequence[Pipeline]) -> str:
    """Return what mends an exporter, its queue or its storage; empty where only the reader can know."""
    if verdict.rule in _OF_EXPORTER:
        return dump({"exporters": {name: _OF_EXPORTER[verdict.rule]}})
    if verdict.rule in _OF_STORAGE:
        return dump({"extensions": {verdict.at[1]: _OF_STORAGE[verdict.rule]}})
    if verdict.rule in _NEW_QUEUE:
        storage = document.at("exporters", name, "sending_queue", "storage")
        if verdict.rule == "storage-missing" and storage in document.mapping("extensions"):
            return dump({"service": {"extensions": _extensions(document, str(storage))}})
        return dump({"exporters": {name: {"sending_queue": _QUEUE}}, **_storage(document)})
    if verdict.rule in {"wrong-protocol", "split-route"}:
        lists = {
            one.name: {"exporters": [EXPORTER if exporter == name else exporter for exporter in one.exporters]}
            for one in pipelines
            if name in one.exporters
        }
        return dump(_exporter_and(document, lists))
    return ""


def fix_receiver(name: str, verdict: Verdict) -> str:
    """Return what mends a receiver."""
    if verdict.rule in {"receiver-limit", "too-large"}:
        mended = {"grpc": {"max_recv_msg_size_mib": _RECEIVED_MIB}}
        if "http" in verdict.at:
            mended = {"http": {"max_request_body_size": _RECEIVED_MIB * 2**20}}
        return dump({"receivers": {name: {"protocols": mended}}})
    if verdict.at == ("message_marking", "after"):
        return dump({"receivers": {name: {"message_marking": {"after": True, "on_error": False}}}})
    return ""


def fix_missing(document: Document, receivers: Sequence[str]) -> str:
    """Return an exporter and a pipeline of its own, where there is none."""
    return dump(_exporter_and(document, {PIPELINE: {"receivers": list(receivers), "exporters": [EXPORTER]}}))


def fix_unused(name: str, receivers: Sequence[str], pipelines: Sequence[Pipeline]) -> str:
    """Return a pipeline for an exporter that none leads to."""
    return _pipelines({_free_name(pipelines): {"receivers": list(receivers), "exporters": [name]}})


def fix_way(
    exporter: str, last: Pipeline, *, receivers: Sequence[str], kept: Sequence[str], pipelines: Sequence[Pipeline]
) -> str:
    """Return a way to an exporter that goes around what loses.

    A pipeline that leads nowhere else, straight from receivers, loses its bad processors. Any other keeps them for
    its other exporters, and a new pipeline reads the receivers beside it.
    """
    others = [one for one in last.exporters if one != exporter]
    if not others and set(receivers) == set(last.receivers):
        return _pipelines({last.name: {"processors": list(kept)}})
    new: dict[str, Any] = {"receivers": list(receivers), "processors": list(kept), "exporters": [exporter]}
    changed = {last.name: {"exporters": others}} if others else {}
    return _pipelines({_free_name(pipelines): new, **changed})


def fix_reach(last: Pipeline, receivers: Sequence[str]) -> str:
    """Return a pipeline that reads more receivers than it did."""
    return _pipelines({last.name: {"receivers": [*last.receivers, *receivers]}})


def dump(settings: Mapping[str, Any]) -> str:
    """Return settings as YAML, lists on one line."""
    text: str = yaml.dump(settings, Dumper=_Dumper, sort_keys=False, width=1000)
    return text


class _Dumper(yaml.SafeDumper):
    """YAML in blocks, with lists on one line, and without anchors for what is said twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks for each value
        return True


_Dumper.add_representer(
    list, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def _exporter_and(document: Document, pipelines: Mapping[str, Any]) -> dict[str, Any]:
    stored = _storage(document)
    exporter = {"endpoint": "spanledger.example:4317", "retry_on_failure": _RETRIES, "sending_queue": _QUEUE}
    return {
        "exporters": {EXPORTER: exporter},
        "extensions": stored["extensions"],
        "service": {**stored["service"], "pipelines": pipelines},
    }


def _storage(document: Document) -> dict[str, Any]:
    return {
        "extensions": {STORAGE: _EXTENSION},
        "service": {"extensions": _extensions(document, STORAGE)},
    }


def _extensions(document: Document, storage: str) -> list[str]:
    return list(dict.fromkeys((*document.names("service", "extensions"), storage)))


def _pipelines(pipelines: Mapping[str, Any]) -> str:
    return dump({"service": {"pipelines": pipelines}})


def _free_name(pipelines: Sequence[Pipeline]) -> str:
    taken = {one.name for one in pipelines}
    name = PIPELINE
    while name in taken:
        name += "_direct"
    return name
