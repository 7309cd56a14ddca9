"""The dialects as a document: the tables that decide how spans are read, in Markdown. `docs/dialects.md` is its output.

    python -m receiver.dialects.table > docs/dialects.md

Must not: know anything about an emitter that the dialects' own tables do not say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from receiver.dialects import genai, openinference
from receiver.dialects.genai import EMITTERS, Emitter
from receiver.dialects.usage import InputMeaning, UsageKeys

_MEANINGS: Final = {
    InputMeaning.INCLUSIVE: "yes",
    InputMeaning.EXCLUSIVE: "no: they are added",
    InputMeaning.UNKNOWN: "by evidence, else yes",
}
_INTRODUCTION: Final = """\
# Dialects: what each instrumentation says, and what it cannot say

<!-- Generated: python -m receiver.dialects.table > docs/dialects.md -->

A span is read by who wrote it (its instrumentation scope) first and by its attributes second. Totals in the ledger are
inclusive: `input_tokens` holds cached tokens, `output_tokens` holds reasoning. What a span does not say is absent, not
0. A figure that is no count (negative, broken, not finite, absurd) sends the span to quarantine.
"""
_OPENINFERENCE_TEXT: Final = """\
A span with `openinference.span.kind` is read by OpenInference's own names, even where it has GenAI names too: the two
families are never added. No OpenInference span says its response id or its service tier.
"""
_EVERYWHERE: Final = """\
## What no dialect can say

No convention carries how long a cache write is kept (5 minutes or 1 hour), server tool calls such as web searches, or
Anthropic's service tier, speed and inference geography. A cost that depends on one of these can differ from the
provider's invoice.
"""
# Flags on a reading: what each says. `…` stands for a word that says why.
FLAGS: Final = {
    "exclusive_input:…": "input left cached tokens out; they were added, for the reason named",
    "unknown_scope": "nobody knows this emitter; it is read by the convention and by evidence",
    "operation_inferred": "the span names no operation; provider with model or usage made it a call",
    "service_tier_requested": "the service tier is the one asked for; the one given is not said",
    "thoughts_from_total": "thinking tokens were missing from output and recovered from the total",
    "cache_write_unsaid": "the prompt may have been written to the cache; this emitter never says so",
    "stream_usage_unreliable": "streamed figures of this emitter are wrong: kept, not priced",
    "stream_not_ruled_out": "the span may be a stream of such an emitter: kept, not priced",
    "unbilled_tokens": "the emitter reports tokens that are not the billed ones: kept, not priced",
    "zero_usage": "0 tokens in and out: the emitter found no usage: not priced",
}


def table() -> str:
    """Return the whole document."""
    sections = (
        _INTRODUCTION,
        "## GenAI names, by scope\n",
        _rows(
            ("Scope begins with", "Dialect", "Input holds cached tokens", "Cannot say, or says wrongly", "Source"),
            _emitters(),
        ),
        "Operations that are calls: "
        + ", ".join(f"`{name}`" for name in genai.CALL_OPERATIONS)
        + ". Every other operation is an aggregate: kept and shown, never billed.\n",
        "## OpenInference\n",
        _OPENINFERENCE_TEXT,
        _rows(("Scope", "Input holds cached tokens"), _openinference()),
        "Kinds that are calls: "
        + ", ".join(f"`{kind}`" for kind in openinference.CALLS)
        + ". Every other kind is an aggregate.\n",
        "## Where figures are read\n",
        "The first name that is there counts; names are never added.\n",
        _rows(("Unit", "GenAI names", "OpenInference"), _units()),
        "## Flags\n",
        "A reading says in `usage_flags` what was inferred or is doubtful.\n",
        _rows(("Flag", "Meaning"), ((f"`{flag}`", meaning) for flag, meaning in FLAGS.items())),
        _EVERYWHERE,
    )
    return "\n".join(sections)


def _emitters() -> Iterable[Sequence[str]]:
    for emitter in EMITTERS:
        yield (
            f"`{emitter.scope_prefix}`",
            emitter.dialect,
            _MEANINGS[emitter.meaning],
            "; ".join(_limits(emitter)) or "–",
            emitter.source,
        )
    yield (
        "any other",
        "genai_unknown_scope",
        _MEANINGS[InputMeaning.UNKNOWN],
        "flagged `unknown_scope`",
        "the convention",
    )


def _limits(emitter: Emitter) -> Iterable[str]:
    if emitter.streams_unreliable:
        yield "streamed usage is wrong"
    if emitter.output_lacks_thoughts:
        yield "output lacks thinking; recovered from the total"
    if emitter.omits_cache_writes:
        yield "cache writes"
    for seller in sorted(emitter.says_unbilled_for):
        yield f"{seller}: tokens are not the billed ones"


def _openinference() -> Iterable[Sequence[str]]:
    for scope, meaning in openinference.INPUT_MEANINGS.items():
        yield f"`{scope}`", _MEANINGS[meaning]
    yield "any other", _MEANINGS[InputMeaning.UNKNOWN]


def _units() -> Iterable[Sequence[str]]:
    ours, theirs = _names(genai.USAGE_KEYS), _names(openinference.USAGE_KEYS)
    for unit, names in ours.items():
        yield f"`{unit}`", _listed(names), _listed(theirs.get(unit, ()))


def _names(keys: UsageKeys) -> dict[str, tuple[str, ...]]:
    return {
        "input_tokens": keys.input,
        "output_tokens": keys.output,
        "cache_read_tokens": keys.cache_read,
        "cache_write_tokens": keys.cache_write,
        **dict(keys.details),
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(table())
