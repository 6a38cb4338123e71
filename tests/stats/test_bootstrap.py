"""The prompt is the sampling unit: seeds are averaged inside it, and whole prompts are resampled."""

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t

from monitorbench.stats.bootstrap import (
    RESAMPLES,
    bootstrap_interval,
    is_sparse,
    mean_of,
    prompt_means,
    resampled_means,
)


def test_rollouts_are_averaged_inside_their_prompt():
    prompts, means_N = prompt_means([1.0, 0.0, 1.0, 1.0], ["b", "a", "b", "a"])

    assert prompts == ("a", "b")
    assert means_N.tolist() == [0.5, 1.0]


def test_every_rollout_needs_its_prompt():
    with pytest.raises(ValueError, match="one prompt per value"):
        prompt_means([1.0, 0.0], ["a"])


def test_the_quantities_of_a_prompt_are_resampled_together():
    column_N = np.random.default_rng(0).random(40)
    means_BK = resampled_means(np.stack([column_N, 2.0 * column_N], axis=1), resamples=100, seed=0)

    assert means_BK.shape == (100, 2)
    assert means_BK[:, 1] == pytest.approx(2.0 * means_BK[:, 0])


def test_draws_depend_on_the_seed_only():
    values_NK = np.random.default_rng(0).random((40, 1))

    assert np.array_equal(
        resampled_means(values_NK, resamples=50, seed=3), resampled_means(values_NK, resamples=50, seed=3)
    )
    assert not np.array_equal(
        resampled_means(values_NK, resamples=50, seed=3), resampled_means(values_NK, resamples=50, seed=4)
    )


def test_ten_departing_prompts_are_enough_and_nine_are_not():
    values_N = np.zeros(100)
    values_N[:9] = 0.5
    assert is_sparse(values_N)
    values_N[9] = 0.25
    assert not is_sparse(values_N)


def test_a_large_normal_sample_gives_the_textbook_interval():
    values_N = np.random.default_rng(1).normal(size=2000)
    low, high = bootstrap_interval(values_N[:, None], mean_of, level=0.9)
    half = norm.isf(0.05) * values_N.std() / np.sqrt(2000)

    assert (low, high) == pytest.approx((values_N.mean() - half, values_N.mean() + half), abs=0.1 * half)


def test_prompts_not_rollouts_carry_the_error():
    """Fifty prompts of ten alike rollouts under no difference: prompts reject 5 % of the time, rollouts nearly half."""
    rng = np.random.default_rng(2)
    by_prompt, by_rollout = [], []
    for run in range(300):
        values_NS = rng.normal(size=(50, 1)) + 0.3 * rng.normal(size=(50, 10))
        for rejected, values in ((by_prompt, values_NS.mean(axis=1)), (by_rollout, values_NS.ravel())):
            low, high = bootstrap_interval(values[:, None], mean_of, level=0.9, resamples=200, seed=run)
            rejected.append(not low <= 0.0 <= high)

    assert np.mean(by_prompt) == pytest.approx(0.10, abs=0.05)
    assert np.mean(by_rollout) > 0.4


@pytest.mark.parametrize("n", [12, 40, 200])
def test_bca_agrees_with_scipy_at_the_level_that_it_is_widened_to(n):
    """Skewed values: both ends within a tenth of the half width, which is the noise of 20,000 resamples and less."""
    values_N = np.random.default_rng(n).beta(4.0, 1.0, n)
    z = np.sqrt(n / (n - 1)) * t.isf(0.05, n - 1)
    theirs = bootstrap(
        (values_N,), np.mean, confidence_level=1.0 - 2.0 * norm.sf(z), n_resamples=20_000, method="BCa", rng=0
    ).confidence_interval
    low, high = bootstrap_interval(values_N[:, None], mean_of, level=0.9, resamples=20_000)

    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.05 * (high - low))


def test_at_least_5000_resamples_are_the_default():
    assert RESAMPLES >= 5000


def test_chunks_of_resamples_do_not_change_the_draws(monkeypatch):
    values_NK = np.random.default_rng(0).random((30, 2))
    whole = resampled_means(values_NK, resamples=50, seed=1)
    monkeypatch.setattr("monitorbench.stats.bootstrap._CHUNK", 70)

    assert np.array_equal(resampled_means(values_NK, resamples=50, seed=1), whole)
