"""Bounds that may be looked at after every prompt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.sequential import log_wealth, running_bounds, sequential_mean

quick = settings(max_examples=40, deadline=None)
drops = st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), min_size=1, max_size=80)


def test_wealth_is_what_the_bets_would_have_paid():
    """By hand: half of nothing, doubled values; every share b pays 1 - b + b x / m."""
    wealth = np.exp(log_wealth(np.array([1.0, 0.0]), 0.5))
    bets = np.geomspace(0.05, 0.95, 14)

    assert wealth == pytest.approx([np.mean(1 + bets), np.mean((1 + bets) * (1 - bets))])


@given(drops)
@quick
def test_bounds_only_tighten_and_each_excludes_no_mean_that_wealth_does_not(values):
    lows_N, highs_N = running_bounds(values)
    unit_N = (np.array(values) + 1.0) / 2.0

    assert np.all(np.diff(lows_N) >= 0.0)
    assert np.all(np.diff(highs_N) <= 0.0)
    for low in lows_N[lows_N > -1.0]:
        assert log_wealth(unit_N, (low + 1.0) / 2.0).max() >= np.log(20.0) - 1e-6


@given(drops)
@quick
def test_the_bound_is_where_wealth_meets_the_threshold(values):
    """The line between grid points gives away less than a thousandth of the range."""
    tail = [1.0] * 20 + values
    low = running_bounds(tail)[0][-1]

    assert low > -1.0
    assert log_wealth((np.array(tail) + 1.0) / 2.0, (low + 0.002 + 1.0) / 2.0).max() < np.log(20.0)


@given(drops)
@quick
def test_swapping_the_arms_mirrors_the_bounds(values):
    lows_N, highs_N = running_bounds(values)
    mirrored_lows_N, mirrored_highs_N = running_bounds(-np.array(values))

    assert mirrored_lows_N == pytest.approx(-highs_N)
    assert mirrored_highs_N == pytest.approx(-lows_N)


@given(drops)
@quick
def test_a_higher_level_never_narrows_the_bounds(values):
    narrow, wide = sequential_mean(values, level=0.8), sequential_mean(values, level=0.95)

    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@given(drops)
@quick
def test_bounds_after_some_prompts_do_not_depend_on_later_ones(values):
    half = (len(values) + 1) // 2

    assert running_bounds(values)[0][:half] == pytest.approx(running_bounds(values[:half])[0])


def test_the_estimate_takes_the_last_bounds():
    values_N = np.random.default_rng(0).choice([1.0, 0.0, -1.0], p=[0.3, 0.6, 0.1], size=200)
    estimate = sequential_mean(values_N)
    lows_N, highs_N = running_bounds(values_N)

    assert (estimate.low, estimate.high) == (lows_N[-1], highs_N[-1])
    assert estimate.low < estimate.value < estimate.high
    assert estimate.method == "betting confidence sequence"
    assert (estimate.n, estimate.level) == (200, 0.9)


def test_another_range_scales_the_bounds():
    unit_N = np.random.default_rng(1).random(60)
    drop, rate = sequential_mean(2.0 * unit_N - 1.0), sequential_mean(unit_N, low=0.0, high=1.0)

    assert (drop.low, drop.high) == pytest.approx((2.0 * rate.low - 1.0, 2.0 * rate.high - 1.0))


def test_bounds_close_in_on_the_mean():
    values_N = np.tile([0.5, -0.5, 0.0, 0.0], 500)
    lows_N, highs_N = running_bounds(values_N)

    assert highs_N[-1] - lows_N[-1] < 0.1 < highs_N[100] - lows_N[100]


def test_looking_after_every_prompt_errs_in_no_more_than_5_percent():
    """A drop on the margin, 1,000 runs of 200 looks: of the bounds for a fixed n, far more than 5 % would err."""
    rng = np.random.default_rng(2)
    runs_RN = rng.choice([1.0, -1.0, 0.0], p=[0.125, 0.075, 0.8], size=(1000, 200))
    means_RN = runs_RN.cumsum(axis=1) / np.arange(1, 201)
    fixed_RN = means_RN + 1.645 * np.sqrt(0.2 / np.arange(1, 201))

    for sign in (1.0, -1.0):
        wealth_RN = log_wealth((1.0 + sign * runs_RN) / 2.0, np.full(1000, (1.0 + sign * 0.05) / 2.0))
        assert 0.0 < np.mean(wealth_RN.max(axis=1) >= np.log(20.0)) <= 0.05
    assert np.mean((fixed_RN[:, 20:] < 0.05).any(axis=1)) > 0.1


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        running_bounds([0.5, 1.5])
