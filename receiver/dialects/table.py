"""The dialects as a document: the tables that decide how spans are read, in Markdown. `docs/dialects.md` is its output.

    python -m receiver.dialects.table docs/dialects.md     write it, keeping what is between the matrix's marks

What stands between the two marks is written by the run of the real instrumentations, not from tables. Must not: know
anything about an emitter that the dialects' own tables do not say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ledger.vocabulary import Flag
from receiver.dialects import FAMILIES
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.hosts import DOMAINS
from receiver.dialects.usage import InputMeaning

MATRIX_BEGIN: Final = "<!-- live matrix: begin -->"
MATRIX_END: Final = "<!-- live matrix: end -->"
_NO_MATRIX: Final = f"{MATRIX_BEGIN}\n{MATRIX_END}\n"
_MEANINGS: Final = {
    InputMeaning.INCLUSIVE: "yes",
    InputMeaning.EXCLUSIVE: "no: they are added",
    InputMeaning.UNKNOWN: "by evidence, else yes",
    InputMeaning.DISPUTED: "by evidence, else not priced",
}
_INTRODUCTION: Final = """\
# Dialects: what each instrumentation says, and what it cannot say

<!-- Generated: python -m receiver.dialects.table docs/dialects.md -->

A span is read by who wrote it (its instrumentation scope, then the scope's version) first and by its attributes
second. Totals in the ledger are inclusive: `input_tokens` holds cached tokens, `output_tokens` holds reasoning. What a
span does not say is absent, not 0. A figure that is no count (negative, broken, not finite, absurd) sends the span to
quarantine.

Versions newer than those read are taken for the newest meaning known; a scope without a version too. Where a scope's
maintainers have said that a meaning will change, newer versions are believed only where the span itself shows which
one holds.
"""
_SELLERS: Final = """\
## Who sold a call

A provider's name is often the API's shape: the OpenAI SDK says `openai` to whomever it talks. Where the name is
`openai`, `anthropic` or Google's, the address counts (`server.address`, else `gen_ai.openai.api_base`):

* a host of the table below, or one under it, is that seller's; its region, Azure resource and deployment are kept;
* an address that cannot be reached from outside (`localhost`, private networks, names without a domain) is one's own
  machine: `self_hosted`, at no vendor's price; a model that nobody can host (`gpt-4o`, `claude-…`) came through a
  gateway there;
* any other host is a gateway or a proxy, and what lies behind it is not guessed: the seller is `host:NAME`, flagged
  `seller_unknown_host`, and the call is not priced until a deployment or a price of one's own says more;
* without an address the model's id may tell (Bedrock's ARNs and ids, Vertex AI's paths), else the seller is as named.
"""
_EVERYWHERE: Final = """\
## What no dialect can say

No convention carries how long a cache write is kept (5 minutes or 1 hour), server tool calls such as web searches, or
Anthropic's service tier, speed and inference geography. They are read where an emitter carries the provider's own
usage block (`gen_ai.usage.raw`, `ai.response.providerMetadata`, `metadata.usage_object` …); elsewhere a cost that
depends on one of these can differ from the provider's invoice.
"""
# Flags that any reading can carry: what each says. `…` stands for a word that says why.
FLAGS: Final = {
    "exclusive_input:…": "input left cached tokens out; they were added, for the reason named",
    "input_meaning_disputed": "input may or may not hold the cached tokens, by version: kept, not priced",
    "names_disagree": "two names of one figure stand there with different values: the first is kept, not priced",
    Flag.UNKNOWN_SCOPE: "nobody knows this emitter; it is read by the convention and by evidence",
    "operation_inferred": "the span names no operation; provider with model or usage made it a call",
    "service_tier_requested": "the service tier is the one asked for; the one given is not said",
    "exclusive_output:…": "reasoning stood beside output; it was added, for the reason named",
    "thoughts_added": "thinking tokens stood beside output and were added",
    "thoughts_from_total": "thinking tokens were missing from output and recovered from the total; what Google's own "
    "tools read would be among them",
    "thoughts_unsaid": "output may lack thinking tokens, which are nowhere: kept, not priced",
    "total_contradicts": "the emitter's own total is not the sum of its figures: kept, not priced",
    "cache_read_unsaid": "a long prompt may have been read from the cache; this emitter never says so",
    "cache_unsaid": "cached tokens of Claude's are missing, in input or beside it: kept, not priced",
    "cache_write_unsaid": "the prompt may have been written to the cache; this emitter never says so",
    "cache_ttl_unsaid": "tokens were written to Anthropic's cache, for 5 minutes or an hour is not said",
    "bedrock_profile_unsaid": "the emitter cut the inference profile off Bedrock's model id: regional or global",
    "model_restored": "the emitter cut the model's name; what is missing follows from the rest of it",
    "seller_unknown_host": "the API's shape is known, who answers under the address is not: no price list",
    "unbilled_tokens": "the emitter reports tokens that are not the billed ones: kept, not priced",
    "refused": "the answer was withheld by the provider's filter, or refused",
    "service_tier_unsaid": "the span has no service tier: priced as the standard one",
    "server_tools_unsaid": "Anthropic's server tools (web searches), or what Google's own tools put into the prompt, "
    "would not be on the span: nothing is charged for them",
    "seller_address_unsaid": "the span has no address: priced as sold by the maker whose API it is",
    "cut_short": "the answer ended at its length limit",
    "zero_usage": "0 tokens in and out: the emitter found no usage: not priced",
    "usage_from:…": "the figures are those of the provider's usage block, which the attribute named carries",
    "usage_differs:…": "the emitter's own figures were others than the block's",
    "unreadable:…": "the attribute named should carry a usage block and does not: the emitter's figures stand",
    "details_exceed_total": "parts of the usage block are larger than their whole: not priced",
    "output_apart:total": "the block's total shows that reasoning stands beside output: it was added",
    "usage_of_iterations": "the block's iterations were summed: its totals leave compaction out",
    "other_models_used": "other models worked beside the one that answered, at prices of their own: not priced",
    "inference_geo:…": "the model ran in this place, which can have its own price",
    "speed:…": "the answer was given at another speed than the standard, which can have its own price",
    "seller_unsaid": "who sold the call is not said, or only guessed by the emitter: by its maker's list",
    "usage_estimated": "the emitter counts with a tokeniser where a stream brings no usage: kept, not priced",
    "gateway": "a gateway saw the call pass; the application may have traced it too",
    "local_cache_hit": "a cache of the application's or gateway's own answered: it cost 0",
    "attribute_repeated": "an attribute stands on the span twice with two values: the last one holds",
    "attribute_undecodable": "an attribute's bytes are no attribute: it is left out",
}


def table(matrix: str = _NO_MATRIX) -> str:
    """Return the whole document around the matrix of the live run."""
    sections = (
        _INTRODUCTION,
        *(part for family in FAMILIES for part in _family(family)),
        _SELLERS,
        _rows(("Host", "Seller"), ((f"`{host}`", f"`{seller}`") for host, seller in sorted(DOMAINS.items()))),
        "## Where figures are read\n",
        "The first name that is there counts; names are never added.\n",
        *_names(),
        "## Flags\n",
        "A reading says in `usage_flags` what was inferred or is doubtful.\n",
        _rows(("Flag", "Meaning"), ((f"`{flag}`", meaning) for flag, meaning in all_flags().items())),
        _EVERYWHERE,
        matrix,
    )
    return "\n".join(sections)


def matrix_of(document: str) -> str:
    """Return what stands between the matrix's marks, with them; empty marks where there are none."""
    begin, end = document.find(MATRIX_BEGIN), document.find(MATRIX_END)
    if not 0 <= begin < end:
        return _NO_MATRIX
    return document[begin:end] + MATRIX_END + "\n"


def all_flags() -> Mapping[str, str]:
    """Return every flag a reading can carry, with its meaning."""
    return FLAGS | {flag: meaning for family in FAMILIES for flag, meaning in family.flags.items()}


def _family(family: Family) -> Iterable[str]:
    yield f"## {family.title}\n"
    if family.text:
        yield family.text + "\n"
    emitters = family.emitters or ((family.otherwise,) if family.otherwise else ())
    yield _rows(
        (
            "Scope begins with",
            "Versions",
            "Dialect",
            "Input holds cached tokens",
            "Cannot say, or says wrongly",
            "Source",
        ),
        map(_emitter, emitters),
    )


def _emitter(emitter: Emitter) -> Sequence[str]:
    return (
        _scope(emitter),
        _versions(emitter),
        emitter.dialect,
        _MEANINGS[emitter.meaning],
        "; ".join(quirk.says for quirk in emitter.quirks) or "–",
        emitter.source,
    )


def _scope(emitter: Emitter) -> str:
    if not emitter.scope:
        return "anything"
    return f"`{emitter.scope}` (the whole name)" if emitter.is_whole_name else f"`{emitter.scope}`"


def _versions(emitter: Emitter) -> str:
    bounds = (f"{emitter.since} on" if emitter.since else "", f"before {emitter.before}" if emitter.before else "")
    return ", ".join(bound for bound in bounds if bound) or "all"


def _names() -> Iterable[str]:
    """Say where figures are read, once for families that read the same names."""
    titles: dict[int, list[str]] = {}
    for family in FAMILIES:
        if family.names is not None:
            titles.setdefault(id(family.names), []).append(family.title)
    keys = {id(family.names): family.names for family in FAMILIES if family.names is not None}
    for key, names in keys.items():
        yield f"### {', '.join(titles[key])}\n"
        rows = ((f"`{unit}`", ", ".join(f"`{name}`" for name in aliases)) for unit, aliases in names.units.items())
        yield _rows(("Unit", "Names"), (row for row in rows if row[1]))


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(table(matrix_of(document.read_text(encoding="utf-8"))), encoding="utf-8")
