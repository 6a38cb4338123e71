"""Dependency order on planted graphs, and its split by crossing the text order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.crossing import content_position
from monitorbench.metrics.dependency import dependency
from monitorbench.metrics.score import Score
from monitorbench.metrics.times import NEVER

quick = settings(max_examples=50, deadline=None)
CHAIN = [(0, 1), (1, 2), (2, 3)]


def test_causes_first_is_plus_one():
    assert dependency(np.array([0, 2, 5, 9]), CHAIN) == Score.ok(1.0, n=3)


def test_effects_first_is_minus_one():
    assert dependency(np.array([9, 5, 2, 0]), CHAIN).value == -1.0


def test_as_many_forward_as_backward_is_zero():
    assert dependency(np.array([0, 5, 0, 5]), [(0, 1), (3, 2)]).value == 0.0


@pytest.mark.parametrize("times_V", [np.array([0, 1, 2, 3]), np.array([3, 0, 2, 1])])
def test_a_graph_without_edges_abstains_however_unstable_its_values(times_V):
    assert dependency(times_V, []).status == "undefined: no edge between values in the text"


def test_ties_are_left_out():
    assert dependency(np.array([0, 0, 4, 2]), CHAIN) == Score.ok(0.0, n=2)
    assert (
        dependency(np.zeros(4, int), CHAIN).status == "undefined: every cause determined in the same step as its effect"
    )


def test_values_that_do_not_occur_are_left_out():
    assert dependency(np.array([0, NEVER, 1, 2]), CHAIN) == Score.ok(1.0, n=1)
    assert dependency(np.array([0, NEVER, NEVER, NEVER]), CHAIN).status == "undefined: fewer than 2 values in the text"


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4, unique=True).map(np.array))
@quick
def test_turning_every_edge_flips_the_sign(times_V):
    assert dependency(times_V, [(v, u) for u, v in CHAIN]).value == -dependency(times_V, CHAIN).value


def test_dealing_times_at_random_gives_zero():
    rng = np.random.default_rng(0)
    scores = [dependency(rng.permutation(4), CHAIN).value for _ in range(3000)]

    assert np.mean(scores) == pytest.approx(0.0, abs=0.03)


def test_autoregressive_decoding_follows_the_text_not_the_logic():
    """Values are determined in text order, whichever way the problem is written."""
    split = content_position(dependency(np.arange(4), CHAIN), dependency(np.arange(4)[::-1], CHAIN))

    assert (split.content.value, split.position.value) == (0.0, 1.0)


def test_following_the_logic_however_it_is_written():
    split = content_position(dependency(np.arange(4), CHAIN), dependency(np.arange(4), CHAIN))

    assert (split.content.value, split.position.value) == (1.0, 0.0)
