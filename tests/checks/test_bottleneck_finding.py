"""The verdict logic of the bottleneck: every case of it, and what must hold between cases."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitorbench.checks.bottleneck_finding import SHUFFLED, VERDICTS, ZERO, Cause, Facts, Finding, Standing, find
from monitorbench.report.model import Verdict
from monitorbench.stats.interval import Estimate


def between(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high, level=0.9, n=100, sd=0.3, method="made by hand")


SOUND = Facts(solved=between(0.8, 1.0), identity=between(-0.02, 0.02))
LEAST = 0.1
FLOOR = {"above": between(0.2, 0.4), "straddling": between(0.05, 0.2), "below": between(-0.05, 0.05)}
"""A floor control's drop against LEAST."""
MARGIN = {"narrow": 0.02, "middle": 0.15, "wide": 0.3}
"""Narrow: removing an unused channel may cost more. Wide: losing a used one may cost no more."""
SIDE = {"above": (0.05, 0.1), "straddling": (-0.05, 0.05), "below": (-0.1, -0.01)}
"""The bottleneck's drop against the margin."""

USE = {  # (zero, batch-shuffled)
    ("above", "above"): "used",
    ("above", "straddling"): "used",
    ("above", "below"): "used",
    ("straddling", "above"): "used",
    ("below", "above"): "used",
    ("straddling", "straddling"): "unclear",
    ("straddling", "below"): "unclear",
    ("below", "straddling"): "unclear",
    ("below", "below"): "unused",
}
OF_UNUSED = {
    "narrow": (Standing.UNUSED, None),
    "middle": (Standing.REMOVABLE, None),
    "wide": (Standing.REMOVABLE, None),
}
OF_USED = {  # (drop, margin)
    ("above", "narrow"): (Standing.NOT_READABLE, None),
    ("above", "middle"): (Standing.NOT_READABLE, None),
    ("above", "wide"): (Standing.NOT_READABLE, None),
    ("straddling", "narrow"): (Standing.UNDECIDED, Cause.DROP_UNCLEAR),
    ("straddling", "middle"): (Standing.UNDECIDED, Cause.DROP_UNCLEAR),
    ("straddling", "wide"): (Standing.UNDECIDED, Cause.DROP_UNCLEAR),
    ("below", "narrow"): (Standing.READABLE, None),
    ("below", "middle"): (Standing.READABLE, None),
    ("below", "wide"): (Standing.UNDECIDED, Cause.FLOOR_WITHIN_MARGIN),
}
UNCLEAR = (Standing.UNDECIDED, Cause.USE_UNCLEAR)


@pytest.mark.parametrize(("zero", "shuffled", "drop", "margin"), list(product(FLOOR, FLOOR, SIDE, MARGIN)))
def test_every_case(zero: str, shuffled: str, drop: str, margin: str) -> None:
    max_drop = MARGIN[margin]
    found = find(
        SOUND,
        zero=FLOOR[zero],
        shuffled=FLOOR[shuffled],
        drop=between(*(max_drop + shift for shift in SIDE[drop])),
        max_drop=max_drop,
        min_floor_drop=LEAST,
    )
    use = USE[zero, shuffled]
    expected = {"used": OF_USED[drop, margin], "unused": OF_UNUSED[margin], "unclear": UNCLEAR}[use]
    assert (found.standing, found.cause) == expected
    assert found.used == (use == "used")
    assert found.removable == (expected[0] is Standing.REMOVABLE)
    assert found.control == (SHUFFLED if FLOOR[shuffled].low > FLOOR[zero].low else ZERO)


def test_every_standing_has_one_verdict() -> None:
    assert set(VERDICTS) == set(Standing)
    assert {standing for standing, verdict in VERDICTS.items() if verdict is Verdict.PASS} == {Standing.READABLE}
    assert {standing for standing, verdict in VERDICTS.items() if verdict is Verdict.FAIL} == {Standing.NOT_READABLE}


@pytest.mark.parametrize(
    ("facts", "standing", "cause", "control"),
    [
        (replace(SOUND, changed={"keep-everything": 0.01}), "unsound", Cause.CONTROL_CHANGED, "keep-everything"),
        (replace(SOUND, identity=between(0.01, 0.05)), "unsound", Cause.IDENTITY_MOVED, "identity"),
        (replace(SOUND, identity=between(-0.05, -0.01)), "unsound", Cause.IDENTITY_MOVED, "identity"),
        (replace(SOUND, solved=between(0.0, 0.09)), "unobserved", Cause.NOTHING_SOLVED, ""),
        (replace(SOUND, solved=replace(between(0.0, 0.3), value=0.0)), "unobserved", Cause.NOTHING_SOLVED, ""),
        (replace(SOUND, felt=False), "unobserved", Cause.NOTHING_FELT, ""),
        (replace(SOUND, written=False), "unobserved", Cause.NOTHING_WRITTEN, ""),
        (replace(SOUND, felt=False, written=False), "unobserved", Cause.NOTHING_FELT, ""),
        (replace(SOUND, changed={"identity": 0.5}, felt=False), "unsound", Cause.CONTROL_CHANGED, "identity"),
        (replace(SOUND, solved=between(0.0, 0.09), felt=False), "unobserved", Cause.NOTHING_SOLVED, ""),
    ],
)
@pytest.mark.parametrize("drop", SIDE)
def test_where_the_harness_is_unsound_or_nothing_was_seen_no_drop_counts(
    facts: Facts, standing: str, cause: Cause, control: str, drop: str
) -> None:
    found = find(
        facts, zero=FLOOR["above"], shuffled=FLOOR["above"], drop=between(*SIDE[drop]), max_drop=0.1, min_floor_drop=0.1
    )
    assert found == Finding(standing=Standing(standing), cause=cause, control=control)
    assert not found.used


