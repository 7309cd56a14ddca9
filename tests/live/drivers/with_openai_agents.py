"""An application of the OpenAI Agents SDK, which calls the Responses API unless told to call chat completions."""

import asyncio

from application import LOCAL_PROVIDER, Application, prompt

application = Application()

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from openai import AsyncOpenAI, RateLimitError


def client(**more) -> AsyncOpenAI:
    """Return a client for one call: an asynchronous one belongs to the event loop that it was first used in."""
    return AsyncOpenAI(api_key="sk-live", max_retries=0, **more)


@function_tool
def length_km(river: str) -> str:
    """Return a river's length in km."""
    return f"{river}: 742"


def chat(model: str = "gpt-4o-mini", **more):
    return OpenAIChatCompletionsModel(model, openai_client=client(**more))


def responses(model: str = "gpt-5-mini"):
    return OpenAIResponsesModel(model, openai_client=client())


def ask(scenario: str, model, **more) -> None:
    Runner.run_sync(Agent(name="geographer", model=model, **more), prompt(scenario))


def stream(scenario: str, model) -> None:
    async def run() -> None:
        async for _ in Runner.run_streamed(Agent(name="geographer", model=model), prompt(scenario)).stream_events():
            pass

    asyncio.run(run())


def refused() -> None:
    try:
        ask("error", responses())
    except RateLimitError:
        return
    raise AssertionError("The provider refuses this.")


application.run(
    {
        "plain": lambda: ask("plain", chat()),
        "stream": lambda: stream("stream", chat()),
        "cached": lambda: ask("cached", chat()),
        "tools": lambda: ask("tools", responses(), tools=[length_km]),
        "thinking": lambda: ask("thinking", chat("gpt-5-mini")),
        "tier": lambda: ask(
            "tier", chat("gpt-5-mini"), model_settings=ModelSettings(extra_args={"service_tier": "flex"})
        ),
        "error": refused,
        "responses": lambda: ask("responses", responses()),
        "responses_stream": lambda: stream("responses_stream", responses()),
        "local": lambda: ask("local", chat(base_url=f"{LOCAL_PROVIDER}/v1")),
    }
)
