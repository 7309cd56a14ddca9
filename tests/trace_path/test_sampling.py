"""Thresholds, randomness and what a kept span carries, against the specification's own numbers and as properties."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.trace_path.sampling import (
    RATIO_MIN,
    THRESHOLD_NEVER,
    Sampler,
    decode_randomness,
    decode_threshold,
    encode_threshold,
    randomness_of_trace_id,
    threshold_of_ratio,
)

# 1 in N at precision 3, 4, 5: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
SPEC_TABLE = {
    1: ("0", "0", "0"),
    2: ("8", "8", "8"),
    3: ("aab", "aaab", "aaaab"),
    4: ("c", "c", "c"),
    5: ("ccd", "cccd", "ccccd"),
    8: ("e", "e", "e"),
    10: ("e66", "e666", "e6666"),
    16: ("f", "f", "f"),
    100: ("fd71", "fd70a", "fd70a4"),
    1000: ("ffbe7", "ffbe77", "ffbe76d"),
    10000: ("fff972", "fff9724", "fff97247"),
    100000: ("ffff584", "ffff583a", "ffff583a5"),
    1000000: ("ffffef4", "ffffef39", "ffffef391"),
}
HALF = Sampler.of_ratio(0.5)
TENTH = Sampler.of_ratio(0.1)
ALL = Sampler.of_ratio(1)
NONE = Sampler.of_ratio(0)
HIGH = bytes(9) + b"\xff" * 7  # kept at every ratio above 0
MIDDLE = bytes(9) + b"\x90" + bytes(6)  # kept at a half, not at a tenth
LOW = b"\xff" * 9 + bytes(7)  # kept at ratio 1 only: the first nine bytes do not count

ratios = st.one_of(st.just(0.0), st.just(1.0), st.floats(RATIO_MIN, 1))
trace_ids = st.binary(min_size=16, max_size=16)
thresholds = st.integers(0, THRESHOLD_NEVER - 1)
randomness = st.integers(0, THRESHOLD_NEVER - 1)
vendors = st.lists(st.sampled_from([b"congo=t61rcWkgMzE", b"rojo=00f067aa0ba902b7", b"a@b=x y"]), unique=True)


@st.composite
def trace_states(draw: st.DrawFn) -> bytes:
    """Tracestates with and without th, rv, other sub-keys and other vendors, in any order."""
    sub_keys = draw(
        st.fixed_dictionaries(
            {},
            optional={
                b"th": thresholds.map(encode_threshold),
                b"rv": randomness.map(lambda value: b"%014x" % value),
                b"p": st.sampled_from([b"8", b"", b"a.b-C"]),
            },
        )
    )
    members = list(draw(vendors))
    if sub_keys:
        parts = draw(st.permutations([name + b":" + value for name, value in sub_keys.items()]))
        members.insert(draw(st.integers(0, len(members))), b"ot=" + b";".join(parts))
    return b",".join(members)


def sub_keys_of(trace_state: bytes) -> dict[bytes, bytes]:
    """Read the `ot` member in the plainest way."""
    ot = [member for member in trace_state.split(b",") if member.startswith(b"ot=")]
    pairs = [part.split(b":", 1) for part in ot[0][3:].split(b";")] if ot else []
    return {name: value for name, value in pairs}  # noqa: C416 - the pairs are lists


def others_of(trace_state: bytes) -> list[bytes]:
    """Return the members that are not ours, in order."""
    return [member for member in trace_state.split(b",") if member and not member.startswith(b"ot=")]


@pytest.mark.parametrize("n", SPEC_TABLE)
def test_ratios_of_the_specification_get_its_thresholds(n: int) -> None:
    """One in N encodes as the specification's table says, at each of its precisions."""
    encoded = [encode_threshold(threshold_of_ratio(1 / n, precision_digits=digits)) for digits in (3, 4, 5)]
    assert encoded == [text.encode() for text in SPEC_TABLE[n]]


def test_smallest_and_largest_ratio() -> None:
    """2^-56 keeps exactly the one greatest randomness, 1 keeps all, 0 none."""
    assert threshold_of_ratio(RATIO_MIN) == THRESHOLD_NEVER - 1
    assert threshold_of_ratio(1) == 0
    assert threshold_of_ratio(0) == THRESHOLD_NEVER


@pytest.mark.parametrize("ratio", [-0.1, 1.0001, RATIO_MIN / 2, float("nan"), float("inf")])
def test_what_is_no_ratio_is_refused(ratio: float) -> None:
    """A number outside of 0 and 2^-56 to 1 is an error that says what was expected."""
    with pytest.raises(ValueError, match="expected 0, or 2"):
        Sampler.of_ratio(ratio)


