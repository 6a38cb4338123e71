"""No estimator takes a sample without spread, or a very small one, for a certainty."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.bounded import bounded_mean
from monitorbench.stats.interval import Estimate
from monitorbench.stats.paired import paired_difference
from monitorbench.stats.recovery import recovery
from monitorbench.stats.sequential import sequential_mean

ESTIMATORS: dict[str, Callable[[np.ndarray], Estimate | None]] = {
    "bounded_mean": bounded_mean,
    "bounded_mean of scores": lambda values_N: bounded_mean(values_N, low=-1.0, high=1.0),
    "paired_difference": lambda values_N: paired_difference(np.ones_like(values_N), values_N),
    "paired_difference of like arms": lambda values_N: paired_difference(values_N, values_N),
    "recovery": lambda values_N: recovery(np.ones_like(values_N), values_N, np.zeros_like(values_N)),
    "recovery of the floor": lambda values_N: recovery(np.ones_like(values_N), values_N, values_N),
    "sequential_mean": sequential_mean,
}
by_estimator = pytest.mark.parametrize("name", ESTIMATORS)


@by_estimator
@given(st.floats(0.0, 1.0), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_a_constant_sample_leaves_width_and_spread(name, constant, n):
    estimate = ESTIMATORS[name](np.full(n, constant))

    if estimate is not None:
        assert estimate.high - estimate.low > 1.0 / (n + 10)
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.sd > 0.0


@by_estimator
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_any_sample_leaves_width(name, values):
    estimate = ESTIMATORS[name](np.array(values))

    if estimate is not None:
        assert estimate.high > estimate.low
        assert estimate.low <= estimate.value <= estimate.high


@by_estimator
@pytest.mark.parametrize("values", [[0.0], [1.0], [0.5], [1.0, 1.0], [0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.5, 1.0]])
def test_up_to_three_prompts_decide_next_to_nothing(name, values):
    """The best that three prompts can show at .05 one-sided is a mean on the near side of .05^(1/3) = .37."""
    estimate = ESTIMATORS[name](np.array(values))

    if estimate is not None:
        assert estimate.high - estimate.low > 0.6


def test_one_prompt_says_what_one_coin_says():
    """Exact bounds for one value: .05 and .95."""
    assert bounded_mean([1.0]).low == pytest.approx(0.05)
    assert bounded_mean([0.3]).high > 0.95
    assert paired_difference([1.0], [1.0]).high == pytest.approx(0.95)
