"""An application of Pydantic AI, on OpenAI, Anthropic or Gemini; its own telemetry is always on."""

import asyncio

from application import LOCAL_PROVIDER, Application, prompt

application = Application()

from pydantic_ai import Agent  # after the instrumentation

Agent.instrument_all()


def length_km(river: str) -> str:
    """Return a river's length in km."""
    return f"{river}: 742"


def openai_model(name: str = "gpt-4o-mini", *, responses: bool = False, base_url: str | None = None):
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key="sk-live", max_retries=0, base_url=base_url)
    return (OpenAIResponsesModel if responses else OpenAIChatModel)(name, provider=OpenAIProvider(openai_client=client))


def anthropic_model(*, base_url: str | None = None):
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key="sk-ant-live", max_retries=0, base_url=base_url)
    return AnthropicModel("claude-sonnet-4-5", provider=AnthropicProvider(anthropic_client=client))


def gemini_model(*, base_url: str | None = None):
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleModel("gemini-2.5-flash", provider=GoogleProvider(api_key="live", base_url=base_url))


MODELS = {"openai": openai_model, "anthropic": anthropic_model, "gemini": gemini_model}
model = MODELS[application.api]


def ask(scenario: str, *, using=None, **more) -> None:
    Agent(using or model(), **more).run_sync(prompt(scenario))


def stream(scenario: str, *, using=None) -> None:
    async def run() -> None:
        async with Agent(using or model()).run_stream(prompt(scenario)) as result:
            async for _ in result.stream_text():
                pass

    asyncio.run(run())


def refused() -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    try:
        ask("error")
    except ModelHTTPError:
        return
    raise AssertionError("The provider refuses this.")


def local() -> None:
    ask("local", using=model(base_url=f"{LOCAL_PROVIDER}/v1" if application.api == "openai" else LOCAL_PROVIDER))


application.run(
    {
        "plain": lambda: ask("plain"),
        "stream": lambda: stream("stream"),
        "cached": lambda: ask("cached"),
        "cached_1h": lambda: ask("cached_1h"),
        "tools": lambda: ask("tools", tools=[length_km]),
        "thinking": lambda: ask("thinking", using=openai_model("gpt-5-mini") if application.api == "openai" else None),
        "search": lambda: ask("search"),
        "tier": lambda: ask("tier", using=openai_model("gpt-5-mini"), model_settings={"openai_service_tier": "flex"}),
        "error": refused,
        "responses": lambda: ask("responses", using=openai_model("gpt-5-mini", responses=True)),
        "responses_stream": lambda: stream("responses_stream", using=openai_model("gpt-5-mini", responses=True)),
        "local": local,
    }
)