def test_threshold_text_is_extended_with_zeros_on_the_right() -> None:
    """`c` reads as 0xc0000000000000, a probability of one in four; 0 as 100 %."""
    assert decode_threshold(b"c") == 0xC0000000000000
    assert decode_threshold(b"fd70a4") == 0xFD70A400000000
    assert decode_threshold(b"0") == 0


@pytest.mark.parametrize("text", [b"", b"C", b"xyz", b"123456789012345", b"0x1", b"8\n"])
def test_invalid_threshold_is_none(text: bytes) -> None:
    """A th that is not 1 to 14 lower-case hexadecimal digits has no value."""
    assert decode_threshold(text) is None


@pytest.mark.parametrize("text", [b"", b"9b8233f7e3a15", b"9b8233f7e3a1511", b"9B8233F7E3A151"])
def test_invalid_randomness_is_none(text: bytes) -> None:
    """An rv that is not exactly 14 lower-case hexadecimal digits has no value."""
    assert decode_randomness(text) is None


@given(thresholds)
def test_threshold_text_round_trips(threshold: int) -> None:
    """Every 56-bit threshold is read back from the shortest text that says it."""
    text = encode_threshold(threshold)
    assert decode_threshold(text) == threshold
    assert text == b"0" or not text.endswith(b"0")


@given(ratios, ratios)
def test_a_smaller_ratio_never_has_a_lower_threshold(one: float, other: float) -> None:
    """Rounding never turns the order of two ratios around."""
    small, large = sorted([one, other])
    assert threshold_of_ratio(small) >= threshold_of_ratio(large)


@given(trace_ids, trace_states(), ratios, ratios)
def test_what_a_smaller_ratio_keeps_a_larger_one_keeps(
    trace_id: bytes, trace_state: bytes, one: float, other: float
) -> None:
    """Kept at a implies kept at every b ≥ a."""
    small, large = sorted([one, other])
    if Sampler.of_ratio(small).trace_state(trace_id=trace_id, trace_state=trace_state) is not None:
        assert Sampler.of_ratio(large).trace_state(trace_id=trace_id, trace_state=trace_state) is not None


@given(trace_ids, trace_states(), ratios)
def test_threshold_is_only_raised_and_all_else_is_kept(trace_id: bytes, trace_state: bytes, ratio: float) -> None:
    """A kept span's th is the greater of its own and ours, or gone if it was false; nothing else is touched."""
    sampler = Sampler.of_ratio(ratio)
    leaving = sampler.trace_state(trace_id=trace_id, trace_state=trace_state)
    before = sub_keys_of(trace_state)
    chosen = int(before[b"rv"], 16) if b"rv" in before else randomness_of_trace_id(trace_id)
    assert (leaving is not None) == (chosen >= sampler.threshold)
    if leaving is None:
        return
    after = sub_keys_of(leaving)
    arrived = decode_threshold(before[b"th"]) if b"th" in before else None
    if arrived is not None and arrived > chosen:
        assert b"th" not in after
    elif arrived is not None or ratio < 1:
        assert decode_threshold(after.get(b"th", b"0")) == max(arrived or 0, sampler.threshold)
    assert {**before, b"th": b""} == {**after, b"th": b""}
    assert others_of(leaving) == others_of(trace_state)
    if leaving != trace_state and after:
        assert leaving.startswith(b"ot=")


@given(trace_ids, trace_states(), ratios)
def test_sampling_again_changes_nothing(trace_id: bytes, trace_state: bytes, ratio: float) -> None:
    """A kept span that comes by again is kept as it is, unless its unknown threshold had been removed."""
    sampler = Sampler.of_ratio(ratio)
    once = sampler.trace_state(trace_id=trace_id, trace_state=trace_state)
    if once is not None and b"th" in sub_keys_of(once):
        assert sampler.trace_state(trace_id=trace_id, trace_state=once) == once


