"""Means of bounded values: exact where the sample is degenerate, bootstrapped where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from monitorbench.stats.bounded import bounded_mean, chernoff_hoeffding, clopper_pearson

quick = settings(max_examples=50, deadline=None)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@quick
def test_rates_get_the_exact_binomial_interval(table):
    count, n = table
    exact = binomtest(count, n).proportion_ci(0.9, method="exact")

    assert clopper_pearson(count, n=n, alpha=0.05) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert clopper_pearson(count, n=n, alpha=0.05) == pytest.approx(proportion_confint(count, n, 0.1, "beta"), abs=1e-9)


@pytest.mark.parametrize("n", [1, 3, 100])
def test_at_the_bounds_chernoff_hoeffding_is_the_exact_bound(n):
    """20 zeros in 20 leave room for 1 - .05^(1/20): the rule of three."""
    assert chernoff_hoeffding(0.0, n=n, alpha=0.05) == pytest.approx((0.0, 1.0 - 0.05 ** (1 / n)))
    assert chernoff_hoeffding(1.0, n=n, alpha=0.05) == pytest.approx((0.05 ** (1 / n), 1.0))


@given(st.integers(1, 60), st.floats(0.01, 0.99))
@quick
def test_chernoff_hoeffding_never_errs_above_its_level(n, rate):
    """On binomial counts, its hardest case, by exact summation."""
    counts = np.arange(n + 1)
    bounds = np.array([chernoff_hoeffding(count / n, n=n, alpha=0.05) for count in counts])
    weights = binom.pmf(counts, n, rate)

    assert weights[bounds[:, 0] > rate].sum() <= 0.05
    assert weights[bounds[:, 1] < rate].sum() <= 0.05


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=40))
@quick
def test_interval_contains_the_mean_stays_in_range_and_has_width(values):
    mean = bounded_mean(values, low=-1.0, high=1.0, resamples=300)

    assert -1.0 <= mean.low <= mean.value <= mean.high <= 1.0
    assert mean.high > mean.low


@pytest.mark.parametrize(
    ("values", "method"),
    [
        ([0.0, 1.0, 1.0], "Clopper-Pearson"),
        ([0.3] * 40, "Chernoff-Hoeffding"),
        (np.linspace(0.0, 1.0, 40), "BCa bootstrap over prompts"),
    ],
)
def test_the_sample_decides_the_method(values, method):
    assert bounded_mean(values).method == method


def test_scaling_the_range_scales_the_interval():
    values_N = np.random.default_rng(0).random(50)
    unit, order = bounded_mean(values_N), bounded_mean(2.0 * values_N - 1.0, low=-1.0, high=1.0)

    assert (order.low, order.high) == pytest.approx((2.0 * unit.low - 1.0, 2.0 * unit.high - 1.0))
    assert order.sd == pytest.approx(2.0 * unit.sd)


def test_bootstrap_bounds_err_at_about_5_percent():
    """Skewed values, 40 prompts, 1,000 simulations (standard error .7 %)."""
    rng = np.random.default_rng(5)
    means = [bounded_mean(rng.beta(4.0, 1.0, 40), resamples=2000, seed=run) for run in range(1000)]

    assert np.mean([mean.low > 0.8 for mean in means]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([mean.high < 0.8 for mean in means]) == pytest.approx(0.05, abs=0.02)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        bounded_mean([0.5, 1.5])
