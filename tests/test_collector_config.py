"""What collector-config/ promises, tried out with a real Collector between a sender and a stand-in for spanledger."""

import json
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Self

import grpc
import pytest
from google.protobuf.message import Message
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector import (
    CONFIG_FOLDER,
    COST_ONLY,
    LOSSLESS,
    Collector,
    CollectorProcessError,
    free_endpoint,
    require_collector,
    resolved_config,
    validate,
    wait_until,
)

pytestmark = pytest.mark.collector

MIB = 1 << 20
SPANLEDGER_LIMIT = 64 * MIB  # the largest request that spanledger takes
SCALAR_FIELDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    bytes: "bytes_value",
    str: "string_value",
}
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

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

# One span of every dialect, by what makes it one: (scope, span name, attributes).
GENAI_SPANS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "OpenTelemetry": ("opentelemetry.instrumentation.genai.openai", "chat gpt-5", {"gen_ai.operation.name": "chat"}),
    "Traceloop, old": ("opentelemetry.instrumentation.openai.v1", "openai.chat", {"llm.request.type": "chat"}),
    "Traceloop, workflow": ("opentelemetry.instrumentation.langchain", "w", {"traceloop.workflow.name": "w"}),
    "OpenInference": ("openinference.instrumentation.openai", "ChatCompletion", {"openinference.span.kind": "LLM"}),
    "OpenInference, embedding": ("openinference.instrumentation.x", "e", {"embedding.model_name": "e5"}),
    "OpenInference, reranker": ("openinference.instrumentation.x", "r", {"reranker.model_name": "r1"}),
    "Vercel": ("ai", "ai.generateText.doGenerate", {"ai.usage.promptTokens": 3}),
    "Langfuse": ("langfuse-sdk", "generation", {"langfuse.observation.type": "generation"}),
    "Langfuse, baggage": ("app", "step", {"langfuse_user_id": "u"}),
    "LangSmith": ("langsmith", "ChatOpenAI", {"langsmith.span.kind": "llm"}),
    "LiteLLM": ("litellm", "litellm_request", {"litellm.call_id": "c"}),
    "LiteLLM, attribution": ("litellm", "auth", {"metadata.user_api_key_team_id": "t"}),
    "Pydantic AI, cost": ("pydantic-ai", "chat", {"operation.cost": 0.01}),
    "Google ADK": ("gcp.vertex.agent", "call_llm", {"gcp.vertex.agent.llm_response": "{}"}),
    "OpenAI": ("app", "call", {"openai.response.service_tier": "flex"}),
    "Claude Code, by scope": ("com.anthropic.claude_code.tracing", "llm", {"input_tokens": 5}),
    "Claude Code, by name": ("unknown", "claude_code.llm_request", {"input_tokens": 5}),
    "Codex": ("codex_otel", "turn", {"input_token_count": "5"}),
    "Gemini CLI": ("gemini-cli", "llm_call", {"input_token_count": 5}),
}
CUSTOMER_KEYS = (
    "customer.id",
    "customer_id",
    "tenant.id",
    "tenant_id",
    "app.customer.id",
    "app.tenant.id",
    "user.customer_id",
    "traceloop.association.properties.customer_id",
    "langfuse.trace.metadata.customer_id",
    "langsmith.metadata.customer_id",
    "ai.telemetry.metadata.customer_id",
    "ai.settings.context.customer_id",
    "litellm.metadata.customer_id",
    "metadata.user_api_key_org_id",
)
# Near misses among them: the words elsewhere than at the start of a key, or in a value.
PLAIN_SPANS: dict[str, dict[str, Any]] = {
    "GET /": {"http.request.method": "GET", "url.full": "https://example.com/gen_ai.html?customer.id=7"},
    "SELECT": {"db.system": "postgresql", "db.query.text": "select customer_id from tenant_id\nllm.request.type"},
    "claude_codex": {"email.id": "x", "mail.subject": "ai.", "my.gen_ai.key": 1, "customer.identity": "x"},
    "empty": {},
}


@pytest.fixture(scope="module", autouse=True)
def _collector_is_here() -> None:
    require_collector()


