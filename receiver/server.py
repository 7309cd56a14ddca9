"""The gRPC server: OTLP `TraceService/Export`, raw bytes in, an answer only when they are durable.

One request's path: bytes → split → journal → (fdatasync) → offer to the trace path → answer. Whatever is raised on the
way is caught here, at the outermost layer, and answered by `status`; nothing escapes into gRPC, which would answer
UNKNOWN and make a Collector drop the data. Success is always full success: `partial_success` is never used, because
OTLP forbids a client to send such spans again.

All requests are handled by one thread with an event loop: one that waits for the disk costs neither a thread nor a
struggle for the interpreter, so as many as are sent share one fdatasync. Only what would hold up the others, a large
request, is split by a worker.

Never set `maximum_concurrent_rpcs`: gRPC then answers RESOURCE_EXHAUSTED without RetryInfo, which means drop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from ledger.errors import AddressError
from receiver.errors import MalformedRequestError, OverloadedError, ReceiveError
from receiver.journal import Journal
from receiver.split import Split, Splitter
from receiver.status import answer_for
from receiver.strip import LARGE_SPAN_BYTES, strip_large_spans
from receiver.tls import server_credentials
from receiver.tls_files import TlsFiles

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
REQUEST_BYTES_MAX: Final = 64 * 2**20
# What waits is held in memory, twice at times; beyond that the senders' queues hold it.
IN_FLIGHT_BYTES_MAX: Final = 128 * 2**20
# Splitting takes 0.2 ms here, stripping message content at worst 5 ms: the others can wait so long.
SPLIT_AT_ONCE_BYTES_MAX: Final = 2**20
_WORKERS: Final = 2
_SUCCESS: Final = b""  # an empty ExportTraceServiceResponse: full success
_Result = TypeVar("_Result")
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.so_reuseport", 0),  # two receivers on one port would each get half of the spans
)


class TracePath(Protocol):
    """Where whole requests are offered for sampling; must never wait nor raise."""

    def offer(self, request: bytes) -> None:
        """Take the request, or drop it and count that."""


@dataclass(slots=True)
class ReceiverCounters:
    """What the receiver did since it started."""

    requests: int = 0
    spans_received: int = 0
    spans_kept: int = 0
    refused: int = 0
    malformed: int = 0


class Receiver:
    """The OTLP server. `start`, then `stop`; the journal is the caller's to close afterwards."""

    def __init__(
        self,
        *,
        listen: str,
        journal: Journal,
        splitter: Splitter,
        trace_path: TracePath | None,
        strip_all: bool = False,
        on_error: Callable[[BaseException], None] = lambda _error: None,
        admit: Callable[[], None] = lambda: None,
        tls: TlsFiles | None = None,
        inspect: Callable[[bytes], None] = lambda _payload: None,
    ) -> None:
        """Take the address; nothing is answered yet.

        Raises:
            AddressError: it cannot be listened on.
            TlsFilesError: the TLS files cannot be used.
        """
        self.counters = ReceiverCounters()
        self._durability = _Durability(journal)
        self._splitter = splitter
        self._trace_path = trace_path
        self._strip_above_bytes = 0 if strip_all else LARGE_SPAN_BYTES
        self._on_error = on_error
        self._admit = admit
        self._inspect = inspect
        self._in_flight_bytes = 0
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="split")
        self._loop = _LoopThread()
        try:
            self._server, self.port = self._loop.run(self._listen(listen, tls))
        except BaseException:
            self._loop.end()
            raise

    def start(self) -> None:
        """Begin to answer."""
        self._loop.run(self._server.start())

    def stop(self, *, grace_s: float) -> None:
        """Take no new requests, finish and answer those under way, then stop. Safe to call twice."""
        if self._loop.is_running:
            self._loop.run(self._server.stop(grace_s))
            self._workers.shutdown()
            self._loop.end()

    async def _listen(self, address: str, tls: TlsFiles | None) -> tuple[Any, int]:
        server = grpc.aio.server(options=_OPTIONS)
        export = grpc.unary_unary_rpc_method_handler(self._export)  # no deserialiser: the handler gets bytes
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: export}),))
        credentials = None if tls is None else server_credentials(tls)
        try:
            if credentials is not None:
                return server, server.add_secure_port(address, credentials)
            return server, server.add_insecure_port(address)
        except RuntimeError as refused:
            raise AddressError(
                f"cannot listen on {address}: is another program there already?",
                hint="Choose another address: setting otlp_listen, host:port.",
            ) from refused

    async def _export(self, request: bytes, context: Any) -> bytes:
        try:
            await self._accept(request)
        except Exception as error:  # noqa: BLE001 - the outermost layer: whatever it was, the sender gets an answer
            self._count_refusal(error)
            answer = answer_for(error)
            context.set_trailing_metadata(answer.trailing_metadata)
            context.set_code(answer.code)
            context.set_details(answer.message)
        return _SUCCESS

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the requests under way."""
        return self._in_flight_bytes

    async def _accept(self, request: bytes) -> None:
        self._admit()
        self._enter(len(request))
        try:
            split = await self._split(request)
            await self._durability.of(split)
        finally:
            self._in_flight_bytes -= len(request)
        self.counters.requests += 1
        self.counters.spans_received += split.received
        self.counters.spans_kept += split.kept
        self._inspect(split.payload)
        if self._trace_path is not None:
            self._offer(request)

    def _enter(self, request_bytes: int) -> None:
        # One request always fits, however large; beyond that the sender's queue holds the rest.
        if self._in_flight_bytes and self._in_flight_bytes + request_bytes > IN_FLIGHT_BYTES_MAX:
            raise OverloadedError(f"{self._in_flight_bytes} bytes are in flight; send it again")
        self._in_flight_bytes += request_bytes

    async def _split(self, request: bytes) -> Split:
        if len(request) <= SPLIT_AT_ONCE_BYTES_MAX:
            return self._split_and_strip(request)
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._split_and_strip, request)

    def _split_and_strip(self, request: bytes) -> Split:
        try:
            split = self._splitter.split(request)
        except DecodeError as malformed:
            raise MalformedRequestError(
                f"not an OTLP ExportTraceServiceRequest ({len(request)} bytes): {malformed}"
            ) from malformed
        payload = strip_large_spans(split.payload, above_bytes=self._strip_above_bytes)
        return Split(received=split.received, kept=split.kept, payload=payload)

    def _offer(self, request: bytes) -> None:
        assert self._trace_path is not None
        try:
            self._trace_path.offer(request)
        except Exception as error:  # noqa: BLE001 - the request is durable: the trace path must not fail it now
            with contextlib.suppress(Exception):
                self._on_error(error)

    def _count_refusal(self, error: Exception) -> None:
        if isinstance(error, MalformedRequestError):
            self.counters.malformed += 1
        else:
            self.counters.refused += 1
        # Whoever is told may fail too, such as a log on a full disk: the sender must not get that for an answer.
        with contextlib.suppress(Exception):
            self._on_error(error)


class _Durability:
    """Awaits the journal. Its thread tells of many requests at once; the loop is woken once for all of them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._settled: deque[tuple[asyncio.Future[None], ReceiveError | None]] = deque()

    async def of(self, split: Split) -> None:
        """Return when it is durable, or raise what the journal says."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def settle(error: ReceiveError | None) -> None:
            self._settled.append((future, error))
            # More than one: the loop has been woken for the first and will find this one too.
            if len(self._settled) == 1:
                with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                    loop.call_soon_threadsafe(self._settle)

        self._journal.submit(received=split.received, kept=split.kept, payload=split.payload, settle=settle)
        await future

    def _settle(self) -> None:
        while self._settled:
            future, error = self._settled.popleft()
            if future.done():  # its sender has gone
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


class _LoopThread:
    """A thread with an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="otlp", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not been ended."""
        return not self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run it there; return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def end(self) -> None:
        """End loop and thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
