"""Tango's score interval against published values, its own equation, its symmetries, and its exact error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial, norm

from monitorbench.stats.tango import score, score_interval

quick = settings(max_examples=50, deadline=None)
tables = st.integers(1, 80).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, n - b), st.just(n)))
)


@pytest.mark.parametrize(
    ("losses", "gains", "n", "low", "high"),
    [
        pytest.param(1, 7, 21, -0.517, -0.026, id="airway reactivity, Bentur 2009"),
        pytest.param(6, 16, 161, -0.1240, -0.0054, id="complete response, Cavo 2012"),
    ],
)
def test_published_95_percent_intervals(losses, gains, n, low, high):
    """Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8."""
    assert score_interval(losses=losses, gains=gains, n=n, alpha=0.025) == pytest.approx((low, high), abs=6e-4)


@given(tables, st.sampled_from([0.025, 0.05, 0.2]))
@quick
def test_each_bound_solves_the_score_equation(table, alpha):
    losses, gains, n = table
    low, high = score_interval(losses=losses, gains=gains, n=n, alpha=alpha)
    z = norm.isf(alpha)

    if low > -1.0:
        assert score(low, losses_T=losses, gains_T=gains, n=n) == pytest.approx(z, abs=1e-6)
    if high < 1.0:
        assert score(high, losses_T=losses, gains_T=gains, n=n) == pytest.approx(-z, abs=1e-6)


@given(tables)
@quick
def test_the_variance_is_that_of_the_likeliest_table_under_the_hypothesis(table):
    """An independent route to the same statistic: maximise the trinomial likelihood over P(gain) on a fine grid."""
    losses, gains, n = table
    difference = 0.07
    gain_rate = np.linspace(0.0, (1.0 - difference) / 2.0, 200_001)[1:-1]
    concordant = np.log1p(-2.0 * gain_rate - difference) * (n - losses - gains)
    likelihood = gains * np.log(gain_rate) + losses * np.log(gain_rate + difference) + concordant
    best = gain_rate[likelihood.argmax()]
    expected = (losses - gains - n * difference) / np.sqrt(n * (2.0 * best + difference - difference**2))

    assert score(difference, losses_T=losses, gains_T=gains, n=n) == pytest.approx(expected, rel=1e-2, abs=1e-2)


@given(tables)
@quick
def test_interval_contains_the_estimate_has_width_and_stays_in_range(table):
    losses, gains, n = table
    low, high = score_interval(losses=losses, gains=gains, n=n, alpha=0.05)

    assert -1.0 <= low <= (losses - gains) / n <= high <= 1.0
    assert high > low


@given(tables)
@quick
def test_swapping_the_arms_mirrors_the_interval(table):
    losses, gains, n = table
    low, high = score_interval(losses=losses, gains=gains, n=n, alpha=0.05)

    assert score_interval(losses=gains, gains=losses, n=n, alpha=0.05) == pytest.approx((-high, -low), abs=1e-8)


@given(tables)
@quick
def test_more_prompts_of_the_same_kind_narrow_the_interval(table):
    losses, gains, n = table
    low, high = score_interval(losses=losses, gains=gains, n=n, alpha=0.05)
    low_4, high_4 = score_interval(losses=4 * losses, gains=4 * gains, n=4 * n, alpha=0.05)

    assert high_4 - low_4 < high - low


def test_no_discordant_pair_still_leaves_width():
    """Closed form: with no discordant pair the bounds are +-z^2 / (n + z^2)."""
    z2 = norm.isf(0.05) ** 2

    assert score_interval(losses=0, gains=0, n=50, alpha=0.05) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))


@pytest.mark.parametrize(("losses", "gains", "n"), [(0, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_impossible_tables_are_refused(losses, gains, n):
    with pytest.raises(ValueError, match="losses"):
        score_interval(losses=losses, gains=gains, n=n, alpha=0.05)


def outcomes(n: int, loss_rate: float, gain_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Every table with a probability above 1e-9, and its exact probability."""
    counts = np.array([(b, c) for b in range(n + 1) for c in range(n + 1 - b)])
    tables = np.column_stack([counts, n - counts.sum(axis=1)])
    weights = multinomial.pmf(tables, n, [loss_rate, gain_rate, 1.0 - loss_rate - gain_rate])
    return counts[weights > 1e-9], weights[weights > 1e-9]


@pytest.mark.parametrize(
    ("n", "drop", "discordance"),
    [(30, 0.1, 0.2), (60, 0.05, 0.1), (100, 0.05, 0.2), (120, 0.03, 0.06), (200, 0.05, 0.1)],
)
def test_exact_error_rates_at_a_true_drop_on_the_margin(n, drop, discordance):
    """Summed over all tables, not simulated. Where few pairs are discordant, false passes stay rare and false fails
    reach 9 %: the interval of a small sample errs towards the bound.
    """
    tables, weights = outcomes(n, (discordance + drop) / 2.0, (discordance - drop) / 2.0)
    bounds = np.array([score_interval(losses=int(b), gains=int(c), n=n, alpha=0.05) for b, c in tables])
    false_pass, false_fail = weights[bounds[:, 1] < drop].sum(), weights[bounds[:, 0] > drop].sum()

    assert 0.03 <= false_pass <= 0.06
    assert 0.04 <= false_fail <= 0.09
