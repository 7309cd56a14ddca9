"""The shipped files themselves: valid, and with the settings that keep spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector import (
    CONFIG_FOLDER,
    COST_ONLY,
    LOSSLESS,
    validate,
)
from tests.collector_config.collectors import resolved, user_config
from tests.collector_config.stand_in import MIB, SPANLEDGER_LIMIT

pytestmark = pytest.mark.collector


def test_shipped_configurations_are_all_under_test() -> None:
    """Every YAML file is one that this module tries out or `test_topologies` does, or the Collector's build list."""
    tried = {"lossless.yaml", "cost-only.yaml", "mtls.yaml", "builder.yaml"}
    assert {path.name for path in CONFIG_FOLDER.glob("*.yaml")} == tried


def test_lossless_alone(tmp_path: Path) -> None:
    """The Collector finds lossless.yaml valid."""
    assert validate(LOSSLESS, folder=tmp_path) == ""


def test_overlay_beside_a_users_configuration(tmp_path: Path) -> None:
    """The Collector finds cost-only.yaml valid when it is merged into somebody's configuration."""
    env = {"USER_FOLDER": str(tmp_path)}
    assert validate(user_config(tmp_path), COST_ONLY, folder=tmp_path, env=env) == ""


def test_lossless_settings(tmp_path: Path) -> None:
    """Nothing is acknowledged from memory, given up, refused for a full queue, or too large to go out again."""
    config = resolved(LOSSLESS, folder=tmp_path)
    exporter = config["exporters"]["otlp_grpc/spanledger"]
    queue = exporter["sending_queue"]
    protocols = config["receivers"]["otlp"]["protocols"]
    assert config["extensions"]["file_storage/spanledger"]["fsync"] is True
    assert queue["storage"] == "file_storage/spanledger"
    assert queue["block_on_overflow"] is True
    assert exporter["retry_on_failure"]["max_elapsed_time"] == 0
    assert config["service"]["pipelines"]["traces"].get("processors") is None
    assert protocols["grpc"]["max_recv_msg_size_mib"] * MIB < queue["batch"]["max_size"] < SPANLEDGER_LIMIT
    assert protocols["http"]["max_request_body_size"] < queue["batch"]["max_size"]


def test_overlay_exports_as_lossless_does(tmp_path: Path) -> None:
    """The exporter and the storage of cost-only.yaml are those of lossless.yaml."""
    lossless = resolved(LOSSLESS, folder=tmp_path)
    overlay = resolved(user_config(tmp_path), COST_ONLY, folder=tmp_path, env={"USER_FOLDER": str(tmp_path)})
    for kind, name in (("exporters", "otlp_grpc/spanledger"), ("extensions", "file_storage/spanledger")):
        assert overlay[kind][name] == lossless[kind][name]
