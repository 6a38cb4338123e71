"""Tokens, and runs of tokens, that a canvas has at several places at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.smearing import REACH, probability_of, sequence_smearing, token_smearing

Step = list[dict[int, float]]
"""Of every position, tokens with their probabilities."""


def arrays(*steps: Step) -> tuple[np.ndarray, np.ndarray]:
    """(S, P, K) ids and probabilities."""
    most = max(len(place) for step in steps for place in step)
    shape = (len(steps), len(steps[0]), most)
    ids, probabilities = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    for s, step in enumerate(steps):
        for p, place in enumerate(step):
            ranked = sorted(place.items(), key=lambda item: -item[1])
            ids[s, p, : len(ranked)] = [token for token, _ in ranked]
            probabilities[s, p, : len(ranked)] = [probability for _, probability in ranked]
    return ids, probabilities


def sure(tokens: list[int]) -> Step:
    return [{token: 1.0} for token in tokens]


def final(tokens: list[int]) -> np.ndarray:
    return np.array(tokens, np.int32)


def test_a_token_whose_probability_lies_on_two_places_is_smeared() -> None:
    text = [1, 7, 2]
    spread: Step = [{7: 0.3, 1: 0.7}, {7: 0.3, 1: 0.7}, {2: 1.0}]
    found = token_smearing(*arrays(spread, sure(text)), final(text), content=3)
    # Of 7, (.6)^2 / .18 = 2 places with .6 in all; of 1, two places; 2 stands at one.
    assert found.positions == (0, 1)
    assert (found.share.value, found.share.n) == (pytest.approx(2 / 3), 3)
    assert found.steps_S.tolist() == [pytest.approx(2 / 3), 0.0]


@pytest.mark.parametrize(
    ("first", "second", "smeared"),
    [(0.3, 0.3, True), (0.24, 0.24, False), (0.4, 0.1, False), (0.26, 0.25, False)],
    ids=["two places", "too little in all", "mostly at one", "a little less than two places"],
)
def test_both_bounds_of_the_definition(first: float, second: float, smeared: bool) -> None:
    spread: Step = [{7: first, 9: 1 - first}, {7: second, 9: 1 - second}]
    found = token_smearing(*arrays(spread), final([7, 8]), content=2)
    assert (0 in found.positions) == smeared


def test_a_token_that_the_text_has_twice_within_reach_is_left_out() -> None:
    text = [7, 1, 7]
    found = token_smearing(*arrays(sure(text)), final(text), content=3)
    assert (found.share.value, found.share.n) == (0.0, 1)
    apart = token_smearing(*arrays(sure(text)), final(text), content=3, reach=1)
    assert apart.share.n == 3
    none = token_smearing(*arrays(sure([7, 7])), final([7, 7]), content=2)
    assert (none.share.value, none.share.status) == (None, "undefined: no token that stands once within reach")
    assert none.steps_S.size == 0


def test_what_stands_beyond_the_end_of_the_text_is_no_token_of_it_but_its_mass_counts() -> None:
    spread: Step = [{7: 0.5, 0: 0.5}, {7: 0.5, 0: 0.5}]
    found = token_smearing(*arrays(spread), final([7, 7]), content=1)
    assert (found.positions, found.share.n) == ((0,), 1)


def test_a_place_out_of_reach_does_not_count() -> None:
    width = REACH + 2
    spread: Step = [{7: 0.5, 9: 0.5}, *sure([9] * (width - 2)), {7: 0.5, 9: 0.5}]
    text = final([7, *range(20, 20 + width - 1)])
    assert 0 not in token_smearing(*arrays(spread), text, content=width).positions
    assert 0 in token_smearing(*arrays(spread), text, content=width, reach=REACH + 1).positions


def test_a_run_that_is_likely_at_two_places_is_smeared() -> None:
    text = [1, 2, 3, 4, 5]
    shifted: Step = [{1: 0.5, 9: 0.5}, {2: 0.5, 1: 0.5}, {3: 0.5, 2: 0.5}, {4: 0.5, 3: 0.5}, {5: 0.5, 4: 0.5}]
    found = sequence_smearing(*arrays(shifted, sure(text)), final(text), content=5)
    assert found.positions == (0, 1)
    assert (found.share.value, found.share.n) == (pytest.approx(2 / 3), 3), "the last run has no place to move to"
    assert found.steps_S.tolist() == [pytest.approx(2 / 3), 0.0]


def test_doubt_about_a_word_is_no_smeared_run() -> None:
    text = [1, 2, 3, 4]
    doubtful: Step = [{1: 0.5, 8: 0.5}, {2: 1.0}, {3: 1.0}, {4: 1.0}]
    assert sequence_smearing(*arrays(doubtful), final(text), content=4).positions == ()


def test_a_run_that_the_text_repeats_is_left_out() -> None:
    text = [1, 1, 1, 1]
    found = sequence_smearing(*arrays(sure(text)), final(text), content=4)
    assert (found.share.value, found.share.status) == (None, "undefined: no run of 3 tokens that stands once")
    short = sequence_smearing(*arrays(sure([1, 2])), final([1, 2]), content=2)
    assert short.share.value is None


def test_a_text_of_one_run_has_no_second_place() -> None:
    found = sequence_smearing(*arrays(sure([1, 2, 3])), final([1, 2, 3]), content=3)
    assert (found.share.value, found.share.n) == (0.0, 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=3, max_size=12), st.integers(1, 3))
def test_a_canvas_that_is_sure_of_its_final_text_is_never_smeared(text: list[int], steps: int) -> None:
    made = arrays(*[sure(text)] * steps)
    for found in (token_smearing, sequence_smearing):
        smearing = found(*made, final(text), content=len(text))
        assert smearing.positions == ()
        assert smearing.share.value in (None, 0.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=8), st.permutations(range(10)))
def test_names_of_tokens_do_not_matter(weights: list[float], names: list[int]) -> None:
    step: Step = [{place % 4: weight, 9: 1 - weight} for place, weight in enumerate(weights)]
    text = [place % 4 for place in range(len(weights))]
    renamed: Step = [{names[token]: weight for token, weight in place.items()} for place in step]
    for found in (token_smearing, sequence_smearing):
        one = found(*arrays(step), final(text), content=len(text))
        other = found(*arrays(renamed), final([names[token] for token in text]), content=len(text))
        assert (one.positions, one.share) == (other.positions, other.share)


def test_a_token_that_was_not_kept_has_no_probability() -> None:
    ids, probabilities = arrays([{7: 0.6, 8: 0.3}, {8: 0.9}])
    assert probability_of(7, ids, probabilities).tolist() == [[pytest.approx(0.6), 0.0]]
