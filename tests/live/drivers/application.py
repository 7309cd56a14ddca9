"""What every application here does: sets up telemetry as documentation tells it to, and runs its scenarios in turn.

    python with_SDK.py [--api NAME] [--instrumentation NAME …] --scenario NAME [--scenario NAME …]

The environment says where the receiver is (OTEL_EXPORTER_OTLP_ENDPOINT), who this is (OTEL_SERVICE_NAME), where a
model server at a local address is (LOCAL_PROVIDER), and into which file to report (LIVE_REPORT): one line of JSON per
scenario, what happened, and how many spans were handed to the exporter so far. Each scenario is a request of its own
to the application, with a span around it, as a web framework's instrumentation makes one.

Must not: import anything of the project: this runs in environments that do not have it.
"""

import argparse
import importlib
import json
import os
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# Name → the class that instruments. `own` is a framework's own telemetry: its driver turns it on.
INSTRUMENTORS = {
    "official-openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    "official-openai-v2": "opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",
    "official-anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    "official-google-genai": "opentelemetry.instrumentation.google_genai:GoogleGenAiSdkInstrumentor",
    "official-langchain": "opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",
    "official-llama-index": "opentelemetry.instrumentation.genai.llama_index:LlamaIndexInstrumentor",
    "official-openai-agents": "opentelemetry.instrumentation.genai.openai_agents:OpenAIAgentsInstrumentor",
    "openinference-openai": "openinference.instrumentation.openai:OpenAIInstrumentor",
    "openinference-anthropic": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    "openinference-google-genai": "openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
    "openinference-langchain": "openinference.instrumentation.langchain:LangChainInstrumentor",
    "openinference-litellm": "openinference.instrumentation.litellm:LiteLLMInstrumentor",
    "openinference-llama-index": "openinference.instrumentation.llama_index:LlamaIndexInstrumentor",
    "openinference-openai-agents": "openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor",
    "openllmetry-openai": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    "openllmetry-anthropic": "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    "openllmetry-google": "opentelemetry.instrumentation.google_generativeai:GoogleGenerativeAiInstrumentor",
    "openllmetry-langchain": "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
    "openllmetry-litellm": "opentelemetry.instrumentation.litellm:LiteLLMInstrumentor",
    "openllmetry-llama-index": "opentelemetry.instrumentation.llamaindex:LlamaIndexInstrumentor",
    "openllmetry-openai-agents": "opentelemetry.instrumentation.openai_agents:OpenAIAgentsInstrumentor",
}
# The same, for one that is no instrumentor but changes spans as they end.
PROCESSORS = {
    "openinference-pydantic-ai": "openinference.instrumentation.pydantic_ai:OpenInferenceSpanProcessor",
}
LOCAL_PROVIDER = os.environ["LOCAL_PROVIDER"]


class _Payer(SpanProcessor):
    """Puts who pays onto every span, as one does with baggage; counts the spans that end."""

    def __init__(self) -> None:
        self.customer = ""
        self.ended = 0

    def on_start(self, span, parent_context=None) -> None:  # noqa: ARG002 - the SDK calls it so
        span.set_attribute("customer.id", self.customer)

    def on_end(self, span) -> None:
        self.ended += span.context.trace_flags.sampled


class Application:
    """Telemetry, set up before the SDK is imported, since some instrumentations ask for that."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--api", choices=("openai", "anthropic", "gemini"), help="whose, where there is a choice")
        parser.add_argument("--instrumentation", action="append", default=[])
        parser.add_argument("--scenario", action="append", default=[])
        asked = parser.parse_args()
        self.api = asked.api
        self.instrumentations = asked.instrumentation
        self._scenarios = asked.scenario
        self._payer = _Payer()
        self.provider = TracerProvider()
        self.provider.add_span_processor(self._payer)
        for name in self.instrumentations:
            if name in PROCESSORS:
                self.provider.add_span_processor(_load(PROCESSORS[name])())
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
        trace.set_tracer_provider(self.provider)
        for name in self.instrumentations:
            if name in INSTRUMENTORS:
                # Without the second, an SDK that is too new for it is left alone in silence.
                _load(INSTRUMENTORS[name])().instrument(tracer_provider=self.provider, raise_exception_on_conflict=True)

    def run(self, scenarios: Mapping[str, Callable[[], object]], *, settle_s: float = 0) -> None:
        """Run those that were asked for; a scenario that is not here is said to be missing.

        `settle_s` is how long the request goes on after its call, for SDKs that tell spans from threads of their own.
        """
        tracer = self.provider.get_tracer("rivers")
        for name in self._scenarios:
            self._payer.customer = name
            with tracer.start_as_current_span("GET /rivers", kind=trace.SpanKind.SERVER):
                report = {"scenario": name, **_outcome(scenarios.get(name))}
                time.sleep(settle_s)
            self.provider.force_flush()
            with Path(os.environ["LIVE_REPORT"]).open("a", encoding="utf-8") as file:
                file.write(json.dumps({**report, "spans": self._payer.ended}) + "\n")
        self.provider.shutdown()


def _outcome(scenario: Callable[[], object] | None) -> dict[str, object]:
    if scenario is None:
        return {"outcome": "missing"}
    try:
        scenario()
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises is what happened
        traceback.print_exc()
        return {"outcome": "raised", "error": f"{type(error).__name__}: {error}"[:300]}
    return {"outcome": "done"}


def _load(path: str) -> type:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def prompt(scenario: str) -> str:
    """Return what is said to the model: the provider is told the scenario by it."""
    return f"Name a river. (scenario={scenario})"


def use_up(stream) -> None:
    """Read a stream to its end."""
    for _ in stream:
        pass
