"""The combinations: which application, instrumented by what, asked for which scenarios. A table.

The short ones are run in CI: they install in seconds and stand for the big families of instrumentations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.live.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Sdk:
    """An SDK or framework, and the driver that is written with it."""

    name: str
    driver: str
    packages: tuple[str, ...]
    """What it takes, the SDK or framework first."""
    scenarios: dict[str, tuple[Scenario, ...]]
    """Whose API it calls (openai, anthropic, gemini) → what the driver can ask for there."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the packages that the matrix names: not what any application has."""
        return tuple(one for one in self.packages if not one.startswith(("zod", "undici", "@opentelemetry/")))


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """What tells the spans, and how it is turned on."""

    name: str
    packages: tuple[str, ...] = ()
    """None where the framework does it itself."""
    instruments: tuple[str, ...] = ()
    """The names by which the driver turns it on."""
    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables that it reads."""
    apis: tuple[str, ...] = ("openai", "anthropic", "gemini")
    """Whose APIs it sees when they are called."""


@dataclass(frozen=True, slots=True)
class Combination:
    """One application as somebody may have it, on one provider's API."""

    sdk: Sdk
    api: str
    instrumentation: Instrumentation

    @property
    def name(self) -> str:
        """Return its name, which is its service.name too."""
        on = "" if len(self.sdk.scenarios) == 1 else f".{self.api}"
        return f"{self.sdk.name}{on}+{self.instrumentation.name}"

    @property
    def packages(self) -> tuple[str, ...]:
        """Return all that is installed for it."""
        return self.sdk.packages + self.instrumentation.packages

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return what is asked for."""
        return self.sdk.scenarios[self.api]

    @property
    def short(self) -> bool:
        """Say whether CI runs it."""
        return self.name in _SHORT


def _all_but(*left_out: Scenario) -> tuple[Scenario, ...]:
    return tuple(one for one in Scenario if one not in left_out)


def _both(name: str, *parts: Instrumentation, apis: tuple[str, ...] = ("openai", "anthropic")) -> Instrumentation:
    """Return instrumentations that are on at the same time: each call is told twice or more, and costs once."""
    return Instrumentation(
        name,
        tuple(dict.fromkeys(package for part in parts for package in part.packages)),
        tuple(instrument for part in parts for instrument in part.instruments),
        {name: value for part in parts for name, value in part.settings.items()},
        apis=apis,
    )


# ---------------------------------------------------------------- what can be asked for
_OPENAI: Final = _all_but(Scenario.CACHED_1H, Scenario.SEARCH)
_ANTHROPIC: Final = _all_but(
    Scenario.STREAM_NO_USAGE, Scenario.TIER, Scenario.EMBEDDINGS, Scenario.RESPONSES, Scenario.RESPONSES_STREAM
)
_GEMINI: Final = (
    Scenario.PLAIN, Scenario.STREAM, Scenario.CACHED, Scenario.TOOLS, Scenario.THINKING, Scenario.SEARCH,
    Scenario.ERROR, Scenario.EMBEDDINGS, Scenario.LOCAL,
)  # fmt: skip


def _of(scenarios: tuple[Scenario, ...], *left_out: Scenario) -> tuple[Scenario, ...]:
    return tuple(one for one in scenarios if one not in left_out)


# Frameworks have no helper of the SDK's.
_HELPER: Final = Scenario.STREAM_HELPER
_OPENAI_SDK: Final = Sdk("openai", "with_openai.py", ("openai",), {"openai": _OPENAI})
_ANTHROPIC_SDK: Final = Sdk("anthropic", "with_anthropic.py", ("anthropic",), {"anthropic": _ANTHROPIC})
_GEMINI_SDK: Final = Sdk("google-genai", "with_google_genai.py", ("google-genai",), {"gemini": _GEMINI})
_LANGCHAIN: Final = Sdk(
    "langchain",
    "with_langchain.py",
    ("langchain", "langchain-openai", "langchain-anthropic"),
    {"openai": _of(_OPENAI, _HELPER), "anthropic": _of(_ANTHROPIC, _HELPER)},
)
_LITELLM: Final = Sdk(
    "litellm",
    "with_litellm.py",
    ("litellm",),
    {
        "openai": _of(_OPENAI, _HELPER),
        "anthropic": _of(_ANTHROPIC, _HELPER),
        "gemini": _of(_GEMINI, Scenario.EMBEDDINGS, Scenario.LOCAL),
    },
)
_PYDANTIC_AI: Final = Sdk(
    "pydantic-ai",
    "with_pydantic_ai.py",
    ("pydantic-ai-slim[openai,anthropic,google]",),
    {
        "openai": _of(_OPENAI, _HELPER, Scenario.STREAM_NO_USAGE, Scenario.EMBEDDINGS),
        "anthropic": _of(_ANTHROPIC, _HELPER),
        "gemini": _of(_GEMINI, Scenario.EMBEDDINGS),
    },
)
_AGENTS: Final = Sdk(
    "openai-agents",
    "with_openai_agents.py",
    ("openai-agents",),
    {"openai": _of(_OPENAI, _HELPER, Scenario.STREAM_NO_USAGE, Scenario.EMBEDDINGS)},
)
_LLAMA_INDEX: Final = Sdk(
    "llama-index",
    "with_llama_index.py",
    ("llama-index-core", "llama-index-llms-openai", "llama-index-llms-anthropic", "llama-index-embeddings-openai"),
    {"openai": _of(_OPENAI, _HELPER), "anthropic": _of(_ANTHROPIC, _HELPER, Scenario.SEARCH)},
)


def _ai_sdk(major: int, *, providers: int, zod: int) -> Sdk:
    """Return the Vercel AI SDK of a version, with the versions of its providers that belong to it."""
    packages = (f"ai@{major}", *(f"@ai-sdk/{one}@{providers}" for one in ("openai", "anthropic", "google")))
    telemetry = ("api", "resources", "sdk-trace-node", "exporter-trace-otlp-grpc")
    return Sdk(
        f"ai-{major}",
        "with_ai_sdk.mjs",
        (*packages, f"zod@{zod}", "undici@7", *(f"@opentelemetry/{one}" for one in telemetry)),
        {
            "openai": _of(_OPENAI, _HELPER, Scenario.STREAM_NO_USAGE),
            "anthropic": _of(_ANTHROPIC, _HELPER),
            "gemini": _of(_GEMINI, Scenario.EMBEDDINGS),
        },
    )


# ---------------------------------------------------------------- what tells the spans
def _official(of: str, *, package: str | None = None) -> Instrumentation:
    # The extra asks for the newest SDK that it can instrument, which may not be the newest.
    return Instrumentation(
        "official", (f"opentelemetry-instrumentation-{package or f'genai-{of}'}[instruments]",), (f"official-{of}",)
    )


def _openinference(of: str) -> Instrumentation:
    return Instrumentation("openinference", (f"openinference-instrumentation-{of}",), (f"openinference-{of}",))


def _openllmetry(of: str, *, package: str | None = None) -> Instrumentation:
    return Instrumentation("openllmetry", (f"opentelemetry-instrumentation-{package or of}",), (f"openllmetry-{of}",))


_ITSELF: Final = Instrumentation("itself", instruments=("own",), settings={"LITELLM_LOCAL_MODEL_COST_MAP": "True"})
# It is deprecated, and was written for SDKs that speak through httpx.
_OPENAI_V2: Final = Instrumentation(
    "official-v2",
    ("opentelemetry-instrumentation-openai-v2", "opentelemetry-util-genai<1", "openai<3"),
    ("official-openai-v2",),
)

_LITELLM_OWN_SPAN: Final = Instrumentation(
    "itself-own-span", instruments=("own",), settings={**_ITSELF.settings, "USE_OTEL_LITELLM_REQUEST_SPAN": "true"}
)
_LITELLM_V2: Final = Instrumentation(
    "itself-v2", instruments=("own-v2",), settings={**_ITSELF.settings, "LITELLM_OTEL_V2": "true"}
)
_AI_SDK_OTEL: Final = Instrumentation("itself", ("@ai-sdk/otel@1",))

# Application → what it is instrumented with. Each is run on every API that the application calls.
_INSTRUMENTED: Final = (
    (_OPENAI_SDK, (
        _official("openai"), _OPENAI_V2, _openinference("openai"), _openllmetry("openai"),
    )),
    (_ANTHROPIC_SDK, (
        _ITSELF, _official("anthropic"), _openinference("anthropic"), _openllmetry("anthropic"),
    )),
    (_GEMINI_SDK, (
        _official("google-genai", package="google-genai"), _openinference("google-genai"),
        _openllmetry("google", package="google-generativeai"),
    )),
    (_LANGCHAIN, (
        _official("langchain"), _openinference("langchain"), _openllmetry("langchain"),
        _both("official-twice", _official("langchain"), _official("openai"), _official("anthropic")),
        _both("openinference-twice", _openinference("langchain"), _openinference("openai"),
              _openinference("anthropic")),
        _both("openllmetry-twice", _openllmetry("langchain"), _openllmetry("openai"), _openllmetry("anthropic")),
    )),
    (_LITELLM, (
        _ITSELF,
        _LITELLM_OWN_SPAN, _LITELLM_V2,
        _openinference("litellm"), _openllmetry("litellm"),
        _both("itself-and-official", _ITSELF, _official("openai"), apis=("openai",)),
    )),
    (_PYDANTIC_AI, (
        _ITSELF, _openinference("pydantic-ai"),
        _both("itself-and-official", _ITSELF, _official("openai"), _official("anthropic")),
        _both("itself-and-openllmetry", _ITSELF, _openllmetry("openai"), _openllmetry("anthropic")),
    )),
    (_AGENTS, (
        _official("openai-agents"), _openinference("openai-agents"), _openllmetry("openai-agents"),
        _both("official-twice", _official("openai-agents"), _official("openai")),
        _both("openinference-twice", _openinference("openai-agents"), _openinference("openai")),
    )),
    (_LLAMA_INDEX, (
        _official("llama-index"), _openinference("llama-index"), _openllmetry("llama-index", package="llamaindex"),
        _both("official-twice", _official("llama-index"), _official("openai"), _official("anthropic")),
    )),
    (_ai_sdk(4, providers=1, zod=3), (_ITSELF,)),
    (_ai_sdk(5, providers=2, zod=4), (_ITSELF,)),
    (_ai_sdk(6, providers=3, zod=4), (_ITSELF,)),
    (_ai_sdk(7, providers=4, zod=4), (_AI_SDK_OTEL,)),
)  # fmt: skip
_SHORT: Final = frozenset({
    "openai+official", "openai+openinference", "openai+openllmetry", "anthropic+official", "anthropic+openllmetry",
    "langchain.openai+official-twice", "pydantic-ai.openai+itself-and-official",
})  # fmt: skip


def _combinations() -> Iterator[Combination]:
    for sdk, instrumentations in _INSTRUMENTED:
        for instrumentation in instrumentations:
            for api in sdk.scenarios:
                if api in instrumentation.apis:
                    yield Combination(sdk, api, instrumentation)


COMBINATIONS: Final = tuple(_combinations())
