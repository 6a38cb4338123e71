"""Paired drops: right-or-wrong values by Tango's interval, seed averages by bootstrap, never a zero width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.enumerated import paired_interval
from monitorbench.stats.paired import discordance, paired_difference

quick = settings(max_examples=50, deadline=None)
eighths = st.integers(0, 8).map(lambda k: k / 8)
arms = st.lists(st.tuples(eighths, eighths), min_size=1, max_size=60).map(lambda rows: np.array(rows).T)


def test_right_or_wrong_values_get_tangos_interval():
    reference, candidate = [1, 1, 1, 1, 0, 0, 1, 1], [1, 0, 0, 1, 0, 1, 1, 0]
    drop = paired_difference(reference, candidate)

    assert drop.value == pytest.approx(2 / 8)
    assert drop.method == "Tango score"
    assert (drop.low, drop.high) == paired_interval(losses=3, gains=1, n=8, alpha=0.05)


def test_seed_averages_get_a_bootstrap_over_prompts():
    rng = np.random.default_rng(3)
    drop = paired_difference(rng.integers(2, 5, 80) / 4, rng.integers(0, 5, 80) / 4)

    assert drop.method == "BCa bootstrap over prompts"
    assert drop.low < drop.value < drop.high


def test_few_departing_prompts_fall_back_on_the_wide_interval():
    reference = np.full(100, 0.75)
    candidate = reference.copy()
    candidate[:3] = 0.5
    drop = paired_difference(reference, candidate)

    assert drop.method == "Tango score, fractional counts"
    assert drop.low < 0.0 < drop.value < drop.high


@pytest.mark.parametrize("constant", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("n", [1, 3, 50])
def test_a_sample_without_spread_is_no_certainty(constant, n):
    drop = paired_difference(np.full(n, constant), np.zeros(n))

    assert drop.high - drop.low > 0.01
    assert drop.sd > 0.0


def test_rounding_in_the_last_bit_is_not_spread():
    """1 - 2/3 and 2/3 - 1/3 differ in floating point only."""
    drop = paired_difference(np.tile([1.0, 2 / 3], 30), np.tile([2 / 3, 1 / 3], 30))

    assert drop.method == "Tango score, fractional counts"


@given(arms)
@quick
def test_interval_contains_the_drop_and_has_width(pair):
    drop = paired_difference(pair[0], pair[1], resamples=500)

    assert -1.0 <= drop.low <= drop.value <= drop.high <= 1.0
    assert drop.high > drop.low


@given(arms)
@quick
def test_swapping_the_arms_flips_the_sign(pair):
    forward = paired_difference(pair[0], pair[1], resamples=500)
    backward = paired_difference(pair[1], pair[0], resamples=500)

    assert backward.value == pytest.approx(-forward.value)
    assert (backward.low, backward.high) == pytest.approx((-forward.high, -forward.low), abs=5e-3)


@given(arms)
@quick
def test_a_higher_level_never_narrows_the_interval(pair):
    narrow = paired_difference(pair[0], pair[1], level=0.8, resamples=500)
    wide = paired_difference(pair[0], pair[1], level=0.95, resamples=500)

    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


def test_same_seed_same_interval():
    rng = np.random.default_rng(0)
    pair = rng.random(50), rng.random(50)

    assert paired_difference(*pair, seed=1) == paired_difference(*pair, seed=1)
    assert paired_difference(*pair, seed=1) != paired_difference(*pair, seed=2)


def test_paired_values_need_the_same_prompts():
    with pytest.raises(ValueError, match="3 reference, 2 candidate"):
        paired_difference([1, 1, 1], [1, 1])


def test_no_prompts_is_an_error():
    with pytest.raises(ValueError, match="at least one prompt"):
        paired_difference([], [])


def test_discordance_is_the_share_of_discordant_pairs():
    assert discordance([1, 1, 0, 0], [1, 0, 1, 0]) == 0.5


def simulate(rng: np.random.Generator, *, prompts: int, seeds: int, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Two arms over prompts of differing difficulty, averaged over seeds, whose true drop is `drop`."""
    skill = rng.beta(3.0, 1.5, prompts) * (1.0 - drop) + drop
    return rng.binomial(seeds, skill) / seeds, rng.binomial(seeds, skill - drop) / seeds


@pytest.mark.parametrize("prompts", [25, 80])
def test_bootstrap_bounds_err_at_about_5_percent(prompts):
    """The false-pass rate at a true drop on the margin, over 1,000 simulated checks (standard error .7 %)."""
    rng = np.random.default_rng(prompts)
    drops = [
        paired_difference(*simulate(rng, prompts=prompts, seeds=4, drop=0.1), resamples=500, seed=run)
        for run in range(1000)
    ]

    assert np.mean([drop.high < 0.1 for drop in drops]) <= 0.065
    assert np.mean([drop.low > 0.1 for drop in drops]) <= 0.065
    assert np.mean([drop.high - drop.low for drop in drops]) < 0.26


@pytest.mark.parametrize(("prompts", "rate"), [(40, 0.05), (100, 0.04), (100, 0.1), (200, 0.06)])
def test_sparse_seed_averages_err_at_no_more_than_about_5_percent(prompts, rate):
    """Few prompts differ, each by a quarter or a half: both sides of the switch between the two intervals are met.

    1,000 simulated checks; the standard error of a rate is .7 %.
    """
    rng = np.random.default_rng(int(prompts * rate))
    true_drop = rate * (0.6 * 0.25 + 0.4 * 0.5)
    sizes = rng.choice([0.0, 0.25, 0.5], p=[1.0 - rate, 0.6 * rate, 0.4 * rate], size=(1000, prompts))
    drops = [paired_difference(row, np.zeros(prompts), resamples=500, seed=run) for run, row in enumerate(sizes)]

    assert np.mean([drop.high < true_drop for drop in drops]) <= 0.06
    assert np.mean([drop.low > true_drop for drop in drops]) <= 0.07