class LedgerStandIn:
    """An OTLP trace service that keeps what it acknowledges, and refuses with UNAVAILABLE as often as it is told to."""

    def __init__(self, *, endpoint: str = "127.0.0.1:0", refusals: int = 0) -> None:
        self._lock = Lock()
        self._refusals_left = refusals
        self._requests: list[ExportTraceServiceRequest] = []
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", SPANLEDGER_LIMIT)]
        )
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        service, method = EXPORT.strip("/").split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port(endpoint)}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    @property
    def refusals_left(self) -> int:
        """Return how often UNAVAILABLE will still be answered."""
        with self._lock:
            return self._refusals_left

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        """Return the acknowledged requests."""
        with self._lock:
            return list(self._requests)

    @property
    def spans(self) -> list[tuple[bytes, bytes, bytes]]:
        """Return the acknowledged spans as spans_of() gives them, repeats included."""
        return [span for request in self.requests for span in spans_of(request)]

    @property
    def names(self) -> list[str]:
        """Return the names of the acknowledged spans."""
        return [Span.FromString(span).name for _, _, span in self.spans]

    def _export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:
        with self._lock:
            refuse = self._refusals_left > 0
            if refuse:
                self._refusals_left -= 1
            else:
                self._requests.append(request)
        if refuse:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return ExportTraceServiceResponse()


@pytest.fixture
def ledger() -> Iterator[LedgerStandIn]:
    """Start a stand-in for spanledger that takes everything."""
    with LedgerStandIn() as stand_in:
        yield stand_in


# ---------------------------------------------------------------- the files themselves
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


# ---------------------------------------------------------------- lossless.yaml
def test_rich_spans_over_grpc_and_http(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Spans with every kind of value arrive once, with resource and scope, equal to the byte."""
    over_grpc = [request_of(rich_span(i) for i in range(batch, batch + 50)) for batch in range(0, 500, 50)]
    over_http = request_of(rich_span(i) for i in range(500, 550))
    with lossless(tmp_path, ledger.endpoint) as collector:
        for request in over_grpc:
            send(collector, request)
        send_http(collector, over_http)
        sent = sorted(span for request in (*over_grpc, over_http) for span in spans_of(request))
        wait_until(lambda: len(ledger.spans) >= len(sent), what="all spans at spanledger")
    assert sorted(ledger.spans) == sent


def test_spans_of_the_real_sdk(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """What an application's SDK exports arrives, every span of it."""
    with lossless(tmp_path, ledger.endpoint) as collector:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(collector.otlp_endpoint, insecure=True)))
        tracer = provider.get_tracer("app")
        for i in range(1000):
            with tracer.start_as_current_span(f"chat {i}", attributes={"gen_ai.usage.input_tokens": i}):
                pass
        provider.shutdown()
        wait_until(lambda: len(ledger.spans) >= 1000, what="all spans at spanledger")
    assert sorted(ledger.names) == sorted(f"chat {i}" for i in range(1000))


def test_requests_near_the_limit(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Requests of 30 MiB, of many spans or one, with others beside them, arrive within spanledger's limit."""
    requests = [
        request_of(genai_span(i, prompt_bytes=MIB) for i in range(30)),
        request_of([genai_span(100, prompt_bytes=30 * MIB)]),
        request_of(genai_span(i, prompt_bytes=10) for i in range(200, 300)),
        request_of([genai_span(300, prompt_bytes=31 * MIB)]),
    ]
    with lossless(tmp_path, ledger.endpoint) as collector:
        with ThreadPoolExecutor() as senders:
            list(senders.map(lambda request: send(collector, request), requests))
        sent = sorted(span for request in requests for span in spans_of(request))
        wait_until(lambda: len(ledger.spans) >= len(sent), what="all spans at spanledger")
    assert sorted(ledger.spans) == sent


def test_spanledger_unavailable_for_a_while(tmp_path: Path) -> None:
    """Everything arrives when spanledger answers UNAVAILABLE twice and then takes it."""
    requests = [request_of([genai_span(i)]) for i in range(20)]
    with LedgerStandIn(refusals=2) as ledger, lossless(tmp_path, ledger.endpoint) as collector:
        for request in requests:
            send(collector, request)
        wait_until(lambda: len(ledger.spans) >= len(requests), what="all spans at spanledger")
        assert ledger.refusals_left == 0
    assert sorted(ledger.spans) == sorted(span for request in requests for span in spans_of(request))


def test_collector_killed_while_spanledger_is_down(tmp_path: Path) -> None:
    """All acknowledged spans arrive after the Collector was killed, twice, and started again on the same folder."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(60)]
    with lossless(tmp_path, endpoint) as collector:
        for request in requests[:30]:
            send(collector, request)
        collector.kill()
        collector.start()
        for request in requests[30:]:
            send(collector, request)
        collector.kill()
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")
            assert set(ledger.spans) == sent


def test_collector_stopped_while_spanledger_is_down(tmp_path: Path) -> None:
    """All acknowledged spans arrive after a Collector that was retrying was shut down in order and started again."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(30)]
    with lossless(tmp_path, endpoint) as collector:
        for request in requests:
            send(collector, request)
        wait_until(lambda: "Will retry the request" in collector.log_text, what="the exporter to retry")
        assert collector.stop() == 0
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")
            assert set(ledger.spans) == sent


def test_queue_full_while_spanledger_is_down(tmp_path: Path) -> None:
    """A full queue answers with a code that senders retry, and what was acknowledged before and after arrives."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i, prompt_bytes=100_000)]) for i in range(100)]
    with lossless(tmp_path, endpoint, env={"SPANLEDGER_QUEUE_BYTES": "2000000"}) as collector:
        taken, refusal = send_until_refused(collector, requests)
        assert taken
        assert refusal in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
        with LedgerStandIn(endpoint=endpoint) as ledger:
            again = requests[len(taken)]
            send(collector, again)
            acknowledged = {span for request in (*taken, again) for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= acknowledged, what="all acknowledged spans at spanledger")


# ---------------------------------------------------------------- cost-only.yaml
@pytest.mark.parametrize("way", ["a line in the user's list", "the gate that appends lists"])
def test_overlay_takes_what_costs_and_leaves_the_rest_alone(way: str, tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Spans of each dialect and customer key arrive and plain ones do not; the user's pipelines stay as they were."""
    request = mixed_request()
    wanted = sorted([*GENAI_SPANS, *CUSTOMER_KEYS])
    with overlay(tmp_path, ledger.endpoint, by_line=way.startswith("a line")) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= len(wanted), what="the spans that cost at spanledger")
        assert answers(collector.health_endpoint), "the user's own extension is still there"
        assert collector.stop() == 0  # flushes the user's exporters
    assert sorted(labels(ledger.requests)) == wanted
    assert sorted(labels(user_requests(tmp_path / "all.jsonl"))) == sorted([*wanted, *PLAIN_SPANS])
    assert labels(user_requests(tmp_path / "sampled.jsonl")) == []


