"""The OpenTelemetry Collector as the tests run it: built once, started on free loopback ports, stopped or killed.

It builds the Collector that `collector-config/builder.yaml` lists, and runs it as the process that it is in the field.
It must not know what is sent through it, nor write configurations: those are the shipped files, or a test's own.

    python -m tests.collector           builds the Collector if need be, and prints the path of the binary

The binary is kept in `${XDG_CACHE_HOME:-~/.cache}/spanledger/collector-<hash of builder.yaml>/otelcol`. A folder of
that name is complete: it is renamed into place after the build, under a lock, so two builders give one result.

    CollectorError
    ├── CollectorUnavailableError   no binary, and none could be built: install Go, or see why the build failed
    └── CollectorProcessError       the Collector did not start, or did not stop: read its log in the message
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "collector-config"
BUILD_LIST = CONFIG_FOLDER / "builder.yaml"
LOSSLESS = CONFIG_FOLDER / "lossless.yaml"
COST_ONLY = CONFIG_FOLDER / "cost-only.yaml"

_BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.161.0"
_BUILD_OUTPUT = "otelcol-build"  # `output_path` in builder.yaml, below the folder in which the builder is called
_BUILD_TIMEOUT_S = 1800.0  # minutes on two cores with an empty module cache; more means that it hangs
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 90.0  # above the exporter's 60 s: a request in flight to a server that hangs may be waited for
_READY = "Everything is ready. Begin running and processing data."
_ADDRESS_TAKEN = "address already in use"
_START_ATTEMPTS = 3  # a port found free may be taken before the Collector listens on it


class CollectorError(Exception):
    """Group what can go wrong with the Collector itself."""


class CollectorUnavailableError(CollectorError):
    """Say that there is no Collector on this machine and that it could not be built."""


class CollectorProcessError(CollectorError):
    """Say that a Collector did not start or stop as asked."""


# ---------------------------------------------------------------- the binary
def require_collector() -> Path:
    """Return the Collector's binary, or end the running test: failed where CI=true, skipped elsewhere."""
    try:
        return find_or_build()
    except CollectorUnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def find_or_build() -> Path:
    """Return the Collector's binary, building it first when the cache has none for this builder.yaml.

    Raises:
        CollectorUnavailableError: Go is missing, or the build failed.
    """
    home = _cache_folder() / f"collector-{hashlib.sha256(BUILD_LIST.read_bytes()).hexdigest()[:16]}"
    binary = home / "otelcol"
    if binary.exists():
        return binary
    home.parent.mkdir(parents=True, exist_ok=True)
    with _lock(home.with_suffix(".lock")):
        if not binary.exists():  # another builder may have been first
            _build(into=home)
    return binary


def _cache_folder() -> Path:
    # The XDG specification: an empty variable counts as unset.
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spanledger"


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets go of it with the file, also when this process is killed
        yield


def _build(*, into: Path) -> None:
    if shutil.which("go") is None:
        raise CollectorUnavailableError(
            f"No Collector at {into}, and no `go` on the PATH to build one. "
            "Install Go 1.26 or newer (https://go.dev/dl/), then run `make collector`."
        )
    with tempfile.TemporaryDirectory(dir=into.parent, prefix="building-") as name:
        work = Path(name)
        _run_build_step(["go", "install", _BUILDER], work=work)
        _run_build_step([str(work / "builder"), "--config", str(BUILD_LIST)], work=work)
        finished = work / "finished"
        finished.mkdir()
        (work / _BUILD_OUTPUT / "otelcol").rename(finished / "otelcol")
        finished.rename(into)


