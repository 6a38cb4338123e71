"""Which estimator a claim is judged by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.estimators import Estimators

N, RUNS = 130, 600
LEAST = 0.05


@pytest.mark.parametrize("sequential", [False, True])
def test_a_drop_of_any_errs_less_at_its_lower_end_alone(sequential: bool) -> None:
    reference_N, candidate_N = np.ones(60), np.repeat([0.0, 1.0], [20, 40])
    estimators = Estimators(sequential=sequential)
    alone, strict = estimators.drop(reference_N, candidate_N), Estimators(level=0.95, sequential=sequential)
    of_two = estimators.drop_of_any(reference_N, candidate_N, of=2)
    assert (of_two.low, of_two.high) == (strict.drop(reference_N, candidate_N).low, alone.high)
    assert of_two.value == alone.value
    assert estimators.drop_of_any(reference_N, candidate_N, of=1).low == pytest.approx(alone.low)


def test_either_of_two_drops_that_lie_at_the_bound_is_shown_to_exceed_it_at_alpha_and_not_at_twice_that() -> None:
    """Both floors cost exactly what is asked for: a right answer is lost with .1, a wrong one is found with .4."""
    rng, shown = np.random.default_rng(0), {1: 0, 2: 0}
    for _ in range(RUNS):
        soft_N = rng.random(N) < 0.9
        floors = [np.where(soft_N, rng.random(N) > 0.1, rng.random(N) < 0.4) for _ in range(2)]
        for of in shown:
            lows = [Estimators().drop_of_any(soft_N, floor_N, of=of).low for floor_N in floors]
            shown[of] += max(lows) > LEAST
    assert shown[2] / RUNS <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / RUNS)
    assert shown[1] / RUNS > 0.07


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
    st.booleans(),
)
def test_an_interval_holds_whatever_unseen_prompts_would_have_come_to(
    seen: list[float], unseen: list[float], sequential: bool
) -> None:
    alone, found = (Estimators(sequential=sequential, unseen=count).mean(seen) for count in (0, len(unseen)))
    assert found.low - 1e-9 <= np.mean([*seen, *unseen]) <= found.high + 1e-9
    assert (found.value, found.n) == (alone.value, alone.n)
    assert found.low <= alone.low <= alone.high <= found.high
    drop = Estimators(sequential=sequential, unseen=len(unseen)).drop(np.ones(len(seen)), seen)
    assert drop.low - 1e-9 <= 1.0 - np.mean([*seen, *unseen]) <= drop.high + 1e-9


def test_recovery_is_less_sure_where_prompts_are_unseen() -> None:
    soft_N, rung_N, floor_N = np.ones(100), np.repeat([1.0, 0.0], [90, 10]), np.repeat([1.0, 0.0], [30, 70])
    seen, unseen = (Estimators(unseen=count).recovery(soft_N, rung_N, floor_N) for count in (0, 5))
    assert seen is not None
    assert unseen is not None
    assert unseen.value == seen.value
    assert unseen.low < seen.low < seen.high < unseen.high
