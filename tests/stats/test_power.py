"""How many prompts decide a claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.stats.enumerated import tail_below
from monitorbench.stats.interval import Estimate
from monitorbench.stats.paired import paired_difference
from monitorbench.stats.power import detectable_drop, detectable_margin, more_prompts, prompts_needed


@pytest.mark.parametrize(
    ("discordance", "margin", "n"),
    [
        (0.05, 0.01, 3091),
        (0.05, 0.02, 773),
        (0.05, 0.03, 343),
        (0.05, 0.05, 124),
        (0.10, 0.01, 6183),
        (0.10, 0.02, 1546),
        (0.10, 0.03, 687),
        (0.10, 0.05, 247),
        (0.20, 0.01, 12365),
        (0.20, 0.02, 3091),
        (0.20, 0.03, 1374),
        (0.20, 0.05, 495),
    ],
)
def test_prompts_for_an_unchanged_model(discordance, margin, n):
    """(1.6449 + .8416)^2 x discordance / margin^2, rounded up to whole prompts."""
    assert n <= prompts_needed(discordance=discordance, margin=margin) <= n + 1


def test_the_promised_power_is_delivered():
    n = prompts_needed(discordance=0.1, margin=0.05)
    tables = np.random.default_rng(0).multinomial(n, [0.05, 0.05, 0.9], size=3000)
    cells, counts = np.unique(tables[:, :2], axis=0, return_counts=True)
    passes = [tail_below(0.05, losses=int(b), gains=int(c), n=n) < 0.05 for b, c in cells]

    assert np.average(passes, weights=counts) == pytest.approx(0.8, abs=0.04)


@given(st.integers(5, 20_000), st.floats(0.01, 1.0))
def test_the_detectable_margin_is_the_inverse_of_the_prompts_needed(n, discordance):
    margin = detectable_margin(n, discordance=discordance)

    if margin is None:
        assert prompts_needed(discordance=discordance, margin=1.0) > n
    else:
        assert prompts_needed(discordance=discordance, margin=margin) == n


@pytest.mark.parametrize(
    ("n", "discordance", "margin"), [(773, 0.05, 0.02), (247, 0.1, 0.05), (200, 0.1, 0.0556), (1374, 0.2, 0.03)]
)
def test_margins_that_a_number_of_prompts_can_show(n, discordance, margin):
    assert detectable_margin(n, discordance=discordance) == pytest.approx(margin, abs=1e-4)


@given(st.integers(5, 20_000), st.floats(0.01, 1.0), st.floats(0.0, 0.2))
def test_the_detectable_drop_has_the_margin_at_the_distance_that_its_own_spread_asks_for(n, discordance, margin):
    drop = detectable_drop(n, discordance=discordance, margin=margin)

    if drop is None:
        at_most = (discordance - discordance**2) * 2.4865**2
        assert margin >= discordance or (discordance - margin) ** 2 * n <= at_most * 1.001
    else:
        assert margin < drop <= discordance
        assert (drop - margin) ** 2 * n == pytest.approx(2.48648**2 * (discordance - drop**2), rel=1e-4, abs=1e-9)


def test_the_detectable_drop_is_detected():
    """200 prompts of which 20 % are discordant show a drop of 13 points to exceed 5, four times in five."""
    drop = detectable_drop(200, discordance=0.2, margin=0.05)
    tables = np.random.default_rng(1).multinomial(200, [(0.2 + drop) / 2, (0.2 - drop) / 2, 0.8], size=2000)
    cells, counts = np.unique(tables[:, :2], axis=0, return_counts=True)
    fails = [tail_below(-0.05, losses=int(c), gains=int(b), n=200) < 0.05 for b, c in cells]

    assert drop == pytest.approx(0.125, abs=0.005)
    assert np.average(fails, weights=counts) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(
    "arguments", [{"n": 0, "discordance": 0.1}, {"n": 10, "discordance": 0.0}, {"n": 10, "discordance": 1.5}]
)
def test_designs_that_cannot_be_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        detectable_margin(**arguments)
    with pytest.raises(ValueError, match="must"):
        detectable_drop(**arguments, margin=0.05)


def test_a_true_drop_costs_prompts():
    """6.1826 x (.2 - .1^2) / (.2 - .1)^2 = 117.5, against 30.9 without a drop."""
    assert prompts_needed(discordance=0.2, margin=0.2, drop=0.1) == 118
    assert prompts_needed(discordance=0.2, margin=0.2) == 31


@pytest.mark.parametrize(
    "arguments",
    [
        {"discordance": 0.0, "margin": 0.05},
        {"discordance": 0.1, "margin": 0.0},
        {"discordance": 0.1, "margin": 0.05, "drop": 0.05},
        {"discordance": 0.01, "margin": 0.05, "drop": 0.02},
        {"discordance": 0.1, "margin": 0.05, "power": 1.0},
    ],
)
def test_what_no_number_of_prompts_can_show_is_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        prompts_needed(**arguments)


def test_an_inconclusive_drop_says_how_many_more_prompts_would_decide_it():
    """10 of 100 pairs discordant, no drop, margin 5 points: about 250 in all, and 250 such prompts do decide it."""
    reference, candidate = np.ones(100), np.ones(100)
    reference[:5], candidate[5:10] = 0.0, 0.0
    drop = paired_difference(reference, candidate)
    more = more_prompts(drop, maximum=0.05)

    assert drop.high > 0.05
    assert more == pytest.approx(prompts_needed(discordance=0.1, margin=0.05) - 100, abs=30)
    tripled = 1 + more // 100 + 1
    assert paired_difference(np.tile(reference, tripled), np.tile(candidate, tripled)).high < 0.05


def test_no_discordant_pair_still_asks_for_a_finite_number():
    drop = paired_difference(np.ones(30), np.ones(30))

    assert 0 < more_prompts(drop, maximum=0.03) < 500


def test_on_the_bound_no_number_decides():
    estimate = Estimate(value=0.05, low=0.0, high=0.1, level=0.9, n=50, sd=0.3, method="any")

    assert more_prompts(estimate, maximum=0.05) is None


def test_the_nearer_bound_counts():
    estimate = Estimate(value=0.5, low=0.3, high=0.7, level=0.9, n=50, sd=0.8, method="any")

    assert more_prompts(estimate, minimum=0.4, maximum=0.9) == more_prompts(estimate, minimum=0.4)


def test_what_is_fixed_needs_no_more_prompts():
    with pytest.raises(ValueError, match="spread"):
        more_prompts(Estimate.fixed(1.0), maximum=0.5)


@pytest.mark.parametrize("margin", [5e-324, 1e-200, 1e-12])
def test_a_margin_next_to_nothing_asks_for_a_finite_number(margin):
    assert 10**15 < prompts_needed(discordance=0.05, margin=margin) < 10**18


def test_a_drop_can_be_detected_with_however_many_prompts():
    assert detectable_drop(2**63 - 1, discordance=0.05, margin=0.049) == pytest.approx(0.049)
