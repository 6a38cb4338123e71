"""Reasoning before answer: hand-counted pairs, the crossing of text orders, and the position-matched control."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.crossing import content_position
from monitorbench.metrics.precedence import matched_precedence, precedence
from monitorbench.metrics.times import NEVER

quick = settings(max_examples=50, deadline=None)
times = st.lists(st.integers(0, 9), min_size=6, max_size=30).map(np.array)


def test_every_pair_counts_once():
    """Answer (last two) against three reasoning tokens: 3 pairs earlier, 2 later, 1 in the same step."""
    score = precedence(np.array([0, 2, 5, 3, 2]), answer=[3, 4], reasoning=[0, 1, 2])

    assert (score.value, score.n) == (pytest.approx((3 - 2) / 6), 6)


def test_reasoning_first_is_plus_one_and_answer_first_minus_one():
    assert precedence(np.array([0, 1, 2, 9]), answer=[3], reasoning=[0, 1, 2]).value == 1.0
    assert precedence(np.array([5, 6, 7, 0]), answer=[3], reasoning=[0, 1, 2]).value == -1.0


def test_autoregressive_decoding_follows_the_text_not_the_logic():
    """Content 0, position 1 exactly: the answer is last where it is written last, and first where written first."""
    last = precedence(np.arange(20), answer=[18, 19], reasoning=range(18))
    first = precedence(np.arange(20), answer=[0, 1], reasoning=range(2, 20))
    split = content_position(last, first)

    assert (split.content.value, split.position.value) == (0.0, 1.0)


def test_reasoning_first_wherever_the_answer_is_written_is_content():
    last = precedence(np.arange(20), answer=[19], reasoning=range(19))
    first = precedence(np.array([19, *range(19)]), answer=[0], reasoning=range(1, 20))
    split = content_position(last, first)

    assert (split.content.value, split.position.value) == (1.0, 0.0)


def test_what_settles_from_left_to_right_looks_like_reasoning_first_until_it_is_matched():
    """Far reasoning first, then the 12 nearest and the answer, whose turn is any of the 13: raw 40 / 52, matched 0."""
    words = {"answer": [52], "reasoning": range(52)}
    turns = [np.concatenate([np.arange(40), 40 + np.roll(np.arange(13), shift)]) for shift in range(13)]
    raw = [precedence(times_P, **words).value for times_P in turns]
    matched = [matched_precedence(times_P, **words).value for times_P in turns]

    assert np.mean(raw) == pytest.approx(40 / 52)
    assert np.mean(matched) == pytest.approx(0.0, abs=1e-12)


def test_the_nearest_twelve_are_chosen_on_both_sides_the_left_one_of_two():
    words = {"answer": [20], "reasoning": [*range(20), *range(21, 40)]}
    times_P = np.full(40, 9)
    times_P[20] = 5
    times_P[[*range(14, 20), *range(21, 27)]] = 0

    assert matched_precedence(times_P, **words).value == 1.0
    times_P[14], times_P[27] = 9, 0
    assert matched_precedence(times_P, **words).value == pytest.approx(10 / 12)


@pytest.mark.parametrize(
    ("times_P", "answer", "reasoning", "reason"),
    [
        ([0, 1, 2], [], [0, 1], "no answer in the block"),
        ([0, 1, NEVER], [2], [0, 1], "no answer in the block"),
        ([0, 1, 2], [2], [], "no reasoning in the block"),
        ([NEVER, NEVER, 2], [2], [0, 1], "no reasoning in the block"),
        ([4, 4, 4], [2], [0, 1], "answer and reasoning determined in one step"),
    ],
)
def test_what_cannot_be_compared_is_undefined(times_P, answer, reasoning, reason):
    assert precedence(np.array(times_P), answer=answer, reasoning=reasoning).status == f"undefined: {reason}"


def test_twelve_reasoning_tokens_leave_nothing_to_match():
    assert matched_precedence(np.arange(13), answer=[12], reasoning=range(12)).status == (
        "undefined: no more than 12 reasoning tokens to choose the nearest from"
    )


def test_dealing_times_at_random_gives_zero_exactly():
    """Over all ways of dealing them, ties included."""
    dealt = [precedence(np.array(order), answer=[3, 4], reasoning=[0, 1, 2]) for order in permutations([0, 1, 1, 2, 3])]

    assert np.mean([score.value for score in dealt]) == pytest.approx(0.0, abs=1e-12)


@given(times, st.integers(1, 3))
@quick
def test_exchanging_answer_and_reasoning_flips_the_sign(times_P, length):
    answer, reasoning = list(range(length)), list(range(length, times_P.size))
    one = precedence(times_P, answer=answer, reasoning=reasoning)
    other = precedence(times_P, answer=reasoning, reasoning=answer)

    assert (one.value is None) == (other.value is None)
    assert one.value is None or one.value == -other.value
