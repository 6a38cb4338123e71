"""The mean over tasks: equal weights, an interval from independent samples, and one that covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.bootstrap import resampled_means
from monitorbench.stats.bounded import bounded_mean
from monitorbench.stats.interval import Estimate
from monitorbench.stats.macro import macro_mean

quick = settings(max_examples=50, deadline=None)
values = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20)


def test_a_task_weighs_the_same_however_many_prompts_it_has():
    macro = macro_mean([bounded_mean([1.0] * 10), bounded_mean([0.0] * 190)])

    assert (macro.value, macro.n) == (0.5, 200)
    assert macro.method == "mean over tasks of: Clopper-Pearson"


def test_what_is_fixed_in_every_task_is_fixed():
    macro = macro_mean([Estimate.fixed(1.0, n=5), Estimate.fixed(0.0, n=7)])

    assert macro == Estimate.fixed(0.5, n=12)


def test_what_is_fixed_in_one_task_adds_no_width():
    sampled = bounded_mean(np.linspace(0.0, 1.0, 40))
    macro = macro_mean([sampled, Estimate.fixed(1.0, n=5)])

    assert macro.high - macro.low == pytest.approx((sampled.high - sampled.low) / 2)


@given(st.lists(values, min_size=1, max_size=4))
@quick
def test_the_interval_has_width_holds_the_mean_and_stays_in_range(tasks):
    macro = macro_mean([bounded_mean(task, resamples=200) for task in tasks])

    assert macro.low < macro.high
    assert -1e-9 <= macro.low <= macro.value <= macro.high <= 1.0 + 1e-9


@given(st.lists(values, min_size=2, max_size=4), st.randoms(use_true_random=False))
@quick
def test_the_order_of_tasks_does_not_matter(tasks, random):
    estimates = [bounded_mean(task, resamples=200) for task in tasks]
    shuffled = random.sample(estimates, len(estimates))

    assert macro_mean(shuffled).value == pytest.approx(macro_mean(estimates).value)
    assert macro_mean(shuffled).low == pytest.approx(macro_mean(estimates).low)


def test_one_task_is_its_own_mean():
    alone = bounded_mean(np.linspace(0.0, 1.0, 40))
    macro = macro_mean([alone])

    assert (macro.value, macro.n, macro.level) == (alone.value, alone.n, alone.level)
    assert (macro.low, macro.high, macro.sd) == pytest.approx((alone.low, alone.high, alone.sd))


def test_it_is_as_wide_as_bootstraps_of_all_tasks_drawn_at_once():
    rng = np.random.default_rng(0)
    tasks = [rng.beta(a, 2.0, size=n) for a, n in ((1.0, 60), (2.0, 90), (4.0, 120))]
    macro = macro_mean([bounded_mean(task) for task in tasks])
    draws = [resampled_means(task[:, None], resamples=8000, seed=seed)[:, 0] for seed, task in enumerate(tasks)]
    low, high = np.quantile(np.mean(draws, axis=0), (0.05, 0.95))

    assert (macro.high - macro.low) / (high - low) == pytest.approx(1.0, abs=0.06)


def test_ninety_percent_intervals_cover_the_truth_about_ninety_times_in_a_hundred():
    """Two tasks of which one is nearly always right: at least the level, since exact intervals err on the wide side."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        estimates = [bounded_mean(rng.beta(2.0, 3.0, 50), resamples=300), bounded_mean(rng.random(80) < 0.97)]
        macro = macro_mean(estimates)
        covered += macro.low <= (0.4 + 0.97) / 2 <= macro.high

    assert 0.86 <= covered / 300 <= 0.98


@pytest.mark.parametrize("levels", [(), (0.9, 0.95)])
def test_estimates_of_other_levels_or_none_are_refused(levels):
    with pytest.raises(ValueError, match="estimates of one level"):
        macro_mean([bounded_mean([0.0, 0.5, 1.0], level=level) for level in levels])
