"""A provider of ours: speaks the APIs of OpenAI, Anthropic and Gemini, and remembers what it charged for.

    server      the HTTP proxy behind which it stands, and the log of what it answered
    charges     what a call used, per scenario, and what that costs by the provider's own usage block
    openai, anthropic, gemini   the bodies, whole and streamed

Its texts and figures are made up; the shapes are those of the APIs' references.
"""
