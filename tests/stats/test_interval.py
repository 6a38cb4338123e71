"""An estimate carries its interval; a sample without spread is not a certainty."""

import numpy as np
import pytest

from monitorbench.stats.interval import Estimate, checked, checked_level, smoothed_sd


def test_the_ends_of_a_90_percent_interval_are_one_sided_5_percent_bounds():
    estimate = Estimate(value=0.1, low=0.0, high=0.2, level=0.9, n=50, sd=0.3, method="any")

    assert estimate.alpha == pytest.approx(0.05)


def test_what_is_fixed_by_construction_has_no_width_and_says_so():
    estimate = Estimate.fixed(1.0, n=7)

    assert (estimate.low, estimate.value, estimate.high, estimate.level) == (1.0, 1.0, 1.0, 1.0)
    assert estimate.method == "fixed by construction"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "at least one prompt"),
        ([[0.5]], "one value per prompt"),
        ([0.5, 1.2], r"must lie in \[0, 1\]"),
        ([0.5, np.nan], r"must lie in \[0, 1\]"),
    ],
)
def test_values_that_cannot_be_used_are_named(values, message):
    with pytest.raises(ValueError, match=f"reference.*{message}"):
        checked(values, low=0.0, high=1.0, name="reference")


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match="confidence level"):
        checked_level(level)


def test_smoothed_spread_is_positive_without_spread_and_tends_to_the_plain_one():
    constant, varied = np.zeros(100), np.tile([-0.5, 0.5], 5000)

    assert smoothed_sd(constant, low=-1.0, high=1.0) == pytest.approx(np.sqrt(1 / 101))
    assert smoothed_sd(varied, low=-1.0, high=1.0) == pytest.approx(0.5, rel=1e-3)