def test_overlay_keeps_spans_whole(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """A span that passes the filter arrives equal to the byte, with its resource and scope."""
    request = request_of(rich_span(i) for i in range(100))
    with overlay(tmp_path, ledger.endpoint) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= 100, what="all spans at spanledger")
    assert sorted(ledger.spans) == sorted(spans_of(request))


def test_overlay_with_a_customer_key_of_ones_own(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Keys given in SPANLEDGER_CUSTOMER_KEYS count beside the usual ones."""
    keys = ("acme.account", "org_id", "customer.id", "acme.accounts", "acmeXaccount")
    request = request_of(make_span(i, name=key, attributes={key: "x"}) for i, key in enumerate(keys))
    env = {"SPANLEDGER_CUSTOMER_KEYS": "acme[.]account|org_id"}
    with overlay(tmp_path, ledger.endpoint, env=env) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= 3, what="the customers' spans at spanledger")
    assert sorted(ledger.names) == ["acme.account", "customer.id", "org_id"]


def test_overlay_with_a_receiver_of_another_name(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """The pipeline reads the receivers that SPANLEDGER_RECEIVERS lists."""
    config = user_config(tmp_path, by_line=True)
    config.write_text(config.read_text().replace("  otlp:", "  otlp/mine:").replace("[otlp]", "[otlp/mine]"))
    env = {"SPANLEDGER_RECEIVERS": "[otlp/mine]", **overlay_env(tmp_path, ledger.endpoint)}
    with Collector(config, COST_ONLY, folder=tmp_path, env=env) as collector:
        send(collector, request_of([genai_span(1)]))
        wait_until(lambda: len(ledger.spans) >= 1, what="the span at spanledger")


def test_overlay_without_its_storage_in_the_users_list(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """A Collector whose service.extensions lacks the queue's storage refuses to start, instead of losing quietly."""
    config = user_config(tmp_path)
    collector = Collector(config, COST_ONLY, folder=tmp_path, env=overlay_env(tmp_path, ledger.endpoint))
    with pytest.raises(CollectorProcessError, match="no storage client extension found"):
        collector.start()


def test_overlay_killed_while_spanledger_is_down(tmp_path: Path) -> None:
    """The overlay's queue survives a kill as the lossless one does."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(30)]
    with overlay(tmp_path, endpoint) as collector:
        for request in requests:
            send(collector, request)
        collector.kill()
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")


# ---------------------------------------------------------------- Collectors
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


# ---------------------------------------------------------------- spans
def spans_of(request: ExportTraceServiceRequest) -> list[tuple[bytes, bytes, bytes]]:
    """Return (resource, scope, span) of every span, serialised, so that they compare to the byte."""
    return [
        (serialised(of_resource.resource), serialised(of_scope.scope), serialised(span))
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def serialised(message: Message) -> bytes:
    """Return the bytes of a message, the same for equal messages."""
    return message.SerializeToString(deterministic=True)


def labels(requests: Sequence[ExportTraceServiceRequest]) -> list[str]:
    """Return the label that mixed_request() gave to each span: the description of its status."""
    return [Span.FromString(span).status.message for request in requests for _, _, span in spans_of(request)]


def user_requests(path: Path) -> list[ExportTraceServiceRequest]:
    """Read what the user's file exporter wrote, as far as labels() needs it."""
    requests = []
    for line in path.read_text().splitlines():
        spans = [
            Span(status=Status(message=span["status"]["message"]))
            for of_resource in json.loads(line)["resourceSpans"]
            for of_scope in of_resource["scopeSpans"]
            for span in of_scope["spans"]
        ]
        requests.append(
            ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
        )
    return requests


def request_of(spans: Any) -> ExportTraceServiceRequest:
    """Return a request with these spans under one resource and scope."""
    scope = InstrumentationScope(name="app", version="1", attributes=[attribute("scope", "s")])
    resource = Resource(attributes=[attribute("service.name", "shop")])
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=resource,
                schema_url="https://opentelemetry.io/schemas/1.40.0",
                scope_spans=[ScopeSpans(scope=scope, spans=spans)],
            )
        ]
    )


