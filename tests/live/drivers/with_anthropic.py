"""An application of the Anthropic SDK."""

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

import anthropic  # after the instrumentation

client = anthropic.Anthropic(api_key="sk-ant-live", max_retries=0)
TOOL = {"name": "length_km", "input_schema": {"type": "object", "properties": {"river": {"type": "string"}}}}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}


def ask(scenario: str, *, using: anthropic.Anthropic = client, **more):
    return using.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=2048,
        messages=[{"role": "user", "content": prompt(scenario)}],
        **more,
    )


def instructions(**control: str) -> list[dict]:
    return [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", **control}}]


def helper() -> None:
    with client.messages.stream(
        model="claude-sonnet-4-5",
        max_tokens=2048,
        messages=[{"role": "user", "content": prompt("stream_helper")}],
    ) as stream:
        use_up(stream)


def tools() -> None:
    first = ask("tools", tools=[TOOL])
    answer = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "742"}
    client.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=2048,
        tools=[TOOL],
        messages=[
            {"role": "user", "content": prompt("tools")},
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
            {"role": "user", "content": [answer]},
        ],
    )


def refused() -> None:
    try:
        ask("error")
    except anthropic.RateLimitError:
        return
    raise AssertionError("The provider refuses this.")


application.run(
    {
        "plain": lambda: ask("plain"),
        "stream": lambda: use_up(ask("stream", stream=True)),
        "stream_helper": helper,
        "cached": lambda: ask("cached", system=instructions()),
        "cached_1h": lambda: ask("cached_1h", system=instructions(ttl="1h")),
        "tools": tools,
        "thinking": lambda: ask("thinking", thinking={"type": "enabled", "budget_tokens": 1024}),
        "search": lambda: ask("search", tools=[SEARCH]),
        "error": refused,
        "local": lambda: ask("local", using=anthropic.Anthropic(api_key="sk-ant-live", base_url=LOCAL_PROVIDER)),
    }
)
