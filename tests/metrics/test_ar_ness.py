"""AR-ness@k, local and global, against its known values, its definition, and its chance correction."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.ar_ness import global_ar_ness, local_ar_ness, rollout_ar_ness

quick = settings(max_examples=50, deadline=None)
both = pytest.mark.parametrize("measure", [local_ar_ness, global_ar_ness])


@both
@pytest.mark.parametrize("k", [1, 2, 4])
def test_left_to_right_is_one(measure, k):
    ness = measure(np.arange(100), k=k)

    assert (ness.share.value, ness.kappa.value, ness.kappa.n) == (1.0, 1.0, 100)


@pytest.mark.parametrize(("k", "chance"), [(1, 0.024), (2, 0.044), (4, 0.079)])
def test_global_chance_in_a_canvas_of_256(k, chance):
    """For k = 1 the harmonic number: H(256) / 256."""
    assert global_ar_ness(np.arange(256), k=k).chance.value == pytest.approx(chance, abs=5e-4)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.024), (2, 0.044), (4, 0.079)])
def test_random_order_in_a_canvas_of_256_is_chance(k, expected):
    rng = np.random.default_rng(0)
    scores = [global_ar_ness(rng.permutation(256), k=k) for _ in range(200)]

    assert np.mean([score.share.value for score in scores]) == pytest.approx(expected, abs=0.003)
    assert np.mean([score.kappa.value for score in scores]) == pytest.approx(0.0, abs=0.003)


def test_random_order_inside_blocks_of_32_is_chance():
    """Looks like .127 although nothing is in order."""
    rng = np.random.default_rng(0)
    scores = [rollout_ar_ness([rng.permutation(32) for _ in range(8)]) for _ in range(250)]

    assert scores[0].chance.value == pytest.approx(0.127, abs=5e-4)
    assert np.mean([score.share.value for score in scores]) == pytest.approx(0.127, abs=0.005)
    assert np.mean([score.kappa.value for score in scores]) == pytest.approx(0.0, abs=0.006)


def test_blocks_put_on_one_clock_would_look_more_autoregressive():
    """The same text in random order inside blocks of 32 is far above chance if its 256 positions are taken together."""
    rng = np.random.default_rng(0)
    pooled = np.concatenate([32 * block + rng.permutation(32) for block in range(8)])

    assert global_ar_ness(pooled).kappa.value > 0.08


@pytest.mark.parametrize(("measure", "share"), [(local_ar_ness, 0.0), (global_ar_ness, 1 / 50)])
def test_right_to_left_is_below_chance(measure, share):
    """Nothing follows its left neighbour; only the last position is the leftmost one open."""
    ness = measure(np.arange(50)[::-1])

    assert ness.share.value == pytest.approx(share)
    assert ness.kappa.value < 0.0


@both
def test_all_in_one_step_has_the_share_of_chance_and_no_kappa(measure):
    """A kappa of 0 would read as random order, of which nothing was seen."""
    ness = measure(np.zeros(50, int))

    assert ness.share.value == pytest.approx(ness.chance.value)
    assert ness.kappa.status == "undefined: all content determined in one step"


def globally(order: tuple[int, ...], k: int) -> float:
    """The definition, for positions decoded one at a time."""
    still_open = sorted(order)
    hits = 0
    for position in order:
        hits += position in still_open[:k]
        still_open.remove(position)
    return hits / len(order)


def locally(order: tuple[int, ...], k: int) -> float:
    """The definition, for positions decoded one at a time."""
    windows = [order[first : first + k + 1] for first in range(len(order) - k)]
    return sum(all(b == a + 1 for a, b in pairwise(window)) for window in windows) / len(windows)


@pytest.mark.parametrize(("measure", "by_definition"), [(local_ar_ness, locally), (global_ar_ness, globally)])
@given(times_N=st.lists(st.integers(0, 3), min_size=4, max_size=6).map(np.array), k=st.integers(1, 3))
@quick
def test_one_step_counts_by_the_mean_over_its_orders(measure, by_definition, times_N, k):
    linear = [
        order
        for order in permutations(range(times_N.size))
        if all(times_N[a] <= times_N[b] for a, b in pairwise(order))
    ]

    assert measure(times_N, k=k).share.value == pytest.approx(np.mean([by_definition(order, k) for order in linear]))


@both
@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("times", [(0, 1, 2, 3, 4), (0, 0, 1, 2, 2)])
def test_the_null_is_exact_whatever_falls_together(measure, k, times):
    """Dealing the times to the positions in every possible way gives the chance on average, so kappa 0."""
    dealt = [measure(np.array(order), k=k) for order in permutations(times)]

    assert np.mean([ness.share.value for ness in dealt]) == pytest.approx(dealt[0].chance.value)
    assert np.mean([ness.kappa.value for ness in dealt]) == pytest.approx(0.0, abs=1e-12)


@both
@given(times_N=st.lists(st.integers(0, 9), min_size=2, max_size=30).map(np.array))
@quick
def test_kappa_stays_between_its_bounds(measure, times_N):
    kappa = measure(times_N).kappa.value

    assert kappa is None or -1.0 - 1e-12 <= kappa <= 1.0


@both
@pytest.mark.parametrize("n", [0, 1, 4])
def test_no_more_than_k_positions_is_undefined(measure, n):
    ness = measure(np.arange(n), k=4)

    assert {score.status for score in (ness.share, ness.chance, ness.kappa)} == {
        "undefined: no more than 4 content positions"
    }


def test_a_rollout_is_the_mean_of_its_blocks_by_positions():
    ness = rollout_ar_ness([np.arange(30), np.arange(10)[::-1], np.zeros(5, int), np.arange(0)], local_ar_ness)

    assert ness.kappa.value == pytest.approx((30 * 1.0 - 10 / 9) / 40)
    assert ness.share.value == pytest.approx((30 + 5 / 5) / 45)
    assert rollout_ar_ness([]).kappa.status == "undefined: no blocks"
