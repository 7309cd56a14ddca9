"""The receiver as a process: lock, journal, server, and a clean stop.

A stop (SIGTERM, SIGINT) takes no new requests, finishes and answers those under way, ends the journal, and only then
lets the lock go.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from typing import Final

import structlog

from ledger.filesystem import Filesystem, LocalFilesystem
from ledger.lock import ProcessLock
from receiver.candidates import splitter_for
from receiver.config import ReceiverConfig
from receiver.errors import MalformedRequestError
from receiver.journal import Journal
from receiver.sampled_before import SampledBefore
from receiver.server import Receiver
from receiver.stopping import stop_on_signals
from receiver.trace_path.forwarder import TraceForwarder
from receiver.watch import Watch

_log = structlog.get_logger("receiver")
SWITCH_INTERVAL_S: Final = 0.001


def run_receiver(
    config: ReceiverConfig,
    *,
    filesystem: Filesystem | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Receive until told to stop.

    Raises:
        LedgerInUseError: another receiver has this data directory.
        OSError: the address cannot be listened on, or the data directory cannot be written.
    """
    stopping = stop or stop_on_signals()
    # The journal's thread waits for the interpreter after each fdatasync; at the default of 5 ms that wait could be
    # most of an acknowledgement's time. Shorter than this, switching costs more than it saves.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with ProcessLock(config.data.receiver_lock, what="data directory"):
        files = filesystem or LocalFilesystem()
        journal = Journal(config.data.journal, filesystem=files)
        forwarder = _forwarder(config)
        sampled_before = SampledBefore()
        watch = Watch(
            config.data,
            journal=journal,
            filesystem=files,
            figures=lambda: _figures(receiver, forwarder, sampled_before),
        )
        try:
            receiver = Receiver(
                listen=config.listen,
                journal=journal,
                splitter=splitter_for(config.customer_attributes),
                trace_path=forwarder,
                strip_all=config.strip_before_journal,
                on_error=_report,
                admit=watch.admit,
                tls=config.tls,
                inspect=sampled_before.look,
            )
            watch.start()
            receiver.start()
            _log.info("receiving", listen=config.listen, port=receiver.port, data_dir=str(config.data.root))
            stopping.wait()
            _log.info("stopping", reason="told to")
            receiver.stop(grace_s=config.stop_grace_s)
        finally:
            watch.stop()
            journal.close()
            if forwarder is not None:
                forwarder.close(timeout_s=2.0)
        _log.info("stopped", requests=receiver.counters.requests, spans=receiver.counters.spans_received)


def _forwarder(config: ReceiverConfig) -> TraceForwarder | None:
    if config.trace_path is None:
        return None
    forwarder = TraceForwarder(
        backend=config.trace_path.backend,
        ratio=config.trace_path.ratio,
        keep_rules=config.trace_path.keep_rules,
        customer_attributes=config.customer_attributes,
    )
    forwarder.start()
    return forwarder


def _figures(receiver: Receiver, forwarder: TraceForwarder | None, sampled_before: SampledBefore) -> dict[str, float]:
    """Return what the status says in numbers."""
    counted = dataclasses.asdict(receiver.counters)
    trace_path = {} if forwarder is None else dataclasses.asdict(forwarder.counters())
    return {
        **counted,
        "in_flight_bytes": receiver.in_flight_bytes,
        **sampled_before.figures(),
        **{f"trace_{name}": value for name, value in trace_path.items() if isinstance(value, int)},
    }


def _report(error: BaseException) -> None:
    if isinstance(error, MalformedRequestError):
        _log.warning("refused for good", error=str(error))
    else:
        _log.error("refused, to be sent again", error=str(error), kind=type(error).__name__)
