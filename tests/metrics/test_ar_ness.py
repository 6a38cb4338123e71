"""Global AR-ness@k against its known values, and its chance correction."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.ar_ness import ar_ness

quick = settings(max_examples=50, deadline=None)


def test_left_to_right_is_one():
    assert ar_ness(np.arange(100)).share.value == 1.0
    assert ar_ness(np.arange(100)).kappa.value == 1.0


@pytest.mark.parametrize(("k", "chance"), [(1, 0.024), (2, 0.044), (4, 0.079)])
def test_chance_in_a_canvas_of_256(k, chance):
    """For k = 1 the harmonic number: H(256) / 256."""
    assert ar_ness(np.arange(256), k=k).chance.value == pytest.approx(chance, abs=5e-4)


def test_random_order_inside_blocks_of_32_is_chance():
    """Looks like .127 although nothing is in order."""
    rng = np.random.default_rng(0)
    scores = [ar_ness(rng.permutation(32)) for _ in range(2000)]

    assert scores[0].chance.value == pytest.approx(0.127, abs=5e-4)
    assert np.mean([score.share.value for score in scores]) == pytest.approx(0.127, abs=0.005)
    assert np.mean([score.kappa.value for score in scores]) == pytest.approx(0.0, abs=0.006)


def test_all_in_one_step_is_chance():
    assert ar_ness(np.zeros(50, int)).kappa.value == pytest.approx(0.0)


def shown_one_by_one(order: tuple[int, ...], k: int) -> float:
    """The definition, for positions decoded one at a time."""
    still_open = sorted(order)
    hits = 0
    for position in order:
        hits += position in still_open[:k]
        still_open.remove(position)
    return hits / len(order)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=6).map(np.array), st.integers(1, 3))
@quick
def test_one_step_counts_by_the_mean_over_its_orders(times_N, k):
    linear = [
        order
        for order in permutations(range(times_N.size))
        if all(times_N[a] <= times_N[b] for a, b in pairwise(order))
    ]

    assert ar_ness(times_N, k=k).share.value == pytest.approx(np.mean([shown_one_by_one(order, k) for order in linear]))


def test_no_more_than_k_positions_is_undefined():
    assert ar_ness(np.arange(4), k=4).kappa.status == "undefined: no more than 4 content positions"
