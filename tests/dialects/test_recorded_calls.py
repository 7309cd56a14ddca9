"""Recorded calls: what the dialects read equals what the provider itself said, or the reading says that it may not.

The counts per instrumentation are printed (`pytest -rP`). Must not: know single recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects import read
from receiver.dialects.reading import Reading, SpanKind
from tests.accuracy.truth import figures_of
from tests.corpus.recorded import INSTRUMENTATIONS, Recording, Truth, recordings

# These say how a figure was read, not that it is doubtful.
_CERTAIN_FLAGS = (
    "exclusive_input:", "exclusive_output:", "unknown_scope", "operation_inferred", "service_tier_requested",
    "cache_ttl_unsaid", "bedrock_profile_unsaid", "model_restored", "refused", "cut_short", "seller_unknown_host",
    "service_tier_unsaid", "server_tools_unsaid", "seller_address_unsaid",
)  # fmt: skip
# What the emitter is known to get wrong: right figures under these flags are luck.
_UNRELIABLE_EMITTER_FLAGS = frozenset({
    "stream_usage_unreliable", "stream_not_ruled_out", "cache_read_unsaid", "cache_write_unsaid",
})  # fmt: skip
# Of other figures, what the span says must be the provider's.
_DECIDING = frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"})


def calls_with_truth(recording: Recording) -> Iterator[tuple[Reading, Truth]]:
    """Join calls to responses: by response id; without ids, one to one and in order."""
    calls = [reading for span in recording.spans if (reading := read(span.view())) and reading.kind == SpanKind.CALL]
    by_id = {truth.response_id: truth for truth in recording.truths if truth.response_id}
    one_to_one = len(calls) == len(recording.truths)
    for place, reading in enumerate(calls):
        if reading.response_id in by_id:
            yield reading, by_id[reading.response_id]
        elif one_to_one and (reading.response_id is None or not recording.truths[place].response_id):
            yield reading, recording.truths[place]


def is_exact(reading: Reading, truth: Truth) -> bool:
    """Say whether all figures that decide about money are the provider's; reasoning, where the span says it."""
    expected = figures_of(truth.usage)
    found = {"output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0} | reading.usage
    names = [name for name in expected if name in _DECIDING or name in reading.usage]
    return all(found.get(name) == expected[name] for name in names)


def doubts(reading: Reading) -> list[str]:
    """Return why the reading says it may be wrong; empty when it stands by its figures."""
    said = [flag for flag in reading.usage_flags if not flag.startswith(_CERTAIN_FLAGS)]
    return said or ([] if reading.usage_status == UsageStatus.REPORTED else [reading.usage_status.value])


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_no_figure_is_wrong_in_silence(instrumentation: str) -> None:
    """Every call has the provider's figures or says that it is doubtful; none doubts what it read exactly."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    timid: list[str] = []
    for recording in recordings(instrumentation):
        for reading, truth in calls_with_truth(recording):
            exact, why = is_exact(reading, truth), doubts(reading)
            counts["calls"] += 1
            counts["flagged" if why else "exact" if exact else "wrong"] += 1
            if not why and not exact:
                wrong.append(f"#{recording.number}: {reading.usage} for {truth.usage}")
            if why and exact and not _UNRELIABLE_EMITTER_FLAGS.intersection(why):
                timid.append(f"#{recording.number}: {why} for {truth.usage}")
    print(instrumentation, {name: counts[name] for name in ("calls", "exact", "flagged", "wrong")})  # noqa: T201 -- pytest shows it with -rP
    assert wrong == []
    assert timid == []
    assert counts["calls"] > 0


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_a_call_whose_response_is_unknown_is_still_readable(instrumentation: str) -> None:
    """No recorded span is refused, with or without a known truth."""
    for recording in recordings(instrumentation):
        for span in recording.spans:
            read(span.view())
