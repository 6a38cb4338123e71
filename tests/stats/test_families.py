"""Holm's procedure, and p-values read off intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from monitorbench.stats.bounded import bounded_mean
from monitorbench.stats.enumerated import tail_below
from monitorbench.stats.families import holm, p_above, p_below
from monitorbench.stats.interval import Estimate
from monitorbench.stats.paired import paired_difference
from monitorbench.stats.tango import score

quick = settings(max_examples=60, deadline=None)
few = settings(max_examples=15, deadline=None)
probabilities = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.01, 0.025, 0.05, 1.0]))


@given(st.lists(probabilities, min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
@quick
def test_holm_agrees_with_statsmodels(p_values, alpha):
    family = holm(p_values, alpha=alpha)
    _, adjusted, _, _ = multipletests(p_values, alpha=alpha, method="holm")

    assert family.adjusted == pytest.approx(adjusted)
    assert family.rejected == tuple(value <= alpha for value in family.adjusted)


@given(st.lists(probabilities, min_size=1, max_size=12))
@quick
def test_holm_rejects_no_less_than_bonferroni_and_no_more_than_no_correction(p_values):
    family = holm(p_values)

    for p_value, adjusted in zip(p_values, family.adjusted, strict=True):
        assert min(p_value, 1.0) <= adjusted <= min(len(p_values) * p_value, 1.0) + 1e-12


@given(st.permutations([0.001, 0.01, 0.02, 0.04, 0.3]))
@quick
def test_order_does_not_matter(p_values):
    by_value = dict(zip(p_values, holm(p_values).adjusted, strict=True))

    assert by_value == pytest.approx({0.001: 0.005, 0.01: 0.04, 0.02: 0.06, 0.04: 0.08, 0.3: 0.3})


def test_no_claims_no_rejections():
    assert holm([]).rejected == ()


@pytest.mark.parametrize(("p_values", "alpha"), [([1.2], 0.05), ([float("nan")], 0.05), ([0.1], -1.0), ([[0.1]], 0.05)])
def test_what_is_no_probability_is_refused(p_values, alpha):
    with pytest.raises(ValueError, match="p-values"):
        holm(p_values, alpha=alpha)


def test_a_family_of_null_claims_alarms_in_5_percent():
    p_values = np.random.default_rng(0).random((4000, 6))

    assert np.mean([any(holm(row).rejected) for row in p_values]) == pytest.approx(0.05, abs=0.012)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.05, 0.95))
@quick
def test_of_the_exact_interval_it_is_the_exact_binomial_p_value(table, bound):
    count, n = table
    values = [1.0] * count + [0.0] * (n - count)
    above = binomtest(count, n, bound, alternative="greater").pvalue
    below = binomtest(count, n, bound, alternative="less").pvalue

    assert p_above(lambda level: bounded_mean(values, level=level), bound) == pytest.approx(reported(above), rel=1e-4)
    assert p_below(lambda level: bounded_mean(values, level=level), bound) == pytest.approx(reported(below), rel=1e-4)


def reported(p_value: float) -> float:
    """What the range of error rates looked at makes of an exact p-value."""
    return 1.0 if p_value >= 0.5 else max(p_value, 1e-6)


@pytest.mark.parametrize(("losses", "gains", "n"), [(8, 2, 40), (3, 3, 60), (1, 9, 50), (0, 0, 30), (12, 0, 80)])
def test_of_the_paired_interval_it_is_the_estimated_p_value(losses, gains, n):
    reference = [1] * losses + [0] * gains + [1] * (n - losses - gains)
    candidate = [0] * losses + [1] * gains + [1] * (n - losses - gains)
    p_value = p_below(lambda level: paired_difference(reference, candidate, level=level), 0.1)

    assert p_value == pytest.approx(reported(tail_below(0.1, losses=losses, gains=gains, n=n)), rel=1e-3)


def test_of_many_discordant_pairs_it_is_that_of_the_score_statistic():
    losses, gains, n = 90, 40, 1000
    reference = [1] * losses + [0] * (n - losses)
    candidate = [0] * losses + [1] * gains + [0] * (n - losses - gains)
    p_value = p_above(lambda level: paired_difference(reference, candidate, level=level), 0.02)

    assert p_value == pytest.approx(norm.sf(float(score(0.02, losses_T=losses, gains_T=gains, n=n))), rel=1e-3)


@pytest.mark.parametrize(("losses", "gains"), [(10, 3), (30, 25), (25, 12)])
def test_at_no_drop_it_is_mcnemars(losses, gains):
    """Half of the two-sided p-value of McNemar's test without continuity correction, to which the score reduces."""
    n = 200
    expected = mcnemar([[50, losses], [gains, 150 - losses - gains]], exact=False, correction=False).pvalue / 2.0

    assert norm.sf(float(score(0.0, losses_T=losses, gains_T=gains, n=n))) == pytest.approx(expected)
    exact = tail_below(0.0, losses=gains, gains=losses, n=n)
    conditional = binom.sf(losses - 1, losses + gains, 0.5)
    assert 0.8 * expected < exact < conditional


@given(st.integers(0, 6), st.floats(0.01, 0.3))
@few
def test_a_claim_further_from_the_data_has_the_smaller_p_value(losses, step):
    reference, candidate = [1] * 40, [0] * losses + [1] * (40 - losses)
    near, far = (
        p_below(lambda level: paired_difference(reference, candidate, level=level), 0.2 + shift)
        for shift in (0.0, step)
    )

    assert far <= near


def test_an_interval_that_never_excludes_the_bound_gives_1():
    flat = Estimate(value=0.0, low=-1.0, high=1.0, level=0.9, n=3, sd=1.0, method="any")

    assert p_above(lambda _: flat, 0.5) == 1.0
    assert p_above(lambda _: flat, -2.0) == 1e-6