def _run_build_step(command: Sequence[str], *, work: Path) -> None:
    # GOBIN keeps the builder out of the developer's own ~/go/bin; everything else of Go stays as the machine has it.
    done = subprocess.run(
        command,
        cwd=work,
        env={**os.environ, "GOBIN": str(work)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise CollectorUnavailableError(
            f"Building the Collector failed: `{' '.join(command)}` ended with {done.returncode}. Its last words:\n"
            f"{done.stdout[-4000:]}\n"
            "It needs the Go module proxy once. Repair that, then run `make collector`."
        )


# ---------------------------------------------------------------- the process
class Collector:
    """A Collector process that listens on free loopback ports and keeps its queue in a given folder.

    A configuration is a file, or a URI that the Collector understands, such as `yaml:service::telemetry::…`. It takes
    what it needs from the environment: OTLP_ENDPOINT, OTLP_HTTP_ENDPOINT and HEALTH_ENDPOINT (host:port, free),
    OTELCOL_METRICS_PORT (free), SPANLEDGER_QUEUE_DIR (below `folder`), and whatever `env` adds or replaces.

    Ports and folder outlive a stop or a kill: `start()` afterwards is the restart of the same Collector.
    """

    def __init__(
        self,
        *configs: Path | str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        feature_gates: Sequence[str] = (),
    ) -> None:
        self._command = [str(find_or_build()), *_arguments(configs, feature_gates)]
        self._folder = folder
        self._env_wanted = dict(env or {})
        self._env = self._environment()
        self._log = folder / "collector.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A test that wants a graceful stop asks for it; leaving must be quick, also when the server hangs.
        self.kill()

    @property
    def otlp_endpoint(self) -> str:
        """Return host:port for OTLP over gRPC."""
        return self._env["OTLP_ENDPOINT"]

    @property
    def otlp_http_endpoint(self) -> str:
        """Return host:port for OTLP over HTTP; traces go to the path /v1/traces."""
        return self._env["OTLP_HTTP_ENDPOINT"]

    @property
    def health_endpoint(self) -> str:
        """Return host:port for a health_check extension, if the configuration has one."""
        return self._env["HEALTH_ENDPOINT"]

    @property
    def metrics_endpoint(self) -> str:
        """Return host:port of the Collector's own metrics, if the configuration exposes them."""
        return f"127.0.0.1:{self._env['OTELCOL_METRICS_PORT']}"

    @property
    def queue_folder(self) -> Path:
        """Return the folder in which the sending queue is kept."""
        return Path(self._env["SPANLEDGER_QUEUE_DIR"])

    @property
    def running(self) -> bool:
        """Say whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_text(self) -> str:
        """Return everything the Collector has logged, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Start the process and return when every pipeline is ready.

        Raises:
            CollectorProcessError: it ended, or was not ready in time; the message has its log.
        """
        assert not self.running, "the Collector is running already"
        first_start = self._process is None
        for attempt in range(1, _START_ATTEMPTS + 1):
            log = self._start_once()
            if log is None:
                return
            # A Collector that had its ports before must get the same ones: its senders know them.
            if not first_start or _ADDRESS_TAKEN not in log or attempt == _START_ATTEMPTS:
                raise CollectorProcessError(f"The Collector did not start. `{' '.join(self._command)}` logged:\n{log}")
            self._env = self._environment()

    def stop(self) -> int:
        """Ask the process to end (SIGTERM), wait for it, and return its exit code.

        Raises:
            CollectorProcessError: it did not end in time; it has been killed.
        """
        assert self._process is not None, "the Collector was never started"
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise CollectorProcessError(
                f"The Collector did not end within {_STOP_TIMEOUT_S} s of SIGTERM. It logged:\n{self.log_text}"
            ) from error

    def kill(self) -> None:
        """End the process at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _environment(self) -> dict[str, str]:
        return {**_fresh_environment(self._folder), **self._env_wanted}

    def _start_once(self) -> str | None:
        """Start the process; return None when it is ready, or what it logged when it is not going to be."""
        position = len(self.log_text)
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self._env}
            )
        self._process = process
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            ended = process.poll() is not None  # before the log is read, so that its last lines are in it
            text = self.log_text[position:]
            if ended:
                return text
            if _READY in text:
                return None
            time.sleep(0.02)
        self.kill()
        return self.log_text[position:]


def validate(*configs: Path | str, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Return what the Collector has against these configurations; empty when they are valid."""
    return _ask("validate", configs, folder=folder, env=env or {})


def resolved_config(
    *configs: Path | str, folder: Path, env: Mapping[str, str] | None = None, feature_gates: Sequence[str] = ()
) -> str:
    """Return the configuration that the Collector would run with, merged and with all defaults, as JSON."""
    return _ask(
        "print-config", configs, folder=folder, env=env or {}, feature_gates=feature_gates, flags=("--format=json",)
    )


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    """Poll until the condition holds, and fail with `what` was awaited when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {timeout_s} s in vain: {what}.")
        time.sleep(0.02)


def free_endpoint() -> str:
    """Return host:port of a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _ask(
    command: str,
    configs: Sequence[Path | str],
    *,
    folder: Path,
    env: Mapping[str, str],
    feature_gates: Sequence[str] = (),
    flags: Sequence[str] = (),
) -> str:
    done = subprocess.run(
        [str(find_or_build()), command, *flags, *_arguments(configs, feature_gates)],
        env={**os.environ, **_fresh_environment(folder), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_START_TIMEOUT_S,
        check=False,
    )
    return done.stdout


def _arguments(configs: Sequence[Path | str], feature_gates: Sequence[str]) -> list[str]:
    gates = [f"--feature-gates={','.join(feature_gates)}"] if feature_gates else []
    return [*gates, *(f"--config={config}" for config in configs)]


def _fresh_environment(folder: Path) -> dict[str, str]:
    return {
        "OTLP_ENDPOINT": free_endpoint(),
        "OTLP_HTTP_ENDPOINT": free_endpoint(),
        "HEALTH_ENDPOINT": free_endpoint(),
        "OTELCOL_METRICS_PORT": free_endpoint().rpartition(":")[2],
        "SPANLEDGER_QUEUE_DIR": str(folder / "queue"),
    }


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except CollectorUnavailableError as error:
        sys.exit(str(error))
