"""The rungs of a ladder, and the tightest up to which every one holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.checks.bottleneck_ladder import Rung, gate_of, knee, loosest_first, rungs_of
from monitorbench.stats.noninferiority import Decision, judge_drop
from monitorbench.stats.paired import paired_difference


def top(k: int) -> Rung:
    return Rung(keep="top_k", value=k)


def least(p: float) -> Rung:
    return Rung(keep="min_p", value=p)


@pytest.mark.parametrize(
    ("parameters", "names", "gate"),
    [
        ({"keep": {"top_k": 8}}, ["top_k=8"], "top_k=8"),
        ({"keep": [{"top_k": 2}, {"top_k": 8}]}, ["top_k=2", "top_k=8"], "top_k=2"),
        (
            {"keep": [{"min_p": 0.03}, {"min_p": 0.1}], "gate_at": {"min_p": 0.1}},
            ["min_p=0.03", "min_p=0.1"],
            "min_p=0.1",
        ),
    ],
)
def test_the_rungs_and_the_gate_of_a_check(parameters: dict[str, Any], names: list[str], gate: str) -> None:
    """The first rung gates where none is named."""
    assert [rung.name for rung in rungs_of(parameters)] == names
    assert gate_of(parameters).name == gate


def test_looser_is_more_tokens_or_more_probability_or_a_lower_threshold() -> None:
    assert loosest_first([top(1), top(16), top(4)]) == (top(16), top(4), top(1))
    assert loosest_first([least(0.1), least(0.003)]) == (least(0.003), least(0.1))
    nuclei = [Rung(keep="top_p", value=p) for p in (0.5, 0.9)]
    assert loosest_first(nuclei) == (nuclei[1], nuclei[0])


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ([16, 8, 4, 2, 1], 1),
        ([16, 8, 4], 4),
        ([16], 16),
        ([], None),
        ([16, 8, 2, 1], 8),
        ([8, 4, 2, 1], None),
    ],
)
def test_the_knee_is_reached_without_a_gap(holds: list[int], expected: int | None) -> None:
    """A rung that holds below one that does not is none that a claim could rest on."""
    rungs = [top(k) for k in (1, 16, 4, 2, 8)]
    found = knee(rungs, holds=[top(k) for k in holds])
    assert found == (None if expected is None else top(expected))


@given(values=st.sets(st.integers(1, 64), min_size=1), data=st.data())
def test_the_knee_holds_with_all_looser_rungs_and_the_next_tighter_one_does_not(
    values: set[int], data: st.DataObject
) -> None:
    rungs = [top(k) for k in values]
    holds = data.draw(st.sets(st.sampled_from(rungs)))
    found = knee(rungs, holds=holds)
    ordered = loosest_first(rungs)
    reached = 0 if found is None else ordered.index(found) + 1
    assert set(ordered[:reached]) <= holds
    assert reached == len(ordered) or ordered[reached] not in holds
    assert found == knee(ordered[::-1], holds=holds), "whatever the order in the suite"


def test_a_knee_below_the_true_one_is_named_no_more_often_than_one_test_errs() -> None:
    """Six rungs, of which the three tightest cost exactly the margin, so that each of them is a test under the null.

    Independent losses on each rung are the worst case; testing all of them would name a wrong one up to three times as
    often.
    """
    rng, margin, n, runs = np.random.default_rng(5), 0.1, 100, 400
    rungs = [top(k) for k in (32, 16, 8, 4, 2, 1)]
    truth = dict(zip(rungs, (0.0, 0.0, 0.0, margin, margin, margin), strict=True))
    wrong = 0
    for _ in range(runs):
        drops = {r: paired_difference(np.ones(n), (rng.random(n) >= share).astype(float)) for r, share in truth.items()}
        found = knee(rungs, holds=[r for r in rungs if judge_drop(drops[r], max_drop=margin) is Decision.PASS])
        wrong += found is not None and found.value < 8
    assert wrong / runs <= 0.08
