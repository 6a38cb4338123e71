"""The paired interval whose tails are summed over tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, multinomial

from monitorbench.stats.enumerated import MANY_DISCORDANT, paired_interval, tail_below
from monitorbench.stats.tango import score_interval

quick = settings(max_examples=40, deadline=None)
tables = st.integers(1, 80).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, n - b), st.just(n)))
)


@pytest.mark.parametrize(
    ("losses", "gains", "n", "difference"),
    [(0, 0, 12, 0.1), (2, 1, 15, 0.3), (1, 4, 12, -0.2), (3, 3, 10, 0.05), (0, 5, 14, 0.2)],
)
def test_the_tail_is_a_sum_over_every_table_at_the_likeliest_nuisance(losses, gains, n, difference):
    """An independent route: maximise the likelihood numerically, and compare statistics built from their definition."""
    counts = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])

    def likeliest(table: np.ndarray) -> np.ndarray:
        least, most = max(0.0, -difference), (1.0 - difference) / 2.0
        fit = minimize_scalar(
            lambda g: -multinomial.logpmf(table, n, [g + difference, g, 1.0 - 2.0 * g - difference]),
            bounds=(least + 1e-12, most - 1e-12),
            method="bounded",
            options={"xatol": 1e-11},
        )
        return np.array([fit.x + difference, fit.x, 1.0 - 2.0 * fit.x - difference])

    def statistic(table: np.ndarray) -> float:
        rates = likeliest(table)
        return float((table[0] - table[1] - n * difference) / np.sqrt(n * (rates[0] + rates[1] - difference**2)))

    observed = statistic(np.array([losses, gains, n - losses - gains]))
    weights = multinomial.pmf(counts, n, likeliest(np.array([losses, gains, n - losses - gains])))
    expected = weights[[statistic(table) <= observed + 1e-5 for table in counts]].sum()

    assert tail_below(difference, losses=losses, gains=gains, n=n) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 20, 130])
def test_without_a_discordant_pair_the_bounds_are_the_exact_binomial_ones(n):
    """The rule of three: 1 - .05^(1/n)."""
    exact = 1.0 - 0.05 ** (1.0 / n)

    assert paired_interval(losses=0, gains=0, n=n, alpha=0.05) == pytest.approx((-exact, exact), abs=1e-6)


@given(tables)
@quick
def test_interval_contains_the_estimate_has_width_and_stays_in_range(table):
    losses, gains, n = table
    low, high = paired_interval(losses=losses, gains=gains, n=n, alpha=0.05)

    assert -1.0 <= low <= (losses - gains) / n <= high <= 1.0
    assert high > low


@given(tables)
@quick
def test_swapping_the_arms_mirrors_the_interval(table):
    losses, gains, n = table
    low, high = paired_interval(losses=losses, gains=gains, n=n, alpha=0.05)

    assert paired_interval(losses=gains, gains=losses, n=n, alpha=0.05) == pytest.approx((-high, -low), abs=1e-8)


@given(tables)
@quick
def test_a_higher_level_never_narrows_it(table):
    losses, gains, n = table
    narrow = paired_interval(losses=losses, gains=gains, n=n, alpha=0.1)
    wide = paired_interval(losses=losses, gains=gains, n=n, alpha=0.05)

    assert wide[0] <= narrow[0]
    assert narrow[1] <= wide[1]


@given(tables)
@quick
def test_mid_p_intervals_are_narrower(table):
    losses, gains, n = table
    low, high = paired_interval(losses=losses, gains=gains, n=n, alpha=0.05)
    mid_low, mid_high = paired_interval(losses=losses, gains=gains, n=n, alpha=0.05, ties=0.5)

    assert low <= mid_low <= mid_high <= high


@pytest.mark.parametrize(("losses", "gains"), [(60, 39), (99, 0)])
def test_before_the_switch_to_the_normal_curve_both_agree(losses, gains):
    assert losses + gains == MANY_DISCORDANT - 1
    exact = paired_interval(losses=losses, gains=gains, n=1000, alpha=0.05)
    approximate = score_interval(losses=losses, gains=gains, n=1000, alpha=0.05)

    assert exact == pytest.approx(approximate, abs=0.05 * (approximate[1] - approximate[0]))
    assert paired_interval(losses=losses + 1, gains=gains, n=1000, alpha=0.05) == score_interval(
        losses=losses + 1, gains=gains, n=1000, alpha=0.05
    )


def test_fractional_counts_get_the_wider_bound_of_the_two():
    low, high = paired_interval(losses=2.25, gains=1.0, n=40, alpha=0.05)
    approximate = score_interval(losses=2.25, gains=1.0, n=40, alpha=0.05)

    assert low <= approximate[0]
    assert approximate[1] <= high


@pytest.mark.parametrize(("losses", "gains", "n"), [(0, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_impossible_tables_are_refused(losses, gains, n):
    with pytest.raises(ValueError, match="losses"):
        paired_interval(losses=losses, gains=gains, n=n, alpha=0.05)


@pytest.mark.parametrize(("n", "discordance"), [(30, 0.2), (60, 0.1), (40, 0.05)])
def test_where_all_discordant_pairs_are_losses_a_lower_bound_errs_in_no_more_than_5_5_percent(n, discordance):
    """Exactly, on the edge where the score interval's lower bound errs in up to 10 %."""
    counts = np.arange(n + 1)
    weights = binom.pmf(counts, n, discordance)
    likely = counts[weights > 1e-6]
    missed = [paired_interval(losses=int(b), gains=0, n=n, alpha=0.05)[0] > discordance for b in likely]

    assert weights[likely][missed].sum() <= 0.055


@given(st.integers(1, 60), st.integers(0, 60), st.floats(-1e-10, 1e-10))
@settings(max_examples=50, deadline=None)
def test_counts_that_miss_a_whole_number_by_rounding_are_taken_for_it(n, losses, rounding):
    losses = min(losses, n)
    nearly = min(max(losses + rounding, 0.0), n)

    assert paired_interval(losses=nearly, gains=0.0, n=n, alpha=0.05) == paired_interval(
        losses=losses, gains=0.0, n=n, alpha=0.05
    )


@pytest.mark.parametrize("missing", [1e-8, 1e-6, 1e-3])
def test_a_bound_next_to_certain_loss_is_found(missing):
    low, high = paired_interval(losses=11.0 - missing, gains=0.0, n=11, alpha=0.05)

    assert low < 1.0 - missing / 11 <= high <= 1.0
