"""The interval of a difference, from nothing but an interval of each side."""

from __future__ import annotations

import numpy as np
import pytest

from monitorbench.stats.bounded import clopper_pearson
from monitorbench.stats.unpaired import interval_of_difference


def test_ends_add_up_like_standard_errors_each_by_itself() -> None:
    assert interval_of_difference((0.1, 0.07, 0.2), (0.5, 0.1, 0.54)) == pytest.approx(
        (0.4 - np.hypot(0.4, 0.1), 0.4 + np.hypot(0.04, 0.03))
    )


def test_what_is_fixed_adds_nothing() -> None:
    assert interval_of_difference((0.1, 0.1, 0.1), (0.5, 0.4, 0.7)) == pytest.approx((0.3, 0.6))
    assert interval_of_difference((0.1, 0.1, 0.1), (0.5, 0.5, 0.5)) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("shared", [0.0, 0.6, 1.0])
def test_it_holds_the_true_difference_at_its_level_also_where_prompts_are_shared(shared: float) -> None:
    """Two samples of which a share moves together; each end is a one-sided bound at 5 %."""
    rng, n, rates = np.random.default_rng(0), 60, (0.2, 0.3)
    missed = np.zeros(2)
    for _ in range(2000):
        own_N, other_N = rng.random((2, n))
        second_N = np.where(np.arange(n) < shared * n, own_N, other_N)
        sides = []
        for draw_N, rate in zip((own_N, second_N), rates, strict=True):
            hits = int((draw_N < rate).sum())
            sides.append((hits / n, *clopper_pearson(hits, n=n, alpha=0.05)))
        low, high = interval_of_difference(*sides)
        missed += [low > 0.1, high < 0.1]
    assert (missed / 2000 <= 0.06).all()
