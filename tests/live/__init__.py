"""Real instrumentations, live: real SDKs call a provider that is ours, and the ledger's costs meet the provider's own.

README.md says how to run it. `provider` answers as OpenAI, Anthropic and Gemini do and keeps the truth; `drivers` are
the applications, each run in an environment of its own; `combinations` says which; `verdict` compares.
"""