ENDS = st.lists(st.integers(-100, 100).map(lambda cents: cents / 100), min_size=2, max_size=2).map(sorted)
ESTIMATES = ENDS.map(lambda ends: between(*ends))
SHARES = st.integers(1, 99).map(lambda cents: cents / 100)
CASES = st.fixed_dictionaries(
    {"zero": ESTIMATES, "shuffled": ESTIMATES, "drop": ESTIMATES, "max_drop": SHARES, "min_floor_drop": SHARES}
)
TIGHTER = st.tuples(*[st.floats(0, 1) for _ in range(6)])
RANK = {Standing.NOT_READABLE: 0, Standing.UNDECIDED: 1, Standing.READABLE: 2}

Case = dict[str, Estimate | float]


def found(case: Case, **changed: Estimate | float) -> Finding:
    return find(SOUND, **{**case, **changed})  # type: ignore[arg-type]


def inside(estimate: Estimate, first: float, second: float) -> Estimate:
    """An interval within that of the estimate."""
    low, high = sorted((first, second))
    width = estimate.high - estimate.low
    ends = (min(estimate.low + share * width, estimate.high) for share in (low, high))
    return between(*ends)


@given(case=CASES, shares=TIGHTER)
def test_tighter_intervals_never_take_a_decision_back(case: Case, shares: tuple[float, ...]) -> None:
    """They may still show that an unused channel can also be removed."""
    names = ("zero", "shuffled", "drop")
    tighter = {
        name: inside(case[name], *shares[2 * place : 2 * place + 2])  # type: ignore[arg-type]
        for place, name in enumerate(names)
    }
    before, after = found(case).standing, found(case, **tighter).standing
    if before is Standing.UNUSED:
        assert after in (Standing.UNUSED, Standing.REMOVABLE)
    elif before is not Standing.UNDECIDED:
        assert after is before


@given(case=CASES)
def test_a_pass_means_used_and_within_the_margin_and_worth_more_than_the_margin(case: Case) -> None:
    finding = found(case)
    floor = max(case["zero"].low, case["shuffled"].low)  # type: ignore[union-attr]
    holds = (
        floor > case["min_floor_drop"] and floor > case["max_drop"] and case["drop"].high <= case["max_drop"]  # type: ignore[union-attr]
    )
    assert (finding.verdict is Verdict.PASS) == holds
    assert finding.used or finding.verdict is not Verdict.PASS


@given(case=CASES, wider=SHARES)
def test_a_wider_margin_never_makes_a_failure(case: Case, wider: float) -> None:
    """It may take a pass back, where it comes to allow what losing the whole channel costs."""
    assume(wider >= case["max_drop"])
    before, after = found(case), found(case, max_drop=wider)
    if after.standing is Standing.NOT_READABLE:
        assert before.standing is Standing.NOT_READABLE
    if before.standing is Standing.READABLE:
        assert after.standing is Standing.READABLE or after.cause is Cause.FLOOR_WITHIN_MARGIN
    if before.removable:
        assert after.removable
    assert before.used == after.used


@given(case=CASES, worse=ESTIMATES)
def test_a_bottleneck_that_costs_more_is_never_judged_better(case: Case, worse: Estimate) -> None:
    drop = case["drop"]
    assume(worse.low >= drop.low and worse.high >= drop.high)  # type: ignore[union-attr]
    before, after = found(case), found(case, drop=worse)
    if before.used:
        assert RANK[after.standing] <= RANK[before.standing]
    else:
        assert after == before


@given(case=CASES, more=SHARES)
def test_asking_more_of_the_floor_never_makes_a_pass_or_a_failure(case: Case, more: float) -> None:
    assume(more >= case["min_floor_drop"])
    before, after = found(case), found(case, min_floor_drop=more)
    assert before.used or not after.used
    if after.used:
        assert after.standing is before.standing


@given(case=CASES)
def test_the_two_floor_controls_count_alike_but_for_what_can_be_removed(case: Case) -> None:
    before, after = found(case), found(case, zero=case["shuffled"], shuffled=case["zero"])
    unused = (Standing.UNUSED, Standing.REMOVABLE)
    assert after.standing is before.standing or {after.standing, before.standing} <= set(unused)
