"""What a canvas says of its length before the text is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.length_foresight import expected_length, foreseen_from, foresight_error, length_error

PAD, END = 0, 1


def canvas(*padding_by_step: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """(S, P, 2): padding with these probabilities, and a word with the rest."""
    padding = np.array(padding_by_step, np.float32)
    ids = np.broadcast_to(np.array([PAD, 7], np.int32), (*padding.shape, 2)).copy()
    return ids, np.stack([padding, 1 - padding], axis=-1)


def test_the_expected_length_adds_up_what_is_no_padding() -> None:
    assert expected_length(*canvas([0.0, 0.5, 1.0], [0.0, 0.0, 1.0]), (PAD,)).tolist() == [1.5, 2.0]


def test_what_ends_a_text_is_no_part_of_it() -> None:
    ids = np.array([[[7, 8], [END, PAD], [PAD, 7]]], np.int32)
    probabilities = np.array([[[0.9, 0.1], [0.5, 0.25], [1.0, 0.0]]], np.float32)
    assert expected_length(ids, probabilities, (PAD, END)).tolist() == [1.25]
    assert expected_length(ids, probabilities, ()).tolist() == [3.0]


def test_a_step_that_lacks_a_prediction_foresees_nothing() -> None:
    ids, probabilities = canvas([0.5, 0.5], [0.5, 0.5], [1.0, 0.0])
    ids[1, 1] = -1
    expected = expected_length(ids, probabilities, (PAD,))
    assert np.isnan(expected).tolist() == [False, True, False]
    assert foresight_error(expected, 1, steps=2).status == "undefined: no prediction for the positions to come"
    assert foresight_error(expected, 1, steps=1).value == 0.0


def test_the_error_is_a_share_of_the_longer_length() -> None:
    assert [length_error(5.0, 10), length_error(10.0, 5), length_error(0.0, 0), length_error(3.0, 3)] == [
        0.5,
        0.5,
        0,
        0,
    ]


def test_the_error_after_the_last_step_is_no_foresight() -> None:
    expected = np.array([8.0, 5.0, 4.0])
    early, late = (foresight_error(expected, 4, steps=steps) for steps in (2, 3))
    assert (early.value, early.n) == (pytest.approx(0.2), 1)
    assert (late.value, late.status) == (None, "undefined: the canvas took no more than 3 steps")


def test_when_the_length_was_known_for_good() -> None:
    assert foreseen_from(np.array([8.0, 4.2, 9.0, 4.4, 4.0]), 4) == 4
    assert foreseen_from(np.array([4.0, 4.0]), 4) == 1
    assert foreseen_from(np.array([4.0, 9.0]), 4) is None
    assert foreseen_from(np.array([]), 4) is None
    assert foreseen_from(np.array([8.0, 5.0]), 4, tolerance=1.0) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8), st.permutations(range(8)))
def test_the_order_of_positions_does_not_matter(padding: list[float], order: list[int]) -> None:
    shuffled = [padding[place] for place in order if place < len(padding)]
    one, other = (expected_length(*canvas(each), (PAD,))[0] for each in (padding, shuffled))
    assert one == pytest.approx(other)
    assert 0 <= one <= len(padding)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 300), st.integers(0, 300))
def test_the_error_lies_between_nothing_and_all(expected: float, length: int) -> None:
    assert 0 <= length_error(expected, length) <= 1