@pytest.mark.parametrize(
    ("sampler", "trace_id", "arrives", "leaves"),
    [
        pytest.param(HALF, HIGH, b"", b"ot=th:8", id="no tracestate: ours is written"),
        pytest.param(ALL, LOW, b"", b"", id="ratio 1 writes nothing"),
        pytest.param(ALL, LOW, b"congo=1", b"congo=1", id="ratio 1 leaves vendors alone"),
        pytest.param(ALL, HIGH, b"ot=th:c", b"ot=th:c", id="ratio 1 keeps an earlier threshold"),
        pytest.param(NONE, HIGH, b"", None, id="ratio 0 keeps nothing"),
        pytest.param(HALF, LOW, b"", None, id="too low"),
        pytest.param(TENTH, MIDDLE, b"", None, id="too low for a tenth"),
        pytest.param(HALF, HIGH, b"ot=th:4", b"ot=th:8", id="raised"),
        pytest.param(HALF, HIGH, b"ot=th:c", b"ot=th:c", id="not lowered"),
        pytest.param(HALF, HIGH, b"ot=th:80", b"ot=th:80", id="equal in another spelling stays as it is"),
        pytest.param(HALF, HIGH, b"a=1,ot=th:4;p:8,b=2", b"ot=p:8;th:8,a=1,b=2", id="changed member goes first"),
        pytest.param(HALF, HIGH, b"a=1,ot=th:c,b=2", b"a=1,ot=th:c,b=2", id="unchanged member stays"),
        pytest.param(HALF, LOW, b"ot=rv:ffffffffffffff", b"ot=rv:ffffffffffffff;th:8", id="rv before the trace id"),
        pytest.param(HALF, HIGH, b"ot=rv:00000000000000", None, id="rv may also reject"),
        pytest.param(HALF, HIGH, b"ot=rv:0", b"ot=rv:0;th:8", id="invalid rv: the trace id counts"),
        pytest.param(HALF, MIDDLE, b"ot=th:c", b"", id="above the randomness: removed"),
        pytest.param(HALF, MIDDLE, b"ot=th:c;p:8,a=1", b"ot=p:8,a=1", id="removed, the rest kept"),
        pytest.param(ALL, MIDDLE, b"a=1,ot=th:c", b"a=1", id="removed also at ratio 1"),
        pytest.param(HALF, HIGH, b"ot=th:xyz", b"", id="invalid threshold: removed"),
        pytest.param(HALF, LOW, b"ot=th:c", None, id="inconsistent and too low"),
    ],
)
def test_what_a_span_carries(sampler: Sampler, trace_id: bytes, arrives: bytes, leaves: bytes | None) -> None:
    """Each row of the module's table, one by one."""
    assert sampler.trace_state(trace_id=trace_id, trace_state=arrives) == leaves


@pytest.mark.parametrize(
    "malformed",
    [
        b"no equals sign",
        b"ot=th:4,ot=th:8",
        b"ot=th",
        b"ot=th:4;th:8",
        b"ot=",
        b"OT=th:4",
        b"ot=th:4,\xff=1",
        b"ot=th:4,a=b=c",
        b"ot=rv:ffffffffffffff," + b",".join(b"v%d=1" % n for n in range(32)),
    ],
)
def test_malformed_tracestate_passes_unharmed_and_the_trace_id_decides(malformed: bytes) -> None:
    """What cannot be read is neither believed, nor repaired, nor given a threshold."""
    assert HALF.trace_state(trace_id=HIGH, trace_state=malformed) == malformed
    assert HALF.trace_state(trace_id=LOW, trace_state=malformed) is None


def test_full_tracestate_gets_no_threshold_rather_than_losing_a_member() -> None:
    """With 32 members of others there is no room for ours; an absent threshold is not false."""
    full = b",".join(b"v%d=1" % n for n in range(32))
    assert HALF.trace_state(trace_id=HIGH, trace_state=full) == full


def test_full_tracestate_with_a_member_of_ours_is_updated() -> None:
    """32 members of which one is `ot` have room for a new threshold."""
    others = b",".join(b"v%d=1" % n for n in range(31))
    assert HALF.trace_state(trace_id=HIGH, trace_state=others + b",ot=th:4") == b"ot=th:8," + others


def test_member_too_long_for_a_new_threshold_loses_the_old_one() -> None:
    """Where th cannot be raised within 256 characters, a lower one must not remain."""
    filler = b"p:" + b"x" * (256 - len("p:;th:4"))
    leaving = Sampler.of_ratio(0.01).trace_state(trace_id=HIGH, trace_state=b"ot=th:4;" + filler)
    assert leaving == b"ot=" + filler


def test_empty_members_and_white_space_are_allowed() -> None:
    """Commas without members and blanks around them, as proxies make them, do not hide our member."""
    assert HALF.trace_state(trace_id=HIGH, trace_state=b", a=1 ,\tot=th:4,, ") == b"ot=th:8,a=1"


@pytest.mark.parametrize("ratio", [0.5, 0.1, 0.01])
def test_share_kept_is_near_the_ratio(ratio: float) -> None:
    """Of random trace ids, the kept share is within five standard deviations of the ratio."""
    count = 50_000
    source = random.Random(7)
    sampler = Sampler.of_ratio(ratio)
    kept = sum(sampler.trace_state(trace_id=source.randbytes(16), trace_state=b"") is not None for _ in range(count))
    assert abs(kept - ratio * count) < 5 * (count * ratio * (1 - ratio)) ** 0.5