def mixed_request() -> ExportTraceServiceRequest:
    """Return GenAI, customers' and plain spans in one request, so that the plain ones had every chance to arrive."""
    labelled = [
        *((scope, label, name, attributes) for label, (scope, name, attributes) in GENAI_SPANS.items()),
        *(("app", key, "step", {key: "c-1"}) for key in CUSTOMER_KEYS),
        *(("app", name, name, attributes) for name, attributes in PLAIN_SPANS.items()),
    ]
    # A customer on the resource does not make a plain span worth keeping.
    resource = Resource(attributes=[attribute("service.name", "shop"), attribute("customer.id", "c-1")])
    scopes = [
        ScopeSpans(
            scope=InstrumentationScope(name=scope),
            spans=[make_span(i, name=name, attributes=attributes, label=label)],
        )
        for i, (scope, label, name, attributes) in enumerate(labelled)
    ]
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)])


def genai_span(number: int, *, prompt_bytes: int = 100) -> Span:
    """Return a span of a model call with a prompt of this length."""
    return make_span(
        number, name="chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.prompt": "p" * prompt_bytes}
    )


def rich_span(number: int) -> Span:
    """Return a span that uses every field of the protocol and every kind of value."""
    span = make_span(
        number,
        name=f"chat {number} ☃",
        attributes={
            "gen_ai.request.model": "gpt-5",
            "int": -(2**62),
            "float": 0.1,
            "bool": False,
            "empty": "",
            "bytes": b"\x00\xff",
            "list": ["a", 1, [2.5]],
            "map": {"k": {"k": "v"}},
        },
    )
    span.parent_span_id = (number + 1).to_bytes(8)
    span.trace_state = "ot=th:8;rv:ffffffffffffff"
    span.flags = 0x301
    span.kind = Span.SPAN_KIND_CLIENT
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    span.events.add(time_unix_nano=5, name="e", attributes=[attribute("k", 1)], dropped_attributes_count=4)
    span.links.add(trace_id=b"t" * 16, span_id=b"l" * 8, trace_state="a=b", attributes=[attribute("k", 2)], flags=0x100)
    return span


def make_span(number: int, *, name: str, attributes: dict[str, Any], label: str = "") -> Span:
    """Return a span whose ids follow from its number."""
    return Span(
        trace_id=(number + 1).to_bytes(16),
        span_id=(number + 1).to_bytes(8),
        name=name,
        start_time_unix_nano=1_800_000_000_000_000_000 + number,
        end_time_unix_nano=1_800_000_001_000_000_000 + number,
        attributes=[attribute(key, value) for key, value in attributes.items()],
        status=Status(message=label, code=Status.STATUS_CODE_ERROR),
    )


def attribute(key: str, value: Any) -> KeyValue:
    """Return an attribute as OTLP writes it."""
    return KeyValue(key=key, value=any_value(value))


def any_value(value: Any) -> AnyValue:
    """Return a value as OTLP writes it."""
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=[attribute(key, item) for key, item in value.items()]))
    return AnyValue(**{SCALAR_FIELDS[type(value)]: value})
