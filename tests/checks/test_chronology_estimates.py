"""From prompts to estimates: bounded means, ratios of means, what is fixed, and means over tasks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.checks.chronology_estimates import as_json, estimate_of, over_tasks
from monitorbench.checks.chronology_values import Measured
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate

quick = settings(max_examples=20, deadline=None)


def measured(values: list[float], per: list[float] | None = None) -> Measured:
    return Measured(values=tuple(values), per=None if per is None else tuple(per), dropped={})


def test_a_score_is_the_mean_over_prompts_within_its_range() -> None:
    estimate = estimate_of("precedence.content", measured([1.0, -1.0, 1.0, 1.0]), {}, Estimators())
    assert estimate is not None
    assert (estimate.value, estimate.n, estimate.method) == (0.5, 4, "Clopper-Pearson")
    assert -1.0 <= estimate.low < 0.5 < estimate.high <= 1.0


def test_without_prompts_there_is_no_estimate() -> None:
    assert estimate_of("precedence.content", measured([]), {}, Estimators()) is None
    found = as_json(Measured(values=(), dropped={"why": 3}), None)
    assert found == {"value": None, "n": 0, "null": None, "dropped": {"why": 3}}


def test_what_holds_by_construction_has_no_interval() -> None:
    assert estimate_of("order.gamma", measured([1.0, 1.0]), {"order.gamma": 1.0}, Estimators()) == Estimate.fixed(
        1.0, n=2
    )


@given(st.integers(0, 2**32 - 1), st.integers(30, 80))
@quick
def test_early_answering_is_a_ratio_of_means_with_both_resampled_together(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0.5, 1.0, n)
    areas = starts * rng.uniform(0.2, 0.8, n)
    estimate = estimate_of("early_answer", measured(areas.tolist(), starts.tolist()), {}, Estimators())
    assert estimate is not None
    assert estimate.value == pytest.approx(areas.mean() / starts.mean())
    assert 0.0 <= estimate.low < estimate.value < estimate.high


def test_a_ratio_whose_denominator_is_not_shown_to_be_positive_has_no_estimate() -> None:
    assert estimate_of("early_answer", measured([0.1, 0.0], [0.2, 0.0]), {}, Estimators()) is None


def test_tasks_weigh_the_same_and_one_without_a_score_leaves_no_mean() -> None:
    one, other = (
        estimate_of("revision.rate", measured(values), {}, Estimators()) for values in ([1.0] * 20, [0.0] * 80)
    )
    mean = over_tasks([one, other])
    assert mean is not None
    assert (mean.value, mean.n) == (0.5, 100)
    assert over_tasks([one, None]) is None
    assert over_tasks([]) is None
