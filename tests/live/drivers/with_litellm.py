"""An application of LiteLLM, on OpenAI, Anthropic or Gemini.

`own` turns on its own telemetry, `own-v2` the second generation of it.
"""

import asyncio

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

import litellm  # after the instrumentation

if "own" in application.instrumentations:
    litellm.callbacks = ["otel"]
ASYNCHRONOUS = "own-v2" in application.instrumentations  # it tells of no other calls
if ASYNCHRONOUS:
    from litellm.integrations.otel.logger import OpenTelemetryV2

    litellm.callbacks = [OpenTelemetryV2(callback_name="otel", tracer_provider=application.provider)]
litellm.disable_aiohttp_transport = True  # which knows no HTTPS_PROXY
MODELS = {
    "openai": "openai/gpt-4o-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}
KEYS = {"openai": "sk-live", "anthropic": "sk-ant-live", "gemini": "live"}
LOCAL = {"openai": f"{LOCAL_PROVIDER}/v1", "anthropic": LOCAL_PROVIDER, "gemini": None}
TOOL = {
    "type": "function",
    "function": {
        "name": "length_km",
        "parameters": {"type": "object", "properties": {"river": {"type": "string"}}},
    },
}


def call(name: str, **request):
    """Call one of LiteLLM's functions, or its asynchronous twin; return its answer, or the parts of it."""
    if not ASYNCHRONOUS:
        return getattr(litellm, name)(**request)

    async def run():
        answer = await getattr(litellm, f"a{name}")(**request)
        parts = [part async for part in answer] if request.get("stream") else answer
        await asyncio.sleep(0.5)  # while it tells its spans, the loop must run
        return parts

    return asyncio.run(run())


def ask(scenario: str, *, model: str | None = None, messages: list | None = None, **more):
    return call(
        "completion",
        model=model or MODELS[application.api],
        api_key=KEYS[application.api],
        messages=messages or [{"role": "user", "content": prompt(scenario)}],
        num_retries=0,
        max_retries=0,
        **more,
    )


def instructed(scenario: str, **control: str) -> list:
    text = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", **control}}
    return [{"role": "system", "content": [text]}, {"role": "user", "content": prompt(scenario)}]


def tools() -> None:
    first = ask("tools", tools=[TOOL]).choices[0].message
    answer = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "742"}
    ask(
        "tools",
        tools=[TOOL],
        messages=[{"role": "user", "content": prompt("tools")}, first.model_dump(exclude_none=True), answer],
    )


def refused() -> None:
    try:
        ask("error")
    except litellm.RateLimitError:
        return
    raise AssertionError("The provider refuses this.")


EVERYWHERE = {
    "plain": lambda: ask("plain"),
    "stream": lambda: use_up(ask("stream", stream=True, stream_options={"include_usage": True})),
    "tools": tools,
    "error": refused,
    "local": lambda: ask("local", api_base=LOCAL[application.api]),
}
ON_OPENAI = EVERYWHERE | {
    "stream_no_usage": lambda: use_up(ask("stream_no_usage", stream=True)),
    "cached": lambda: ask("cached"),
    "thinking": lambda: ask("thinking", model="openai/gpt-5-mini"),
    "tier": lambda: ask("tier", model="openai/gpt-5-mini", service_tier="flex"),
    "embeddings": lambda: call(
        "embedding", model="openai/text-embedding-3-small", input=[prompt("embeddings")], api_key="sk-live"
    ),
    "responses": lambda: call("responses", model="openai/gpt-5-mini", input=prompt("responses"), api_key="sk-live"),
    "responses_stream": lambda: use_up(
        call("responses", model="openai/gpt-5-mini", input=prompt("responses_stream"), api_key="sk-live", stream=True)
    ),
}
ON_ANTHROPIC = EVERYWHERE | {
    "cached": lambda: ask("cached", messages=instructed("cached")),
    "cached_1h": lambda: ask("cached_1h", messages=instructed("cached_1h", ttl="1h")),
    "thinking": lambda: ask("thinking", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2048),
    "search": lambda: ask("search", tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]),
}
ON_GEMINI = EVERYWHERE | {
    "cached": lambda: ask("cached"),
    "thinking": lambda: ask("thinking"),
    "search": lambda: ask("search", tools=[{"googleSearch": {}}]),
}
application.run(
    {"openai": ON_OPENAI, "anthropic": ON_ANTHROPIC, "gemini": ON_GEMINI}[application.api],
    settle_s=1.0,  # it tells spans from a pool of threads, and says nowhere when that is done
)
